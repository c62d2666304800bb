"""Messages on the order queue: accepted orders that the worker stores.

orders_intake and orders_import write them, orders_worker reads them. The id, the time and the flags are set when the
order is accepted, so two deliveries of a message write the same item. The worker does not check the rules of
acceptance (limits, settings, the clock) again.

During a deployment or after a rollback, writer and worker may have different versions. So a message has a format. The
worker reads every released format, and raises UnknownFormat for a newer one: the message goes back to the queue until a
worker of that version reads it.
"""

from collections.abc import Collection
from decimal import Decimal

from domain import orders, pricing, strict_json, validation
from domain.errors import OrderError, UnknownFormat

FORMAT = 1
"""Of the messages written here; 0 had no `format`.

Raise it when the meaning of a message changes. An additional field, value or flag that only some orders have needs no
new format: older workers detect it. Add a golden message to the tests for each, and never remove one.
"""


def new_message(submission: dict, *, now: int, source: str, features: Collection[str], **origin: str) -> dict:
    """Return the message of a validated submission, accepted at `now` (epoch ms); `features` are the flags that are on.

    `origin` is the sourceFile and processedDate of an order from a file.
    """
    timestamp = submission.get("timestamp", now)
    order_id = submission.get("orderId") or orders.new_id(timestamp)
    given = {"format": FORMAT, "orderId": order_id, "timestamp": timestamp, "priority": "normal"}
    return {**given, **submission, "source": source, "features": sorted(features), **origin}


def read(body: str) -> dict:
    """Parse a message. Raises OrderError("invalid_request"), or UnknownFormat if a newer version wrote it."""
    try:
        document = strict_json.loads(body)
    except ValueError:
        raise OrderError("invalid_request", ["body: must be valid JSON"]) from None
    written = document.get("format", 0) if isinstance(document, dict) else 0
    if isinstance(written, int | Decimal) and written > FORMAT:
        raise UnknownFormat([f"format: is newer than {FORMAT}, the newest that this version reads"])
    return validation.order_message(document)


def order_of(
    message: dict, *, now: int, features: Collection[str], ttl_days: int, correlation_id: str | None
) -> orders.Order:
    """Return the order of `message`. `features` are the flags that are on now, for a message that does not list its own.

    Raises OrderError("invalid_request") for what is never accepted: a total too large to be exact to the cent, an id
    with another time in it than the message's.
    """
    traced = {} if correlation_id is None else {"correlationId": correlation_id}
    order = orders.new_order(
        message | traced,
        order_id=message["orderId"],
        now=now,
        accepted_at=message["timestamp"],
        features=message.get("features", features),
        ttl_days=ttl_days,
        source=message["source"],
    )
    if order["totalAmount"] > pricing.MAX_TOTAL:
        raise OrderError("invalid_request", [f"items: must not cost more than {pricing.MAX_TOTAL}"])
    return order
