"""deploy.py interrupted, run again, run twice at once: against operations that wait for the test's signal.

A WaitCondition in the copy's data stack holds an update until the test lets it go on.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from tests.e2e.support import ROOT, copy_project, deploy, edit, interruptible, start, stop
from tests.waiting import HANGS, eventually

pytestmark = pytest.mark.e2e

STACK = "food-delivery-dev"
COMMAND = [sys.executable, "-u", "deploy.py", "--env", "dev", "--local"]
GATES = """    from troposphere import Or
    from troposphere.cloudformation import WaitCondition
    from troposphere.policies import CreationPolicy, ResourceSignal

    for number in range(1, 5):
        wanted = [Equals(Ref("RecoveryDays"), str(days)) for days in range(7 + number, 12)] + [Equals("no", "yes")]
        template.add_condition(f"IsClosed{number}", Or(*wanted))
        policy = CreationPolicy(ResourceSignal=ResourceSignal(Count=1, Timeout="PT1H"))
        gate = WaitCondition(f"Gate{number}", CreationPolicy=policy, Condition=f"IsClosed{number}")
        template.add_resource(gate)
"""
"""RecoveryDays of 8 make the first gate, 9 the second as well: one template, which is linted once."""

HOLD = """
    if os.environ.get("HOLD"):
        print("SENT", flush=True)
        time.sleep(3600)
