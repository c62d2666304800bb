"""The parts of the contract's JSON Schemas: limits, patterns, enumerations and the schemas of single values.

They are draft-04, like API Gateway's models. `contract.fields` combines them into fields, `contract.models` into models.
The schemas state every rule, for the OpenAPI document; other readers use a dialect (`contract.dialects`).

In patterns, `$` is used only at the end, and classes list their characters: `\\s`, `\\d`, `\\w` and `.` are different
sets in ECMA-262, Java and Python.
"""

from contract.partners import NAME_PATTERN, QUALIFIER
from contract.text import PRINTABLE_PATTERN, VISIBLE_PATTERN

DRAFT_04 = "http://json-schema.org/draft-04/schema#"

# Hard limits of the contract. Operators may lower some of them at run time (api-config), never raise them: they keep an
# order far below DynamoDB's limit of 400 KB for an item, and totals within the 15 significant digits that a JSON number
# represents exactly.
MAX_ITEMS = 100
MAX_QUANTITY = 1_000
MAX_PRICE = 100_000
MAX_PAYMENTS = 10
MAX_PAGE_SIZE = 100
MAX_BODY_BYTES = 262_144  # twice the largest order with every character escaped

MAX_ID = 128
MAX_TOKEN = 512
MAX_KEY = 255
MAX_TAGS = 100  # DynamoDB's limit on the operands of IN

# No "#", "/", "%" or "@": an id is safe in a path and in a claim's key, and an e-mail address, which would put personal
# data into URLs and logs, is refused.
ID_PATTERN = f"^[A-Za-z0-9][A-Za-z0-9._:-]{{0,{MAX_ID - 1}}}$"
# As the platform knows an order: an id that a partner chose follows its name.
ORDER_ID_PATTERN = f"^(?:{NAME_PATTERN[1:-1]}{QUALIFIER})?{ID_PATTERN[1:]}"
TOKEN_PATTERN = f"^[A-Za-z0-9_-]{{1,{MAX_TOKEN}}}$"
# Visible ASCII.
IDEMPOTENCY_KEY_PATTERN = f"^[\\u0021-\\u007E]{{1,{MAX_KEY}}}$"
# RFC 9110, 13.1.1 and 8.8.3: any, or a list of entity tags.
_TAG = r'(?:W/)?"[\u0021\u0023-\u007E\u0080-\u00FF]*"'
IF_MATCH_PATTERN = rf"^(?:\*|{_TAG}(?:[ \t]*,[ \t]*{_TAG}){{0,{MAX_TAGS - 1}}})$"

# Ids of the platform and ids chosen by clients are separate name spaces: an id of the platform needs no claim. A chosen
# id must not equal a segment of a route: GET could not reach that order.
PLATFORM_ID_PREFIX = "fd-"
# For ids derived from an Idempotency-Key. They need a claim, like chosen ids, so they do not begin with "fd-".
KEYED_ID_PREFIX = "fk-"
RESERVED_ID_PREFIXES = (PLATFORM_ID_PREFIX, KEYED_ID_PREFIX)
RESERVED_IDS = ("async", "customer")

STATUSES = ("pending", "processing", "out_for_delivery", "delivered", "cancelled")
DELIVERY_MODES = ("standard", "express")
PAYMENT_METHODS = ("card", "cash", "voucher", "wallet")
PRIORITIES = ("normal", "high")
SOURCES = ("api", "pipeline", "import")
# Flag that may be on for a customer, see contract.settings -> its effect. Messages name flags: before one is removed here,
# no message on a queue or dead-letter queue may name it.
FEATURES = {
    "expressDelivery": '`"delivery": "express"` is accepted; else 422',
    "loyaltyProgram": "orders earn `loyaltyPoints`, one for each whole unit of the total",
    "multiplePayments": "`payments` is accepted and must add up to the total; else 422",
}

# 2000-01-01T00:00:00Z. No order is older; seconds sent as milliseconds are in 1970.
MIN_TIMESTAMP = 946_684_800_000
# 9999-12-31T23:59:59.999Z, the latest time that a date can represent.
MAX_TIMESTAMP = 253_402_300_799_999

IDENTIFIER = {"type": "string", "maxLength": MAX_ID, "pattern": ID_PATTERN}
ORDER_ID = {"type": "string", "maxLength": MAX_ID + 33, "pattern": ORDER_ID_PATTERN}
PARTNER = {"type": "string", "maxLength": 32, "pattern": NAME_PATTERN}
# An id that a client may choose for an order.
CHOSEN_ID = {
    **IDENTIFIER,
    "not": {"anyOf": [{"enum": list(RESERVED_IDS)}, {"pattern": f"^(?:{'|'.join(RESERVED_ID_PREFIXES)})"}]},
}
# For requests. Orders accepted under earlier limits keep theirs; never 0, which is the sort key of claims.
TIMESTAMP = {"type": "integer", "minimum": MIN_TIMESTAMP, "maximum": MAX_TIMESTAMP}
DATE_TIME = {"type": "string", "format": "date-time"}


def choice(values: tuple[str, ...]) -> dict:
    return {"type": "string", "enum": list(values)}


def money(highest: int = MAX_PRICE) -> dict:
    return {"type": "number", "minimum": 0, "maximum": highest, "multipleOf": 0.01}


def text(longest: int) -> dict:
    """Return the schema of a text for people. A blank text is refused, like a missing one."""
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": longest,
        "pattern": VISIBLE_PATTERN,
        "allOf": [{"pattern": PRINTABLE_PATTERN}],
    }


def list_of(element: dict, most: int) -> dict:
    return {"type": "array", "minItems": 1, "maxItems": most, "items": element}


def closed_object(properties: dict, required: list[str], **more) -> dict:
    return {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
        **more,
    }
