"""The API's models: JSON Schemas of requests and responses, built from the fields in `contract.fields`."""

from contract.dialects import without
from contract.fields import ITEM_ALIASES, ORDER_FIELDS, REQUEST, RESPONSE, SUBMISSION, Field, Model
from contract.schemas import DRAFT_04, IDENTIFIER, STATUSES, choice, closed_object

# Limits of requests: orders accepted under earlier limits need not meet them.
_LIMITS = ("additionalProperties", "pattern", "allOf", "multipleOf", "maximum", "maxItems", "maxLength")


def _fields(model: Model) -> tuple[Field, ...]:
    return tuple(field for field in ORDER_FIELDS if field.first <= model)


def required(model: Model) -> list[str]:
    return [field.name for field in _fields(model) if model in field.required]


def properties(model: Model) -> dict:
    return {field.name: field.documented for field in _fields(model)}


def _response_properties() -> dict:
    requested = without({"properties": properties(SUBMISSION)}, *_LIMITS)["properties"]
    return properties(RESPONSE) | requested | {field.name: field.response for field in ORDER_FIELDS if field.response}


def _submitted_items() -> dict:
    """Return the schema of `items` in a submission, where a field may have its alias."""
    items = properties(SUBMISSION)["items"]
    item = items["items"]
    names = [*ITEM_ALIASES.values(), *ITEM_ALIASES]
    return items | {
        "items": closed_object(
            {name: item["properties"][ITEM_ALIASES.get(name, name)] for name in names} | item["properties"],
            [name for name in item["required"] if name not in names],
            oneOf=[{"required": [name]} for name in names],
        )
    }


ORDER_REQUEST = closed_object(
    properties(REQUEST),
    required(REQUEST),
    **{"$schema": DRAFT_04, "title": "OrderRequest"},
)

# The body of POST /orders/async: an orderId is allowed, and the address may be missing.
ORDER_SUBMISSION = closed_object(
    properties(SUBMISSION) | {"items": _submitted_items()},
    required(SUBMISSION),
    **{"$schema": DRAFT_04, "title": "OrderSubmission"},
)

# The body of POST /me/orders: the customer is the token's.
MY_ORDER_REQUEST = ORDER_REQUEST | {
    "title": "MyOrderRequest",
    "required": [name for name in ORDER_REQUEST["required"] if name != "customerId"],
    "properties": ORDER_REQUEST["properties"]
    | {"customerId": IDENTIFIER | {"description": "may be left out; no other than the token's subject"}},
}

STATUS_UPDATE = closed_object(
    {"status": choice(STATUSES)},
    ["status"],
    **{"$schema": DRAFT_04, "title": "StatusUpdate"},
)

CANCELLATION = closed_object(
    {"status": choice(("cancelled",))},
    ["status"],
    **{"$schema": DRAFT_04, "title": "Cancellation"},
)

# Responses may gain fields, so they are open.
ORDER = {
    "$schema": DRAFT_04,
    "title": "Order",
    "type": "object",
    "required": required(RESPONSE),
    "properties": _response_properties(),
}

ORDER_PAGE = {
    "$schema": DRAFT_04,
    "title": "OrderPage",
    "type": "object",
    "required": ["orders", "count"],
    "properties": {
        "orders": {"type": "array", "items": {k: v for k, v in ORDER.items() if k != "$schema"}},
        "count": {"type": "integer", "minimum": 0},
        "nextToken": {"type": "string", "description": "absent on the last page"},
    },
}

ACCEPTED = {
    "$schema": DRAFT_04,
    "title": "Accepted",
    "type": "object",
    "required": ["orderId", "timestamp", "status"],
    "properties": {
        "orderId": {"type": "string"},
        "timestamp": {
            "type": "integer",
            "description": "accepted at, epoch milliseconds; an order handed in again keeps the time it was stored with",
        },
        "status": {"type": "string", "enum": ["accepted"]},
        "messageId": {
            "type": "string",
            "description": "of the message on the queue; absent when the order was accepted before and is stored",
        },
    },
}

ERROR = {
    "$schema": DRAFT_04,
    "title": "Error",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "requestId"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "details": {"type": "array", "items": {"type": "string"}},
                "requestId": {"type": "string"},
            },
        }
    },
}

# Name of each API Gateway model -> its schema.
MODELS = {
    "OrderRequest": ORDER_REQUEST,
    "OrderSubmission": ORDER_SUBMISSION,
    "StatusUpdate": STATUS_UPDATE,
    "MyOrderRequest": MY_ORDER_REQUEST,
    "Cancellation": CANCELLATION,
    "Order": ORDER,
    "OrderPage": ORDER_PAGE,
    "Accepted": ACCEPTED,
    "Error": ERROR,
}
