"""Events that the platform publishes: an order was stored, or its status changed.

They have no address and no items: subscribers that need them can read the order.
"""

from collections.abc import Mapping

from contract import VERSION
from contract.documents import ORDER_EVENT
from contract.models import ORDER
from domain import orders, validation

CREATED = "OrderCreated"
STATUS_CHANGED = "OrderStatusChanged"

_COPIED = tuple(name for name in ORDER_EVENT["properties"] if name in ORDER["properties"])


def announcement(before: Mapping | None, after: Mapping) -> dict | None:
    """Return the OrderEvent of a change from `before` (None: the order is new), None if its status is the same.

    Raises KeyError or OrderError for what is not a whole order.
    """
    if before is not None and before["status"] == after["status"]:
        return None
    event = {
        "contractVersion": VERSION,
        # Each change has another version, so every delivery of an event has the same id.
        "eventId": f"{after['orderId']}:{after['version']}",
        "eventType": CREATED if before is None else STATUS_CHANGED,
        "occurredAt": orders.iso(after["updatedAt"]),
        **{field: after[field] for field in _COPIED if field in after},
    }
    if before is not None:
        event["previousStatus"] = before["status"]
    if "correlationId" in after:
        event["correlationId"] = after["correlationId"]
    validation.check("OrderEvent", event)
    return event
