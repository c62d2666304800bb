"""The functions accept exactly what is valid by the OpenAPI document.

Rules that no schema can state are in its descriptions instead: the clock (a timestamp ahead of now), the sum of
payments, flags, and that a nextToken belongs to the same list.
"""

import copy
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator

from contract.routes import ROUTES
from contract.schemas import MAX_TIMESTAMP, MIN_TIMESTAMP
from domain import strict_json
from generator import openapi

UNSAYABLE = ("5 minutes in the future", "is not one of this list's tokens")
# As Decimals: `multipleOf` is exact only for them. Python's "$" also matches before a newline, ECMA-262's does not.
DOCUMENT = strict_json.loads(json.dumps(openapi.document()).replace('$"', r'\\Z"'))

settings.register_profile(
    "agreement", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
bounded = settings(settings.get_profile("agreement"))

BODIES = {
    "OrderRequest": {
        "customerId": "c",
        "items": [{"productId": "p", "quantity": 1, "price": 12.5}],
        "deliveryAddress": {"street": "s", "city": "c", "zipCode": "z"},
        "delivery": "standard",
        "payments": [{"method": "card", "amount": 12.5}],
    },
    "OrderSubmission": {
        "orderId": "o",
        "timestamp": MIN_TIMESTAMP,
        "customerId": "c",
        "items": [{"itemId": "p", "quantity": 1, "price": 1}],
        "deliveryAddress": {"street": "s", "city": "c", "zipCode": "z"},
        "priority": "high",
    },
    "StatusUpdate": {"status": "pending"},
}
IDS = st.sampled_from(
    ["", "A1", "a\n", "\na", "x" * 128, "x" * 129, "é", "a b", "-a", "a@b.c", "fd-1", "fk-1", "FD-1", "fd", "async",
     "customer", "async1", "Async", "a:b"]
)  # fmt: skip
TEXTS = st.text(st.sampled_from("a \0\t\n\u00a0\u200b\ufeff\u3164é🍕"), max_size=3) | st.sampled_from(
    ["x" * 20, "x" * 21, "x" * 200, "x" * 201, "🍕" * 200, " " * 300]
)
NUMBERS = st.sampled_from(
    [-1, -0.0, 0, 0.001, 0.01, 0.1, 0.29, 1, 1.0, 1.5, 29.99, 0.57, 0.125, 999, 1000, 1001, 100_000, 100_000.01,
     10**10, 10**10 + 1, 10**30, 1e-7, 1_767_323_045, MIN_TIMESTAMP - 1, MIN_TIMESTAMP, MAX_TIMESTAMP + 1]
)  # fmt: skip
VALUES = (
    IDS
    | TEXTS
    | NUMBERS
    | st.sampled_from([None, True, [], {}, "pending", "lost", "express", "cash", [{}], [None] * 101])
)


def paths(value, path=()):
    """Yield the path of every value inside a document."""
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from paths(inner, (*path, key))


@st.composite
def bodies(draw, model):
    """Draw a valid body of `model` with a few values replaced or removed, or fields added."""
    body = copy.deepcopy(BODIES[model])
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from(list(paths(body))))
        if not path:
            continue
        within = body
        for key in path[:-1]:
            within = within[key]
        change = draw(st.sampled_from(["replace", "replace", "replace", "remove", "add"]))
        if change == "replace":
            within[path[-1]] = copy.deepcopy(draw(VALUES))  # sampled ones are shared
        elif change == "remove":
            del within[path[-1]]
        elif isinstance(within, dict):
            within[draw(st.sampled_from(["productId", "itemId", "orderId", "x"]))] = copy.deepcopy(draw(VALUES))
    return body


def is_valid(schema: dict, value: object) -> bool:
    return OAS30Validator({**schema, "components": DOCUMENT["components"]}).is_valid(value)


def agree(answer, valid: bool) -> bool:
    """Assert that the function and the document agree on a request, as far as a schema can state it."""
    refused = answer.status == 400
    return refused != valid or (valid and any(rule in answer.details[0] for rule in UNSAYABLE))


