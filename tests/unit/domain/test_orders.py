"""An order is made from a request, fingerprinted and represented."""

import json
import random
from decimal import Decimal
from typing import get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.fields import ORDER_FIELDS, RESPONSE
from contract.schemas import DATE_TIME
from domain import admission, claims, orders, strict_json, validation
from domain.callers import Caller

NOW = 1_767_323_045_678

text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=19).map("x".__add__)
names = st.text("abcXYZ019-", min_size=1, max_size=12).map(lambda name: "p" + name)
amounts = st.integers(0, 10_000_000).map(lambda n: n / 100)
REQUESTS = st.fixed_dictionaries(
    {
        "customerId": names,
        "items": st.lists(
            st.fixed_dictionaries({"productId": names, "quantity": st.integers(1, 1000), "price": amounts}),
            min_size=1,
            max_size=5,
        ),
        "deliveryAddress": st.fixed_dictionaries({"street": text, "city": text, "zipCode": text}),
    },
    optional={"delivery": st.sampled_from(["standard", "express"])},
)


def validated(document):
    return validation.order_request(strict_json.loads(json.dumps(document)))


def placed(document, features=("expressDelivery", "multiplePayments")):
    request = validated(document)
    return orders.new_order(request, order_id="id-1", now=NOW, features=features, ttl_days=90)


@settings(deadline=None)
@given(REQUESTS)
def test_the_response_has_what_was_sent(document):
    shown = json.loads(strict_json.dumps(orders.representation(placed(document), Caller())))
    assert {field: shown[field] for field in document} == document


@settings(deadline=None)
@given(REQUESTS, st.randoms())
def test_a_fingerprint_ignores_how_the_request_is_written(document, rng: random.Random):
    keys = list(document)
    rng.shuffle(keys)
    again = json.dumps({key: document[key] for key in keys}, indent=rng.choice([None, 2]))
    rewritten = validation.order_request(strict_json.loads(again))
    assert orders.fingerprint(rewritten) == orders.fingerprint(validated(document))


@settings(deadline=None)
@given(REQUESTS, REQUESTS)
def test_fingerprints_distinguish_requests(one, other):
    assert (orders.fingerprint(validated(one)) == orders.fingerprint(validated(other))) == (one == other)


BODY = {
    "customerId": "c",
    "items": [{"productId": "p", "quantity": 3, "price": 0.1}],
    "deliveryAddress": {"street": "s", "city": "c", "zipCode": "z"},
}


def test_a_new_order():
    order = placed(BODY, features=("loyaltyProgram",))
    assert order["totalAmount"] == Decimal("0.30")
    assert (order["status"], order["version"], order["source"], order["loyaltyPoints"]) == ("pending", 1, "api", 0)
    assert order["expiresAt"] == NOW // 1000 + 90 * 86_400
    shown = orders.representation(order, Caller())
    assert shown["createdAt"] == shown["updatedAt"] == "2026-01-02T03:04:05.678Z"
    assert not {"fingerprint", "expiresAt", "changeId"} & set(shown)


TYPES = {"string": str, "integer": int, "number": Decimal, "boolean": bool, "array": list[dict], "object": dict}
STORED = [field for field in ORDER_FIELDS if field.name != "createdAt"]  # which is the timestamp, shown as a date


@pytest.mark.parametrize("field", STORED, ids=[field.name for field in STORED])
def test_the_type_of_a_stored_order_has_each_field_of_the_contract(field):
    types = get_type_hints(orders.Order)
    assert field.name in types, f"{field.name}: add it to domain.orders.Order"
    assert types[field.name] == (int if field.schema == DATE_TIME else TYPES[field.schema["type"]])
    assert (field.name in orders.Order.__required_keys__) == (RESPONSE in field.required)


def test_an_order_is_made_of_known_keys_only():
    assert (
        placed(BODY).keys()
        == orders.new_order(
            {**validated(BODY), "unknown": 1, "fingerprint": "mine"},
            order_id="id-1",
            now=NOW,
            features=(),
            ttl_days=90,
        ).keys()
    )
    assert placed(BODY).keys() <= get_type_hints(orders.Order).keys()


def test_as_created_drops_later_changes():
    order = placed(BODY)
    moved = {**order, "status": "delivered", "version": 4, "updatedAt": NOW + 9, "changeId": "x"}
    assert orders.representation(orders.as_created(moved), Caller()) == orders.representation(order, Caller())


@pytest.mark.parametrize(
    "more, detail",
    [
        ({"delivery": "express"}, "delivery: express is not available"),
        ({"payments": [{"method": "card", "amount": 0.3}]}, "payments: this field is not available"),
    ],
)
def test_a_feature_that_is_off_is_refused(more, detail):
    request = validated({**BODY, **more})
    refused = admission.refusal(request, 1, ())
    assert (refused.kind.code, refused.details) == ("feature_disabled", [detail])
    assert admission.refusal(request, 1, ("expressDelivery", "multiplePayments")) is None
    assert admission.refusal(request, 0, ()).details == ["items: must have at most 0 items"]
    assert placed({**BODY, **more}, features=())  # new_order does not validate again


def test_a_claim_belongs_to_one_api_key_and_does_not_show_the_key():
    order = placed(BODY)
    claim = claims.idempotency_claim("key-1", "secret", order)
    assert claim["orderId"] != claims.idempotency_claim("key-2", "secret", order)["orderId"]
    assert claim["timestamp"] == 0 and claim["expiresAt"] == NOW // 1000 + 86_400
    assert "secret" not in str(claim)
