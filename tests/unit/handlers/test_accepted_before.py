"""A request accepted before is not refused because a setting has changed since."""

import json
import uuid

import fastjsonschema
import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.models import ACCEPTED
from domain import admission, claims, messages, orders, strict_json, validation
from tests.unit.handlers import importing
from tests.unit.handlers.api import TABLE, order
from tests.unit.handlers.importing import UPLOADED_AT, World, jsonl
from tests.unit.handlers.pipeline import SUBMISSION, record

KEY = {"Idempotency-Key": "retry-1"}
ITEM = {"productId": "a", "quantity": 1, "price": 1}

# Each: part of a request, settings that accept it, settings that refuse it, and the refusal.
CHANGES = {
    "a flag goes off": ({"delivery": "express"}, {"flags": {"expressDelivery": True}}, {}, 422),
    "a rollout shrinks": (
        {"delivery": "express"},
        {"flags": {"expressDelivery": 100}},
        {"flags": {"expressDelivery": 0}},
        422,
    ),
    "payments go off": (
        {"payments": [{"method": "card", "amount": 3}], "items": [ITEM] * 3},
        {"flags": {"multiplePayments": True}},
        {},
        422,
    ),
    "orders must be smaller": ({"items": [ITEM] * 3}, {}, {"api_config": {"maxItemsPerOrder": 2}}, 400),
    "the settings cannot be read": ({"delivery": "express"}, {"flags": {"expressDelivery": True}}, {"flags": "?"}, 422),
}
changing = pytest.mark.parametrize("uses, before, after, status", CHANGES.values(), ids=CHANGES)


def submission(**changes):
    return {key: value for key, value in {**SUBMISSION, **changes}.items() if value is not None}


def stored(pipeline):
    """Send the queued messages to the worker."""
    for sent in pipeline.queued():
        assert pipeline.work_on([record(sent["Body"])]) == []


@changing
def test_a_retry_of_a_placed_order_gets_the_first_answer(api, configure, uses, before, after, status):
    configure(**before)
    first = api.post(order(**uses), headers=KEY)
    assert first.status == 201
    configure(**after)
    again = api.post(order(**uses), headers=KEY)
    assert (again.status, again.text) == (201, first.text)
    assert again.headers == {
        **first.headers,
        "Idempotency-Replayed": "true",
        "X-Request-Id": again.headers["X-Request-Id"],
    }
    assert len(api.orders()) == 1
    # Everything else is still refused: no key, a new key, another's key.
    for more in ({}, {"headers": {"Idempotency-Key": "other"}}, {"headers": KEY, "api_key_id": "another"}):
        assert api.post(order(**uses), **more).status == status
    assert len(api.orders()) == 1


@changing
@pytest.mark.parametrize("named", [{"orderId": "ORD-1"}, {"orderId": None}])
def test_a_retry_of_a_submitted_order_is_accepted_again(api, pipeline, configure, uses, before, after, status, named):
    body, headers = submission(**uses, **named), {} if named["orderId"] else KEY
    configure(**before)
    first = api.submit(body, headers=headers)
    assert first.status == 202
    configure(**after)
    waiting = api.submit(body, headers=headers)  # orders on the queue cannot be looked up: the details say so
    assert waiting.status == status and waiting.details[-1] == admission.NOT_STORED
    assert admission.NOT_STORED not in api.submit(submission(**uses, orderId=None)).details
    stored(pipeline)
    again = api.submit(body, headers=headers)
    assert again.status == 202 and pipeline.queued() == []
    fastjsonschema.compile(ACCEPTED)(again.body)
    assert again.body == {key: value for key, value in first.body.items() if key != "messageId"}
    assert again.headers["Location"] == first.headers["Location"]
    for other in ({"orderId": "ORD-2"}, {"orderId": None}, {"orderId": "ORD-1", "customerId": "another"}):
        assert api.submit(submission(**{**uses, **other})).status == status
    assert pipeline.queued() == []


def test_an_id_of_another_order_is_not_reported_as_possibly_queued(api, pipeline):
    api.submit(submission())
    stored(pipeline)
    assert api.submit(submission(delivery="express")).details == ["delivery: express is not available"]


def test_another_order_under_the_key_is_a_conflict(api, configure):
    api.post(headers=KEY)
    assert api.post(order(delivery="express"), headers=KEY).code == "idempotency_conflict"


