"""Claims: a name that may be taken once, kept beside the orders.

DynamoDB makes a whole key unique, an orderId is half of one. So whoever takes
a name (an Idempotency-Key, or an orderId of their own choice) writes, in one
transaction with the order, an item under that name with timestamp 0, which no
order has. The claim remembers which request took the name.
"""

import uuid
from hashlib import sha256

from contract.schemas import KEYED_ID_PREFIX
from domain import lifecycle, orders

TIMESTAMP = 0
IDEMPOTENCY_SECONDS = 24 * 3600

# DynamoDB deletes what has expired within days; until then an order can still be changed.
GRACE_DAYS = 30


def idempotency_claim(api_key_id: str, key: str, order: dict) -> dict:
    """The claim of `order` on an Idempotency-Key of one API key, for 24 hours.

    "#" keeps it apart from every orderId.
    """
    return {
        "orderId": f"idempotency#{_digest(api_key_id, key)}",
        "timestamp": TIMESTAMP,
        "claimedOrderId": order["orderId"],
        "orderTimestamp": order["timestamp"],
        "fingerprint": order["fingerprint"],
        "expiresAt": order["timestamp"] // 1000 + IDEMPOTENCY_SECONDS,
    }


def keyed_order_id(api_key_id: str, key: str) -> str:
    """The orderId that an Idempotency-Key of one API key gives to an order without one.

    It needs the claim that an id of the client's choice needs: the same key makes the same id.
    """
    return f"{KEYED_ID_PREFIX}{_digest(api_key_id, key)}"


def change_id(api_key_id: str, key: str | None, status: str) -> str:
    """What names a change of an order to `status`: under one Idempotency-Key the same each time, without one new."""
    return uuid.uuid4().hex if key is None else _digest(api_key_id, f"{status}:{key}")


def _digest(api_key_id: str, key: str) -> str:
    """A client's key may mean something: it stays out of the table, URLs and logs."""
    return sha256(f"{api_key_id}:{key}".encode()).hexdigest()


def is_of(claim: dict | None, request: dict) -> bool:
    """Whether a validated request is the one that took the claim's name."""
    return claim is not None and claim["fingerprint"] == orders.fingerprint(request)


def order_claim(order: dict, ttl_days: int) -> dict:
    """The claim of `order` on its own id, for an id that a client, or its Idempotency-Key, chose.

    It must outlive the order, or the id could be taken again while the order
    is there. Each change of status gives an order another `ttl_days`, and
    there are only so many changes: the claim has all of them from the start,
    so that changing an order stays one write of one item.
    """
    return {
        "orderId": order["orderId"],
        "timestamp": TIMESTAMP,
        "orderTimestamp": order["timestamp"],
        "fingerprint": order["fingerprint"],
        "expiresAt": orders.expiry(order["updatedAt"], ttl_days * (1 + lifecycle.MOST_CHANGES) + GRACE_DAYS),
    }
