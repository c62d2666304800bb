"""The lock on a state directory, and when its process must end.

One process runs on a state directory: the one that holds the lock on the directory itself, which a deleted or copied
file cannot release. The server takes the lock before anything else and keeps it until it ends. The file
``emulator.json`` says how to find that process; it is valid while the lock is held.
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
"""Path of a file that another process keeps locked. The server ends with that process (`end_with_this_process`)."""

_CHECK_SECONDS = 1.0
_GRACE_SECONDS = 15.0

_lifelines: list[int] = []


class InUseError(RuntimeError):
    """Another process runs on the state directory."""


class Claim:
    """The lock of this process on a state directory. Its descriptor is never closed, and no child inherits it."""

    def __init__(self, state_dir: Path, wait: float = 0, **record: object):
        """Take the lock, waiting up to `wait` seconds, and write the record. Raises InUseError, OSError."""
        self.path = state_dir
        self._descriptor = _locked(state_dir, time.monotonic() + wait)
        self._record = {"pid": os.getpid(), **record}
        (state_dir / FILE).write_text(json.dumps(self._record))
        self.identity = identity(self._descriptor)

    def lost(self) -> bool:
        """Return whether the directory or its record was moved, deleted or replaced."""
        return identity(self.path) != self.identity or record(self.path) != self._record


def identity(file: Path | int) -> list[int] | None:
    """Return device and inode of a file or directory, the same by every path; None if it is missing."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return [found.st_dev, found.st_ino]


def _locked(path: Path, deadline: float) -> int:
    """Open and lock the directory. Start again if it was replaced meanwhile."""
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
    """Return the record of the last process: pid, port, iam. {} if there is none."""
    try:
        found = json.loads((state_dir / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def in_use(state_dir: Path) -> bool:
    """Return whether a process holds the lock. Raises PermissionError if the directory cannot be opened."""
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
    """End every emulator that this process or a child starts from now on when this process ends.

    For tests and benchmarks, which may be killed. This process keeps a file in `directory` locked.
    """
    path = directory / f"lifeline-{os.getpid()}"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    _lifelines.append(descriptor)  # a reference, so that it stays open
    os.environ[LIFELINE] = str(path)


def end_when_lost(claim: Claim) -> None:
    """End this process, from threads, when its directory or the holder of its lifeline is gone."""

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
