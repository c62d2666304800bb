"""The function that reads orders: GET /orders/{orderId}, GET /orders/customer/{customerId}."""

from domain import orders, paging, parameters
from domain.errors import OrderError
from handlers import clients, configuration, http, telemetry
from handlers.http import Request, Response
from handlers.repository import orders_table


def handler(event: dict, context: object) -> dict:
    return http.serve(event, context, OPERATIONS)


def get_order(request: Request) -> Response:
    order_id = parameters.order_id(request.path.get("orderId"), request.caller)
    telemetry.about(order_id)
    timestamp = parameters.timestamp(request.query.get("timestamp"), order_id)
    order = orders_table(configuration.api_config()).get(order_id, timestamp, request.caller)
    if order is None:
        raise OrderError("not_found", ["an order accepted by POST /orders/async appears once it is stored"])
    return Response(200, orders.representation(order, request.caller), {"ETag": http.etag(order)})


def list_customer_orders(request: Request) -> Response:
    config = configuration.api_config()
    caller, query = request.caller, request.query
    customer_id = parameters.customer_id(request.path.get("customerId"))
    status = parameters.status_filter(query.get("status"))
    size = parameters.page_size(query.get("limit"), config["defaultPageSize"], config["maxPageSize"])
    after = paging.decode(query.get("nextToken"), caller, customer_id, status)

    found, position = orders_table(config).page(caller, customer_id, size, after, status)
    document = {"orders": [orders.representation(order, caller) for order in found], "count": len(found)}
    if position is not None:
        document["nextToken"] = paging.encode(position, caller, customer_id, status)
    return Response(200, document)


OPERATIONS = {"getOrder": get_order, "listCustomerOrders": list_customer_orders}

clients.warm_up(clients.dynamodb)
