"""Who runs on a state directory, and for how long.

A state directory has one process: the one that holds the lock on its file ``emulator.json``. The server takes the
lock before it touches anything else and keeps it until it ends, however it ends. The file says how to find that
process; it is believed only while the lock is held. Neither depends on how the path is spelled or encoded.
"""

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FILE = "emulator.json"
LIFELINE = "EMULATOR_LIFELINE"
"""A file that another process keeps locked: the server ends when that process does. Set by `end_with_this_process`."""

_CHECK_SECONDS = 1.0
_GRACE_SECONDS = 15.0

_lifelines: list[int] = []


class InUseError(RuntimeError):
    """Another process runs on the state directory."""


class Claim:
    """The lock of this process on a state directory; the descriptor is never closed, nor inherited by a child."""

    def __init__(self, state_dir: Path, wait: float = 0, **record: object):
        """Take the lock, waiting up to `wait` seconds for it, and write down who has it. Raises InUseError, OSError."""
        self.path = state_dir / FILE
        self._descriptor = _locked(self.path, time.monotonic() + wait)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps({"pid": os.getpid(), **record}).encode(), 0)
        self.identity = identity(self._descriptor)

    def lost(self) -> bool:
        """Whether the directory was moved or deleted: what is at its path now is not what this process runs on."""
        return identity(self.path) != self.identity


def identity(file: Path | int) -> list[int] | None:
    """Device and inode of a file: the same by every path to it. None if it is missing."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return [found.st_dev, found.st_ino]


def _locked(path: Path, deadline: float) -> int:
    """Open and lock the file, again if it was replaced before the lock was ours."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if identity(path) == identity(descriptor):
                return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                pid = record(path.parent).get("pid")
                raise InUseError(f"the state in {path.parent} is in use by process {pid}") from None
        os.close(descriptor)
        time.sleep(0.05)


def record(state_dir: Path) -> dict:
    """Return what the last process wrote down: pid, port, iam. Empty if nothing readable is there."""
    try:
        found = json.loads((state_dir / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def in_use(state_dir: Path) -> bool:
    """Whether a process holds the lock. Raises PermissionError where that cannot be known."""
    try:
        with (state_dir / FILE).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except PermissionError:
        raise
    except OSError:  # no file that could be locked
        return False
    return False


def end_with_this_process(directory: Path) -> None:
    """Have every emulator that this process or a child of it starts from now on end when this process ends.

    For tests and measurements, which may be killed. A file in `directory` is locked for as long as this process lives.
    """
    path = directory / f"lifeline-{os.getpid()}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    _lifelines.append(descriptor)  # else nothing would say that it must stay open
    os.environ[LIFELINE] = str(path)


def end_when_lost(claim: Claim) -> None:
    """Watch, in threads: end this process when its directory or the holder of its lifeline is gone."""

    def directory_gone() -> None:
        while not claim.lost():
            time.sleep(_CHECK_SECONDS)

    def holder_gone() -> None:
        with suppress(OSError):
            fcntl.flock(os.open(os.environ[LIFELINE], os.O_RDONLY), fcntl.LOCK_SH)

    for gone in [directory_gone] + ([holder_gone] if LIFELINE in os.environ else []):
        threading.Thread(target=_end_after, args=(gone,), name=gone.__name__, daemon=True).start()


def _end_after(event: Callable[[], None]) -> None:
    event()
    os.kill(os.getpid(), signal.SIGTERM)  # the ordinary stop
    time.sleep(_GRACE_SECONDS)
    os._exit(1)