def test_an_expired_claim_recognises_nothing(api, pipeline, configure):
    configure(flags={"expressDelivery": True})
    api.post(order(delivery="express"), headers=KEY)
    api.submit(submission(delivery="express"))
    stored(pipeline)
    configure()
    for item in api.items():
        if item["timestamp"]["N"] == "0":
            api.database.put_item(TableName=TABLE, Item={**item, "expiresAt": {"N": "1"}})
    assert api.post(order(delivery="express"), headers=KEY).code == "feature_disabled"
    assert api.submit(submission(delivery="express")).code == "feature_disabled"


@pytest.mark.parametrize("wrong", [{"items": [{**ITEM, "price": 0.001}]}, {"customerId": ""}])
def test_the_contract_is_checked_first_without_a_read(api, calls, wrong):
    assert api.post(order(delivery="express", **wrong), headers=KEY).code == "invalid_request"
    assert api.submit(submission(delivery="express", **wrong)).code == "invalid_request"
    assert calls == []


def test_only_a_refusal_is_looked_up(api, calls):
    api.post(headers=KEY)
    api.submit(submission())
    assert calls == ["TransactWriteItems", "SendMessage"]
    calls.clear()
    api.post(order(delivery="express"))
    api.submit(submission(delivery="express", orderId=None))
    assert calls == []
    api.post(order(delivery="express"), headers={"Idempotency-Key": "new"})
    api.submit(submission(delivery="express"))
    assert calls == ["GetItem", "GetItem"]


def test_an_order_that_cannot_be_looked_up_is_not_refused_permanently(api, queues, monkeypatch):
    def fail(**request):
        raise EndpointConnectionError(endpoint_url="x")

    monkeypatch.setattr(api.database, "get_item", fail)
    assert api.post(order(delivery="express"), headers=KEY).status == 503
    assert api.submit(submission(delivery="express")).status == 503


FLAGS = st.fixed_dictionaries({"expressDelivery": st.sampled_from([False, True, 30, 70])})
SETTINGS = st.tuples(FLAGS, st.fixed_dictionaries({"maxItemsPerOrder": st.integers(1, 3)}))
USES = st.fixed_dictionaries(
    {"items": st.integers(1, 3).map(lambda n: [ITEM] * n), "customerId": st.sampled_from(["c1", "c2", "c3"])},
    optional={"delivery": st.sampled_from(["express", "standard"])},
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(USES, SETTINGS, SETTINGS)
def test_no_change_of_settings_refuses_an_accepted_request(api, pipeline, configure, uses, before, after):
    name = uuid.uuid4().hex
    requests = {
        201: lambda: api.post(order(**uses), headers={"Idempotency-Key": name}),
        202: lambda: api.submit(submission(**uses, orderId=name)),
    }
    for accepted, request in requests.items():
        configure(flags=before[0], api_config=before[1])
        first = request()
        stored(pipeline)
        configure(flags=after[0], api_config=after[1])
        again = request()
        stored(pipeline)
        if first.status == accepted:
            assert (again.status, again.body["orderId"]) == (accepted, first.body["orderId"])
    assert pipeline.reasons() == []


def imported(document: dict) -> orders.Order:
    """Return the order of a record, as the worker stores it."""
    accepted = validation.import_record(strict_json.loads(json.dumps(document)), UPLOADED_AT)
    return orders.new_order(
        accepted, order_id=document["orderId"], now=UPLOADED_AT, features=(), ttl_days=90, source="import"
    )


def test_a_file_uploaded_again_is_not_rejected_for_what_is_stored(pipeline):
    big, express = importing.order("BIG", items=[ITEM] * 3), importing.order("EXPRESS", delivery="express")
    other, new = importing.order("OTHER", delivery="express"), importing.order("NEW", delivery="express")
    with World(jsonl(importing.order("PLAIN"), big, express, other, new), maxItemsPerOrder=2) as world:
        for document in (big, express, {**other, "customerId": "another"}):
            world.claims[document["orderId"]] = claims.order_claim(imported(document), 365_000)
        report = world.run_all()
    assert world.queued_ids() == ["PLAIN", "BIG", "EXPRESS"]
    assert (report["queued"], report["reasons"]) == (3, {"feature_disabled": 2})
    assert world.looked_up == ["BIG", "EXPRESS", "OTHER", "NEW"]
    # The worker finds them stored, with any flags.
    for body in world.bodies:
        for read in messages.read(body).values():
            messages.order_of(read, now=UPLOADED_AT, settings={}, ttl_days=90, correlation_id=None)
