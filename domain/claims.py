"""Claims: a name that may be taken once, kept beside the orders.

DynamoDB makes a whole key unique, an orderId is half of one. So whoever takes
a name (an Idempotency-Key, or an orderId of their own choice) writes, in one
transaction with the order, an item under that name with timestamp 0, which no
order has. The claim remembers which request took the name.
"""

from hashlib import sha256

from domain import lifecycle, orders

TIMESTAMP = 0
IDEMPOTENCY_SECONDS = 24 * 3600

# DynamoDB deletes what has expired within days; until then an order can still be changed.
GRACE_DAYS = 30


def idempotency_claim(api_key_id: str, key: str, order: dict) -> dict:
    """The claim of `order` on an Idempotency-Key of one API key, for 24 hours.

    "#" keeps it apart from every orderId, and the hash keeps the client's key,
    which may mean something, out of the table and the logs.
    """
    name = sha256(f"{api_key_id}:{key}".encode()).hexdigest()
    return {
        "orderId": f"idempotency#{name}",
        "timestamp": TIMESTAMP,
        "claimedOrderId": order["orderId"],
        "orderTimestamp": order["timestamp"],
        "fingerprint": order["fingerprint"],
        "expiresAt": order["timestamp"] // 1000 + IDEMPOTENCY_SECONDS,
    }


def order_claim(order: dict, ttl_days: int) -> dict:
    """The claim of `order` on its own id, for an id that a client chose.

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
