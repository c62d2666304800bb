"""Parse the parameters of a request: values of its path, query and headers.

Each function takes the text (None: absent), returns the value, and raises OrderError without quoting the text.
"""

import re

from contract.schemas import (
    ID_PATTERN,
    IDEMPOTENCY_KEY_PATTERN,
    IF_MATCH_PATTERN,
    MAX_KEY,
    MAX_TAGS,
    MAX_TIMESTAMP,
    MIN_TIMESTAMP,
    ORDER_ID_PATTERN,
    STATUSES,
)
from domain import orders
from domain.callers import Caller
from domain.errors import OrderError

_VERSION = re.compile(r'(?<!W/)"([1-9][0-9]{0,14})"')


def order_id(text: str | None, caller: Caller) -> str:
    """Return the platform's id of the order that `caller` asks for.

    Raise not_found for an id that no order can have, as for an order that does not exist.
    """
    if text is None or not _matches(ORDER_ID_PATTERN, text):
        raise OrderError("not_found")
    return caller.qualified(text)


def customer_id(text: str | None) -> str:
    if text is None or not _matches(ID_PATTERN, text):
        raise _invalid(f"customerId: must match {ID_PATTERN}")
    return text


def timestamp(text: str | None, order_id: str) -> int | None:
    """Return the time of an order, in epoch milliseconds: the one asked for, else the one in its id, None for neither."""
    if text is None:
        return orders.timestamp_of(order_id)
    if not re.fullmatch("[1-9][0-9]{0,14}", text) or not MIN_TIMESTAMP <= int(text) <= MAX_TIMESTAMP:
        raise _invalid("timestamp: must be epoch milliseconds, not seconds, from the year 2000 on")
    return int(text)


def page_size(text: str | None, default: int, highest: int) -> int:
    if text is None:
        return min(default, highest)
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= highest:
        raise _invalid(f"limit: must be a whole number from 1 to {highest}")
    return int(text)


def status_filter(text: str | None) -> str | None:
    if text is not None and text not in STATUSES:
        raise _invalid(f"status: must be one of {', '.join(STATUSES)}")
    return text


def if_match(text: str | None) -> tuple[int, ...] | None:
    """Return the versions in If-Match: None for any, empty if none can match.

    Weak tags (RFC 9110, 13.1.1) and tags that are no versions never match.
    """
    if text is None:
        return None
    text = text.strip(" \t")  # blanks around a header's value are not part of it
    if text == "*":
        return None
    if not re.fullmatch(IF_MATCH_PATTERN, text):
        raise _invalid(f'If-Match: must be * or a list of at most {MAX_TAGS} tags such as "1"')
    return tuple(int(version) for version in _VERSION.findall(text))


def idempotency_key(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(IDEMPOTENCY_KEY_PATTERN, text):
        raise _invalid(f"Idempotency-Key: must be 1 to {MAX_KEY} visible ASCII characters")
    return text


def _matches(pattern: str, text: str) -> bool:
    # fullmatch: "$" also matches before a trailing newline.
    return re.fullmatch(pattern, text) is not None


def _invalid(detail: str) -> OrderError:
    return OrderError("invalid_request", [detail])
