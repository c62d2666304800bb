"""JSON Schemas of the platform, in draft-04 because API Gateway models are.

Two rules keep one schema valid for both readers of it (API Gateway's Java
validator and fastjsonschema): no `multipleOf` (neither is exact for decimal
fractions, and fastjsonschema raises on a Decimal), so cents are checked by
`domain.pricing`; and `$` only at the end of a pattern.
"""

DRAFT_04 = "http://json-schema.org/draft-04/schema#"

# Hard limits of the contract. Operators may lower some of them at run time
# (api-config), never raise them: they keep an order far below DynamoDB's
# 400 KB item limit and totals within 15 significant digits, which a JSON
# number carries without loss.
MAX_ITEMS = 100
MAX_QUANTITY = 1_000
MAX_PRICE = 100_000
MAX_PAYMENTS = 10
MAX_PAGE_SIZE = 100
MAX_BODY_BYTES = 262_144  # twice the largest order, every character escaped

# No "#", "/", "%" or "@": an id is safe in a path and in a claim key, and an
# e-mail address, which would put personal data into URLs and logs, is refused.
ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
TOKEN_PATTERN = "^[A-Za-z0-9_-]{1,512}$"

# Ids given by the platform and ids chosen by clients are separate name spaces,
# so that neither needs a read, or a claim, to be safe from the other. And a
# chosen id must not be what a route has in its place: it could not be read.
PLATFORM_ID_PREFIX = "fd-"
# Of ids derived from an Idempotency-Key. Not within "fd-": these need the claim that chosen ids have.
KEYED_ID_PREFIX = "fk-"
RESERVED_ID_PREFIXES = (PLATFORM_ID_PREFIX, KEYED_ID_PREFIX)
RESERVED_IDS = ("async", "customer")

STATUSES = ("pending", "processing", "out_for_delivery", "delivered", "cancelled")
DELIVERY_MODES = ("standard", "express")
PAYMENT_METHODS = ("card", "cash", "voucher", "wallet")
PRIORITIES = ("normal", "high")
SOURCES = ("api", "pipeline", "import")
# Flags that may be on for a customer, see contract.settings. Messages name them: one that is removed here is still on
# queues and in dead-letter queues, where it would not be known any more.
FEATURES = ("expressDelivery", "loyaltyProgram", "multiplePayments")

# 9999-12-31T23:59:59.999Z, the last moment that a date can name.
MAX_TIMESTAMP = 253_402_300_799_999

IDENTIFIER = {"type": "string", "pattern": ID_PATTERN}
MONEY = {"type": "number", "minimum": 0, "maximum": MAX_PRICE}
# Never 0, which is the sort key of claims.
TIMESTAMP = {"type": "integer", "minimum": 1, "maximum": MAX_TIMESTAMP}


def closed_object(properties: dict, required: list[str], **more) -> dict:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
        **more,
    }


def _text(longest: int) -> dict:
    # "\S": a field of blanks is a missing field.
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": "\\S"}


ADDRESS = closed_object(
    {"street": _text(200), "city": _text(100), "zipCode": _text(20)},
    ["street", "city", "zipCode"],
)

ITEM = closed_object(
    {
        "productId": IDENTIFIER,
        "quantity": {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY},
        "price": MONEY,
    },
    ["productId", "quantity", "price"],
)

# In a submission, itemId is another name for productId.
SUBMITTED_ITEM = closed_object(
    {"productId": IDENTIFIER, "itemId": IDENTIFIER, **ITEM["properties"]},
    ["quantity", "price"],
    oneOf=[{"required": ["productId"]}, {"required": ["itemId"]}],
)

PAYMENT = closed_object(
    {
        "method": {"type": "string", "enum": list(PAYMENT_METHODS)},
        "amount": {"type": "number", "minimum": 0, "maximum": MAX_ITEMS * MAX_QUANTITY * MAX_PRICE},
    },
    ["method", "amount"],
)

