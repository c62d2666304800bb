"""JSON Schemas of documents that do not pass the API: records of files, messages of the order
queue, events of the topic.
"""

from contract.fields import RESPONSE, SUBMISSION
from contract.models import ORDER_SUBMISSION, properties, required
from contract.schemas import (
    DATE_TIME,
    DRAFT_04,
    FEATURES,
    ID_PATTERN,
    MAX_TIMESTAMP,
    ORDER_ID,
    PARTNER,
    SOURCES,
    STATUSES,
    choice,
    closed_object,
)

_LIMITS = {"allOf", "maximum", "maxItems", "minLength", "maxLength", "multipleOf", "pattern"}


def _accepted(schema: dict) -> dict:
    """Return `schema` without the limits that are checked when an order is accepted: they may have changed since.

    Identifiers keep their pattern: they become keys of the table and fields of the log.
    """
    if schema.get("pattern") == ID_PATTERN:
        return schema
    kept = {keyword: value for keyword, value in schema.items() if keyword not in _LIMITS}
    if "properties" in kept:
        kept["properties"] = {name: _accepted(each) for name, each in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _accepted(kept["items"])
    return kept


# In a file, orderId is required: without it a file uploaded twice would be stored twice.
IMPORT_RECORD = {
    **ORDER_SUBMISSION,
    "required": ["orderId", *ORDER_SUBMISSION["required"]],
    "title": "ImportRecord",
}

# An order on the order queue, from a function that accepts orders to the worker, which may have another version: see
# `domain.messages`. Alone it is a message.
ORDER_MESSAGE = closed_object(
    {
        "format": {"type": "integer", "minimum": 0, "description": "of this message; 0 where it is absent"},
        **{name: _accepted(each) for name, each in properties(SUBMISSION).items()},
        "orderId": ORDER_ID,
        # Any time that the table and a date can represent. 0 is the timestamp of claims.
        "timestamp": {"type": "integer", "minimum": 1, "maximum": MAX_TIMESTAMP},
        "source": choice(("pipeline", "import")),
        "partner": PARTNER,
        "features": {
            "type": "array",
            "items": {"type": "string", "enum": list(FEATURES)},
            "description": "flags that were on for the customer when the order was accepted",
        },
        # s3://, the bucket and a key, which may have any character
        "sourceFile": {"type": "string", "minLength": 1, "maxLength": 1100},
        "processedDate": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    },
    [*(name for name in required(RESPONSE) if name in properties(SUBMISSION)), "source"],
    **{"$schema": DRAFT_04, "title": "OrderMessage"},
)

# A message of several orders, each like ORDER_MESSAGE but without `format`. A version that writes more needs a new format:
# finding one of many to reject takes time.
ORDERS_MESSAGE = closed_object(
    {
        "format": {"type": "integer", "minimum": 2, "maximum": 2},
        "orders": {"type": "array", "minItems": 1, "maxItems": 100},
    },
    ["format", "orders"],
    **{"$schema": DRAFT_04, "title": "OrdersMessage"},
)

# An event of the OrderEvents topic. It may gain fields, so it is open. After a rollback the table may have a status or
# source of a later version: subscribers ignore what they do not know.
ORDER_EVENT = {
    "$schema": DRAFT_04,
    "title": "OrderEvent",
    "type": "object",
    "required": [
        "contractVersion",
        "eventId",
        "eventType",
        "occurredAt",
        "orderId",
        "customerId",
        "status",
        "version",
        "totalAmount",
        "source",
    ],
    "properties": {
        "contractVersion": {
            "type": "string",
            "pattern": "^[0-9]+[.][0-9]+[.][0-9]+$",
            "description": "of the contract that the event is by; another first number may mean another reader",
        },
        "eventId": {"type": "string", "description": "orderId:version; the same in every delivery of this event"},
        "eventType": {"type": "string", "enum": ["OrderCreated", "OrderStatusChanged"]},
        "occurredAt": DATE_TIME,
        "orderId": {"type": "string", "minLength": 1},
        "customerId": {"type": "string", "minLength": 1},
        "status": {"type": "string", "minLength": 1, "description": f"{', '.join(STATUSES)}, or one added later"},
        "previousStatus": {"type": "string", "minLength": 1},
        "version": {"type": "integer", "minimum": 1, "description": "orders an order's events"},
        "totalAmount": {"type": "number", "minimum": 0},
        "source": {"type": "string", "minLength": 1, "description": f"{', '.join(SOURCES)}, or one added later"},
        "partner": {"type": "string", "description": "whose order it is; absent for one of the operator"},
        "correlationId": {"type": "string", "description": "of the request that placed the order"},
    },
}

DOCUMENTS = {
    "ImportRecord": IMPORT_RECORD,
    "OrderMessage": ORDER_MESSAGE,
    "OrdersMessage": ORDERS_MESSAGE,
    "OrderEvent": ORDER_EVENT,
}
