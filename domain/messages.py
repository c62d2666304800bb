"""Messages on the order queue: accepted orders that the worker stores.

orders_intake and orders_import write them, orders_worker reads them. The id, the time and the flags are set when the
order is accepted, so two deliveries of a message write the same item. The worker does not check the rules of
acceptance (limits, settings, the clock) again.

During a deployment or after a rollback, writer and worker may have different versions. So a message has a format. The
worker reads every released format. A message of a newer one, UnknownFormat, goes back to the queue until a worker of
that version reads it.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from domain import flags, orders, pricing, strict_json, validation
from domain.errors import OrderError, UnknownFormat

ONE, SEVERAL = 1, 2
"""The formats written here: of a message that is one order, and of one with several. 0 is 1 without `format`.

An older worker does not read SEVERAL, so a single order is written as ONE. Add a format when the meaning of a message
changes. An additional field, value or flag that only some orders have needs no new format: older workers detect it. Add
a golden message to the tests for each, and never remove one.
"""

FORMAT = SEVERAL
"""The newest that this version reads."""

Read = dict | OrderError | UnknownFormat  # an order, valid, or why it is none

_separators = re.compile(r"[ \t\r\n,]*").match


def accepted(submission: dict, *, now: int, source: str, features: Collection[str], **origin: str) -> dict:
    """Return a validated submission as an accepted order, at `now` (epoch ms); `features` are the flags that are on.

    `origin` is the partner of a partner's order, and the sourceFile and processedDate of one from a file.
    """
    timestamp = submission.get("timestamp", now)
    order_id = submission.get("orderId") or orders.new_id(timestamp)
    given = {"orderId": order_id, "timestamp": timestamp, "priority": "normal"}
    return {**given, **submission, "source": source, "features": sorted(features), **origin}


def write(texts: Sequence[str]) -> str:
    """Return a message of accepted orders, each as JSON."""
    if len(texts) == 1:
        return _alone(texts[0])
    return f'{{"format":{SEVERAL},"orders":[{",".join(texts)}]}}'


def read(body: str) -> dict[int | None, Read]:
    """Return each order of a message by its index. One that is not valid does not affect the others.

    None instead of an index stands for the whole message: one that is one order, or that cannot be read.
    """
    try:
        document = strict_json.loads(body)
    except ValueError:
        return {None: OrderError("invalid_request", ["body: must be valid JSON"])}
    written = document.get("format", 0) if isinstance(document, dict) else 0
    if isinstance(written, int | Decimal) and written > FORMAT:
        return {None: UnknownFormat([f"format: is newer than {FORMAT}, the newest that this version reads"])}
    if written != SEVERAL:
        return {None: _read_one(document)}
    try:
        several = validation.orders_message(document)
    except (OrderError, UnknownFormat) as error:
        return {None: error}
    return {index: _read_of_several(each) for index, each in enumerate(several)}


def _read_of_several(document: object) -> Read:
    if isinstance(document, dict) and "format" in document:
        return UnknownFormat(["format: is not a known field of an order among several"])
    return _read_one(document)


def _read_one(document: object) -> Read:
    try:
        return validation.order_message(document)
    except (OrderError, UnknownFormat) as error:
        return error


def extract(body: str, index: int | None) -> str:
    """Return the order at an index that `read` returned as a message of its own.

    Its text is not changed: a number may have more digits than this version can write.
    """
    if index is None:
        return body
    at = body.index("[") + 1
    for _ in range(index + 1):
        start = _separators(body, at).end()  # type: ignore[union-attr]  # it matches everywhere
        _, at = json.JSONDecoder().raw_decode(body, start)
    return _alone(body[start:at])


def _alone(text: str) -> str:
    # An empty object, or what is no object, is not valid anyway.
    return re.sub(r'^\{(?=\s*")', f'{{"format":{ONE},', text)


def order_of(
    message: dict, *, now: int, settings: Mapping[str, bool | int | float], ttl_days: int, correlation_id: str | None
) -> orders.Order:
    """Return the order of `message`. `settings` are the flags' now, for a message that does not list its flags.

    Raises OrderError("invalid_request") for what is never accepted: a total too large to be exact to the cent, an id
    with another time in it than the message's.
    """
    traced = {} if correlation_id is None else {"correlationId": correlation_id}
    features = message.get("features")
    order = orders.new_order(
        message | traced,
        order_id=message["orderId"],
        now=now,
        accepted_at=message["timestamp"],
        features=flags.enabled(settings, message["customerId"]) if features is None else features,
        ttl_days=ttl_days,
        source=message["source"],
    )
    if order["totalAmount"] > pricing.MAX_TOTAL:
        raise OrderError("invalid_request", [f"items: must not cost more than {pricing.MAX_TOTAL}"])
    return order
