"""A state directory has one process, and what is started is ended."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.resources import att, function, ref, role, template
from emulator import control, ownership, registry
from tests.emulator.test_control import alive
from tests.emulator.testkit import Emulated, until

ROOT = Path(__file__).resolve().parents[2]
LONG = 60
"""Seconds that a loaded machine may take for what usually takes one."""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory, whose path is not ASCII. Its emulator has no patches: it starts in a third of a second."""
    monkeypatch.setenv(registry.WITHOUT, "*")
    folder = tmp_path / "zustände der küche"
    yield folder
    control.stop(folder)


def servers(state: Path) -> list[int]:
    """The processes that were started for a directory and its neighbours, by their command line, as ps shows it."""
    listing = subprocess.run(["ps", "-ww", "-eo", "pid=,stat=,command="], capture_output=True, check=True).stdout
    lines = [line.split(None, 2) for line in listing.splitlines()]
    return [
        int(pid)
        for pid, stat, command in lines
        if not stat.startswith(b"Z") and b"emulator serve" in command and os.fsencode(state.parent) in command
    ]


def test_a_second_start_waits_for_one_that_is_slow_to_answer(state: Path) -> None:
    first = control.start(state)
    os.kill(first.pid, signal.SIGSTOP)
    second = subprocess.Popen(
        [sys.executable, "-m", "emulator", "start", "--state", state], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    until(lambda: len(servers(state)) == 2, LONG)  # the other one waits for the lock
    os.kill(first.pid, signal.SIGCONT)
    assert first.endpoint_url in second.communicate(timeout=LONG)[0]
    assert servers(state) == [first.pid]


def test_a_second_start_is_refused_when_the_first_does_not_answer(state: Path) -> None:
    first = control.start(state)
    os.kill(first.pid, signal.SIGSTOP)
    with pytest.raises(
        control.EmulatorError,
        match=rf"^process {first.pid} uses the state in .* and did not answer within 3 seconds; stop it: .* stop ",
    ):
        control.start(state, timeout=3)
    assert servers(state) == [first.pid]
    assert control.stop(state, timeout=0.5)
    assert servers(state) == []
    assert control.start(state).pid != first.pid


def test_deploy_says_in_one_line_that_the_first_does_not_answer(state: Path) -> None:
    """What `deploy.py --local` makes of it: exit code 6."""
    first = control.start(state, iam=True)
    os.kill(first.pid, signal.SIGSTOP)
    program = (
        "import functools, sys; from emulator import control; control.start = functools.partial(control.start, timeout=2)\n"
        "from deployer import cli; sys.exit(cli.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--outputs", "--env", "dev", "--local", "--local-dir", state],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6, done.stdout + done.stderr
    assert f"the emulator did not start: process {first.pid} uses the state in" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_is_started_directly_is_refused(state: Path) -> None:
    first = control.start(state)
    command = [sys.executable, "-m", "emulator", "serve", "--state", state, "--port", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONG, check=False)
    assert (done.returncode, done.stderr) == (1, f"the state in {state} is in use by process {first.pid}\n")


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}])
def test_another_locale_meets_the_same_emulator(state: Path, locale: dict[str, str]) -> None:
    first = control.start(state)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}

    def run(command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", "emulator", command, "--state", state],
            cwd=ROOT,
            env={**plain, "PYTHONCOERCECLOCALE": "0", **locale},
            capture_output=True,
            timeout=LONG,
            check=True,
        )

    assert first.endpoint_url.encode() in run("start").stdout
    assert servers(state) == [first.pid]
    run("stop")
    assert servers(state) == []
    assert b"http://127.0.0.1:" in run("start").stdout
    assert control.running(state)


def test_the_path_through_a_link_is_the_same_directory(state: Path, tmp_path: Path) -> None:
    first = control.start(state)
    link = tmp_path / "link"
    link.symlink_to(state, target_is_directory=True)
    assert control.start(link) == first
    assert control.stop(link)
    assert servers(state) == []


