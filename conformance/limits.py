"""The time limit of a probe, and its interruption: every request and every wait of its thread checks both."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


class Stopped(Exception):
    """The probe's time is over, or the run is interrupted. The text says which."""


@dataclass
class Limit:
    """`deadline`: by time.monotonic(). `interrupted`: of the whole run."""

    seconds: float
    interrupted: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.seconds

    def check(self) -> None:
        """Raise Stopped after the deadline or an interruption."""
        if self.interrupted.is_set():
            raise Stopped("interrupted")
        if time.monotonic() > self.deadline:
            raise Stopped(f"timed out after {self.seconds:.0f} s")


_limit: ContextVar[Limit | None] = ContextVar("limit", default=None)


@contextmanager
def limited(limit: Limit) -> Iterator[None]:
    """Apply the limit to what this thread does in the block."""
    before = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(before)


def check(**_: Any) -> None:
    """Raise Stopped if this thread's limit is exceeded. A handler of botocore's events as well."""
    if limit := _limit.get():
        limit.check()


def watched(client: Any) -> Any:
    """Check the limit before each attempt of a request that the client sends; return the client."""
    client.meta.events.register("request-created", check, unique_id="conformance-limit")
    return client


def pause(seconds: float) -> None:
    """Sleep, unless the limit ends the probe first."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        check()
        time.sleep(min(left, 0.5))
    check()
