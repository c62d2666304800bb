"""Wait for AWS: how often to ask, and when to stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from deployer.aws.session import Aws
from deployer.errors import Exit, Failure

T = TypeVar("T")

LIMIT = 900.0
"""Seconds until `until` gives up."""


@dataclass(frozen=True)
class PollingConfig:
    """Polling interval, maximum backoff and error tolerance, in seconds."""

    interval: float
    max_backoff: float
    error_tolerance: float


LOCAL = PollingConfig(0.1, 0.5, 10)
REMOTE = PollingConfig(2.5, 20, 300)


def polling(aws: Aws) -> PollingConfig:
    """Return how often to ask: an emulator on this machine sooner than AWS."""
    return LOCAL if aws.on_this_machine else REMOTE


def until(look: Callable[[], T], done: Callable[[T], bool], pause: float, limit: float = LIMIT) -> T:
    """Call `look` every `pause` seconds until `done(result)`; return the result.

    Raises Failure(FAILED) after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    while not done(result := look()):
        if time.monotonic() > deadline:
            raise Failure(
                Exit.FAILED,
                f"timed out after {limit / 60:.0f} minutes; the operation may still be running",
                "check it with --status, then run the same command again",
            )
        time.sleep(pause)
    return result
