"""An order: made from a request, and represented for a client."""

import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, NotRequired, TypedDict

from contract.fields import ORDERED, SUBMITTED
from contract.models import ORDER
from contract.schemas import PLATFORM_ID_PREFIX
from domain import lifecycle, pricing, strict_json

SECONDS_PER_DAY = 86_400
_PROVENANCE = ("correlationId", "sourceFile", "processedDate")
_SHOWN = tuple(ORDER["properties"])


class Order(TypedDict):
    """A stored order; `representation` makes the response of it."""

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
    changeId: NotRequired[str]  # of its latest change of status
    processedDate: NotRequired[str]  # yyyy-mm-dd, only of imported orders


def new_id() -> str:
    return f"{PLATFORM_ID_PREFIX}{uuid.uuid4()}"


def is_platform_id(order_id: str) -> bool:
    """Return whether the platform made the id, and no client."""
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
    """Make the order of a request that was validated and admitted, at `now` (epoch ms).

    `request` may have the order's provenance, too; keys that are not an order's are dropped. `features` are the flags
    that are on for the customer; `accepted_at` is when the order was accepted, by default `now`.
    """
    total = pricing.total(request)
    accepted_at = now if accepted_at is None else accepted_at
    # A client may send an earlier time; the time to live starts now.
    changed_at = max(now, accepted_at)
    loyalty = {"loyaltyPoints": pricing.loyalty_points(total)} if "loyaltyProgram" in features else {}
    # Any: domain.validation has checked the types.
    given: Any = {field: request[field] for field in (*SUBMITTED, *_PROVENANCE) if field in request} | loyalty
    return {
        **given,
        "orderId": order_id,
        "timestamp": accepted_at,
        "customerId": request["customerId"],
        "items": request["items"],
        "status": lifecycle.INITIAL,
        "totalAmount": total,
        "version": 1,
        "source": source,
        "updatedAt": changed_at,
        "expiresAt": expiry(changed_at, ttl_days),
        "fingerprint": fingerprint(request),
    }


def as_created(order: Order) -> Order:
    """Return `order` as it was when it was placed."""
    return {**order, "status": lifecycle.INITIAL, "version": 1, "updatedAt": order["timestamp"]}


def expiry(changed_at: int, ttl_days: int) -> int:
    """Return the expiry, in epoch seconds, of an order last changed at `changed_at` (epoch ms)."""
    return changed_at // 1000 + ttl_days * SECONDS_PER_DAY


def is_expired(item: Mapping, now: int) -> bool:
    """Return whether an order or a claim is past its time to live at `now` (epoch ms).

    DynamoDB deletes it up to days later. An item without `expiresAt` never expires, as in DynamoDB.
    """
    return "expiresAt" in item and item["expiresAt"] < now // 1000


def fingerprint(request: Mapping) -> str:
    """Return a hash that is equal for two validated requests exactly when they ask for the same order.

    It covers the fields of Model.REQUEST. The ingestion path, the time and the priority may differ when a client sends
    an order again.
    """
    asked = {field: request[field] for field in ORDERED if field in request}
    return sha256(strict_json.dumps(asked, sort_keys=True).encode()).hexdigest()


def representation(order: Order) -> dict:
    """Return `order` as a response has it: the fields of the contract, in the contract's order."""
    seen: dict[str, object] = {
        **order,
        "createdAt": iso(order["timestamp"]),
        "updatedAt": iso(order["updatedAt"]),
    }
    return {field: seen[field] for field in _SHOWN if field in seen}


def iso(milliseconds: int) -> str:
    """Format epoch milliseconds as RFC 3339, in UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
