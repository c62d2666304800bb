"""Requests that API Gateway refuses become metrics: the filters read what the access log has, and count nothing else."""

import json
import re

import pytest

from contract.errors import ERRORS
from contract.metrics import METRICS
from emulator import log_patterns
from generator import api_logging, gateway_responses, refusals
from tests.unit.templates.support import evaluate, of_type, root_parameters

LINE = {**dict.fromkeys(api_logging.ACCESS_LOG_FIELDS, "-"), "stage": "dev", "status": "200"}

REFUSED = {
    "INVALID_API_KEY": "KeyRefused",
    "QUOTA_EXCEEDED": "QuotaExceeded",
    "THROTTLED": "RequestThrottled",
}


@pytest.fixture(scope="module")
def filters(api) -> dict[str, dict]:
    return {
        found["MetricTransformations"][0]["MetricName"]: found
        for title in of_type(api, "Logs::MetricFilter")
        for found in [evaluate(api, api["Resources"][title]["Properties"], root_parameters("dev"))]
    }


def counted(filters: dict[str, dict], **line: str) -> set[str]:
    written = json.dumps({**LINE, **line})
    return {name for name, each in filters.items() if log_patterns.compiled(each["FilterPattern"])(written)}


def test_each_refusal_has_a_filter_of_the_access_log(filters):
    assert filters.keys() == {each.metric for each in refusals.REFUSALS}
    assert {each["LogGroupName"] for each in filters.values()} == {"AccessLogs"}


def test_a_filter_reads_only_fields_that_the_access_log_has(filters):
    for each in filters.values():
        assert set(re.findall(r"\$\.(\w+)", json.dumps(each))) <= api_logging.ACCESS_LOG_FIELDS.keys()


@pytest.mark.parametrize("kind", gateway_responses.RESPONSES)
def test_a_line_counts_by_the_type_of_its_refusal(filters, kind):
    status = str(ERRORS[gateway_responses.RESPONSES[kind][0]].status)
    assert counted(filters, errorType=kind, status=status) == ({REFUSED[kind]} if kind in REFUSED else set())


def test_a_key_that_a_function_refuses_counts_and_what_it_answers_otherwise_does_not(filters):
    assert counted(filters, status="403") == {"KeyRefused"}
    for status in ("200", "201", "202", "400", "404", "409", "422", "500", "503"):
        assert counted(filters, status=status) == set()


def test_the_environment_is_the_only_dimension_and_nothing_is_written_without_a_refusal(filters):
    for each in filters.values():
        (transformation,) = each["MetricTransformations"]
        assert transformation["Dimensions"] == [{"Key": "Environment", "Value": "$.stage"}]
        assert "DefaultValue" not in transformation
        assert transformation["MetricName"] not in METRICS  # functions do not write it
