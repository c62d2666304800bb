"""A release that an alarm rolls back, under traffic; and what a deployment says and does about alarms before it starts.

The alarms are as deployed, but each looks at one period of ten seconds. A minute of monitoring time takes `MINUTE`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e.alarm_kit import make_quick
from tests.e2e.project_kit import place, redeploy, stack_events, uploads
from tests.e2e.support import ROOT, Deployment, copy_project, deploy, edit, interruptible, order_for, stop
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("alarm-rollback")]

MINUTE = 15
"""Seconds; more than the quiet seconds after which the run shows the monitoring."""
BAD = (
    "handlers/orders_command.py",
    "    wanted = validation.order_request(",
    "    raise RuntimeError('a bad release')\n",
)
CALM = (
    ("latency_p95_ms = 500", "latency_p95_ms = 25_000"),
    ("error_rate_percent = 1.0", "error_rate_percent = 40.0"),
    ("slo_least_bad_requests = 3", "slo_least_bad_requests = 1_000"),
)
"""On a busy machine a cold start, or a request that meets the update of its function, brings no alarm into ALARM."""
PREFIX = "food-delivery-dev-"


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Iterator[tuple]:
    """(project, deployment, what the first deployment said)"""
    directory = tmp_path_factory.mktemp("alarm-rollback")
    project, local_dir = copy_project(directory / "project"), directory / "local"
    local_dir.mkdir()
    edit(project, "environments/dev.toml", "monitoring_minutes = 0", "monitoring_minutes = 1")
    for old, new in CALM:
        edit(project, "environments/dev.toml", old, new)
    outputs = local_dir / "outputs.json"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("EMULATOR_MONITORING_MINUTE", str(MINUTE))
        try:
            done = deploy(
                *("--env", "dev", "--local", "--yes", "--outputs-file", str(outputs)),
                local_dir=local_dir,
                project=project,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            deployment = Deployment.of(local_dir, outputs)
            make_quick(deployment, {})
            yield project, deployment, done.stdout
        finally:
            stop(local_dir, project)


@contextmanager
def customers(deployment: Deployment) -> Iterator[list[int]]:
    """A customer who places one order after the other; the list has the status of each, 0 without an answer."""
    statuses: list[int] = []
    closing = threading.Event()

    def order() -> None:
        with deployment.api() as api:
            while not closing.wait(0.2):
                try:
                    statuses.append(api.post("/orders", json=order_for("CUST-1")).status_code)
                except httpx.HTTPError:
                    statuses.append(0)

    thread = threading.Thread(target=order)
    thread.start()
    try:
        yield statuses
    finally:
        closing.set()
        thread.join()


@contextmanager
def in_alarm(deployment: Deployment, alarm: str) -> Iterator[None]:
    """A composite alarm keeps a state that is set until an alarm of its rule changes."""
    client = deployment.client("cloudwatch")
    client.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="set by a test")
    try:
        yield
    finally:
        client.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="set by a test")


def release(project, number: int) -> None:
    """A release that changes code only."""
    file = project / "domain" / "__init__.py"
    file.write_text(f"RELEASE = {number}\n")


def history(project, deployment) -> list[dict]:
    done = deploy(
        *("--env", "dev", "--local", "--history", "--output", "json"), local_dir=deployment.local_dir, project=project
    )
    return json.loads(done.stdout)["deployments"]


def test_the_first_deployment_has_no_alarm_yet_and_says_so(first):
    _, deployment, said = first
    assert "no alarm can roll this deployment back" in said
    assert f"not {PREFIX}sync-path: this deployment creates it" in said
    [stack] = deployment.client("cloudformation").describe_stacks(StackName="food-delivery-dev")["Stacks"]
    assert not stack.get("RollbackConfiguration", {}).get("RollbackTriggers")


def test_a_good_release_is_monitored_and_stays(first):
    project, deployment, _ = first
    release(project, 1)
    with customers(deployment) as statuses:
        eventually(lambda: len(statuses) > 3, "there is traffic")
        done = redeploy(project, deployment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "monitors 3 alarms while it deploys and for 1 min after that" in done.stdout
    assert "Monitoring 3 alarms for 1 min: about " in done.stdout and "left, all OK" in done.stdout
    assert statuses[-1] == 201 and statuses.count(201) > len(statuses) / 2
    [stack] = deployment.client("cloudformation").describe_stacks(StackName="food-delivery-dev")["Stacks"]
    assert [each["Arn"].partition(PREFIX)[2] for each in stack["RollbackConfiguration"]["RollbackTriggers"]] == [
        "sync-path",
        "async-path",
        "events-path",
    ]
    assert "Nothing to change" in redeploy(project, deployment).stdout, "triggers are no difference"


def test_a_release_that_answers_500_is_rolled_back_under_traffic_and_the_old_version_serves(first):
    project, deployment, _ = first
    before = history(project, deployment)
    edit(project, "environments/dev.toml", "monitoring_minutes = 1", "monitoring_minutes = 60")
    edit(project, BAD[0], BAD[1], BAD[2] + BAD[1])
    try:
        with customers(deployment) as statuses:
            eventually(lambda: 201 in statuses, "there is traffic")
            done = redeploy(project, deployment, "--output", "json")
            served = len(statuses)
            eventually(lambda: statuses[served + 5 :].count(201) > 5, "the old version serves again")
    finally:
        edit(project, BAD[0], BAD[2] + BAD[1], BAD[1])
        edit(project, "environments/dev.toml", "monitoring_minutes = 60", "monitoring_minutes = 1")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert 500 in statuses
    report = json.loads(done.stdout)
    assert report["error"] == (
        f"alarm {PREFIX}sync-path rolled the deployment back; stack food-delivery-dev is in UPDATE_ROLLBACK_COMPLETE"
    )
    alarm = report["failure"]["alarm"]
    assert alarm["name"] == f"{PREFIX}sync-path"
    metrics = {cause["name"].removeprefix(PREFIX): cause["metric"] for cause in alarm["causes"]}
    assert metrics["api-errors"] == "AWS/ApiGateway 5XXError", metrics
    assert (
        "read the logs of that time: python deploy.py --env dev --logs --local --since "
        in report["failure"]["cause"]["remedy"]
    )
    assert report["failure"]["state"].startswith("the stack is rolled back to its previous state")
    assert {path.rpartition("/")[2][-7:] for path in report["failure"]["kept"]} == {"Version"}
    place(deployment)
    newest, *others = history(project, deployment)
    assert newest["rolled_back_by"] == f"{PREFIX}sync-path" and not newest["current"]
    assert others == before, "the version that is deployed is the one of before"
    assert "Nothing to change" in redeploy(project, deployment).stdout


def test_an_alarm_in_alarm_refuses_a_deployment_before_anything_is_written_and_can_be_left_out(first):
    project, deployment, _ = first
    release(project, 2)
    eventually(lambda: not _firing(deployment), "the alarms of the bad release are over")
    before = uploads(deployment), stack_events(deployment)
    with in_alarm(deployment, f"{PREFIX}async-path"):
        refused = redeploy(project, deployment)
        assert refused.returncode == 5, refused.stdout + refused.stderr
        assert f"{PREFIX}async-path is in ALARM since" in refused.stderr and "set by a test" in refused.stderr
        assert "--status" in refused.stderr and "--ignore-alarms" in refused.stderr
        assert (uploads(deployment), stack_events(deployment)) == before
        planned = redeploy(project, deployment, "--plan")
        assert planned.returncode == 0 and "a deployment is refused" in planned.stdout
        ignored = redeploy(project, deployment, "--ignore-alarms")
        assert ignored.returncode == 0, ignored.stdout + ignored.stderr
        assert f"not {PREFIX}async-path: in ALARM since" in ignored.stdout
        assert "monitors 2 alarms" in ignored.stdout
        back = redeploy(project, deployment, "--rollback")
        assert back.returncode == 0, back.stdout + back.stderr
        assert f"not {PREFIX}async-path: in ALARM since" in back.stdout


def test_a_run_that_is_terminated_while_alarms_are_monitored_is_resumed_and_a_cancelled_update_is_of_no_alarm(first):
    project, deployment, _ = first
    release(project, 3)
    edit(project, "environments/dev.toml", "monitoring_minutes = 1", "monitoring_minutes = 60")
    with begun(project, deployment) as run:
        said = until_said(run, "Monitoring 3 alarms for 60 min")
        run.send_signal(signal.SIGTERM)
        said += run.stdout.read()
        assert run.wait() == 130, said
    assert "the operation continues in CloudFormation, and its alarms can still roll it back" in said
    with begun(project, deployment) as run:
        said = until_said(run, "Monitoring 3 alarms for 60 min")
        assert "Resuming: stack food-delivery-dev is in UPDATE_IN_PROGRESS" in said
        deployment.client("cloudformation").cancel_update_stack(StackName="food-delivery-dev")
        said += run.stdout.read()
        assert run.wait() == 1, said
    assert "the deployment failed; stack food-delivery-dev is in UPDATE_ROLLBACK_COMPLETE" in said
    assert "rolled the deployment back" not in said


@contextmanager
def begun(project, deployment: Deployment) -> Iterator[subprocess.Popen]:
    process = subprocess.Popen(
        [sys.executable, "-u", "deploy.py", "--env", "dev", "--local", "--yes"],
        cwd=project,
        env={
            **os.environ,
            "FOOD_DELIVERY_LOCAL_DIR": str(deployment.local_dir),
            "FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"),
            "COLUMNS": "200",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=interruptible,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_said(process: subprocess.Popen, text: str) -> str:
    said = ""
    while text not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def _firing(deployment: Deployment) -> list:
    found = deployment.client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"], StateValue="ALARM")
    return found["CompositeAlarms"]
