"""Waiting for what must not happen."""

from collections.abc import Callable
from typing import Any

from conformance.account import Account
from conformance.probe import Differs


def never(account: Account, condition: Callable[[], Any], expected: str, seconds: float = 1) -> None:
    """Raise Differs if the condition becomes true within `seconds` times the wait factor."""
    try:
        seen = account.until(condition, expected, seconds)
    except Differs:
        return
    raise Differs(expected, seen)
