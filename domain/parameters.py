"""What a request says outside its body: path, query and header values.

Each function takes the text as it came (None: absent), returns the value, and
raises OrderError, without repeating the text.
"""

import re

from contract.schemas import ID_PATTERN, MAX_TIMESTAMP, STATUSES
from domain.errors import OrderError

# DynamoDB's limit on the operands of IN.
MAX_TAGS = 100

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"[ \t]*{_TAG}(?:[ \t]*,[ \t]*{_TAG})*[ \t]*")
_VERSION = re.compile(r'(?<!W/)"([1-9][0-9]{0,14})"')


def order_id(text: str | None) -> str:
    """An id that no order can have is an order that is not there: not_found."""
    if not _is_identifier(text):
        raise OrderError("not_found")
    return text


def customer_id(text: str | None) -> str:
    if not _is_identifier(text):
        raise _invalid(f"customerId: must match {ID_PATTERN}")
    return text


def timestamp(text: str | None) -> int | None:
    """Epoch milliseconds; never 0, which is the sort key of claims."""
    if text is None:
        return None
    if not re.fullmatch("[1-9][0-9]{0,14}", text) or int(text) > MAX_TIMESTAMP:
        raise _invalid("timestamp: must be epoch milliseconds")
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
    """The versions that If-Match names: None for any, empty where none can match.

    A weak tag never matches (RFC 9110, 13.1.1), nor does a tag not of ours.
    """
    if text is None or text.strip() == "*":
        return None
    if not _TAGS.fullmatch(text):
        raise _invalid('If-Match: must be * or a list of tags such as "1"')
    versions = tuple(int(version) for version in _VERSION.findall(text))
    if len(versions) > MAX_TAGS:
        raise _invalid(f"If-Match: must have at most {MAX_TAGS} tags")
    return versions


def idempotency_key(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[\x21-\x7e]{1,255}", text):
        raise _invalid("Idempotency-Key: must be 1 to 255 visible ASCII characters")
    return text


def _is_identifier(text: str | None) -> bool:
    # fullmatch: a "$" alone would let a trailing newline pass.
    return text is not None and re.fullmatch(ID_PATTERN, text) is not None


def _invalid(detail: str) -> OrderError:
    return OrderError("invalid_request", [detail])
