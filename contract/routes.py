"""The route table: which request reaches which function.

The API's resources and methods, CORS, Lambda permissions, usage-plan throttles, the OpenAPI document and the dashboards
follow from it.
"""

from dataclasses import dataclass, field

from contract.schemas import (
    IDEMPOTENCY_KEY_PATTERN,
    IF_MATCH_PATTERN,
    MAX_KEY,
    MAX_PAGE_SIZE,
    MAX_TAGS,
    MAX_TOKEN,
    STATUSES,
    TIMESTAMP,
    TOKEN_PATTERN,
)


@dataclass(frozen=True)
class Route:
    """One method of one resource.

    `function` is the function's key in the compute stack and its module in `handlers/`; `query` and `headers` map the
    name of an optional parameter to its JSON Schema; `errors` are codes of `contract.errors` in addition to
    COMMON_ERRORS. With a `scope` the route is for customers, exists only where they have a user pool, and takes an access
    token with that scope; without one it takes an API key.
    """

    method: str
    path: str
    operation: str
    function: str
    summary: str
    description: str
    success: int
    response_model: str
    request_model: str | None = None
    query: dict[str, dict] = field(default_factory=dict)
    headers: dict[str, dict] = field(default_factory=dict)
    response_headers: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    scope: str | None = None

    @property
    def path_parameters(self) -> list[str]:
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


_TIMESTAMP = {
    "timestamp": {
        **TIMESTAMP,
        "description": "the order's sort key, epoch milliseconds; not needed: ids that begin with fd- carry it. For an order "
        "with an id of the client's, it saves a PUT its read",
    }
}


# Scopes of customers' tokens: a resource server's identifier and scope (Cognito developer guide, "Scopes, M2M, and
# resource servers"), which the owner of the user pool creates. Part of a deployment's snapshot, so no setting.
READ_SCOPE, WRITE_SCOPE = "orders/read", "orders/write"


