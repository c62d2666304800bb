"""What travels on the order queue: an accepted order, on its way to be stored.

The edges that accept orders (the API's intake, the import of files) write it,
the worker reads it. The id and the time are fixed when the order is accepted,
so that a message delivered twice means the same item twice. So are the flags.
Accepted is accepted: the worker judges no rule of acceptance again, be it a
limit, a setting or the clock.

Edge and worker may be of different versions, during a deployment or after a
rollback. So a message says its format. A worker reads every format that was
ever released, and raises UnknownFormat for what it does not know, so that the
message goes back to the queue until a worker comes that does.
"""

from collections.abc import Collection
from decimal import Decimal

from domain import orders, pricing, strict_json, validation
from domain.errors import OrderError, UnknownFormat

FORMAT = 1
"""Of the messages written here; 0 had no `format`.

Raise it when the message of an order changes. A further field, value or flag
that only some orders have needs no other format: older workers see that they do
not know it. Either needs a golden message among the tests, which stays there.
"""


def new_message(submission: dict, *, now: int, source: str, features: Collection[str], **origin: str) -> dict:
    """The message for a validated submission, accepted at `now` (epoch ms); `features` are the flags that are on.

    `origin`: of an order from a file its sourceFile and processedDate.
    """
    order_id = submission.get("orderId") or orders.new_id()
    given = {"format": FORMAT, "orderId": order_id, "timestamp": now, "priority": "normal"}
    return {**given, **submission, "source": source, "features": sorted(features), **origin}


def read(body: str) -> dict:
    """The message in `body`. Raises OrderError("invalid_request"), or UnknownFormat if a newer version wrote it."""
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
    """The order that `message` asks for. `features`: the flags that are on now, should it not say which were.

    Raises OrderError("invalid_request") for a total that cannot be kept to the cent, which no edge ever accepted.
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