@pytest.fixture
def send_body(api, pipeline):
    return {
        "OrderRequest": api.post,
        "OrderSubmission": api.submit,
        "StatusUpdate": lambda text: api.put("some-order", json.loads(text)),
    }


@pytest.mark.parametrize("model", BODIES)
@bounded
@given(data=st.data())
def test_the_document_and_the_function_agree_on_a_body(send_body, model, data):
    body = data.draw(bodies(model))
    answer = send_body[model](json.dumps(body))
    valid = is_valid(DOCUMENT["components"]["schemas"][model], strict_json.loads(json.dumps(body)))
    assert agree(answer, valid), answer.text


@pytest.mark.parametrize(
    "change",
    [{"items": [{"productId": "p", "quantity": 1, "price": price}]} for price in (29.99, 0.29, 0.57, 1.005, -0.01)]
    + [{"customerId": customer} for customer in ("a\n", "fd-1", "x" * 129)],
)  # fmt: skip
def test_they_agree_on_rarely_drawn_values(send_body, change):
    body = {**BODIES["OrderRequest"], **change, "payments": BODIES["OrderRequest"]["payments"]}
    valid = is_valid(DOCUMENT["components"]["schemas"]["OrderRequest"], strict_json.loads(json.dumps(body)))
    assert agree(send_body["OrderRequest"](json.dumps(body)), valid)


NOTHING = "an-order-that-is-not-there"
SENDERS = {
    ("getOrder", "timestamp"): lambda api, text: api.get(NOTHING, query={"timestamp": text}),
    ("updateOrderStatus", "timestamp"): lambda api, text: api.put(NOTHING, "pending", query={"timestamp": text}),
    ("updateOrderStatus", "If-Match"): lambda api, text: api.put(NOTHING, "pending", text),
    ("createOrder", "Idempotency-Key"): lambda api, text: api.post(headers={"Idempotency-Key": text}),
    ("listCustomerOrders", "limit"): lambda api, text: api.customer("c", limit=text),
    ("listCustomerOrders", "nextToken"): lambda api, text: api.customer("c", nextToken=text),
    ("listCustomerOrders", "status"): lambda api, text: api.customer("c", status=text),
    ("listCustomerOrders", "customerId"): lambda api, text: api.customer(text),
}
PARAMETERS = {
    (operation["operationId"], each["name"]): each["schema"]
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
    for each in operation["parameters"]
}
PARAMETER_TEXTS = (
    IDS
    | TEXTS
    | st.integers(-1, 102).map(str)
    | st.sampled_from([MIN_TIMESTAMP, MIN_TIMESTAMP - 1, MAX_TIMESTAMP, MAX_TIMESTAMP + 1, 1_767_323_045]).map(str)
    | st.sampled_from(
        ["1.5", "1e3", "٣", "*", '"1"', 'W/"1", "2"', '"1",', '"a b"', ",".join(['"1"'] * 100), ",".join(['"1"'] * 101),
         "pending", "PENDING", "~" * 255, "~" * 256, "a b", "x" * 512, "x" * 513]
    )
)  # fmt: skip


@pytest.mark.parametrize("operation, name", SENDERS)
@bounded
@given(text=PARAMETER_TEXTS)
def test_the_document_and_the_function_agree_on_a_parameter(api, pipeline, operation, name, text):
    schema = PARAMETERS[operation, name]
    # As a generated client writes an integer; other spellings of a number are texts.
    value = int(text) if schema["type"] == "integer" and re.fullmatch("-?(?:0|[1-9][0-9]*)", text, re.A) else text
    answer = SENDERS[operation, name](api, text)
    assert agree(answer, is_valid(schema, value)), answer.text


def test_the_other_parameters_are_few():
    others = set(PARAMETERS) - set(SENDERS)
    of_customers = {(route.operation, name) for _, name in PARAMETERS for route in ROUTES if route.scope}
    assert others - of_customers <= {  # whose parameters are read by the same code
        ("getOrder", "orderId"),  # an id that no order can have is 404, like a missing order
        ("updateOrderStatus", "orderId"),
        ("submitOrder", "Idempotency-Key"),  # the rule of createOrder's
        ("updateOrderStatus", "Idempotency-Key"),
    }
