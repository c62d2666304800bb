"""The opaque nextToken of a customer's list.

It has the position where the last page ended, (orderId, timestamp), and a digest of position, caller, customer and
filter. The digest is neither secret nor signature: it detects mistakes. Other callers' and customers' orders are safe
because a list follows from the caller and the path only, never from the token.
"""

import base64
import re
from hashlib import sha256

from contract.schemas import TOKEN_PATTERN
from domain import parameters
from domain.callers import Caller
from domain.errors import OrderError

_DIGEST_BYTES = 12


def encode(position: tuple[str, int], caller: Caller, customer_id: str, status: str | None) -> str:
    """Return the token for the page after `position` of the customer's orders with `status` that the caller sees."""
    payload = "{}:{}".format(*reversed(position)).encode()
    # Nothing of the operator, whose keys all see the same.
    seen_by = "" if caller.sees_all else f"{caller.scope}\n"
    bound = f"{seen_by}{customer_id}\n{status or ''}\n".encode() + payload
    digest = sha256(bound).digest()[:_DIGEST_BYTES]
    return base64.urlsafe_b64encode(digest + payload).rstrip(b"=").decode()


def decode(token: str | None, caller: Caller, customer_id: str, status: str | None) -> tuple[str, int] | None:
    """Return the position in `token`, None without a token. Raises OrderError("invalid_request")."""
    if token is None:
        return None
    try:
        position = _position(token, caller)
        # Encode it again: this checks the digest, and that the token has no other spelling.
        genuine = encode(position, caller, customer_id, status) == token
    except (ValueError, OrderError):
        genuine = False
    if not genuine:
        raise OrderError("invalid_request", ["nextToken: is not one of this list's tokens"])
    return position


def _position(token: str, caller: Caller) -> tuple[str, int]:
    if not re.fullmatch(TOKEN_PATTERN, token):
        raise ValueError("not a token")
    payload = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[_DIGEST_BYTES:]
    timestamp, order_id = payload.decode("ascii").split(":", 1)
    # Any stored order may end a page, even one with a timestamp that is no longer accepted.
    if not re.fullmatch("[1-9][0-9]{0,14}", timestamp):
        raise ValueError("no order's timestamp")
    return parameters.order_id(order_id, caller), int(timestamp)
