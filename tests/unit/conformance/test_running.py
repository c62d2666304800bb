"""Probes run within their limits, several at once, end in one of four verdicts, and remove what they made."""

import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from conformance import estimate, limits, removal
from conformance import run as running
from conformance.account import Account
from conformance.environment import Environment
from conformance.probe import REST_APIS, CannotTry, Differs, Kind, Probe, expect, in_lanes
from conformance.refusals import refusal
from conformance.results import Verdict
from conformance.run import run, run_all

ROOT = Path(__file__).resolve().parents[3]


def account() -> Account:
    """An account whose services nobody asks."""
    aws: Any = SimpleNamespace(endpoint_url="http://127.0.0.1:1", local=True, region="us-east-1", client=None)
    return Account(aws, "conformance-test", 1)


def environment(of: Account) -> Environment:
    settings: Any = None
    return Environment(of, settings, {})


def probe(function, kind: Kind = Kind.DEPLOYS, name: str = "one") -> Probe:
    return Probe(name, "area", "A sentence.", kind, (), function)


def service_error(code: str, status: int = 400, message: str = "no") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = ClientError(answer, "DescribeTable")
    vars(error)["service"] = "dynamodb"
    return error


def raising(error: Exception):
    def function(account: Account, name: str) -> None:
        raise error

    return function


def test_a_probe_that_returns_holds_and_gets_a_name_for_its_stack() -> None:
    names: list[str] = []
    result = run(probe(lambda account, name: names.append(name), name="one_two"), account(), None)
    assert (result.verdict, names) == (Verdict.HOLDS, ["conformance-test-one-two"])


def test_what_differs_is_shown_as_expected_and_seen() -> None:
    result = run(probe(lambda account, name: expect("b", "a", "letter")), account(), None)
    assert (result.verdict, result.expected, result.seen) == (Verdict.DIFFERS, "letter: a", "b")


@pytest.mark.parametrize(
    ("error", "verdict", "said"),
    [
        (CannotTry("no docker"), Verdict.CANNOT, "no docker"),
        (service_error("NotImplemented", 501), Verdict.CANNOT, "dynamodb:DescribeTable: NotImplemented: no"),
        (service_error("Whatever", 501), Verdict.CANNOT, "dynamodb:DescribeTable"),
        (service_error("UnknownOperationException"), Verdict.CANNOT, "dynamodb:DescribeTable"),
        (service_error("AccessDeniedException"), Verdict.CANNOT, "dynamodb:DescribeTable: AccessDeniedException"),
        (service_error("ValidationError", message="X is not supported"), Verdict.CANNOT, "X is not supported"),
        (service_error("InternalFailure", 500), Verdict.CANNOT, "InternalFailure"),  # of an emulator
        (service_error("ValidationError"), Verdict.DIFFERS, "ValidationError: no"),
        (KeyError("Outputs"), Verdict.FAILED, "KeyError: 'Outputs'"),
    ],
)
def test_every_error_is_a_verdict_with_the_call_and_never_a_traceback(error, verdict, said) -> None:
    result = run(probe(raising(error)), account(), None)
    assert result.verdict is verdict
    assert said in result.why + result.seen
    assert "Traceback" not in result.why


def test_no_text_of_a_result_has_the_api_key() -> None:
    def shows(environment: Environment) -> None:
        vars(environment)["api_key"] = "fdp_partner_secret"
        expect({"x-api-key": environment.api_key}, {}, "headers")

    of = account()
    result = run(probe(shows, Kind.READS), of, environment(of))
    assert (result.verdict, result.seen) == (Verdict.DIFFERS, "{'x-api-key': '(secret)'}")


def test_a_probe_of_the_platform_cannot_be_tried_where_it_is_not_deployed() -> None:
    for kind in (Kind.READS, Kind.WRITES):
        assert run(probe(lambda environment: None, kind), account(), None).verdict is Verdict.CANNOT