"""
"""Between the execution and its first event."""

BEFORE = "    table = template.add_resource(orders_table())\n    template.add_resource(scaling"


class Slow:
    """A deployed copy of the project, each of whose updates waits at a new gate until `open` is called."""

    def __init__(self, project, deployment):
        self.project, self.deployment = project, deployment
        self.cloudformation = deployment.client("cloudformation")
        self.gates = 0
        self.settings = (project / "environments/dev.toml").read_text()
        self.environment = {
            **os.environ,
            "FOOD_DELIVERY_LOCAL_DIR": str(deployment.local_dir),
            "FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"),
            "COLUMNS": "200",
            "TERM": "xterm",
        }

    @property
    def gate(self) -> str:
        return f"Gate{self.gates}"

    def close(self) -> None:
        """The next deployment has something to do, and waits. Gates that are open stay, or a rollback waits at them."""
        resources = self.cloudformation.list_stack_resources(StackName=self.data_stack())["StackResourceSummaries"]
        self.gates = 1 + sum(one["LogicalResourceId"].startswith("Gate") for one in resources)
        (self.project / "environments/dev.toml").write_text(self.settings)
        edit(self.project, "environments/dev.toml", "recovery_days = 7", f"recovery_days = {7 + self.gates}")

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*COMMAND, "--yes", *arguments],
            cwd=self.project,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=interruptible,
        )

    def again(self) -> subprocess.CompletedProcess:
        return deploy("--env", "dev", "--local", "--yes", local_dir=self.deployment.local_dir, project=self.project)

    def status(self) -> str:
        return self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]

    def data_stack(self) -> str:
        resources = self.cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId="DataStack")
        return resources["StackResourceDetail"]["PhysicalResourceId"]

    def wait_at_the_gate(self, process: subprocess.Popen | None = None) -> None:
        def waits() -> bool:
            assert process is None or process.poll() is None, process.stdout.read()
            return self.status() == "UPDATE_IN_PROGRESS" and self._is_waiting()

        eventually(waits)

    def open(self) -> None:
        """Tries until the gate is there to be opened."""
        eventually(self._signal)

    def change_sets(self) -> list:
        """Those that were never executed."""
        summaries = self.cloudformation.list_change_sets(StackName=STACK)["Summaries"]
        return [one for one in summaries if not one["ExecutionStatus"].startswith("EXECUTE_")]

    def _is_waiting(self) -> bool:
        events = self.cloudformation.describe_stack_events(StackName=self.data_stack())["StackEvents"]
        return any(event["LogicalResourceId"] == self.gate for event in events)

    def _signal(self) -> bool:
        with suppress(self.cloudformation.exceptions.ClientError):
            self.cloudformation.signal_resource(
                StackName=self.data_stack(), LogicalResourceId=self.gate, UniqueId="test", Status="SUCCESS"
            )
            return True
        return False


@pytest.fixture(scope="module")
def deployed_copy(tmp_path_factory):
    where = tmp_path_factory.mktemp("interruptions")
    project = copy_project(where / "project")
    edit(project, "generator/data.py", BEFORE, GATES + BEFORE)
    follow = "    return follow(aws, change_set.stack_id, on_events, polling, seen=seen)"
    edit(project, "deployer/stacks/execution.py", follow, HOLD + follow)
    edit(project, "deployer/stacks/execution.py", "import time\n", "import os\nimport time\n")
    cancelled = "            return _cancelled(context, running)"
    edit(project, "deployer/commands/interruptions.py", cancelled, f'            print("CANCELLING")\n{cancelled}')
    waits = 'return found is not None and found.get("ExecutionStatus") in ("AVAILABLE", "OBSOLETE")'
    edit(project, "deployer/stacks/changeset.py", waits, "return True  # as a service that is late says")
    try:
        yield Slow(project, start(where / "local", project))
    finally:
        stop(where / "local", project)


@pytest.fixture
def slow(deployed_copy):
    """Every test finds the stack at rest, and leaves it so."""
    deployed_copy.close()
    yield deployed_copy
    if deployed_copy.status().endswith("_IN_PROGRESS"):
        with suppress(AssertionError):
            deployed_copy.open()
    eventually(lambda: not deployed_copy.status().endswith("_IN_PROGRESS"))


def hear(process: subprocess.Popen, words: str) -> None:
    assert any(words in line for line in iter(process.stdout.readline, ""))


def ended(process: subprocess.Popen, code: int) -> str:
    said, _ = process.communicate(timeout=HANGS)
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


def test_an_interrupted_deployment_goes_on_and_the_same_command_resumes_it(slow):
    first = slow.begin()
    slow.wait_at_the_gate(first)
    first.send_signal(signal.SIGINT)
    said = ended(first, 130)
    assert "the operation continues in CloudFormation" in said and "run the same command again" in said
    assert slow.status() == "UPDATE_IN_PROGRESS"

    second = slow.begin()
    hear(second, "Resuming: ")
    second.send_signal(signal.SIGTERM)  # as a pipeline ends a job
    assert "the operation continues in CloudFormation" in ended(second, 130)
    assert slow.status() == "UPDATE_IN_PROGRESS"

    third = slow.begin()
    hear(third, "Resuming: ")
    slow.open()
    said = ended(third, 0)
    assert f"{STACK} UPDATE_COMPLETE in " in said
    assert "Verify" in said and "Nothing to change" in said
    assert slow.change_sets() == []


def test_sigterm_just_after_the_execution_was_sent_claims_nothing_and_removes_nothing(slow):
    """Also while CloudFormation still calls the change set available."""
    first = slow.begin(HOLD="1")
    hear(first, "SENT")
    first.send_signal(signal.SIGTERM)
    said = ended(first, 130)
    assert "nothing was changed" not in said and "not changed" not in said
    assert "the operation continues in CloudFormation" in said and "run the same command again" in said
    slow.open()
    again = slow.again()
    assert again.returncode == 0, again.stdout + again.stderr
    assert slow.status() == "UPDATE_COMPLETE"


def test_of_two_deployments_at_once_the_second_is_refused_with_who_and_since_when(slow):
    first = slow.begin()
    slow.wait_at_the_gate(first)
    second = slow.again()
    assert second.returncode == 3, second.stdout + second.stderr
    assert re.search(r"is in UPDATE_IN_PROGRESS: started by \S+ on \S+ at \d{4}-\d\d-\d\d ", second.stderr)
    assert "wait stack-update-complete" in second.stderr and "describe-stack-events" in second.stderr
    slow.open()
    assert "Verify" in ended(first, 0)


class Terminal:
    """deploy.py at a pseudo-terminal."""

    def __init__(self, slow: Slow, *arguments: str):
        self.child, self.handle = pty.fork()
        if self.child == 0:
            interruptible()
            os.chdir(slow.project)
            os.execve(COMMAND[0], [*COMMAND, *arguments], slow.environment)
        self.said = ""

    def expect(self, words: str) -> None:
        """Read on until something says so."""
        before = len(self.said)

        def heard() -> bool:
            if select.select([self.handle], [], [], 0)[0]:
                self._read()
            return words in self.said[before:]

        eventually(heard, f"the screen shows {words!r}")

    def type(self, text: str) -> None:
        os.write(self.handle, text.encode())

    def code(self) -> int:
        with suppress(OSError):  # the terminal's other end is closed
            while select.select([self.handle], [], [], HANGS)[0]:
                self._read()
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    def _read(self) -> None:
        self.said += os.read(self.handle, 65536).decode(errors="replace")


CTRL_C = "\x03"


@contextmanager
def terminal(slow: Slow, *arguments: str):
    process = Terminal(slow, *arguments)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(process.child, signal.SIGKILL)
            os.waitpid(process.child, 0)
        os.close(process.handle)


def test_ctrl_c_at_the_question_removes_the_change_set_and_changes_nothing(slow):
    with terminal(slow) as process:
        process.expect("Deploy this?")
        assert slow.change_sets()
        process.type(CTRL_C)
        assert process.code() == 130
        assert "nothing was changed" in process.said and "Traceback" not in process.said
    assert slow.change_sets() == []
    assert slow.status() in ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def test_ctrl_c_at_a_terminal_asks_whether_to_watch_on_stop_or_cancel(slow):
    before = slow.data_stack()
    with terminal(slow, "--yes") as process:
        slow.wait_at_the_gate()
        process.expect(f"{slow.gate} (AWS::CloudFormation::WaitCondition)")
        process.type(CTRL_C)
        process.expect("[w] watch on, [s] stop watching, [c] cancel")
        process.type("w\n")
        process.expect(f"{slow.gate} (AWS::CloudFormation::WaitCondition)")
        process.type(CTRL_C)
        process.expect("[c] cancel")
        process.type("c\n")
        process.expect("CANCELLING")
        slow.open()
        assert process.code() == 130, process.said
        assert "cancelled" in process.said and "its resources are as before the update" in process.said
    assert slow.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert slow.data_stack() == before
