"""Everything a process writes, line by line: JSON, one EMF document a request, no secret."""

import pytest

from contract.errors import ERRORS
from contract.routes import ROUTES
from tests.unit.handlers.session_of_requests import SECRETS
from tests.unit.handlers.sessions import output_of


@pytest.fixture(scope="module")
def output():
    return output_of("session_of_requests", _X_AMZN_TRACE_ID="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")


def test_no_secret_is_ever_written(output):
    text, _ = output
    assert [name for name, secret in SECRETS.items() if secret in text] == []


def test_every_request_writes_one_metrics_document_and_one_summary(output):
    _, lines = output
    documents = [line for line in lines if "_aws" in line]
    summaries = [line for line in lines if line.get("message") == "request"]
    assert len(documents) == len(summaries) > 10
    for document in documents:
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "FoodDelivery"
        assert [sorted(dimensions) for dimensions in directive["Dimensions"]] == [["Environment", "service"]]
        assert document["operation"] in {route.operation for route in ROUTES}
        assert document["OrderProcessingLatency"][0] > 0
        assert document.get("reason") in (None, *ERRORS)


def test_metrics_count_what_happened(output):
    _, lines = output
    names = [
        metric["Name"] for line in lines if "_aws" in line for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    ]
    counted = {name: names.count(name) for name in set(names) - {"OrderProcessingLatency"}}
    assert counted == {
        "ColdStart": 1,
        "OrderCreated": 1,  # replays create nothing
        "OrderValue": 1,
        "OrderUpdated": 1,
        "CustomerOrdersQueried": 1,
        "OrderRejected": 4,
        "ConfigurationFallback": 1,
    }


def test_log_lines_carry_the_request_and_the_trace(output):
    _, lines = output
    for line in (line for line in lines if "_aws" not in line):
        assert line["correlation_id"] and line["service"] == "orders"
        assert line["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
        assert line["timestamp"].endswith("+00:00")


def test_a_failure_is_logged_by_its_place_not_its_message(output):
    _, lines = output
    failures = [line for line in lines if line.get("message") == "request failed"]
    assert [failure["exception"][0] for failure in failures] == ["ValueError", "KeyError", "RuntimeError", "OSError"]
    assert any("repository.py" in frame and frame.endswith(" insert") for frame in failures[0]["frames"])
