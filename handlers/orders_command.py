"""The function that places and changes orders: POST /orders, PUT /orders/{orderId}."""

import os
import time

from domain import claims, flags, lifecycle, orders, parameters, validation
from domain.errors import OrderError
from handlers import clients, configuration, http, telemetry
from handlers.http import Request, Response
from handlers.repository import OrdersTable, orders_table


def handler(event: dict, context: object) -> dict:
    return http.serve(event, context, OPERATIONS)


def create_order(request: Request) -> Response:
    config = configuration.api_config()
    key = parameters.idempotency_key(request.headers.get("idempotency-key"))
    wanted = validation.order_request(request.json(), config["maxItemsPerOrder"])
    features = flags.enabled(configuration.feature_flags(), wanted["customerId"])
    orders.check_acceptable(wanted, features)
    order = orders.new_order(
        {**wanted, "correlationId": request.request_id},
        order_id=orders.new_id(),
        now=_now(),
        features=features,
        ttl_days=_ttl_days(),
    )
    table = orders_table(config)
    if key is None:
        table.insert(order)
        return _created(order, config)
    claim = claims.idempotency_claim(request.api_key_id, key, order)
    holder = table.insert_with_claim(order, claim)
    return _created(order, config) if holder is None else _replayed(table, holder, order)


def update_order_status(request: Request) -> Response:
    order_id = parameters.order_id(request.path.get("orderId"))
    telemetry.about(order_id)
    timestamp = parameters.timestamp(request.query.get("timestamp"))
    versions = parameters.if_match(request.headers.get("if-match"))
    status = validation.status_update(request.json())
    allowed_from = lifecycle.predecessors(status)
    possible = allowed_from and versions != ()

    table = orders_table(configuration.api_config())
    changed, order = False, None
    if timestamp is None or not possible:
        order = table.get(order_id, timestamp)
    if possible and (order or timestamp):
        now = _now()
        changed, order = table.set_status(
            order_id,
            order["timestamp"] if order else timestamp,
            status,
            allowed_from=allowed_from,
            versions=versions,
            now=now,
            expires_at=orders.expiry(now, _ttl_days()),
        )
    if changed:
        telemetry.order_status_changed(status)
    else:
        lifecycle.check_unchanged(order, status, versions)
    return Response(200, orders.representation(order), {"ETag": http.etag(order)})


def _created(order: orders.Order, config: dict[str, int]) -> Response:
    telemetry.order_created(order["orderId"], order["totalAmount"], config["maxOrdersPerHour"])
    return _answer(order)


def _replayed(table: OrdersTable, claim: dict, order: orders.Order) -> Response:
    """The first answer again, for a key that `claim` holds."""
    if claim["fingerprint"] != order["fingerprint"]:
        raise OrderError("idempotency_conflict")
    first = table.get(claim["claimedOrderId"], claim["orderTimestamp"])
    if first is None:
        raise OrderError("not_found", ["the order placed with this Idempotency-Key is gone"])
    telemetry.about(first["orderId"])
    return _answer(orders.as_created(first), {"Idempotency-Replayed": "true"})


def _answer(order: orders.Order, headers: dict[str, str] | None = None) -> Response:
    # Relative to the request's URL, so it holds under any stage or base path.
    location = f"orders/{order['orderId']}"
    return Response(
        201,
        orders.representation(order),
        {"Location": location, "ETag": http.etag(order), **(headers or {})},
    )


def _now() -> int:
    return time.time_ns() // 1_000_000


def _ttl_days() -> int:
    return int(os.environ["ORDER_TTL_DAYS"])


OPERATIONS = {"createOrder": create_order, "updateOrderStatus": update_order_status}

clients.warm_up(clients.dynamodb)
validation.warm_up("OrderRequest", "StatusUpdate")
