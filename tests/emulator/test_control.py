"""Starting, finding and stopping the emulator."""

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.resources import att, function, ref, role, template
from emulator import MINISTACK_VERSION, control, registry, server
from emulator.__main__ import main
from tests.emulator.testkit import Emulated, until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A state directory. Its emulator has no patches, which makes it start in a third of a second."""
    monkeypatch.setenv(registry.WITHOUT, "*")
    folder = tmp_path / "state"
    yield folder
    control.stop(folder)


def test_a_running_emulator_is_found_and_reused(state: Path) -> None:
    assert control.running(state) is None
    first = control.start(state)
    assert first.endpoint_url == f"http://127.0.0.1:{first.port}"
    assert control.start(state) == control.running(state) == first
    assert control.stop(state)
    assert control.running(state) is None
    assert not control.stop(state)


def test_one_of_another_version_is_restarted_with_its_port(state: Path, monkeypatch) -> None:
    old = control.start(state)
    monkeypatch.setattr("emulator.server.code", lambda: old.code)
    assert control.start(state).pid == old.pid
    monkeypatch.setattr("emulator.server.code", lambda: "newer")
    new = control.start(state)
    assert (new.pid, new.port) == (control.running(state).pid, old.port) and new.pid != old.pid


def test_the_port_is_kept_from_start_to_start(state: Path) -> None:
    port = control.start(state).port
    control.stop(state)
    assert control.start(state).port == port


def test_another_port_is_taken_when_the_old_one_is_gone(state: Path) -> None:
    port = control.start(state).port
    control.stop(state)
    with socket.create_server(("127.0.0.1", port)):
        assert control.start(state).port != port


def test_a_port_that_is_asked_for_and_taken_is_an_error(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(control.EmulatorError, match="is in use"):
        control.start(state, port=taken.getsockname()[1])


def test_asking_for_something_else_than_what_runs_is_an_error(state: Path) -> None:
    control.start(state)
    with pytest.raises(control.EmulatorError, match="stop it first"):
        control.start(state, iam=True)


def test_concurrent_starts_make_one_emulator(state: Path) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        started = set(pool.map(lambda _: control.start(state), range(4)))
    assert len(started) == 1


def test_concurrent_starts_of_processes_make_one_emulator(state: Path) -> None:
    command = [sys.executable, "-m", "emulator", "start", "--state", str(state)]
    runs = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = {run.communicate(timeout=60)[0] for run in runs}
    assert len(outputs) == 1 and "AWS_ENDPOINT_URL=http://127.0.0.1:" in outputs.pop()


def test_a_stale_record_fools_nobody(state: Path) -> None:
    """A crash leaves a record; its process id and its port may be another program's by now."""
    state.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        stranger.settimeout(0.1)
        record = {"pid": os.getpid(), "port": stranger.getsockname()[1], "iam": False}
        (state / "emulator.json").write_text(json.dumps(record))
        assert control.running(state) is None
        assert not control.stop(state)
    assert control.start(state).pid != os.getpid()


def test_the_emulator_of_another_directory_is_not_ours(state: Path, tmp_path: Path) -> None:
    control.start(state)
    other = tmp_path / "other"
    other.mkdir()
    (other / "emulator.json").write_text((state / "emulator.json").read_text())
    assert control.running(other) is None
    assert not control.stop(other)
    assert control.running(state)


def test_a_broken_record_is_ignored(state: Path) -> None:
    state.mkdir()
    (state / "emulator.json").write_text("{")
    assert control.running(state) is None
    assert control.start(state)


def test_an_emulator_that_dies_at_start_says_why(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMULATOR_WITHOUT_PATCHES", "no_such_patch")
    with pytest.raises(control.EmulatorError, match="no patch is called no_such_patch"):
        control.start(state)


def test_a_missing_extra_names_the_command_that_installs_it(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(control.EmulatorError, match=f"pip install .*ministack=={MINISTACK_VERSION}"):
        control.start(state)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.importlib.metadata, "version", lambda name: "9.9.9")
    with pytest.raises(server.VersionError, match=r"MiniStack 9\.9\.9 is installed, but the patches are for"):
        server.check_version()


def test_a_hung_emulator_is_killed(state: Path) -> None:
    pid = control.start(state).pid
    os.kill(pid, signal.SIGSTOP)
    assert control.stop(state, timeout=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_nothing_listens_beyond_loopback_and_no_worker_survives(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(registry.WITHOUT)
    aws = Emulated(control.start(state))
    source = "import os\ndef handler(event, context):\n    return os.getpid()\n"
    resources = {"Role": role(), "F": function(aws.code(source), att("Role", "Arn"))}
    worker = aws.invoke(aws.deployed("workers", template(resources, {"F": ref("F")}))["F"])
    if Path("/proc").is_dir():
        assert listening(aws.emulator.pid) == {f"127.0.0.1:{aws.emulator.port}"}
    control.stop(state)
    until(lambda: not alive(worker), 2)


def test_the_command_line_tells_the_status(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--state", str(state)]) == 3
    started = control.start(state)
    assert main(["status", "--state", str(state)]) == 0
    assert started.endpoint_url in capsys.readouterr().out
    assert main(["stop", "--state", str(state)]) == 0
    assert main(["status", "--state", str(state)]) == 3


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def listening(pid: int) -> set[str]:
    """The addresses on which a process listens, from /proc."""
    inodes = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.exists() or link.is_symlink()}
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if f"socket:[{fields[9]}]" in inodes and (fields[3] == "0A" or table.startswith("udp")):
                address, port = fields[1].split(":")
                found.add(
                    f"{socket.inet_ntoa(bytes.fromhex(address)[::-1]) if len(address) == 8 else address}:{int(port, 16)}"
                )
    return found
