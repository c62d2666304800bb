"""An order: how it is made from a request, and how a client sees it."""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import NotRequired, TypedDict

from contract.schemas import ORDER
from domain import lifecycle, pricing, strict_json
from domain.errors import OrderError

SECONDS_PER_DAY = 86_400
_FIELDS = tuple(ORDER["properties"])

# What a request may use only where a flag is on: field, its value (None: any), flag.
_FLAGGED = (("delivery", "express", "expressDelivery"), ("payments", None, "multiplePayments"))


class Order(TypedDict):
    """An order as it is stored; `representation` is what a client sees of it."""

    orderId: str
    timestamp: int  # accepted at, epoch milliseconds
    customerId: str
    items: list[dict]  # productId, quantity, price
    deliveryAddress: dict  # street, city, zipCode
    delivery: NotRequired[str]
    payments: NotRequired[list[dict]]  # method, amount
    status: str
    totalAmount: Decimal
    loyaltyPoints: NotRequired[int]
    version: int
    source: str
    updatedAt: int  # epoch milliseconds
    expiresAt: int  # epoch seconds, DynamoDB's time to live
    fingerprint: str  # of the request


def new_order(
    request: dict,
    *,
    order_id: str,
    now: int,
    features: Collection[str],
    ttl_days: int,
    source: str = "api",
) -> Order:
    """The order that a validated OrderRequest asks for, accepted at `now` (epoch ms).

    `features` are the flags that are on for the customer.
    Raises OrderError feature_disabled or payment_mismatch.
    """
    _check_features(request, features)
    total = pricing.total(request["items"])
    if "payments" in request and not pricing.payments_match(request["payments"], total):
        raise OrderError("payment_mismatch", [f"payments: must sum to {total}"])
    loyalty = {"loyaltyPoints": pricing.loyalty_points(total)} if "loyaltyProgram" in features else {}
    return {
        **request,
        **loyalty,
        "orderId": order_id,
        "timestamp": now,
        "status": lifecycle.INITIAL,
        "totalAmount": total,
        "version": 1,
        "source": source,
        "updatedAt": now,
        "expiresAt": expiry(now, ttl_days),
        "fingerprint": fingerprint(request),
    }


def as_created(order: Order) -> Order:
    """`order` as it was when it was placed, whatever has happened to it since."""
    return {**order, "status": lifecycle.INITIAL, "version": 1, "updatedAt": order["timestamp"]}


def expiry(changed_at: int, ttl_days: int) -> int:
    """When an order last changed at `changed_at` (epoch ms) may be deleted, epoch seconds."""
    return changed_at // 1000 + ttl_days * SECONDS_PER_DAY


def fingerprint(request: dict) -> str:
    """Equal for two validated requests exactly when they ask for the same order."""
    return sha256(strict_json.dumps(request, sort_keys=True).encode()).hexdigest()


def representation(order: Order) -> dict:
    """What a client sees of `order`: the fields of the contract, in the contract's order."""
    seen = {
        **order,
        "createdAt": _iso(order["timestamp"]),
        "updatedAt": _iso(order["updatedAt"]),
    }
    return {field: seen[field] for field in _FIELDS if field in seen}


def _check_features(request: dict, features: Collection[str]) -> None:
    refused = [
        f"{field}: {value or 'this field'} is not available"
        for field, value, flag in _FLAGGED
        if field in request and value in (None, request[field]) and flag not in features
    ]
    if refused:
        raise OrderError("feature_disabled", refused)


def _iso(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
