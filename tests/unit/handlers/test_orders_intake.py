"""POST /orders/async, over moto: exactly the accepted orders are on the queue."""

import json
import re
from urllib.parse import urljoin

import fastjsonschema
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError

from contract.documents import DOCUMENTS
from contract.models import ACCEPTED
from domain import admission
from handlers import clients
from tests.unit.handlers.pipeline import SUBMISSION

TOO_EARLY = "must be at least 946684800000: epoch milliseconds, not seconds"


def submission(**changes):
    return {key: value for key, value in {**SUBMISSION, **changes}.items() if value is not None}


def test_the_first_drafts_sample_body_is_accepted(api, pipeline):
    answer = api.submit(SUBMISSION)
    assert answer.status == 202
    fastjsonschema.compile(ACCEPTED)(answer.body)
    assert (answer.body["orderId"], answer.body["status"]) == ("ORD-1", "accepted")
    assert answer.headers["Retry-After"] == "1"
    (sent,) = pipeline.queued()
    assert sent["MessageId"] == answer.body["messageId"]
    message = json.loads(sent["Body"])
    fastjsonschema.compile(DOCUMENTS["OrderMessage"])(message)
    assert message == {
        "format": 1,
        "orderId": "ORD-1",
        "timestamp": answer.body["timestamp"],
        "customerId": "CUST-12345",
        "items": [
            {"productId": "ITEM-001", "quantity": 2, "price": 29.99},
            {"productId": "ITEM-002", "quantity": 1, "price": 49.99},
        ],
        "priority": "normal",
        "source": "pipeline",
        "features": [],
    }


def test_an_id_is_given_and_the_location_leads_to_the_order(api, pipeline):
    from tests.unit.handlers.pipeline import record

    answer = api.submit(submission(orderId=None, priority="high"))
    order_id = answer.body["orderId"]
    assert order_id.startswith("fd-") and len(order_id) == 39
    url = urljoin("https://api.example.com/dev/orders/async", answer.headers["Location"])
    assert url == f"https://api.example.com/dev/orders/{order_id}"
    missing = api.get(order_id)
    assert (missing.status, len(missing.details)) == (404, 1)
    (sent,) = pipeline.queued()
    assert pipeline.work_on([record(sent["Body"])]) == []
    stored = api.get(order_id).body
    assert (stored["priority"], stored["source"], stored["totalAmount"]) == ("high", "pipeline", 109.97)
    assert stored["timestamp"] == answer.body["timestamp"]
    assert "features" not in stored and "correlationId" not in stored


@pytest.mark.parametrize("order_id", ["a:b", "http:x", "A.b_c-1"])
def test_any_id_can_be_followed(api, queues, order_id):
    location = api.submit(submission(orderId=order_id)).headers["Location"]
    url = urljoin("https://api.example.com/dev/orders/async", location)
    assert url == f"https://api.example.com/dev/orders/{order_id}"


def test_the_message_says_where_it_comes_from(api, pipeline, monkeypatch):
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
    answer = api.submit(submission(priority="high"))
    (sent,) = pipeline.queued()
    values = {name: value["StringValue"] for name, value in sent["MessageAttributes"].items()}
    assert values == {
        "priority": "high",
        "source": "pipeline",
        "correlationId": answer.headers["X-Request-Id"],
    }
    assert sent["Attributes"]["AWSTraceHeader"] == trace


@pytest.mark.parametrize(
    "changes, details",
    [
        ({"customerId": None}, ["customerId: is required"]),
        ({"items": []}, ["items: must have at least 1 items"]),
        ({"items": [{"quantity": 1, "price": 1}]}, ["items[0]: must have exactly one of productId and itemId"]),
        (
            {"items": [{"itemId": "a", "productId": "b", "quantity": 1, "price": 1}]},
            ["items[0]: must have exactly one of productId and itemId"],
        ),
        ({"items": [{"itemId": "a", "quantity": 1, "price": 0.001}]}, ["items[0].price: must have at most 2 decimals"]),
        ({"items": [{"itemId": "a", "quantity": 1}]}, ["items[0].price: is required"]),
        ({"orderId": "fd-mine"}, ["orderId: must not start with fd-"]),
        ({"orderId": "fk-mine"}, ["orderId: must not start with fk-"]),
        ({"orderId": "async"}, ["orderId: must not be one of async, customer"]),
        ({"orderId": ""}, ["orderId: must match ^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"]),
        ({"orderId": "A1\n"}, ["orderId: must match ^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"]),
        ({"orderId": 7}, ["orderId: must be a string"]),
        ({"priority": "urgent"}, ["priority: must be one of normal, high"]),
        ({"timestamp": 0}, [f"timestamp: {TOO_EARLY}"]),
        ({"timestamp": 1_767_323_045}, [f"timestamp: {TOO_EARLY}"]),
        ({"timestamp": 946_684_799_999}, [f"timestamp: {TOO_EARLY}"]),
        ({"timestamp": 1_767_323_045_678.5}, ["timestamp: must be an integer"]),
        ({"timestamp": 9_999_999_999_999}, ["timestamp: must not be more than 5 minutes in the future"]),
        ({"totalAmount": 1}, ["totalAmount: is not a known field"]),
        ({"source": "import"}, ["source: is not a known field"]),
    ],
)
def test_an_invalid_submission_is_400_and_not_sent(api, pipeline, changes, details):
    answer = api.submit(submission(**changes))
    assert (answer.status, answer.details) == (400, details)
    assert pipeline.queued() == []


def test_no_segment_of_a_route_can_be_chosen_as_an_id():
    from contract.routes import ROUTES
    from contract.schemas import RESERVED_IDS

    taken = {route.path.split("/")[2] for route in ROUTES if route.path.startswith("/orders/")}
    assert {name for name in taken if not name.startswith("{")} == set(RESERVED_IDS)


