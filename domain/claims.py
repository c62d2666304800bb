"""Claims: a name that may be taken once, kept beside the orders.

DynamoDB makes a whole key unique, an orderId is half of one. So whoever takes
a name (an Idempotency-Key, or an orderId of their own choice) writes, in one
transaction with the order, an item under that name with timestamp 0, which no
order has. The claim remembers which request took the name.
"""

from hashlib import sha256

TIMESTAMP = 0
IDEMPOTENCY_SECONDS = 24 * 3600


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
