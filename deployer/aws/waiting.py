"""Waiting for AWS, with an end."""

import time
from collections.abc import Callable

from deployer.errors import Exit, Failure

LIMIT = 900.0


def until(look: Callable, done: Callable, pause: float, limit: float = LIMIT):
    """Call `look` every `pause` seconds until `done(answer)`; the answer. Failure(FAILED) after `limit`."""
    deadline = time.monotonic() + limit
    while not done(answer := look()):
        if time.monotonic() > deadline:
            raise Failure(
                Exit.FAILED,
                f"AWS did not come to an end in {limit / 60:.0f} minutes, and may still be at work",
                "look with --status, then run the same command again",
            )
        time.sleep(pause)
    return answer
