"""Claims: items that make an orderId or an Idempotency-Key unique.

DynamoDB makes the whole key of an item unique, and orderId is half of it. So an order with a name that must be unique
(an Idempotency-Key, or an orderId chosen by the client) is written in one transaction with a claim: an item under that
name with timestamp 0, which no order has. The claim stores the fingerprint of the request.
"""

import uuid
from collections.abc import Mapping
from hashlib import sha256

from contract.schemas import KEYED_ID_PREFIX
from domain import lifecycle, orders

TIMESTAMP = 0
IDEMPOTENCY_SECONDS = 24 * 3600

# DynamoDB deletes expired items within days; until then an order can be changed.
GRACE_DAYS = 30


def idempotency_claim(scope: str, key: str, order: orders.Order) -> dict:
    """Return the claim of `order` on an Idempotency-Key of one caller, for 24 hours.

    No orderId has a "#".
    """
    return {
        "orderId": f"idempotency#{_digest(scope, key)}",
        "timestamp": TIMESTAMP,
        "claimedOrderId": order["orderId"],
        "orderTimestamp": order["timestamp"],
        "fingerprint": order["fingerprint"],
        "expiresAt": order["timestamp"] // 1000 + IDEMPOTENCY_SECONDS,
    }


def keyed_order_id(scope: str, key: str) -> str:
    """Return the orderId of an order without one, derived from an Idempotency-Key of one caller.

    It needs a claim, like an id chosen by the client: the same key gives the same id.
    """
    return f"{KEYED_ID_PREFIX}{_digest(scope, key)}"


def change_id(scope: str, key: str | None, status: str) -> str:
    """Return the id of a change to `status`: the same for the same Idempotency-Key, a new one without a key."""
    return uuid.uuid4().hex if key is None else _digest(scope, f"{status}:{key}")


def _digest(scope: str, key: str) -> str:
    """Hash a client's key: it may have personal data, and must not reach the table, URLs and logs."""
    return sha256(f"{scope}:{key}".encode()).hexdigest()


def is_of(claim: Mapping | None, request: Mapping) -> bool:
    """Return whether the claim was written for this validated request."""
    return claim is not None and claim["fingerprint"] == orders.fingerprint(request)


def order_claim(order: orders.Order, ttl_days: int) -> dict:
    """Return the claim of `order` on its orderId, for an id that a client or its Idempotency-Key chose.

    It must outlive the order, or another order could get the same id. Each change of status gives an order another
    `ttl_days`, and the number of changes is bounded: the claim has the days of all of them from the start, so that a
    change writes only one item.
    """
    return {
        "orderId": order["orderId"],
        "timestamp": TIMESTAMP,
        "orderTimestamp": order["timestamp"],
        "fingerprint": order["fingerprint"],
        "expiresAt": orders.expiry(order["updatedAt"], ttl_days * (1 + lifecycle.MOST_CHANGES) + GRACE_DAYS),
    }
