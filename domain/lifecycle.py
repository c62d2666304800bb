"""The statuses of an order, and why a change of status is refused."""

from collections.abc import Mapping

from domain.callers import Caller
from domain.errors import OrderError

INITIAL = "pending"

Transitions = Mapping[str, tuple[str, ...]]

TRANSITIONS: Transitions = {
    "pending": ("processing", "cancelled"),
    "processing": ("out_for_delivery", "cancelled"),
    "out_for_delivery": ("delivered",),
    "delivered": (),
    "cancelled": (),
}
# A customer's own.
OF_CUSTOMERS: Transitions = {"pending": ("cancelled",)}


def _most_changes(status: str) -> int:
    return max((1 + _most_changes(after) for after in TRANSITIONS[status]), default=0)


# From an order's first status to its last.
MOST_CHANGES = _most_changes(INITIAL)


def transitions(caller: Caller) -> Transitions:
    """Return the changes of status that the caller may make."""
    return TRANSITIONS if caller.customer is None else OF_CUSTOMERS


def predecessors(status: str, caller: Caller) -> tuple[str, ...]:
    """Return the statuses from which the caller may change an order to `status`."""
    return tuple(before for before, after in transitions(caller).items() if status in after)


def check_unchanged(order: Mapping, status: str, versions: tuple[int, ...] | None, caller: Caller) -> None:
    """Return if `order`, which did not change to `status`, has that status already: a repetition is not an error.

    `versions` are those that the client based the change on, None for any.
    Raises OrderError version_mismatch or illegal_transition.
    """
    if versions is not None and order["version"] not in versions:
        raise OrderError("version_mismatch", [f"the order's version is {order['version']}"])
    if order["status"] != status:
        # A later version may have added the status.
        allowed = ", ".join(transitions(caller).get(order["status"], ())) or "nothing"
        raise OrderError(
            "illegal_transition",
            [f"status: cannot change from {order['status']} to {status}; allowed: {allowed}"],
        )
