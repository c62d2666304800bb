"""JSON Schemas of the platform, in draft-04 because API Gateway models are.

They say every rule, for the OpenAPI document; others read them as
`contract.dialects` gives them.

In patterns, `$` stands only at the end, and classes are spelt out: `\\s`, `\\d`,
`\\w` and `.` mean different sets to ECMA-262, Java and Python.
"""

from contract.dialects import without
from contract.text import PRINTABLE_PATTERN, VISIBLE_PATTERN

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

MAX_ID = 128
MAX_TOKEN = 512
MAX_KEY = 255
MAX_TAGS = 100  # DynamoDB's limit on the operands of IN

# No "#", "/", "%" or "@": an id is safe in a path and in a claim key, and an
# e-mail address, which would put personal data into URLs and logs, is refused.
ID_PATTERN = f"^[A-Za-z0-9][A-Za-z0-9._:-]{{0,{MAX_ID - 1}}}$"
TOKEN_PATTERN = f"^[A-Za-z0-9_-]{{1,{MAX_TOKEN}}}$"
# Visible ASCII.
IDEMPOTENCY_KEY_PATTERN = f"^[\\u0021-\\u007E]{{1,{MAX_KEY}}}$"
# RFC 9110, 13.1.1 and 8.8.3: any, or a list of entity tags.
_TAG = r'(?:W/)?"[\u0021\u0023-\u007E\u0080-\u00FF]*"'
IF_MATCH_PATTERN = rf"^(?:\*|{_TAG}(?:[ \t]*,[ \t]*{_TAG}){{0,{MAX_TAGS - 1}}})$"

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

# 2000-01-01T00:00:00Z. No order is older; seconds that are taken for milliseconds lie in 1970.
MIN_TIMESTAMP = 946_684_800_000
# 9999-12-31T23:59:59.999Z, the last moment that a date can name.
MAX_TIMESTAMP = 253_402_300_799_999

IDENTIFIER = {"type": "string", "maxLength": MAX_ID, "pattern": ID_PATTERN}
# An id that a client may choose for an order.
CHOSEN_ID = {
    **IDENTIFIER,
    "not": {"anyOf": [{"enum": list(RESERVED_IDS)}, {"pattern": f"^(?:{'|'.join(RESERVED_ID_PREFIXES)})"}]},
}


def _money(highest: int) -> dict:
    return {"type": "number", "minimum": 0, "maximum": highest, "multipleOf": 0.01}


MONEY = _money(MAX_PRICE)
# Of requests. Orders that were accepted before keep theirs; never 0, which is the sort key of claims.
TIMESTAMP = {"type": "integer", "minimum": MIN_TIMESTAMP, "maximum": MAX_TIMESTAMP}


def closed_object(properties: dict, required: list[str], **more) -> dict:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
        **more,
    }


def _text(longest: int) -> dict:
    # A field that shows nothing is a missing field.
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": longest,
        "pattern": VISIBLE_PATTERN,
        "allOf": [{"pattern": PRINTABLE_PATTERN}],
    }


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
        "amount": _money(MAX_ITEMS * MAX_QUANTITY * MAX_PRICE),
    },
    ["method", "amount"],
)

# Fields of an order that a client chooses.
ORDER_FIELDS = {
    "customerId": IDENTIFIER,
    "items": {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": ITEM},
    "deliveryAddress": ADDRESS,
    "delivery": {
        "type": "string",
        "enum": list(DELIVERY_MODES),
        "description": "express is taken where the feature is on for the customer",
    },
    "payments": {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_PAYMENTS,
        "items": PAYMENT,
        "description": "they add up to the order's total; taken where the feature is on for the customer",
    },
}

ORDER_REQUEST = closed_object(
    ORDER_FIELDS,
    ["customerId", "items", "deliveryAddress"],
    **{"$schema": DRAFT_04, "title": "OrderRequest"},
)

# What POST /orders/async takes: an order that may name itself, and may have no address yet.
ORDER_SUBMISSION = closed_object(
    {
        "orderId": {**CHOSEN_ID, "description": "chosen by the client, who may then safely submit again"},
        "timestamp": {
            **TIMESTAMP,
            "description": "when the order was placed, epoch milliseconds; at most 5 minutes ahead of now",
        },
        **ORDER_FIELDS,
        "items": {**ORDER_FIELDS["items"], "items": SUBMITTED_ITEM},
        "priority": {"type": "string", "enum": list(PRIORITIES)},
    },
    ["customerId", "items"],
    **{"$schema": DRAFT_04, "title": "OrderSubmission"},
)

STATUS_UPDATE = closed_object(
    {"status": {"type": "string", "enum": list(STATUSES)}},
    ["status"],
    **{"$schema": DRAFT_04, "title": "StatusUpdate"},
)

# What the platform answers. Responses may gain fields, so they are open; and an order may be older than the
# limits of today.
_ANSWERED = without(
    {"properties": ORDER_FIELDS},
    *("additionalProperties", "pattern", "allOf", "multipleOf", "maximum", "maxItems", "maxLength"),
)["properties"]

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
        **_ANSWERED,
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
