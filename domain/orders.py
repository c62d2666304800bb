"""An order: made from a request, and represented for a client."""

import re
import secrets
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, NotRequired, TypedDict

from contract.fields import ORDERED, SUBMITTED
from contract.models import ORDER
from contract.partners import QUALIFIER
from contract.schemas import MAX_TIMESTAMP, MIN_TIMESTAMP, PLATFORM_ID_PREFIX
from domain import lifecycle, pricing, strict_json
from domain.callers import Caller
from domain.errors import OrderError

SECONDS_PER_DAY = 86_400
_PROVENANCE = ("partner", "correlationId", "sourceFile", "processedDate")
_SHOWN = tuple(ORDER["properties"])
# RFC 9562, 5.7: 48 bits of milliseconds, version 7, 12 random bits, variant 10, 62 random bits.
_TIMED_ID = re.compile(
    f"{PLATFORM_ID_PREFIX}([0-9a-f]{{8}})-([0-9a-f]{{4}})-7[0-9a-f]{{3}}-[89ab][0-9a-f]{{3}}-[0-9a-f]{{12}}"
)


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
    partner: NotRequired[str]  # whose order it is; absent for one of the operator
    updatedAt: int  # epoch milliseconds
    expiresAt: int  # epoch seconds, DynamoDB's time to live
    fingerprint: str  # of the request
    priority: NotRequired[str]
    correlationId: NotRequired[str]  # of the request that placed it
    sourceFile: NotRequired[str]
    changeId: NotRequired[str]  # of its latest change of status
    processedDate: NotRequired[str]  # yyyy-mm-dd, only of imported orders


def new_id(timestamp: int) -> str:
    """Return the id of a new order with this `timestamp` (epoch ms): a UUIDv7, so the table's whole key is in the id.

    Raises ValueError for a timestamp that no order may have.
    """
    if not MIN_TIMESTAMP <= timestamp <= MAX_TIMESTAMP:
        raise ValueError(f"no order has the timestamp {timestamp}")
    random = secrets.randbits(74)
    bits = timestamp << 80 | 7 << 76 | random >> 62 << 64 | 0b10 << 62 | random & (1 << 62) - 1
    return f"{PLATFORM_ID_PREFIX}{uuid.UUID(int=bits)}"


def timestamp_of(order_id: str) -> int | None:
    """Return the timestamp in an id that `new_id` made; None for any other: a client's, or of an earlier version."""
    timed = _TIMED_ID.fullmatch(order_id)
    timestamp = int(timed[1] + timed[2], 16) if timed else 0
    return timestamp if MIN_TIMESTAMP <= timestamp <= MAX_TIMESTAMP else None


def is_platform_id(order_id: str) -> bool:
    """Return whether the platform made the id, and no client. A partner's name may begin like one."""
    return order_id.startswith(PLATFORM_ID_PREFIX) and QUALIFIER not in order_id


def new_order(
    request: dict,
    *,
    now: int,
    order_id: str | None = None,
    features: Collection[str],
    ttl_days: int,
    source: str = "api",
    accepted_at: int | None = None,
) -> Order:
    """Make the order of a request that was validated and admitted, at `now` (epoch ms).

    `request` may have the order's provenance, too; keys that are not an order's are dropped. `features` are the flags
    that are on for the customer; `accepted_at` is when the order was accepted, by default `now`; `order_id` is by
    default a new one. Raises OrderError("invalid_request") for an id with another time in it than `accepted_at`: GET
    would not find the order.
    """
    total = pricing.total(request)
    accepted_at = now if accepted_at is None else accepted_at
    order_id = order_id or new_id(accepted_at)
    if timestamp_of(order_id) not in (None, accepted_at):
        raise OrderError("invalid_request", ["timestamp: must be the time in the orderId"])
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


def representation(order: Order, caller: Caller) -> dict:
    """Return `order` as a response to `caller` has it: the fields of the contract, in the contract's order."""
    seen: dict[str, object] = {
        **order,
        "orderId": caller.unqualified(order["orderId"]),
        "createdAt": iso(order["timestamp"]),
        "updatedAt": iso(order["updatedAt"]),
    }
    return {field: seen[field] for field in _SHOWN if field in seen}


def iso(milliseconds: int) -> str:
    """Format epoch milliseconds as RFC 3339, in UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
