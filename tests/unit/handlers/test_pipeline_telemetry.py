"""All output of the pipeline: JSON, bounded dimensions, ids from request to order, no secret."""

from collections import Counter

import pytest

from tests.unit.handlers.session_of_batches import CORRELATION, SECRETS, SOURCE_FILE
from tests.unit.handlers.sessions import documents, output_of, totals

pytestmark = pytest.mark.xdist_group("sessions")  # one process runs each session, once


@pytest.fixture(scope="module")
def output():
    return output_of("session_of_batches")


@pytest.fixture(scope="module")
def lines(output):
    return output[1]


def test_no_secret_is_ever_written(output):
    text, _ = output
    assert [name for name, secret in SECRETS.items() if secret in text] == []


def test_metrics_count_what_happened(lines):
    assert {name: total for (name, _), total in totals(lines, "service").items()} == {
        "OrderDuplicate": 1,
        "OrderRetried": 5,
        "EventsFailed": 1,
        "ColdStart": 1,
    }
    assert totals(lines) == {("HourlyLimitUsed",): 2}  # three orders of 150 an hour


def test_orders_are_counted_by_the_path_that_they_came_on(lines):
    counted = totals(lines, "path")
    assert counted.pop(("OrderProcessingLatency", "async")) > 0 < counted.pop(("OrderProcessingLatency", "import"))
    assert counted == {("OrderValue", "async"): 2, ("OrderValue", "import"): 1}


def test_rejections_are_counted_by_reason(lines):
    assert totals(lines, "reason") == {
        ("OrderRejected", "invalid_request"): 2,  # one at the API's edge
        ("OrderRejected", "order_conflict"): 3,
    }


def test_a_batch_writes_no_more_documents_than_it_has_paths_or_reasons(lines):
    (at,) = [index for index, line in enumerate(lines) if line.get("message") == "batch" and line["size"] == 7]
    written = []
    for line in lines[at + 1 :]:
        if "_aws" not in line:
            break
        written.append(line)
    assert len(written) == 2 and {line.get("path") for line in written} == {"async", "import"}
    assert {line.get("reason") for line in written} == {"order_conflict", "invalid_request"}
    assert len(documents(lines)) > 2


def test_an_order_can_be_followed_from_request_to_store(lines):
    (accepted,) = [line for line in lines if line.get("message") == "order accepted"]
    assert accepted["order_id"].startswith("fd-") and accepted["message_id"] and accepted["correlation_id"]
    stored = [line for line in lines if line.get("message") == "order stored"]
    assert (stored[0]["order_id"], stored[0]["correlation_id"]) == ("ORD-1", CORRELATION)
    assert all(line["message_id"] for line in stored)
    published = [line for line in lines if line.get("message") == "event published"]
    assert [line["order_id"] for line in published] == ["ORD-1", "ORD-2", "ORD-1"]
    assert {line["correlation_id"] for line in published} == {"request-1"}
    (unpublished,) = [line for line in lines if line.get("message") == "event not published"]
    assert (unpublished["event_id"], unpublished["aws_error"]) == ("ORD-2:2", "Bad")


def test_the_trace_of_an_imported_order_begins_with_its_file(lines):
    stored = [line for line in lines if line.get("message") == "order stored"]
    assert {line["order_id"]: line.get("source_file") for line in stored if "source_file" in line} == {
        "ORD-2": SOURCE_FILE
    }


def test_each_rejected_message_is_logged_with_its_reason(lines):
    rejected = [line for line in lines if line.get("message") == "message rejected"]
    assert Counter(line["reason"] for line in rejected) == {
        "invalid_request": 1,
        "order_conflict": 3,
    }
    assert all(line["message_id"] and line["details"] for line in rejected)
    assert not any("correlation_id" in line for line in rejected)


def test_a_message_of_a_newer_version_is_a_warning_that_names_what_is_not_known(lines):
    (unknown,) = [line for line in lines if line.get("message") == "message not known to this version"]
    assert unknown["level"] == "WARNING" and unknown["message_id"]
    (detail,) = unknown["details"]
    assert detail.endswith("is not a known field")
    errors = [line for line in lines if line.get("level") == "ERROR"]
    assert unknown["message_id"] not in {line.get("message_id") for line in errors}
