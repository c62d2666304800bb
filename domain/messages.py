"""What travels on the order queue: an accepted order, on its way to be stored.

The edges that accept orders (the API's intake, the import of files) write it,
the worker reads it. The id and the time are fixed when the order is accepted,
so that a message delivered twice means the same item twice. So are the flags:
an accepted order is not refused because a flag was turned off, or the worker
has not heard of it yet.
"""

from collections.abc import Collection

from domain import admission, orders, strict_json, validation
from domain.errors import OrderError


def new_message(submission: dict, *, now: int, source: str, features: Collection[str], **origin: str) -> dict:
    """The message for a validated submission, accepted at `now` (epoch ms); `features` are the flags that are on.

    `origin`: of an order from a file its sourceFile and processedDate.
    """
    order_id = submission.get("orderId") or orders.new_id()
    given = {"orderId": order_id, "timestamp": now, "priority": "normal"}
    return {**given, **submission, "source": source, "features": sorted(features), **origin}


def read(body: str, now: int) -> dict:
    """The message in `body`. Raises OrderError("invalid_request")."""
    try:
        document = strict_json.loads(body)
    except ValueError:
        raise OrderError("invalid_request", ["body: must be valid JSON"]) from None
    return validation.order_message(document, now)


def order_of(
    message: dict, *, now: int, features: Collection[str], ttl_days: int, correlation_id: str | None
) -> orders.Order:
    """The order that `message` asks for. `features`: the flags that are on now, should it not say which were.

    Raises OrderError feature_disabled or payment_mismatch.
    """
    request = {key: value for key, value in message.items() if key != "features"}
    # Only a message that does not say which flags were on may not have been judged by any.
    refusal = admission.feature_refusal(request, features) if "features" not in message else None
    if refusal is not None:
        raise refusal
    if correlation_id is not None:
        request["correlationId"] = correlation_id
    return orders.new_order(
        request,
        order_id=message["orderId"],
        now=now,
        accepted_at=message["timestamp"],
        features=message.get("features", features),
        ttl_days=ttl_days,
        source=message["source"],
    )
