"""What the platform announces: that an order was stored, and that its status changed.

No address and no items: subscribers that need them may read the order.
"""

from contract.documents import ORDER_EVENT
from contract.models import ORDER
from domain import orders, validation

CREATED = "OrderCreated"
STATUS_CHANGED = "OrderStatusChanged"

_COPIED = tuple(name for name in ORDER_EVENT["properties"] if name in ORDER["properties"])


def announcement(before: orders.Order | None, after: orders.Order) -> dict | None:
    """The OrderEvent of a change from `before` (None: the order is new), None for one of no interest.

    Raises KeyError or OrderError for what is not a whole order.
    """
    if before is not None and before["status"] == after["status"]:
        return None
    event = {
        # A change raises the version, so this names the event, however often it is delivered.
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
