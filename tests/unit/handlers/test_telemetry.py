"""All output of a process, line by line: JSON, one EMF document a request, no secret."""

import pytest

from tests.unit.handlers.session_of_requests import SECRETS
from tests.unit.handlers.sessions import TRACE, documents, output_of, samples, totals

pytestmark = pytest.mark.xdist_group("sessions")  # one process runs each session, once


@pytest.fixture(scope="module")
def output():
    return output_of("session_of_requests")


@pytest.fixture(scope="module")
def lines(output):
    return output[1]


def requests(lines):
    """Return each request's log lines, in order; the last one of each is its summary."""
    found = [[]]
    for line in lines:
        if "_aws" not in line:
            found[-1].append(line)
            if line["message"] == "request":
                found.append([])
    return found[:-1]


def test_no_secret_is_ever_written(output):
    text, _ = output
    assert [name for name, secret in SECRETS.items() if secret in text] == []


def test_every_request_writes_one_metrics_document_and_one_summary(lines):
    assert len(documents(lines)) == len(requests(lines)) > 10
    for document, request in zip(documents(lines), requests(lines), strict=True):
        (latency,) = [each for each in samples([document]) if each.name == "RequestLatency"]
        assert latency.dimensions["operation"] == request[-1]["operation"]
        assert latency.values == [request[-1]["milliseconds"]]


def test_metrics_count_what_happened(lines):
    assert totals(lines, "service") == {("ColdStart", "orders"): 1}
    assert totals(lines) == {
        ("HourlyLimitUsed",): pytest.approx(2 / 3, abs=1e-9),  # of 150 an hour, rounded down
        ("ConfigurationFallback",): 2,  # both parameters
    }


def test_a_cold_start_is_in_each_line_of_its_request_and_no_other(lines):
    first, *others = requests(lines)
    assert all(line["cold_start"] == 1 for line in first)
    assert not any("cold_start" in line for request in others for line in request)


def test_an_order_that_is_placed_counts_on_its_path(lines):
    counted = totals(lines, "path")
    assert counted.pop(("OrderProcessingLatency", "sync")) > 0
    assert counted == {("OrderValue", "sync"): 25.1}  # replays create nothing


def test_latency_by_path_is_of_stored_orders_only(lines):
    (latency,) = [
        each.values for each in samples(lines) if each.name == "OrderProcessingLatency" and "path" in each.dimensions
    ]
    created = next(request[-1] for request in requests(lines) if request[0]["message"] == "order created")
    assert latency == [created["milliseconds"]]


def test_changes_count_by_the_new_status_and_refusals_by_their_reason(lines):
    assert totals(lines, "status") == {("OrderStatusChanged", "processing"): 1}
    assert totals(lines, "reason") == {
        ("OrderRejected", "feature_disabled"): 1,
        ("OrderRejected", "invalid_request"): 3,
        ("OrderRejected", "illegal_transition"): 1,
    }


def test_every_request_about_an_order_is_found_by_its_id(lines):
    placed = next(request for request in requests(lines) if request[0]["message"] == "order created")
    about = [request for request in requests(lines) if request[0].get("order_id") == placed[0]["order_id"]]
    assert [(request[-1]["operation"], request[-1]["status"]) for request in about] == [
        ("createOrder", 201),
        ("createOrder", 201),  # replayed
        ("updateOrderStatus", 400),
        ("updateOrderStatus", 200),
        ("updateOrderStatus", 409),
        ("getOrder", 200),
    ]
    assert all(request[-1]["order_id"] == placed[0]["order_id"] for request in about)
    assert len({request[-1]["correlation_id"] for request in about}) == len(about)
    (changed,) = [line for line in lines if line.get("message") == "order status changed"]
    assert (changed["order_id"], changed["order_status"]) == (placed[0]["order_id"], "processing")


def test_a_request_that_is_about_no_order_names_none(lines):
    others = [request[-1] for request in requests(lines) if request[-1]["operation"] == "listCustomerOrders"]
    assert others and not any("order_id" in line for line in others)
    refused = [request[-1] for request in requests(lines) if request[-1]["status"] == 422]
    assert refused and not any("order_id" in line for line in refused)


def test_log_lines_carry_the_request_and_the_trace(lines):
    for line in (line for line in lines if "_aws" not in line):
        assert line["correlation_id"] and line["service"] == "orders"
        assert line["xray_trace_id"] == TRACE
        assert line["timestamp"].endswith("+00:00")


def test_a_failure_is_logged_by_file_and_line_without_its_message(lines):
    failures = [line for line in lines if line.get("message") == "request failed"]
    assert [failure["exception"][0] for failure in failures] == ["ValueError", "KeyError", "RuntimeError", "OSError"]
    assert any("repository.py" in frame and frame.endswith(" insert") for frame in failures[0]["frames"])
