"""The opaque nextToken of a customer's list.

It carries where the last page ended, (orderId, timestamp), and a digest that
ties it to the customer and the filter it was made for. The digest is no
secret and no signature: it turns mistakes into errors. What protects other
customers is that the customer is never read from the token, only from the path.
"""

import base64
import re
from hashlib import sha256

from contract.schemas import TOKEN_PATTERN
from domain import parameters
from domain.errors import OrderError

_DIGEST_BYTES = 12


def encode(position: tuple[str, int], customer_id: str, status: str | None) -> str:
    """The token for the page after `position` of the customer's orders with `status`."""
    payload = "{}:{}".format(*reversed(position)).encode()
    bound = f"{customer_id}\n{status or ''}\n".encode() + payload
    digest = sha256(bound).digest()[:_DIGEST_BYTES]
    return base64.urlsafe_b64encode(digest + payload).rstrip(b"=").decode()


def decode(token: str | None, customer_id: str, status: str | None) -> tuple[str, int] | None:
    """The position in `token`, None for none. Raises OrderError("invalid_request")."""
    if token is None:
        return None
    try:
        position = _position(token)
        # Encoding it again checks the digest and that no bit is spelt otherwise.
        genuine = encode(position, customer_id, status) == token
    except (ValueError, OrderError):
        genuine = False
    if not genuine:
        raise OrderError("invalid_request", ["nextToken: is not one of this list's tokens"])
    return position


def _position(token: str) -> tuple[str, int]:
    if not re.fullmatch(TOKEN_PATTERN, token):
        raise ValueError("not a token")
    payload = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[_DIGEST_BYTES:]
    timestamp, order_id = payload.decode("ascii").split(":", 1)
    # Any order that there is may end a page, also one of a time that is not accepted any more.
    if not re.fullmatch("[1-9][0-9]{0,14}", timestamp):
        raise ValueError("no order's timestamp")
    return parameters.order_id(order_id), int(timestamp)
