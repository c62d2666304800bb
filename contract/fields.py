"""Every field of an order, its items, its address and its payments, each defined once.

The API's models, the OpenAPI document, queue messages, CSV columns, totals, fingerprints and docs/order-fields.md follow
from these tables. Only `domain.orders.Order` repeats the names, with the Python type of each.
"""

from dataclasses import dataclass
from enum import IntEnum

from contract.schemas import (
    CHOSEN_ID,
    DATE_TIME,
    DELIVERY_MODES,
    IDENTIFIER,
    MAX_ITEMS,
    MAX_PAYMENTS,
    MAX_PRICE,
    MAX_QUANTITY,
    PARTNER,
    PAYMENT_METHODS,
    PRIORITIES,
    SOURCES,
    STATUSES,
    TIMESTAMP,
    choice,
    closed_object,
    list_of,
    money,
    text,
)


class Model(IntEnum):
    """The models of an order. Each has the fields of those before it."""

    REQUEST = 1  # what is ordered: all that POST /orders takes, and what makes two orders the same
    SUBMISSION = 2  # and how to handle it: POST /orders/async and imported files
    RESPONSE = 3  # and what the platform adds


REQUEST, SUBMISSION, RESPONSE = ALWAYS = tuple(Model)


@dataclass(eq=False, repr=False, match_args=False)  # each method generated lengthens a cold start
class Field:
    """One field; the default is an optional field that a client may send on every ingestion path.

    `first` is the first model that has the field, `required` lists the models that require it. `charged` says of an
    amount whether `totalAmount` includes it; one of an item is charged for each unit. Responses have `schema` without
    its limits, or `response`.

    Raises ValueError, with the field's name, for a definition with a part missing.
    """

    name: str
    schema: dict
    description: str
    first: Model = REQUEST
    required: tuple[Model, ...] = ()
    charged: bool | None = None
    response: dict | None = None

    def __post_init__(self) -> None:
        if not self.description:
            raise ValueError(f"{self.name}: the description is missing")
        is_chosen_amount = self.schema["type"] == "number" and self.first < RESPONSE
        if is_chosen_amount and self.charged is None:
            raise ValueError(
                f"{self.name}: say whether totalAmount includes this amount: charged=True or charged=False"
            )
        if self.charged is not None and not is_chosen_amount:
            raise ValueError(f"{self.name}: only an amount that a client sends can be charged")

    @property
    def documented(self) -> dict:
        return {**self.schema, "description": self.description}


def _object(fields: tuple[Field, ...]) -> dict:
    return closed_object(
        {each.name: each.documented for each in fields}, [each.name for each in fields if each.required]
    )


ITEM_FIELDS = (
    Field("productId", IDENTIFIER, "identifies the product", required=ALWAYS),
    Field("quantity", {"type": "integer", "minimum": 1, "maximum": MAX_QUANTITY}, "number of units", required=ALWAYS),
    Field("price", money(), "of one unit", charged=True, required=ALWAYS),
)
ITEM_ALIASES = {"itemId": "productId"}  # other names that submissions and files may use

ADDRESS_FIELDS = (
    Field("street", text(200), "street and house number", required=ALWAYS),
    Field("city", text(100), "city or town", required=ALWAYS),
    Field("zipCode", text(20), "postal code", required=ALWAYS),
)

PAYMENT_FIELDS = (
    Field("method", choice(PAYMENT_METHODS), "means of payment", required=ALWAYS),
    Field(
        "amount",
        money(MAX_ITEMS * MAX_QUANTITY * MAX_PRICE),
        "paid by this method",
        charged=False,
        required=ALWAYS,
    ),
)

ORDER_FIELDS = (
    Field(
        "orderId",
        CHOSEN_ID,
        "chosen by the client, who may then safely submit again",
        first=SUBMISSION,
        required=(RESPONSE,),
        response={"type": "string"},
    ),
    Field(
        "timestamp",
        TIMESTAMP,
        "when the order was placed, epoch milliseconds; at most 5 minutes ahead of now",
        first=SUBMISSION,
        required=(RESPONSE,),
        response={"type": "integer", "description": "accepted at, epoch milliseconds"},
    ),
    Field("customerId", IDENTIFIER, "identifies the customer", required=ALWAYS),
    Field("items", list_of(_object(ITEM_FIELDS), MAX_ITEMS), "what is ordered", required=ALWAYS),
    Field("deliveryAddress", _object(ADDRESS_FIELDS), "where to deliver", required=(REQUEST,)),
    Field("delivery", choice(DELIVERY_MODES), "express is taken where the feature is on for the customer"),
    Field(
        "payments",
        list_of(_object(PAYMENT_FIELDS), MAX_PAYMENTS),
        "they add up to the order's total; taken where the feature is on for the customer",
    ),
    Field("status", choice(STATUSES), "where the order is in its lifecycle", first=RESPONSE, required=ALWAYS),
    Field(
        "totalAmount",
        {"type": "number", "minimum": 0},
        "the sum of what is charged",
        first=RESPONSE,
        required=ALWAYS,
    ),
    Field(
        "loyaltyPoints",
        {"type": "integer", "minimum": 0},
        "earned by this order, where the feature is on for the customer",
        first=RESPONSE,
    ),
    Field("priority", choice(PRIORITIES), "for consumers of the queue; normal by default", first=SUBMISSION),
    Field(
        "version",
        {"type": "integer", "minimum": 1},
        "also the ETag",
        first=RESPONSE,
        required=ALWAYS,
    ),
    Field("source", choice(SOURCES), "the ingestion path", first=RESPONSE, required=ALWAYS),
    Field("partner", PARTNER, "whose order it is; absent for one of the operator", first=RESPONSE),
    Field("createdAt", DATE_TIME, "the timestamp as a date", first=RESPONSE, required=ALWAYS),
    Field("updatedAt", DATE_TIME, "when the order last changed", first=RESPONSE, required=ALWAYS),
)

# What totalAmount consists of: amounts of the order, and of each item for each of its units.
CHARGED = tuple(each.name for each in ORDER_FIELDS if each.charged)
CHARGED_PER_UNIT = tuple(each.name for each in ITEM_FIELDS if each.charged)

ORDERED = tuple(each.name for each in ORDER_FIELDS if each.first == REQUEST)
SUBMITTED = tuple(each.name for each in ORDER_FIELDS if each.first <= SUBMISSION)
