"""Start, find and stop the emulator, from the deployer and from tests.

The process is found through ``emulator.json`` in its state directory (``emulator.ownership``), if the port answers with
the same process id and the same lock. After a crash, another program may have the id or the port.
"""

import importlib.util
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from emulator import INSTALL_HINT, ownership, server
from emulator.server import HOST, IDENTITY_PATH, ROOT_USER, passed_on

LOG = "emulator.log"

_children: dict[int, subprocess.Popen] = {}
"""Servers that this process started. Each must be waited for, or it stays a zombie."""


class EmulatorError(RuntimeError):
    """The emulator could not be started or stopped; the message says why and what to do."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    endpoint_url: str
    pid: int
    state_dir: Path
    port: int
    iam: bool
    code: str
    """The version of the code that it runs (``emulator.server.code``)."""


def start(state_dir: Path, *, port: int | None = None, iam: bool = False, timeout: float = 30) -> Emulator:
    """Start the emulator of ``state_dir`` in the background, or return the one running. Restart one of another version.

    Without ``port``, use the previous port if it is free, so that URLs stay valid, else any free one. Wait up to
    ``timeout`` seconds for an answer. Safe to call from several processes at once. Raises EmulatorError, and leaves no
    process behind.
    """
    state_dir = _real(state_dir)
    found = _current(state_dir) or _started(state_dir, port, iam, timeout)
    if port not in (None, found.port) or iam != found.iam:
        raise EmulatorError(
            f"the emulator of {state_dir} already runs on port {found.port} with IAM "
            f"{'enforced' if found.iam else 'not enforced'}; stop it first: {_stop_command(state_dir)}"
        )
    return found


def running(state_dir: Path) -> Emulator | None:
    """Return the emulator of ``state_dir`` if it runs and answers."""
    state_dir = _real(state_dir)
    record = ownership.record(state_dir)
    pid, port = record.get("pid"), record.get("port")
    if not isinstance(pid, int) or not isinstance(port, int):
        return None
    answer = _identity(port)
    lock = ownership.identity(state_dir)
    if answer is None or answer.get("pid") != pid or answer.get("lock") != lock:
        return None
    code = str(answer.get("code"))
    return Emulator(f"http://{HOST}:{port}", pid, state_dir, port, bool(answer.get("iam")), code)


def _current(state_dir: Path) -> Emulator | None:
    """Return the running emulator. Stop one of another version: what it does not know would fail in odd ways."""
    found = running(state_dir)
    if found is None or found.code == server.code():
        return found
    if ownership.record(state_dir).get("pid") == found.pid:  # and not the one of another process that does the same
        stop(state_dir)
    return None


def stop(state_dir: Path, timeout: float = 15) -> bool:
    """Stop the emulator of ``state_dir``, saving its state; False if none was running.

    Kill it if it does not stop in time. Its workers end with it.
    """
    state_dir = _real(state_dir)
    if not ownership.in_use(state_dir):
        return False
    pid = ownership.record(state_dir).get("pid")
    if not isinstance(pid, int) or not _is_emulator(pid):
        raise EmulatorError(f"{state_dir} is locked by an unknown process; end that process first")
    _signal(pid, signal.SIGTERM)
    if not _released(state_dir, timeout):
        _signal(pid, signal.SIGKILL)
        if not _released(state_dir, 5):
            raise EmulatorError(f"the emulator of {state_dir} (process {pid}) cannot be stopped")
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # what its functions have started
    if child := _children.pop(pid, None):
        child.wait()
    return True


def environment(emulator: Emulator) -> dict[str, str]:
    """Return the environment variables with which boto3 and the AWS CLI call this emulator, as its administrator."""
    return {
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": ROOT_USER,
        "AWS_SECRET_ACCESS_KEY": ROOT_USER,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _started(state_dir: Path, port: int | None, iam: bool, timeout: float) -> Emulator:
    """Launch a server and wait for an answer, from it or from one that another process launched."""
    if importlib.util.find_spec("ministack") is None:
        raise EmulatorError(f"the local emulator is not installed; install it with: {INSTALL_HINT}")
    if port is not None and not _free(port) and not ownership.in_use(state_dir):
        raise EmulatorError(f"port {port} on {HOST} is in use by another program")
    deadline = time.monotonic() + timeout
    process = _launch(state_dir, port or _previous_port(state_dir) or _free_port(), iam, timeout)
    found = None
    try:
        while not (found := running(state_dir)):
            ended = process.poll() is not None and not ownership.in_use(state_dir)
            if ended or time.monotonic() > deadline:
                raise EmulatorError(_no_answer(state_dir, process, timeout))
            time.sleep(0.05)
    finally:  # also when this process is interrupted
        if found and found.pid == process.pid:
            _children[process.pid] = process
        else:
            process.kill()
            process.wait()
    return found


def _launch(state_dir: Path, port: int, iam: bool, wait: float) -> subprocess.Popen:
    """Start a server. It waits up to ``wait`` seconds for another one to release the directory."""
    command = [sys.executable, "-m", "emulator", "serve", "--port", str(port), "--state", str(state_dir)]
    with _log(state_dir) as output:
        output.write(f"--- {time.strftime('%F %T')} port {port}\n".encode())
        output.flush()
        return subprocess.Popen(
            command + ["--wait", str(wait)] + (["--iam"] if iam else []),
            cwd=Path(__file__).resolve().parents[1],  # where the emulator package is importable
            env=passed_on(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _log(state_dir: Path) -> BinaryIO:
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        return (state_dir / LOG).open("ab")
    except OSError as error:
        raise EmulatorError(f"the state directory {state_dir} cannot be used: {error.strerror}") from error


def _no_answer(state_dir: Path, process: subprocess.Popen, timeout: float) -> str:
    """Return why no emulator answers."""
    log = state_dir / LOG
    pid = ownership.record(state_dir).get("pid")
    if ownership.in_use(state_dir) and pid != process.pid:
        return (
            f"process {pid} uses the state in {state_dir} and did not answer within {timeout:g} seconds; "
            f"stop it: {_stop_command(state_dir)}"
        )
    if process.poll() is None:
        return f"the emulator did not answer within {timeout:g} seconds; the end of {log}:\n{_tail(log)}"
    return f"the emulator exited with code {process.returncode} at start; the end of {log}:\n{_tail(log)}"


def _stop_command(state_dir: Path) -> str:
    return f"python -m emulator stop --state {shlex.quote(str(state_dir))}"


def _identity(port: int) -> dict | None:
    """Return the identity of the emulator on the port, None if there is none. Use no proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{HOST}:{port}{IDENTITY_PATH}", timeout=2) as response:
            identity = json.load(response)
    except (OSError, ValueError):
        return None
    return identity if isinstance(identity, dict) else None


def _real(path: Path) -> Path:
    """Follow links. Opening the path reports a loop of links."""
    return Path(os.path.realpath(path))


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _previous_port(state_dir: Path) -> int | None:
    port = ownership.record(state_dir).get("port")
    return port if isinstance(port, int) and _free(port) else None


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _is_emulator(pid: int) -> bool:
    """Return whether the process is a server. After a crash, another process may have its id."""
    try:
        listing = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
    except FileNotFoundError:
        return True
    return b"-m emulator serve" in listing.stdout


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _released(state_dir: Path, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while ownership.in_use(state_dir):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
