"""Everything the pipeline writes: JSON, bounded dimensions, the ids that lead from request to order, no secret."""

from collections import Counter

import pytest

from contract.errors import ERRORS
from tests.unit.handlers.session_of_batches import CORRELATION, SECRETS
from tests.unit.handlers.sessions import output_of


@pytest.fixture(scope="module")
def output():
    queues = "https://sqs.us-east-1.amazonaws.com/123456789012"
    return output_of(
        "session_of_batches",
        ORDER_QUEUE_URL=f"{queues}/orders",
        ORDER_DEAD_LETTER_QUEUE_URL=f"{queues}/dead-letters",
        ORDER_EVENTS_DEAD_LETTER_QUEUE_URL=f"{queues}/unannounced",
        ORDER_EVENTS_TOPIC_ARN="arn:aws:sns:us-east-1:123456789012:order-events",
    )


def test_no_secret_is_ever_written(output):
    text, _ = output
    assert [name for name, secret in SECRETS.items() if secret in text] == []


def documents(lines):
    """(sorted dimension names, {metric: its values' sum}) of each EMF document."""
    for line in lines:
        if "_aws" in line:
            (directive,) = line["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "FoodDelivery"
            names = [metric["Name"] for metric in directive["Metrics"]]
            yield sorted(directive["Dimensions"][0]), {name: sum(line[name]) for name in names}, line


def test_metrics_count_what_happened(output):
    _, lines = output
    total: Counter[str] = Counter()
    for dimensions, values, _ in documents(lines):
        if "reason" not in dimensions:
            assert dimensions == ["Environment", "service"]
            total.update(values)
    expected = {
        "OrderAccepted": 1,
        "OrderStored": 2,
        "OrderDuplicate": 1,
        "OrderRejected": 6,  # one at the API's edge
        "OrderRetried": 3,
        "OrderValue": 2,
        "EventsPublished": 3,
        "EventsFailed": 1,
        "ColdStart": 1,
    }
    assert {name: total[name] for name in expected} == expected
    assert set(total) - set(expected) == {"OrderProcessingLatency", "OrderStoreDelay", "BatchSize", "BatchDuration"}


def test_rejections_are_counted_by_reason_and_reasons_are_few(output):
    _, lines = output
    reasons = Counter()
    for dimensions, values, line in documents(lines):
        if "reason" in dimensions:
            assert dimensions == ["Environment", "reason", "service"] and line["reason"] in ERRORS
            reasons[line["reason"]] += values["OrderRejected"]
    assert reasons == {"feature_disabled": 2, "invalid_request": 2, "order_conflict": 1}


def test_an_order_can_be_followed_from_request_to_store(output):
    _, lines = output
    (accepted,) = [line for line in lines if line.get("message") == "order accepted"]
    assert accepted["order_id"].startswith("fd-") and accepted["message_id"] and accepted["correlation_id"]
    stored = [line for line in lines if line.get("message") == "order stored"]
    assert (stored[0]["order_id"], stored[0]["correlation_id"]) == ("ORD-1", CORRELATION)
    assert all(line["message_id"] for line in stored)


def test_each_rejected_message_is_logged_with_its_reason(output):
    _, lines = output
    rejected = [line for line in lines if line.get("message") == "message rejected"]
    assert Counter(line["reason"] for line in rejected) == {
        "feature_disabled": 2,
        "invalid_request": 2,
        "order_conflict": 1,
    }
    assert all(line["message_id"] and line["details"] for line in rejected)
    assert not any("correlation_id" in line for line in rejected)
