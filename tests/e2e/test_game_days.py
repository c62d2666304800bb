"""Each exercise of docs/game-days.md, by its own commands: the alarms that it names go into ALARM and are OK after its
end, no order is lost, and nothing remains.

Only the periods are shorter, as in test_alarms, and the queue delivers again after seconds.
"""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from examples import transcript
from tests.e2e.alarm_kit import in_alarm, make_quick, went_into_alarm
from tests.e2e.pipeline_kit import Subscriber, assert_each_stored_once, drained, redeliver
from tests.e2e.support import ROOT, Deployment, interruptible, order_for, stop
from tests.waiting import HANGS, eventually

pytestmark = pytest.mark.e2e

DOCUMENT = (ROOT / "docs" / "game-days.md").read_text(encoding="utf-8")
QUICK = {"order-events-age": 5, "order-queue-age": 5}


@dataclass(frozen=True)
class Exercise:
    """`start`, `end`: commands; `alarms`: those that its table names."""

    start: list[str]
    end: list[str]
    alarms: set[str]


def exercise(title: str) -> Exercise:
    [section] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    start, end = section.split("**End.**")
    return Exercise(
        transcript.commands(start), transcript.commands(end), set(re.findall(r"^\| `([a-z0-9-]+)`", start, re.M))
    )


class Shell:
    """Runs the document's commands, with the state and the files in a directory of the tests."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "FOOD_DELIVERY_LOCAL_DIR": str(directory / "emulator"),
            "FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"),
        }

    def start(self, command: str) -> subprocess.Popen:
        command = command.replace(".venv/bin/", "").replace("FOOD_DELIVERY_CACHE_DIR=.local ", "")
        command = command.replace(".local", str(self.directory)).removesuffix(" &")
        return subprocess.Popen(
            ["bash", "-c", f"exec {command}" if command.startswith("python") else command],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=interruptible,
        )

    def run(self, command: str, code: int = 0) -> str:
        with self.start(command) as process:
            said, _ = process.communicate(timeout=HANGS)
        assert process.returncode == code, said
        return said


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Shell:
    return Shell(tmp_path_factory.mktemp("game-days"))


@pytest.fixture(scope="module")
def platform(shell) -> Iterator[Deployment]:
    """The deployment and the traffic that the document prepares."""
    prepare, traffic = transcript.commands(DOCUMENT.split("\n## ")[1])
    try:
        shell.run(prepare)
        deployment = Deployment.of(shell.directory / "emulator", shell.directory / "staging.json")
        make_quick(deployment, QUICK)
        redeliver(deployment)
        with shell.start(traffic) as process:
            try:
                yield deployment
            finally:
                process.kill()
    finally:
        stop(shell.directory / "emulator")


@contextmanager
def nothing_lost_nothing_left(platform: Deployment) -> Iterator[list[str]]:
    """Begin when no alarm is in ALARM, and end so. Yield a list for the ids of accepted orders: each is stored once and
    announced, and no configuration differs."""
    eventually(lambda: not in_alarm(platform), "no alarm is in ALARM")
    subscriber, before, accepted = Subscriber(platform), configuration(platform), []
    yield accepted
    eventually(lambda: not in_alarm(platform), "all alarms are OK again")
    drained(platform)
    assert_each_stored_once(platform, accepted)
    eventually(lambda: {event["orderId"] for event in subscriber.take()} >= {*accepted}, "each order is announced")
    assert configuration(platform) == before


def configuration(platform: Deployment) -> dict:
    functions = platform.client("lambda").list_functions()["Functions"]
    return {each["FunctionName"]: (each["CodeSha256"], each["Environment"], each["Timeout"]) for each in functions}


def order_until_in_alarm(platform: Deployment, alarms: set[str], accepted: list[str]) -> set[int]:
    """Place, submit and list orders until all alarms have gone into ALARM; return the status codes."""
    began, codes = datetime.now(UTC).replace(microsecond=0), set()

    def request(number: int) -> None:
        order = order_for(f"CUST-{number}")
        submitted = {**order, "orderId": f"GAME-{uuid.uuid4()}"}
        del submitted["deliveryAddress"]
        answers = [api.post("/orders", json=order), api.post("/orders/async", json=submitted)]
        accepted.extend(answer.json()["orderId"] for answer in answers if answer.is_success)
        codes.update(answer.status_code for answer in [*answers, api.get(f"/orders/customer/CUST-{number}")])

    def all_in_alarm() -> bool:
        list(pool.map(request, range(4)))
        return went_into_alarm(platform, began) | in_alarm(platform) >= alarms

    with platform.api() as api, ThreadPoolExecutor(4) as pool:
        eventually(all_in_alarm, f"all in ALARM: {', '.join(sorted(alarms))}")
    return codes


@contextmanager
def faults(shell: Shell, command: str) -> Iterator[None]:
    """The command of an exercise in the foreground, ended with Ctrl-C."""
    with shell.start(command) as process:
        assert process.stdout is not None
        while "Ctrl-C" not in (line := process.stdout.readline()):
            assert line, "it ended at once"
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
        said = process.stdout.read()
    assert process.returncode == 0, said
    assert "The faults have ended" in said


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("DynamoDB throttles", {202, 503}),
        pytest.param("SNS is down", {200, 201, 202}, marks=pytest.mark.load),
    ],
)
def test_while_calls_fail_alarms_say_so_and_afterwards_all_is_as_before(platform, shell, title, codes):
    day = exercise(title)
    with nothing_lost_nothing_left(platform) as accepted:
        [command] = day.start
        with faults(shell, command):
            assert order_until_in_alarm(platform, day.alarms, accepted) >= codes


def test_a_poisoned_file_rejects_its_bad_records_alone(platform, shell):
    day = exercise("A poisoned file")
    with nothing_lost_nothing_left(platform) as accepted:
        accepted += ["POISONED-1", "POISONED-2", "POISONED-11"]
        assert "4 of 16 records queued" in shell.run(day.start[0], code=1)
        order_until_in_alarm(platform, day.alarms, accepted)
        assert "order_conflict: orderId: belongs to another order" in shell.run(day.start[1])
        for command in day.end:
            discard(platform, command)


def discard(platform: Deployment, command: str) -> None:
    """What the document has the AWS CLI do."""
    assert command == "aws sqs purge-queue --queue-url QUEUE --endpoint-url ENDPOINT"
    platform.client("sqs").purge_queue(QueueUrl=platform.outputs["OrderQueueDlqUrl"])


@pytest.mark.load
def test_a_bad_release_is_rolled_back(platform, shell):
    day = exercise("A bad release")
    with nothing_lost_nothing_left(platform) as accepted:
        for command in day.start:
            shell.run(command)
        assert order_until_in_alarm(platform, day.alarms, accepted) == {202, 500}
        for command in day.end:
            shell.run(command)


def test_the_exercises_leave_no_drift(platform, shell):
    """The queue's drift is this module's own."""
    report = json.loads(shell.run("python deploy.py --env staging --local --drift --output json 2>/dev/null"))
    drifted = {each["logicalId"] for stack in report["stacks"] for each in stack["drifted"]}
    assert drifted <= {"OrderQueue"}


def test_each_exercise_of_the_document_is_run_here():
    titles = set(re.findall(r"^## (.+)$", DOCUMENT, re.MULTILINE)) - {"Prepare", "Rules"}
    assert titles == {"DynamoDB throttles", "SNS is down", "A poisoned file", "A bad release"}