def test_the_path_through_a_link_in_between_is_the_same_directory(state: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    first = control.start(tmp_path / "link" / state.name)
    assert control.start(state) == first


def test_an_emulator_whose_directory_is_moved_ends_and_its_state_moves_along(state: Path, tmp_path: Path) -> None:
    """Like a checkout that is moved with its `.local`."""
    first = control.start(state)
    Emulated(first).client("sqs").create_queue(QueueName="kept")
    moved = tmp_path / "moved"
    state.rename(moved)
    second = control.start(moved, timeout=LONG)
    assert second.pid != first.pid and servers(state) == [second.pid]
    assert "kept" in Emulated(second).client("sqs").list_queues()["QueueUrls"][0]
    assert not state.exists()
    control.stop(moved)


@pytest.mark.parametrize("again", [False, True])
def test_an_emulator_whose_directory_is_deleted_ends(state: Path, again: bool) -> None:
    first = control.start(state)
    shutil.rmtree(state)
    if again:
        second = control.start(state, timeout=LONG)
        assert second.pid != first.pid and not Emulated(second).client("sqs").list_queues().get("QueueUrls")
    until(lambda: first.pid not in servers(state), LONG)


def test_a_record_that_is_deleted_makes_no_room_for_a_second(state: Path) -> None:
    """An emulator whose directory is gone saves and ends; the next start waits for it."""
    first = control.start(state)
    Emulated(first).client("sqs").create_queue(QueueName="kept")
    (state / ownership.FILE).unlink()
    second = control.start(state, timeout=LONG)
    assert second.pid != first.pid and servers(state) == [second.pid]
    assert "kept" in Emulated(second).client("sqs").list_queues()["QueueUrls"][0]


def test_nothing_of_the_shell_reaches_the_server(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether in the background or started directly."""
    for name in ("LOG_LEVEL", "SERVICES", "USE_SSL", "HTTP_PROXY", "AWS_PROFILE", "LAMBDA_STRICT"):
        monkeypatch.setenv(name, "1")
    background = control.start(state, timeout=LONG)
    assert control.stop(state)
    command = [sys.executable, "-m", "emulator", "serve", "--port", str(background.port), "--state", state]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as direct:
        until(lambda: direct.poll() is not None or control.running(state), LONG)
        assert control.running(state).pid == direct.pid
        control.stop(state)


@pytest.mark.parametrize("path", ["file", "file/state", "loop", "loop/state", "/proc/state"])
def test_a_directory_that_cannot_be_used_is_one_sentence(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(control.EmulatorError, match=r"^the state directory .* cannot be used: \S.*$"):
        control.start(tmp_path / path)
    done = subprocess.run(
        [sys.executable, "deploy.py", "--outputs", "--env", "dev", "--local", "--local-dir", tmp_path / path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6 and "Traceback" not in done.stderr, done.stderr


NOBODY = 65_534


def test_a_directory_that_is_read_only_is_one_sentence() -> None:
    """Root can write everywhere: as root, try as another user who can see the directory."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as visible:
        os.chmod(visible, 0o755)
        state = Path(visible) / "state"
        state.mkdir(mode=0o555)
        os.seteuid(user or NOBODY)
        try:
            with pytest.raises(control.EmulatorError, match="cannot be used: Permission denied"):
                control.start(state)
        finally:
            os.seteuid(user)


def test_a_lock_file_that_cannot_be_written_is_said(state: Path) -> None:
    (state / ownership.FILE).mkdir(parents=True)
    with pytest.raises(control.EmulatorError, match=r"emulator\.json"):
        control.start(state)
    assert servers(state) == []
    (state / ownership.FILE).rmdir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_start_that_is_interrupted_leaves_no_process(state: Path, number: signal.Signals) -> None:
    """By Ctrl-C, or as `deploy.py` ends: SIGTERM raises KeyboardInterrupt there."""
    program = (
        "import signal, sys; from pathlib import Path; from emulator import control\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "control.running = lambda state: None\n"
        "control.start(Path(sys.argv[1]))"
    )
    starter = subprocess.Popen([sys.executable, "-c", program, state], cwd=ROOT, stderr=subprocess.DEVNULL)
    until(lambda: servers(state), LONG)
    starter.send_signal(number)
    starter.wait(LONG)
    assert servers(state) == []


def test_a_start_that_takes_too_long_leaves_no_process(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "running", lambda state: None)
    with pytest.raises(control.EmulatorError, match=r"did not answer within 0\.5 seconds; the end of"):
        control.start(state, timeout=0.5)
    assert servers(state) == []


BUSY = """
    import os, threading, time
    def handler(event, context):
        os.close(os.open(event["started"], os.O_CREAT))
        open(event["started"], "w").write(str(os.getpid()))
        {body}
"""


@pytest.mark.parametrize("body", ["time.sleep(600)", "while True: pass", "threading.Event().wait()"])
def test_a_busy_function_ends_with_a_server_that_is_killed(state: Path, tmp_path: Path, monkeypatch, body: str) -> None:
    monkeypatch.delenv(registry.WITHOUT)
    aws = Emulated(control.start(state))
    source = textwrap.dedent(BUSY).format(body=body)
    resources = {"Role": role(), "F": function(aws.code(source), att("Role", "Arn"), Timeout=600)}
    name = aws.deployed("busy", template(resources, {"F": ref("F")}))["F"]
    started = tmp_path / "started"
    aws.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=f'{{"started": "{started}"}}'.encode()
    )
    until(lambda: started.exists() and started.read_text(), LONG)
    worker = int(started.read_text())
    assert alive(worker)
    os.kill(aws.emulator.pid, signal.SIGKILL)
    until(lambda: not running(worker), LONG)
    until(lambda: servers(state) == [], LONG)


def running(pid: int) -> bool:
    """Whether the process runs; one that has ended may stay a zombie until it is waited for."""
    stat = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(stat.strip()) and not stat.startswith("Z")


SMALL_RUN = """
    import time
    from pathlib import Path
    from emulator import control
    from tests.conftest import no_emulator_is_left

    def test_one(tmp_path):
        control.start(Path({state!r}) / tmp_path.parent.parent.name / tmp_path.name)
        time.sleep(600)

    def test_two(tmp_path):
        test_one(tmp_path)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_test_run_that_is_ended_leaves_no_process(state: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Like Ctrl-C in `make test`: the run has two workers, which are killed rather than asked."""
    tests = tmp_path / "small" / "test_small.py"
    tests.parent.mkdir()
    tests.write_text(textwrap.dedent(SMALL_RUN).format(state=str(state)))
    run = subprocess.Popen(
        [
            *(sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", "--rootdir", tests.parent),
            *("-c", os.devnull, "--import-mode=importlib", "--basetemp", tmp_path / "base", tests),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        until(lambda: len(servers(state)) == 2, LONG)
        run.send_signal(number)
        until(lambda: servers(state) == [], LONG)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
