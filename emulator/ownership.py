"""Who runs on a state directory, and for how long.

A state directory has one process: the one that holds the lock on the directory, so that no deleted or copied file
makes room for another. The server takes the lock before it touches anything else and keeps it until it ends, however it
ends. The file ``emulator.json`` says how to find that process; it is believed only while the lock is held. Neither
depends on how the path is spelled or encoded.
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
        self.path = state_dir
        self._descriptor = _locked(state_dir, time.monotonic() + wait)
        self._record = {"pid": os.getpid(), **record}
        (state_dir / FILE).write_text(json.dumps(self._record))
        self.identity = identity(self._descriptor)

    def lost(self) -> bool:
        """Whether nobody finds this process any more: the directory was moved or deleted, or its record was."""
        return identity(self.path) != self.identity or record(self.path) != self._record


def identity(file: Path | int) -> list[int] | None:
    """Device and inode of a file or directory: the same by every path to it. None if it is missing."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return [found.st_dev, found.st_ino]


def _locked(path: Path, deadline: float) -> int:
    """Open and lock the directory, again if it was replaced before the lock was ours."""
    while True:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if identity(path) == identity(descriptor):
                return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                pid = record(path).get("pid")
                raise InUseError(f"the state in {path} is in use by process {pid}") from None
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
        descriptor = os.open(state_dir, os.O_RDONLY)
    except PermissionError:
        raise
    except OSError:  # no directory that could be locked
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
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