def _idempotency_key(description: str) -> dict:
    key = {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": IDEMPOTENCY_KEY_PATTERN}
    return {"Idempotency-Key": {**key, "description": description}}


_REPEATABLE = _idempotency_key("the same key and body within 24 h give the first answer again")
_CHANGE = {
    "If-Match": {
        "type": "string",
        "pattern": IF_MATCH_PATTERN,
        "example": '"1"',
        "description": f"the ETag that the change is based on, a list of at most {MAX_TAGS}, or *",
    },
    **_idempotency_key(
        "with If-Match: the same change again under the same key is answered 200, not 412, as long as it is"
        " the order's latest"
    ),
}
_PAGE: dict[str, dict] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_SIZE,
        "description": "of orders on a page; the setting maxPageSize may lower the maximum",
    },
    "nextToken": {
        "type": "string",
        "maxLength": MAX_TOKEN,
        "pattern": TOKEN_PATTERN,
        "description": "of the page before, of the same customer and status",
    },
    "status": {"type": "string", "enum": list(STATUSES), "description": "only orders of this status"},
}

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/orders",
        "createOrder",
        "orders_command",
        "Place an order",
        "201 once the order is stored.",
        201,
        "Order",
        request_model="OrderRequest",
        headers=_REPEATABLE,
        response_headers=("Location", "ETag", "Idempotency-Replayed"),
        errors=(
            "unsupported_media_type",
            "not_found",
            "feature_disabled",
            "payment_mismatch",
            "idempotency_conflict",
        ),
    ),
    Route(
        "POST",
        "/orders/async",
        "submitOrder",
        "orders_intake",
        "Submit an order to be stored later",
        "The order is stored within seconds as a rule; poll Location until it is no longer 404."
        " An order with an orderId of the client's choice, or an Idempotency-Key, may safely be submitted again.",
        202,
        "Accepted",
        request_model="OrderSubmission",
        headers=_idempotency_key(
            "gives an order without an orderId its id: the same key is the same order; another body under it is"
            " accepted, and then rejected like another order under a taken orderId. Not together with an orderId"
        ),
        response_headers=("Location", "Retry-After"),
        errors=("unsupported_media_type", "feature_disabled", "payment_mismatch"),
    ),
    Route(
        "GET",
        "/orders/{orderId}",
        "getOrder",
        "orders_query",
        "Read one order",
        "404 as long as an order submitted to /orders/async is not stored yet.",
        200,
        "Order",
        query=_TIMESTAMP,
        response_headers=("ETag",),
        errors=("not_found",),
    ),
    Route(
        "PUT",
        "/orders/{orderId}",
        "updateOrderStatus",
        "orders_command",
        "Move an order to its next status",
        "From pending to processing, out_for_delivery and delivered; to cancelled before it is out for delivery."
        " The status that the order has already is 200, and changes nothing.",
        200,
        "Order",
        request_model="StatusUpdate",
        query=_TIMESTAMP,
        headers=_CHANGE,
        response_headers=("ETag",),
        errors=("unsupported_media_type", "not_found", "illegal_transition", "version_mismatch"),
    ),
    Route(
        "GET",
        "/orders/customer/{customerId}",
        "listCustomerOrders",
        "orders_query",
        "List a customer's orders, newest first",
        "A page may be short, even empty, and still have a nextToken: ask with it until there is none.",
        200,
        "OrderPage",
        query=_PAGE,
    ),
    Route(
        "POST",
        "/me/orders",
        "createMyOrder",
        "orders_command",
        "Place an order of the customer's own",
        "201 once the order is stored. The customer is the subject of the token.",
        201,
        "Order",
        request_model="MyOrderRequest",
        headers=_REPEATABLE,
        response_headers=("Location", "ETag", "Idempotency-Replayed"),
        errors=(
            "unauthorized",
            "unsupported_media_type",
            "not_found",
            "feature_disabled",
            "payment_mismatch",
            "idempotency_conflict",
        ),
        scope=WRITE_SCOPE,
    ),
    Route(
        "GET",
        "/me/orders",
        "listMyOrders",
        "orders_query",
        "List the customer's own orders, newest first",
        "A page may be short, even empty, and still have a nextToken: ask with it until there is none.",
        200,
        "OrderPage",
        query=_PAGE,
        errors=("unauthorized",),
        scope=READ_SCOPE,
    ),
    Route(
        "GET",
        "/me/orders/{orderId}",
        "getMyOrder",
        "orders_query",
        "Read one of the customer's own orders",
        "404 for an order of somebody else, as for one that does not exist.",
        200,
        "Order",
        query=_TIMESTAMP,
        response_headers=("ETag",),
        errors=("unauthorized", "not_found"),
        scope=READ_SCOPE,
    ),
    Route(
        "PUT",
        "/me/orders/{orderId}",
        "cancelMyOrder",
        "orders_command",
        "Cancel one of the customer's own orders",
        "As long as it is pending. An order that is cancelled already is 200, and does not change.",
        200,
        "Order",
        request_model="Cancellation",
        query=_TIMESTAMP,
        headers=_CHANGE,
        response_headers=("ETag",),
        errors=("unauthorized", "unsupported_media_type", "not_found", "illegal_transition", "version_mismatch"),
        scope=WRITE_SCOPE,
    ),
)

# Error codes of every route.
COMMON_ERRORS = (
    "invalid_request",
    "forbidden",
    "payload_too_large",
    "throttled",
    "quota_exceeded",
    "internal_error",
    "unavailable",
    "timeout",
)

# Request headers a browser may send, and response headers it may read.
CORS_REQUEST_HEADERS = ("Authorization", "Content-Type", "X-Api-Key", "Idempotency-Key", "If-Match", "X-Amzn-Trace-Id")
CORS_RESPONSE_HEADERS = ("ETag", "Location", "Retry-After", "X-Request-Id", "Idempotency-Replayed")
CORS_MAX_AGE_SECONDS = 3600
# An origin whose pages may call the API, in characters that a stage variable may have.
CORS_ORIGIN = r"https?://[A-Za-z0-9._:-]+"
