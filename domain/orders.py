"""An order: how it is made from a request, and how a client sees it."""

import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import NotRequired, TypedDict

from contract.schemas import ORDER, ORDER_FIELDS, PLATFORM_ID_PREFIX
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
    deliveryAddress: NotRequired[dict]  # street, city, zipCode
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
    priority: NotRequired[str]
    correlationId: NotRequired[str]  # of the request that placed it
    sourceFile: NotRequired[str]
    processedDate: NotRequired[str]  # yyyy-mm-dd, only of imported orders


def new_id() -> str:
    return f"{PLATFORM_ID_PREFIX}{uuid.uuid4()}"


def is_platform_id(order_id: str) -> bool:
    """Whether the id was given here, and not chosen by a client."""
    return order_id.startswith(PLATFORM_ID_PREFIX)


def new_order(
    request: dict,
    *,
    order_id: str,
    now: int,
    features: Collection[str],
    ttl_days: int,
    source: str = "api",
    accepted_at: int | None = None,
) -> Order:
    """The order that an accepted request asks for, made at `now` (epoch ms).

    `features` are the flags that are on for the customer; `accepted_at` is
    when the order was accepted, if that was not now. Whether it is acceptable
    was asked by then: see `check_acceptable`.
    """
    total = pricing.total(request["items"])
    accepted_at = now if accepted_at is None else accepted_at
    # A client may date an order back: its time to live starts now all the same.
    changed_at = max(now, accepted_at)
    loyalty = {"loyaltyPoints": pricing.loyalty_points(total)} if "loyaltyProgram" in features else {}
    return {
        **request,
        **loyalty,
        "orderId": order_id,
        "timestamp": accepted_at,
        "status": lifecycle.INITIAL,
        "totalAmount": total,
        "version": 1,
        "source": source,
        "updatedAt": changed_at,
        "expiresAt": expiry(changed_at, ttl_days),
        "fingerprint": fingerprint(request),
    }


def check_acceptable(request: dict, features: Collection[str]) -> None:
    """Judge a validated request, once, before it is accepted. Raises OrderError feature_disabled or payment_mismatch."""
    _check_features(request, features)
    if "payments" in request:
        total = pricing.total(request["items"])
        if not pricing.payments_match(request["payments"], total):
            raise OrderError("payment_mismatch", [f"payments: must sum to {total}"])


def as_created(order: Order) -> Order:
    """`order` as it was when it was placed, whatever has happened to it since."""
    return {**order, "status": lifecycle.INITIAL, "version": 1, "updatedAt": order["timestamp"]}


def expiry(changed_at: int, ttl_days: int) -> int:
    """When an order last changed at `changed_at` (epoch ms) may be deleted, epoch seconds."""
    return changed_at // 1000 + ttl_days * SECONDS_PER_DAY


def fingerprint(request: dict) -> str:
    """Equal for two validated requests exactly when they ask for the same order.

    That is: customer, items, address, delivery and payments. What may differ
    when the same order is handed in again (its way in, the time, the priority)
    does not count.
    """
    asked = {field: request[field] for field in ORDER_FIELDS if field in request}
    return sha256(strict_json.dumps(asked, sort_keys=True).encode()).hexdigest()


def representation(order: Order) -> dict:
    """What a client sees of `order`: the fields of the contract, in the contract's order."""
    seen = {
        **order,
        "createdAt": iso(order["timestamp"]),
        "updatedAt": iso(order["updatedAt"]),
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


def iso(milliseconds: int) -> str:
    """Epoch milliseconds as RFC 3339, in UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
