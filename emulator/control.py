"""Start, find and stop the emulator, from the deployer and from tests.

The process is found through ``emulator.json`` in its state directory, and is believed
only if the port answers with the same process id and the same directory: a file left
behind by a crash, whose id or port another program has taken since, fools nobody.
"""

import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from emulator import INSTALL_HINT
from emulator.server import HOST, IDENTITY_PATH, ROOT_USER

# What the server may see of the caller's environment. Everything else, above all AWS_*,
# stays out: functions inherit the server's environment.
PASSED_ON = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "LOG_LEVEL",
    "VIRTUAL_ENV",
)
PASSED_ON_PREFIXES = ("EMULATOR_", "LAMBDA_")

_children: dict[int, subprocess.Popen] = {}
"""Servers that this process started: they must be waited for, or they stay as zombies."""


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


def start(state_dir: Path, *, port: int | None = None, iam: bool = False, timeout: float = 30) -> Emulator:
    """Start the emulator for ``state_dir`` in the background, or return the one running.

    Without ``port`` it takes the port of the last time if that is free, so that URLs stay
    valid, else any free one. Safe to call from several processes at once.
    """
    state_dir = state_dir.resolve()
    state_dir.mkdir(parents=True, exist_ok=True)
    with _locked(state_dir):
        if found := running(state_dir):
            if port not in (None, found.port) or iam != found.iam:
                raise EmulatorError(
                    f"the emulator of {state_dir} already runs on port {found.port} with IAM "
                    f"{'enforced' if found.iam else 'not enforced'}; stop it first: python -m emulator stop --state {state_dir}"
                )
            return found
        if importlib.util.find_spec("ministack") is None:
            raise EmulatorError(f"the local emulator is not installed; install it with: {INSTALL_HINT}")
        if port is not None:
            return _launch(state_dir, port, iam, timeout)
        remembered = _remembered(state_dir).get("port")
        if isinstance(remembered, int) and _free(remembered):
            return _launch(state_dir, remembered, iam, timeout)
        return _launch(state_dir, _free_port(), iam, timeout)


def running(state_dir: Path) -> Emulator | None:
    """The emulator of ``state_dir`` if it runs and answers."""
    state_dir = state_dir.resolve()
    record = _remembered(state_dir)
    pid, port = record.get("pid"), record.get("port")
    if not isinstance(pid, int) or not isinstance(port, int) or not _alive(pid):
        return None
    identity = _identity(port)
    if identity is None or identity.get("pid") != pid or identity.get("state_dir") != str(state_dir):
        return None
    return Emulator(f"http://{HOST}:{port}", pid, state_dir, port, bool(identity.get("iam")))


def stop(state_dir: Path, timeout: float = 15) -> bool:
    """Stop the emulator of ``state_dir``, saving its state; False if none was running.

    It is killed if it does not stop in time. Its workers go with it either way.
    """
    state_dir = state_dir.resolve()
    if not state_dir.is_dir():
        return False
    with _locked(state_dir):
        found = running(state_dir)
        pid = found.pid if found else _hung(state_dir)
        if pid is None:
            return False
        _signal(pid, signal.SIGTERM)
        if not _gone(pid, timeout):
            _signal(pid, signal.SIGKILL)
            if not _gone(pid, 5):
                raise EmulatorError(f"the emulator of {state_dir} (process {pid}) cannot be stopped")
        _kill_group(pid)
        return True


def environment(emulator: Emulator) -> dict[str, str]:
    """The variables by which boto3 and the AWS CLI talk to this emulator, as its administrator."""
    return {
        "AWS_ENDPOINT_URL": emulator.endpoint_url,
        "AWS_ACCESS_KEY_ID": ROOT_USER,
        "AWS_SECRET_ACCESS_KEY": ROOT_USER,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _launch(state_dir: Path, port: int, iam: bool, timeout: float) -> Emulator:
    if not _free(port):
        raise EmulatorError(f"port {port} on {HOST} is taken by another program")
    log = state_dir / "emulator.log"
    command = [sys.executable, "-m", "emulator", "serve", "--port", str(port), "--state", str(state_dir)]
    with log.open("ab") as output:
        output.write(f"--- {time.strftime('%F %T')} port {port}\n".encode())
        output.flush()
        process = subprocess.Popen(
            command + (["--iam"] if iam else []),
            cwd=Path(__file__).resolve().parents[1],  # where the emulator package is importable
            env=_passed_on(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    _remember(state_dir, pid=process.pid, port=port, iam=iam)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if found := running(state_dir):
            return found
        if process.poll() is not None:
            raise EmulatorError(
                f"the emulator ended with code {process.returncode} at start; the end of {log}:\n{_tail(log)}"
            )
        time.sleep(0.05)
    _signal(process.pid, signal.SIGKILL)
    _gone(process.pid, 5)
    raise EmulatorError(f"the emulator did not answer within {timeout:g} seconds; the end of {log}:\n{_tail(log)}")


def _passed_on() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES)
    }


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    """Hold the state directory's lock: starts and stops happen one after the other."""
    with (state_dir / "emulator.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _record(state_dir: Path) -> Path:
    return state_dir / "emulator.json"


def _remembered(state_dir: Path) -> dict:
    try:
        record = json.loads(_record(state_dir).read_text())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _remember(state_dir: Path, **record: object) -> None:
    """Write the record in one step, so that a reader never sees half of it."""
    draft = _record(state_dir).with_suffix(".new")
    draft.write_text(json.dumps(record))
    draft.replace(_record(state_dir))


def _identity(port: int) -> dict | None:
    """What answers on the port, if it is an emulator. Never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{HOST}:{port}{IDENTITY_PATH}", timeout=2) as response:
            identity = json.load(response)
    except (OSError, ValueError):
        return None
    return identity if isinstance(identity, dict) else None


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _alive(pid: int) -> bool:
    if child := _children.get(pid):
        return child.poll() is None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process
    return True


def _hung(state_dir: Path) -> int | None:
    """The process of ``state_dir`` that runs but does not answer, recognised by its command line."""
    pid = _remembered(state_dir).get("pid")
    if not isinstance(pid, int) or not _alive(pid):
        return None
    listing = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    ours = "-m emulator serve" in listing.stdout and f"--state {state_dir}" in listing.stdout
    return pid if ours else None


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _gone(pid: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while _alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    _children.pop(pid, None)
    return True


def _kill_group(pid: int) -> None:
    """End what is left of the server's own process group: workers in the middle of a call."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
