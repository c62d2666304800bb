"""From a submission to a message to an order: exact, and the same order on every path."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings

from domain import claims, events, messages, orders, strict_json, validation
from domain.callers import Caller
from domain.errors import OrderError
from domain.lifecycle import INITIAL, MOST_CHANGES, TRANSITIONS
from tests.unit.domain.test_orders import REQUESTS

NOW = 1_767_323_045_678
FEATURES = ("expressDelivery", "loyaltyProgram", "multiplePayments")


def submitted(document):
    return validation.order_submission(strict_json.loads(json.dumps(document)), NOW)


def travelled(document, **options):
    """Return the order that the worker makes of a submission, through the text of a message."""
    message = messages.accepted(submitted(document), now=NOW, source="pipeline", features=FEATURES)
    (read,) = messages.read(messages.write([strict_json.dumps(message)])).values()
    return messages.order_of(read, **{"now": NOW, "settings": {}, "ttl_days": 90, "correlation_id": None, **options})


@settings(deadline=None)
@given(REQUESTS)
def test_no_field_is_lost_and_totals_are_exact(document):
    shown = json.loads(strict_json.dumps(orders.representation(travelled(document), Caller())))
    assert {field: shown[field] for field in document} == document
    total = sum(Decimal(str(item["price"])) * item["quantity"] for item in document["items"])
    assert travelled(document)["totalAmount"] == total


@settings(deadline=None)
@given(REQUESTS)
def test_an_order_has_one_fingerprint_on_every_path(document):
    direct = validation.order_request(strict_json.loads(json.dumps(document)))
    renamed = [
        {("itemId" if key == "productId" else key): value for key, value in item.items()} for item in document["items"]
    ]
    again = {**document, "items": renamed, "priority": "high", "timestamp": NOW - 1, "orderId": "mine"}
    later = travelled(again, now=NOW + 1, correlation_id="other")
    assert orders.fingerprint(direct) == travelled(document)["fingerprint"] == later["fingerprint"]


def test_every_field_that_a_client_asks_for_counts():
    asked = {
        "customerId": "c",
        "items": [{"productId": "p", "quantity": 1, "price": 1}],
        "deliveryAddress": {"street": "s", "city": "c", "zipCode": "z"},
        "delivery": "standard",
        "payments": [{"method": "card", "amount": 1}],
    }
    changes = {
        "customerId": "d",
        "items": [{"productId": "p", "quantity": 2, "price": 0.5}],
        "deliveryAddress": {"street": "t", "city": "c", "zipCode": "z"},
        "delivery": "express",
        "payments": [{"method": "cash", "amount": 1}],
    }
    prints = {travelled({**asked, name: value})["fingerprint"] for name, value in changes.items()}
    assert len(prints | {travelled(asked)["fingerprint"]}) == 6


def test_an_id_and_a_time_are_added_if_the_client_sends_none():
    document = {"customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 1}]}
    given_, chosen = travelled(document), travelled({**document, "orderId": "mine", "timestamp": NOW - 5})
    assert orders.is_platform_id(given_["orderId"]) and given_["timestamp"] == NOW
    assert (chosen["orderId"], chosen["timestamp"]) == ("mine", NOW - 5)
    assert not orders.is_platform_id(chosen["orderId"])


def test_an_order_from_a_file_keeps_its_origin_and_is_the_same_order():
    document = {"orderId": "mine", "customerId": "c", "items": [{"itemId": "p", "quantity": 1, "price": 1}]}
    record = validation.import_record(strict_json.loads(json.dumps(document)), NOW)
    origin = {"sourceFile": "s3://bucket/orders/day 1.csv", "processedDate": "2026-01-02"}
    message = messages.accepted(record, now=NOW, source="import", features=FEATURES, **origin)
    (read,) = messages.read(messages.write([strict_json.dumps(message)])).values()
    order = messages.order_of(read, now=NOW, settings={}, ttl_days=90, correlation_id=None)
    assert origin.items() <= order.items() and order["source"] == "import"
    assert not set(origin) & set(travelled(document))
    assert order["fingerprint"] == travelled(document)["fingerprint"]


def test_a_record_of_a_file_must_name_its_order():
    document = {"customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 1}]}
    validation.order_submission(document, NOW)
    with pytest.raises(OrderError) as refused:
        validation.import_record(document, NOW)
    assert refused.value.details == ["orderId: is required"]


@pytest.mark.parametrize("ahead, accepted", [(300_000, True), (300_001, False)])
def test_a_clock_may_be_five_minutes_ahead(ahead, accepted):
    document = {"customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 1}], "timestamp": NOW + ahead}
    if not accepted:
        with pytest.raises(OrderError):
            submitted(document)
        return
    order = travelled(document)
    assert order["updatedAt"] == order["timestamp"] == NOW + ahead


def test_a_message_without_flags_gets_the_current_ones_and_is_never_refused():
    message = messages.accepted(
        submitted({"customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 1}], "delivery": "express"}),
        now=NOW, source="pipeline", features=(),
    )  # fmt: skip
    options = {"now": NOW, "ttl_days": 90, "correlation_id": None}
    del message["features"]
    for features, points in ((FEATURES, 1), ((), None)):
        order = messages.order_of(message, settings=dict.fromkeys(features, True), **options)
        assert (order["delivery"], order.get("loyaltyPoints")) == ("express", points)


def test_no_order_changes_more_often_than_its_claim_provides_for():
    def longest(status):
        return max((1 + longest(after) for after in TRANSITIONS[status]), default=0)

    assert longest(INITIAL) == MOST_CHANGES == 3
    order = travelled({"customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 1}]})
    last_change = NOW
    for _ in range(MOST_CHANGES):
        last_change = orders.expiry(last_change, 90) * 1000  # each at the last moment
    assert claims.order_claim(order, 90)["expiresAt"] > orders.expiry(last_change, 90)


def test_an_event_is_named_by_order_and_version():
    order = travelled(
        {"customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 0.1}], "orderId": "mine"}
    )
    event = events.announcement(None, order)
    assert (event["eventId"], event["eventType"], event["status"]) == ("mine:1", "OrderCreated", "pending")
    assert event["totalAmount"] == Decimal("0.1") and "previousStatus" not in event and "correlationId" not in event
    moved = {**order, "status": "processing", "version": 2}
    assert events.announcement(order, moved)["previousStatus"] == "pending"
    assert events.announcement(order, {**order, "version": 2}) is None
    with pytest.raises(KeyError):
        events.announcement(None, {"orderId": "mine"})
    with pytest.raises(OrderError):
        events.announcement(None, {**order, "status": ""})
