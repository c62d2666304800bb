"""The function that places and changes orders: POST /orders, PUT /orders/{orderId}."""

import os
import time
from collections.abc import Mapping

from domain import admission, claims, flags, lifecycle, orders, parameters, validation
from domain.callers import Caller
from domain.errors import OrderError
from handlers import clients, configuration, http, telemetry
from handlers.http import Request, Response
from handlers.repository import OrdersTable, orders_table


def handler(event: dict, context: object) -> dict:
    return http.serve(event, context, OPERATIONS)


def create_order(request: Request) -> Response:
    config = configuration.api_config()
    key = parameters.idempotency_key(request.headers.get("idempotency-key"))
    wanted = validation.order_request(request.json())
    features = flags.enabled(configuration.feature_flags(), wanted["customerId"])
    order = orders.new_order(
        {**wanted, **request.caller.owned, "correlationId": request.request_id},
        now=_now(),
        features=features,
        ttl_days=_ttl_days(),
    )
    table = orders_table(config)
    claim = claims.idempotency_claim(request.caller.scope, key, order) if key is not None else None
    refusal = admission.refusal(wanted, config["maxItemsPerOrder"], features)
    if refusal is not None:
        holder = table.claim(claim["orderId"]) if claim else None
        if holder is None:
            raise refusal
    elif claim:
        holder = table.insert_with_claim(order, claim)
    else:
        table.insert(order)
        holder = None
    return _created(order, request, config) if holder is None else _replayed(table, holder, order, request)


def update_order_status(request: Request) -> Response:
    order_id = parameters.order_id(request.path.get("orderId"), request.caller)
    telemetry.about(order_id)
    timestamp = parameters.timestamp(request.query.get("timestamp"), order_id)
    versions = parameters.if_match(request.headers.get("if-match"))
    key = parameters.idempotency_key(request.headers.get("idempotency-key"))
    status = validation.status_update(request.json())
    possible = lifecycle.predecessors(status) and versions != ()

    table = orders_table(configuration.api_config())
    changed, order = False, None
    if timestamp is None or not possible:
        order = table.get(order_id, timestamp, request.caller)
    if possible and (order or timestamp):
        change_id = claims.change_id(request.caller.scope, key, status)
        known = order or {"orderId": order_id, "timestamp": timestamp}
        changed, order = _move(table, request.caller, known, status, versions, change_id)
    if order is None:
        raise OrderError("not_found")
    if changed:
        telemetry.order_status_changed(status)
    else:
        lifecycle.check_unchanged(order, status, versions)
    return Response(200, orders.representation(order, request.caller), {"ETag": http.etag(order)})


def _move(
    table: OrdersTable,
    caller: Caller,
    order: Mapping,
    status: str,
    versions: tuple[int, ...] | None,
    change_id: str,
) -> tuple[bool, orders.Order | None]:
    """Set the status as `OrdersTable.set_status` does. `order` needs only `orderId` and `timestamp`.

    `updatedAt` never decreases: if the clock that set it last was ahead, it keeps its value.
    """
    now = max(_now(), order["timestamp"], order.get("updatedAt", 0))
    while True:
        changed, after = table.set_status(
            order["orderId"],
            order["timestamp"],
            status,
            caller=caller,
            allowed_from=lifecycle.predecessors(status),
            versions=versions,
            change_id=change_id,
            now=now,
            expires_at=orders.expiry(now, _ttl_days()),
        )
        if changed or after is None or after["updatedAt"] <= now:
            return changed, after
        now = after["updatedAt"]


def _created(order: orders.Order, request: Request, config: dict[str, int]) -> Response:
    telemetry.order_created(order["orderId"], order["totalAmount"], config["maxOrdersPerHour"])
    return _answer(order, request)


def _replayed(table: OrdersTable, claim: dict, order: orders.Order, request: Request) -> Response:
    """Return the first response again, for the Idempotency-Key of `claim`."""
    if not claims.is_of(claim, order):
        raise OrderError("idempotency_conflict")
    first = table.get(claim["claimedOrderId"], claim["orderTimestamp"], request.caller)
    if first is None:
        raise OrderError("not_found", ["the order placed with this Idempotency-Key is gone"])
    telemetry.about(first["orderId"])
    return _answer(orders.as_created(first), request, {"Idempotency-Replayed": "true"})


def _answer(order: orders.Order, request: Request, headers: dict[str, str] | None = None) -> Response:
    return Response(
        201,
        orders.representation(order, request.caller),
        {"Location": http.location(request, order["orderId"]), "ETag": http.etag(order), **(headers or {})},
    )


def _now() -> int:
    return time.time_ns() // 1_000_000


def _ttl_days() -> int:
    return int(os.environ["ORDER_TTL_DAYS"])


OPERATIONS = {"createOrder": create_order, "updateOrderStatus": update_order_status}

clients.warm_up(clients.dynamodb)
validation.warm_up("OrderRequest", "StatusUpdate")