def test_what_a_probe_made_is_removed_in_reverse_order_however_it_ends() -> None:
    for error in (None, Differs(1, 2), KeyError("x")):
        removed: list[str] = []

        def function(account: Account, name: str, error=error, removed=removed) -> None:
            account.made.callback(removed.append, "first")
            account.made.callback(removed.append, "second")
            if error:
                raise error

        run(probe(function), account(), None)
        assert removed == ["second", "first"]


def test_what_cannot_be_removed_is_left_and_the_rest_is_removed() -> None:
    removed: list[str] = []

    def function(account: Account, name: str) -> None:
        account.made.callback(removed.append, "first")
        account.made.callback(raising(ValueError("the bucket stays")), account, name)

    result = run(probe(function), account(), None)
    assert (result.verdict, result.left, removed) == (Verdict.HOLDS, ("the bucket stays",), ["first"])


def short(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr("conformance.run.Limit", lambda _, *rest: limits.Limit(seconds, *rest))


def test_a_probe_ends_at_its_time_limit_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    short(monkeypatch, 0.2)
    started = time.monotonic()
    patient = account()
    patient.wait_factor = 1000
    result = run(probe(lambda account, name: account.until(lambda: False, "never", 1000)), patient, None)
    assert (result.verdict, result.why) == (Verdict.FAILED, "timed out after 0 s")
    assert time.monotonic() - started < 60


def test_no_request_leaves_after_the_time_limit(tmp_path: Path) -> None:
    import boto3

    client = limits.watched(boto3.client("sqs", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x"))
    with limits.limited(limits.Limit(-1)), pytest.raises(limits.TimedOut):
        client.list_queues()


def test_waiting_in_vain_is_a_difference_long_before_the_time_limit() -> None:
    result = run(probe(lambda account, name: account.until(lambda: False, "a message", 0.01)), account(), None)
    assert (result.verdict, result.expected, result.seen) == (Verdict.DIFFERS, "a message", "not within 0 s")


def test_probes_that_write_to_the_environment_run_one_after_the_other() -> None:
    together, most, of = [0], [0], account()

    def write(environment: Environment) -> None:
        together[0] += 1
        most[0] = max(most[0], together[0])
        time.sleep(0.05)
        together[0] -= 1

    chosen = [probe(write, Kind.WRITES, str(number)) for number in range(4)]
    results = run_all(chosen, of, environment(of), 4)
    assert ([result.verdict for result in results], most) == ([Verdict.HOLDS] * 4, [1])


def test_other_probes_run_at_once() -> None:
    meeting = threading.Barrier(3, timeout=60)
    chosen = [probe(lambda account, name: meeting.wait() and None, name=str(number)) for number in range(3)]
    assert {result.verdict for result in run_all(chosen, account(), None, 3)} == {Verdict.HOLDS}


def test_probes_that_make_rest_apis_run_one_after_the_other() -> None:
    chosen = [Probe(str(number), area, "", Kind.DEPLOYS, (), print) for number, area in enumerate(REST_APIS * 2)]
    others = [probe(print, name="other"), probe(print, Kind.WRITES, "writing")]
    lanes = [[each.id for each in lane] for lane in in_lanes([*chosen, *others])]
    assert sorted(lanes) == [["0", "1", "2", "3"], ["other"], ["writing"]]
    # No lane can be faster than its probes together, however many run at once.
    assert estimate.minutes(chosen, 32) > 4 * estimate.minutes(chosen[:1], 32) - 4


def test_a_throttled_stack_says_nothing_about_aws() -> None:
    of = account()
    of.deploy = lambda *_, **__: {"StackStatus": "ROLLBACK_COMPLETE", "StackId": "s"}  # type: ignore[method-assign]
    of.failures = lambda _: ["Api: Too Many Requests (Service: ApiGateway)"]  # type: ignore[method-assign]
    result = run(probe(lambda _, name: of.deployed(name, {"Resources": {}})), of, None)
    assert result.verdict is Verdict.FAILED and "Too Many Requests" in result.why


@pytest.mark.parametrize(
    ("code", "status", "raises"), [("ValidationException", 400, False), ("501", 501, True), ("AccessDenied", 403, True)]
)
def test_a_service_that_is_not_built_or_not_allowed_has_not_refused_a_call(
    code: str, status: int, raises: bool
) -> None:
    def call() -> None:
        raise service_error(code, status)

    if raises:
        with pytest.raises(ClientError):
            refusal(call)
    else:
        assert refusal(call)["Error"]["Code"] == code


def test_the_status_before_an_operation_is_not_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    of = account()
    of.emulated_at = ""
    seen = iter(["UPDATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])
    monkeypatch.setattr(of, "stack", lambda _: {"StackStatus": next(seen)})
    assert of.rest("s", "UPDATE_COMPLETE") == {"StackStatus": "UPDATE_COMPLETE"} and list(seen) == []


@pytest.mark.parametrize(("reason", "deletions"), [("Rate exceeded", 3), ("the bucket is not empty", 2)])
def test_a_deletion_that_is_throttled_is_repeated(monkeypatch: pytest.MonkeyPatch, reason: str, deletions: int) -> None:
    of, asked, paused = account(), list[str](), list[float]()
    ends = iter(["CREATE_COMPLETE", *["DELETE_FAILED"] * 2, "DELETE_COMPLETE"])
    cloudformation = SimpleNamespace(delete_stack=lambda StackName: asked.append(StackName))
    monkeypatch.setattr(of, "client", lambda service: cloudformation)
    monkeypatch.setattr(of, "stack", lambda name: {"StackId": "s", "StackStatus": "CREATE_COMPLETE"})
    monkeypatch.setattr(of, "rest", lambda stack_id, before="": {"StackId": "s", "StackStatus": next(ends)})
    monkeypatch.setattr(of, "failures", lambda stack_id: [f"Api: {reason}"])
    monkeypatch.setattr(of, "resources", lambda stack_id: {})
    monkeypatch.setattr(limits, "pause", paused.append)
    removal.stack(of, "one")
    assert (len(asked), bool(of.left)) == (deletions, deletions == 2)
    assert len(paused) == (2 if deletions == 3 else 0)


def test_a_result_that_cannot_be_shown_ends_the_run_without_leaving_anything() -> None:
    removed: list[str] = []

    def makes(account: Account, name: str) -> None:
        account.made.callback(removed.append, name)
        time.sleep(0.2)

    def shown(result: Any) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        run_all([probe(makes, name=name) for name in ("one", "two")], account(), None, 2, shown)
    assert sorted(removed) == ["conformance-test-one", "conformance-test-two"]


INTERRUPTED = """
import sys, time
from tests.unit.conformance.test_running import account, probe
from conformance.run import run_all

def waits(account, name):
    account.made.callback(print, "removed", flush=True)
    print("begun", flush=True)
    account.until(lambda: False, "never", 1000)

from deployer.commands.interruptions import terminable
with terminable():
    try:
        run_all([probe(waits), probe(waits, name="two")], account(), None, 1, lambda result: print(result.why, flush=True))
    except KeyboardInterrupt:
        print("interrupted run", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_removes_what_it_made_and_begins_nothing(number: int) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        # A shell has what it starts in the background ignore Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    assert run.stdout
    assert run.stdout.readline() == "begun\n"
    run.send_signal(number)
    said = run.communicate(timeout=300)[0].splitlines()
    assert sorted(said) == ["interrupted", "interrupted before it began", "interrupted run", "removed"]


def test_the_limit_of_removals_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    monkeypatch.setattr("conformance.run.Limit", lambda seconds, *rest: seen.append(seconds) or limits.Limit(seconds))
    run(probe(lambda account, name: None), account(), None)
    assert seen == [Kind.DEPLOYS.seconds, running.REMOVAL_SECONDS]
