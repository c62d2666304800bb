"""Wait for a condition. Tests wait for what must happen, and never judge how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

HANGS = 900.0
"""Seconds after which a condition counts as one that never comes true, on the slowest machine too."""

Value = TypeVar("Value")


def eventually(condition: Callable[[], Value], what: str = "", *, hangs: float = HANGS) -> Value:
    """Poll `condition` until it is true, and return its value. Raises AssertionError after `hangs` seconds."""
    deadline, pause = time.monotonic() + hangs, 0.01
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still not true after {hangs:.0f} s: {what or condition}"
        time.sleep(pause)
        pause = min(2 * pause, 0.2)
    return value
