"""The statuses of an order, and why a change of status is refused."""

from collections.abc import Mapping

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


def predecessors(status: str, transitions: Transitions = TRANSITIONS) -> tuple[str, ...]:
    """Return the statuses from which an order may change to `status`."""
    return tuple(before for before, after in transitions.items() if status in after)


def check_unchanged(
    order: Mapping, status: str, versions: tuple[int, ...] | None, transitions: Transitions = TRANSITIONS
) -> None:
    """Return if `order`, which did not change to `status`, has that status already: a repetition is not an error.

    `versions` are those that the client based the change on, None for any.
    Raises OrderError version_mismatch or illegal_transition.
    """
    if versions is not None and order["version"] not in versions:
        raise OrderError("version_mismatch", [f"the order's version is {order['version']}"])
    if order["status"] != status:
        # A later version may have added the status.
        allowed = ", ".join(transitions.get(order["status"], ())) or "nothing"
        raise OrderError(
            "illegal_transition",
            [f"status: cannot change from {order['status']} to {status}; allowed: {allowed}"],
        )
