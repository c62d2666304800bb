"""Which status an order may move to, and why a change was not made."""

from domain.errors import OrderError

INITIAL = "pending"

TRANSITIONS: dict[str, tuple[str, ...]] = {
    "pending": ("processing", "cancelled"),
    "processing": ("out_for_delivery", "cancelled"),
    "out_for_delivery": ("delivered",),
    "delivered": (),
    "cancelled": (),
}


def _most_changes(status: str) -> int:
    return max((1 + _most_changes(after) for after in TRANSITIONS[status]), default=0)


# Between an order's first status and its last.
MOST_CHANGES = _most_changes(INITIAL)


def predecessors(status: str) -> tuple[str, ...]:
    """The statuses from which an order may move to `status`."""
    return tuple(before for before, after in TRANSITIONS.items() if status in after)


def check_unchanged(order: dict | None, status: str, versions: tuple[int, ...] | None) -> None:
    """Return if it is right that `order`, asked to become `status`, stayed as it is.

    That is so when it has the status already: asking twice is not an error.
    `versions` are those that the client based the change on, None for any.
    Raises OrderError not_found, version_mismatch or illegal_transition.
    """
    if order is None:
        raise OrderError("not_found")
    if versions is not None and order["version"] not in versions:
        raise OrderError("version_mismatch", [f"the order's version is {order['version']}"])
    if order["status"] != status:
        # A status of a later version leads nowhere here.
        allowed = ", ".join(TRANSITIONS.get(order["status"], ())) or "nothing"
        raise OrderError(
            "illegal_transition",
            [f"status: cannot change from {order['status']} to {status}; allowed: {allowed}"],
        )