# Fields of an order that a client chooses.
ORDER_FIELDS = {
    "customerId": IDENTIFIER,
    "items": {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": ITEM},
    "deliveryAddress": ADDRESS,
    "delivery": {"type": "string", "enum": list(DELIVERY_MODES)},
    "payments": {"type": "array", "minItems": 1, "maxItems": MAX_PAYMENTS, "items": PAYMENT},
}

ORDER_REQUEST = closed_object(
    ORDER_FIELDS,
    ["customerId", "items", "deliveryAddress"],
    **{"$schema": DRAFT_04, "title": "OrderRequest"},
)

# What POST /orders/async takes: an order that may name itself, and may have no address yet.
ORDER_SUBMISSION = closed_object(
    {
        "orderId": {**IDENTIFIER, "description": "chosen by the client, who may then safely submit again"},
        "timestamp": {**TIMESTAMP, "description": "when the order was placed, epoch milliseconds"},
        **ORDER_FIELDS,
        "items": {**ORDER_FIELDS["items"], "items": SUBMITTED_ITEM},
        "priority": {"type": "string", "enum": list(PRIORITIES)},
    },
    ["customerId", "items"],
    **{"$schema": DRAFT_04, "title": "OrderSubmission"},
)

_LIMITS = {"maximum", "maxItems", "minLength", "maxLength", "pattern"}


def _accepted(schema: dict) -> dict:
    """Return `schema` without the limits that were judged when an order was accepted: they may have moved since.

    Identifiers keep their pattern: they become keys of the table and fields of the log.
    """
    if schema == IDENTIFIER:
        return schema
    kept = {keyword: value for keyword, value in schema.items() if keyword not in _LIMITS}
    if "properties" in kept:
        kept["properties"] = {name: _accepted(each) for name, each in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _accepted(kept["items"])
    return kept


STATUS_UPDATE = closed_object(
    {"status": {"type": "string", "enum": list(STATUSES)}},
    ["status"],
    **{"$schema": DRAFT_04, "title": "StatusUpdate"},
)

# What the platform answers. Responses may gain fields, so they are open.
ORDER = {
    "$schema": DRAFT_04,
    "title": "Order",
    "type": "object",
    "required": [
        "orderId",
        "timestamp",
        "customerId",
        "items",
        "status",
        "totalAmount",
        "version",
        "source",
        "createdAt",
        "updatedAt",
    ],
    "properties": {
        "orderId": {"type": "string"},
        "timestamp": {"type": "integer", "description": "accepted at, epoch milliseconds"},
        **ORDER_FIELDS,
        "status": {"type": "string", "enum": list(STATUSES)},
        "totalAmount": {"type": "number", "minimum": 0},
        "loyaltyPoints": {"type": "integer", "minimum": 0},
        "priority": {"type": "string", "enum": list(PRIORITIES)},
        "version": {"type": "integer", "minimum": 1, "description": "also the ETag"},
        "source": {"type": "string", "enum": list(SOURCES), "description": "the way in"},
        "createdAt": {"type": "string", "format": "date-time"},
        "updatedAt": {"type": "string", "format": "date-time"},
    },
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

# What travels on the order queue, between the edges that accept orders and the worker. The worker may be of
# another version than the edge: see `domain.messages`.
ORDER_MESSAGE = closed_object(
    {
        "format": {"type": "integer", "minimum": 0, "description": "of this message; 0 where it is absent"},
        "orderId": IDENTIFIER,
        # Any moment that the table and a date can hold, whatever clients may send today. 0 is a claim's.
        "timestamp": {"type": "integer", "minimum": 1, "maximum": MAX_TIMESTAMP},
        **{name: _accepted(each) for name, each in ORDER_FIELDS.items()},
        "priority": {"type": "string", "enum": list(PRIORITIES)},
        "source": {"type": "string", "enum": ["pipeline", "import"]},
        "features": {
            "type": "array",
            "items": {"type": "string", "enum": list(FEATURES)},
            "description": "flags that were on for the customer when the order was accepted",
        },
        "sourceFile": _text(1100),  # s3://, a bucket's name and a key
        "processedDate": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    },
    ["orderId", "timestamp", "customerId", "items", "source"],
    **{"$schema": DRAFT_04, "title": "OrderMessage"},
)

# What subscribers of the OrderEvents topic get. It may gain fields, so it is open; and status and source are what the
# table says, which after a rollback may be of a later version: subscribers pass over what they do not know.
ORDER_EVENT = {
    "$schema": DRAFT_04,
    "title": "OrderEvent",
    "type": "object",
    "required": [
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
        "eventId": {"type": "string", "description": "orderId:version; the same in every delivery of this event"},
        "eventType": {"type": "string", "enum": ["OrderCreated", "OrderStatusChanged"]},
        "occurredAt": {"type": "string", "format": "date-time"},
        "orderId": {"type": "string", "minLength": 1},
        "customerId": {"type": "string", "minLength": 1},
        "status": {"type": "string", "minLength": 1, "description": f"{', '.join(STATUSES)}, or one added later"},
        "previousStatus": {"type": "string", "minLength": 1},
        "version": {"type": "integer", "minimum": 1, "description": "orders an order's events"},
        "totalAmount": {"type": "number", "minimum": 0},
        "source": {"type": "string", "minLength": 1, "description": f"{', '.join(SOURCES)}, or one added later"},
        "correlationId": {"type": "string", "description": "of the request that placed the order"},
    },
}

# Name of each API Gateway model -> its schema.
MODELS = {
    "OrderRequest": ORDER_REQUEST,
    "OrderSubmission": ORDER_SUBMISSION,
    "StatusUpdate": STATUS_UPDATE,
    "Order": ORDER,
    "OrderPage": ORDER_PAGE,
    "Accepted": ACCEPTED,
    "Error": ERROR,
}

# What never passes the API: queue and topic.
DOCUMENTS = {"OrderMessage": ORDER_MESSAGE, "OrderEvent": ORDER_EVENT}
