"""Every operation of a deployment x every fault: a whole run of the command line each time, over the real parsers."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path

import boto3
import pytest

from config.environment import load
from config.parameters import from_environment
from deployer import cli
from deployer.artifacts import lint, wheels
from deployer.artifacts.packaging import Package
from deployer.aws import session
from deployer.commands import local_version
from deployer.errors import Exit
from deployer.stacks import deployment_records
from generator.parameters import BY_DEPLOYER
from tests.unit.deployer.wire import FAULTS, RARE, Wire

DECLARED = [*from_environment(load("dev")), *BY_DEPLOYER]

ADVISORY = {
    "DeleteChangeSet",
    "DescribeAlarms",
    "DescribeEvents",
    "DescribeLogGroups",
    "DescribeParameters",
    "DescribeTable",
    "GetAccountSettings",
    "GetFunctionConfiguration",
    "GetRole",
    "GetUser",
    "ListChangeSets",
    "ListDashboards",
    "ListObjectsV2",
    "ListQueues",
    "ListRules",
    "ListTopics",
    "SimulatePrincipalPolicy",
}
"""As docs/deploy.md calls them. All others are essential."""


def templates(level: str) -> dict[str, str]:
    root = {name: {"Type": "String"} for name in DECLARED}
    named = {
        "Table": ("AWS::DynamoDB::Table", {"TableName": "t"}),
        "Queue": ("AWS::SQS::Queue", {"QueueName": "q"}),
        "Topic": ("AWS::SNS::Topic", {"TopicName": "t", "DisplayName": level}),
        "Group": ("AWS::Logs::LogGroup", {"LogGroupName": "g"}),
        "Alarm": ("AWS::CloudWatch::Alarm", {"AlarmName": "a"}),
        "Board": ("AWS::CloudWatch::Dashboard", {"DashboardName": "d"}),
        "Rule": ("AWS::Events::Rule", {"Name": "r"}),
        "Function": ("AWS::Lambda::Function", {"FunctionName": "f"}),
        "Parameter": ("AWS::SSM::Parameter", {"Name": "/p"}),
    }
    resources = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in named.items()}
    stack = "  DataStack:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: ./data.yaml\n"
    return {
        "root": f"Parameters: {json.dumps(root)}\nResources:\n{stack}",
        "data": json.dumps({"Resources": resources}),
    }


@cache
def clients() -> tuple[Wire, session.Aws]:
    """Made once for all runs: making them takes longer than a deployment."""
    wire, created = Wire(), boto3.Session("testing", "testing", region_name="us-east-1")
    wire.attach(created)
    return wire, session.Aws(created, "us-east-1")


class Account:
    """A wire, and deploy.py before it: `run` returns the exit code and what was written."""

    def __init__(self, capsys):
        (self.wire, self.aws), self.level, self._capsys = clients(), "one", capsys
        self.reset()

    def reset(self) -> None:
        """Nothing is deployed."""
        self.wire.account.__init__(self.wire.changed)

    def deploy(self) -> None:
        """Something else is deployed than what this checkout says."""
        self.reset()
        self.level = "before"
        code, said = self.run()
        assert code == Exit.OK, said
        self.level = "one"

    def __hash__(self):
        return 0

    def __eq__(self, other):
        return True

    def connected(self, warn) -> session.Aws:
        self.aws.warn = warn
        return self.aws

    def run(self, *arguments: str, faults: dict | None = None, yes: bool = True) -> tuple[int, str]:
        self.wire.faults = faults or {}
        del self.wire.calls[:], self.wire.changed[:]
        code = cli.main(["--env", "dev", *(["--yes"] if yes else []), *arguments])
        out, err = self._capsys.readouterr()
        return code, out + err


@pytest.fixture
def account(monkeypatch, capsys):
    made = Account(capsys)
    passed = 0.0
    clock = time.monotonic

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(session, "connect", lambda *_, warn, **__: made.connected(warn))
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "monotonic", lambda: clock() + passed)
    monkeypatch.setattr("generator.origins.origins", dict)
    monkeypatch.setattr(local_version, "rendered", lambda *arguments: templates(made.level))
    monkeypatch.setattr(lint, "started", lambda *arguments: nullcontext(lambda: []))
    functions, layer = Package("functions", b"functions"), Package("layer", b"layer")
    monkeypatch.setattr(local_version, "functions", lambda *arguments: functions)
    monkeypatch.setattr(wheels, "started", lambda *arguments: nullcontext(lambda: layer))
    monkeypatch.setattr(session, "check_region", lambda *_, **__: None)
    monkeypatch.setattr(deployment_records, "local_source", lambda root: deployment_records.Source())
    host = "https://s3.us-east-1.amazonaws.com"
    monkeypatch.setattr(session.Aws, "template_host", lambda self: host)
    return made


def judge(account, operation: str, code: int, said: str, advisory: set[str] = ADVISORY) -> str:
    """What is wrong with a run; "" for nothing."""
    if code not in ({Exit.OK} if operation in advisory else {Exit.OK, Exit.PREFLIGHT}):
        return f"exit {code}: {said}"
    if "Traceback" in said or "<html" in said.lower():
        return f"a page or a traceback: {said}"
    if code and not any(word in said for word in (operation, *CAUSES)):
        return f"does not say what happened: {said}"
    if account.wire.changed and "nothing was changed" in said.lower():
        return f"changed {account.wire.changed}, and says: {said}"
    return ""


CAUSES = ("reached", "answered", "credentials", "endpoint", "missing")


@cache
def operations(account, deployed: bool) -> list[str]:
    """Of a run without a fault, which succeeds; if `deployed`, only those that follow the execution."""
    if deployed:
        account.deploy()
    code, said = account.run()
    assert code == Exit.OK and "ExecuteChangeSet" in account.wire.changed, said
    calls = account.wire.calls
    return sorted(set(calls[calls.index("ExecuteChangeSet") :] if deployed else calls))


PROBES = {
    *("GetCallerIdentity", "DescribeStacks", "DescribeChangeSet", "SimulatePrincipalPolicy", "GetAccountSettings"),
    *(
        "GetAccount",
        "DescribeTable",
        "GetFunctionConfiguration",
        "ListQueues",
        "PutParameter",
        "HeadObject",
        "PutObject",
    ),
}


@pytest.mark.parametrize("fault", [*FAULTS, *RARE])
def test_a_first_deployment_ends_in_one_line_and_advice_ends_none(account, fault):
    found = []
    for operation in operations(account, False):
        if fault in RARE and operation not in PROBES:
            continue
        account.reset()
        code, said = account.run(faults={operation: fault})
        if problem := judge(account, operation, code, said):
            found.append(f"{operation}: {problem}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("fault", [*FAULTS, *RARE])
def test_what_fails_once_the_stack_changes_is_not_called_nothing(account, fault):
    found, changed = [], account.wire.changed
    for operation in operations(account, True):
        account.deploy()
        code, said = account.run(
            faults={operation: lambda _: fault if operation == "ExecuteChangeSet" or changed else ""}  # noqa: B023
        )
        if problem := judge(account, operation, code, said, ADVISORY | {"ListStackResources", "PutObject"}):
            found.append(f"{operation}: {problem}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("fault", ["reset", "hang", "html 200", "html 503", "truncated", "throttled", "json 200"])
def test_watching_outlives_a_bad_minute(account, fault):
    account.deploy()
    changed, since = account.wire.changed, []

    def for_three_minutes(_) -> str:
        if changed:
            since.append(time.monotonic())
        return fault if changed and since[-1] - since[0] < 180 else ""

    code, said = account.run(faults={"DescribeStackEvents": for_three_minutes})
    assert code == Exit.OK and len(since) > 5, said


def test_the_last_line_of_a_lost_watch_names_the_answer_and_not_its_page(account):
    account.deploy()
    changed = account.wire.changed
    code, said = account.run(faults={"DescribeStackEvents": lambda _: "plain 503" if changed else ""})
    assert code == Exit.PREFLIGHT
    assert (
        "cloudformation:DescribeStackEvents answered 503 with text that is no AWS response" in said
        and "the operation continues" in said
    )


@pytest.mark.parametrize("fault", ["501", "501 of another kind", "plain 501", "html 501"])
@pytest.mark.parametrize("operation", ["GetCallerIdentity", "DescribeStacks", "GetAccount", "HeadBucket"])
def test_what_an_endpoint_does_not_implement_is_named_at_once(account, operation, fault):
    account.reset()
    code, said = account.run(faults={operation: fault})
    assert code == Exit.PREFLIGHT and "does not implement" in said and operation in said, said
    assert account.wire.calls.count(operation) == 1


def test_a_deployment_succeeds_with_all_advice_missing(account):
    for fault in ("501", "html 403", "denied"):
        account.reset()
        code, said = account.run(faults=dict.fromkeys(ADVISORY, fault))
        assert code == Exit.OK and "ExecuteChangeSet" in account.wire.changed, said
        assert "was not checked" in said


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200 OK\r\n\r\n<html>Sign in</html>", b"HTTP/1.1 407 No\r\n\r\nno"])
def test_a_real_process_behind_a_portal_ends_in_one_line(answer, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_answering, args=(server, answer), daemon=True).start()
        environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.getsockname()[1]}"}
        done = subprocess.run(
            [sys.executable, str(Path(cli.__file__).parents[1] / "deploy.py"), "--env", "dev", "--status"],
            env={**environment, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
        )
    assert done.returncode == Exit.PREFLIGHT
    said = done.stderr.splitlines()
    assert len(said) == 2 and ("reached" in said[0] or "no AWS response" in said[0]), said


def _answering(server: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()