def test_the_clients_time_is_kept(api, pipeline):
    assert api.submit(submission(timestamp=1_700_000_000_000)).body["timestamp"] == 1_700_000_000_000
    assert json.loads(pipeline.queued()[0]["Body"])["timestamp"] == 1_700_000_000_000


def test_features_are_checked_when_the_order_is_accepted(api, pipeline, configure):
    refused = api.submit(submission(delivery="express"))
    assert (refused.status, refused.code) == (422, "feature_disabled")
    configure(flags={"expressDelivery": True, "multiplePayments": True})
    assert api.submit(submission(payments=[{"method": "card", "amount": 1}])).code == "payment_mismatch"
    assert pipeline.queued() == []
    assert api.submit(submission(delivery="express")).status == 202
    configure(flags={})  # turned off while the order is queued: an accepted order is stored
    (sent,) = pipeline.queued()
    assert pipeline.work(sent["Body"]) == []
    assert set(pipeline.orders()) == {"ORD-1"} and pipeline.reasons() == []


@pytest.mark.parametrize(
    "failure, status",
    [
        (EndpointConnectionError(endpoint_url="x"), 503),
        (ConnectTimeoutError(endpoint_url="x"), 503),
        (ReadTimeoutError(endpoint_url="x"), 503),
        (HTTPClientError(error="x"), 503),
        (ResponseParserError("<html>"), 503),
        (ClientError({"ResponseMetadata": {"HTTPStatusCode": 503}}, "SendMessage"), 503),
        (ClientError({}, "SendMessage"), 500),
        (ClientError({"Error": {"Code": "RequestThrottled"}}, "SendMessage"), 503),
        (ClientError({"Error": {"Code": "KMS.ThrottlingException"}}, "SendMessage"), 503),
        (ClientError({"Error": {"Code": "?"}, "ResponseMetadata": {"HTTPStatusCode": 502}}, "SendMessage"), 503),
        (ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "SendMessage"), 500),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage"), 500),
    ],
)
def test_it_is_never_202_unless_the_queue_has_it(api, queues, monkeypatch, failure, status):
    def fail(**request):
        raise failure

    monkeypatch.setattr(queues, "send_message", fail)
    answer = api.submit(SUBMISSION)
    assert answer.status == status
    assert answer.headers.get("Retry-After") == ("1" if status == 503 else None)


def test_timeout_and_retries_bound_the_call(api, queues, configure, monkeypatch):
    configure(api_config={"defaultTimeout": 250, "retryAttempts": 1})
    used = []
    real = clients.sqs
    monkeypatch.setattr(clients, "sqs", lambda *key: used.append(real(*key).meta.config) or real(*key))
    assert api.submit(SUBMISSION).status == 202
    (config,) = used
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (0.25, 0.25, 2)


def test_a_submission_is_one_call(api, pipeline, monkeypatch):
    api.submit(SUBMISSION)  # reads the configuration
    made = []
    events = pipeline.sqs.meta.events
    events.register("before-call.sqs", lambda model, **rest: made.append(model.name), unique_id="count")
    try:
        assert api.submit(SUBMISSION).status == 202
    finally:
        events.unregister("before-call.sqs", unique_id="count")
    assert made == ["SendMessage"]


def test_the_item_limit_follows_api_config(api, queues, configure):
    configure(api_config={"maxItemsPerOrder": 1})
    assert api.submit(SUBMISSION).details == ["items: must have at most 1 items", admission.NOT_STORED]


def test_the_same_key_is_the_same_order(api, pipeline):
    body, key = submission(orderId=None), {"Idempotency-Key": "3f1c-key"}
    first, again = api.submit(body, headers=key), api.submit(body, headers=key)
    assert (first.status, again.status) == (202, 202)
    order_id = first.body["orderId"]
    assert re.fullmatch("fk-[0-9a-f]{64}", order_id) and "3f1c" not in order_id
    assert again.body["orderId"] == order_id and again.headers["Location"] == first.headers["Location"]
    others = [
        api.submit(body, headers={"Idempotency-Key": "another"}),
        api.submit(body, headers=key, api_key_id="another"),
        api.submit(body),
    ]
    assert len({order_id, *(answer.body["orderId"] for answer in others)}) == 4
    assert pipeline.work(*[sent["Body"] for sent in pipeline.queued()]) == []
    assert len(pipeline.orders()) == 4 and pipeline.reasons() == []
    assert {order_id} == {name for name in pipeline.claims() if name == order_id}  # claimed, like a chosen id


def test_another_body_under_the_key_is_another_order_with_the_same_id(api, pipeline):
    key = {"Idempotency-Key": "k"}
    api.submit(submission(orderId=None), headers=key)
    assert api.submit(submission(orderId=None, customerId="another"), headers=key).status == 202
    assert pipeline.work(*[sent["Body"] for sent in pipeline.queued()]) == []
    assert len(pipeline.orders()) == 1 and pipeline.reasons() == ["order_conflict"]


def test_a_key_and_an_order_id_together_are_400(api, pipeline):
    answer = api.submit(submission(), headers={"Idempotency-Key": "k"})
    assert (answer.status, answer.details) == (
        400,
        ["Idempotency-Key: send either the header or an orderId, not both"],
    )
    assert pipeline.queued() == []


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\n"])
def test_a_bad_key_is_400(api, pipeline, key):
    answer = api.submit(submission(orderId=None), headers={"Idempotency-Key": key})
    assert (answer.code, pipeline.queued()) == ("invalid_request", [])


def test_a_key_takes_no_further_call(api, calls):
    assert api.submit(submission(orderId=None), headers={"Idempotency-Key": "k"}).status == 202
    assert calls == ["SendMessage"]
