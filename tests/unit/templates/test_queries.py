"""Saved queries: over all functions' logs, with the fields that are really logged."""

import re

import pytest

from generator import queries
from generator.api_logging import ACCESS_LOG_FIELDS
from tests.unit.templates.given import parameters
from tests.unit.templates.support import existing, of_type

# Fields that Lambda and Logs Insights add.
BUILT_IN = {"@timestamp", "@log", "level", "message", "service", "errorType", "record.status", "xray_trace_id"}


@pytest.fixture(scope="module")
def saved(monitoring) -> dict[str, dict]:
    found = of_type({"Resources": existing(monitoring, parameters("dev"))}, "Logs::QueryDefinition")
    return {each["Properties"]["Name"]: each["Properties"] for each in found.values()}


def test_an_operator_finds_them_by_environment(saved):
    assert set(saved) == {
        f"food-delivery/dev/{name}"
        for name in (
            *("errors-by-function", "slowest-requests", "slowest-at-the-gateway", "order-trace", "cold-starts"),
            "requests-by-key",
        )
    }


def groups_of_functions(compute: dict) -> set[str]:
    groups = of_type({"Resources": existing(compute, parameters("dev"))}, "Logs::LogGroup")
    return {each["Properties"]["LogGroupName"] for each in groups.values()}


def unsearched(saved: dict, compute: dict) -> set[str]:
    """Log groups of functions that a query over all of them leaves out."""
    gateway = {f"food-delivery/dev/{name}" for name in ("slowest-at-the-gateway", "requests-by-key")}
    return {
        group
        for name, query in saved.items()
        if name not in gateway
        for group in groups_of_functions(compute) - set(query["LogGroupNames"])
    }


def test_every_function_is_searched(saved, compute):
    assert unsearched(saved, compute) == set()


def test_a_function_that_is_left_out_is_named(saved, compute):
    trace = saved["food-delivery/dev/order-trace"]
    fewer = {**trace, "LogGroupNames": [each for each in trace["LogGroupNames"] if not each.endswith("orders-worker")]}
    assert unsearched({"trace": fewer}, compute) == {"/food-delivery/dev/orders-worker"}


def test_the_gateways_query_reads_its_access_log(saved, api):
    query = saved["food-delivery/dev/slowest-at-the-gateway"]
    groups = of_type({"Resources": existing(api, parameters("dev"))}, "Logs::LogGroup")
    assert query["LogGroupNames"] == [groups["AccessLogs"]["Properties"]["LogGroupName"]]
    fields = re.search(r"fields (.*)", query["QueryString"])[1].split(", ")
    assert set(fields) - {"@timestamp"} <= set(ACCESS_LOG_FIELDS)


def test_the_query_by_key_reads_the_access_log_as_well(saved):
    query = saved["food-delivery/dev/requests-by-key"]
    assert query["LogGroupNames"] == saved["food-delivery/dev/slowest-at-the-gateway"]["LogGroupNames"]
    assert set(re.search(r" by (.*)", query["QueryString"])[1].split(", ")) <= set(ACCESS_LOG_FIELDS)


def logged(tmp_path=None) -> set[str]:
    """The fields that handlers.telemetry hands to the logger, or appends to every line."""
    from inspect import getsource

    from handlers import telemetry

    source = getsource(telemetry)
    fields = set(re.findall(r"\b(\w+)=", " ".join(re.findall(r"logger\.\w+\((.*?)\)\n", source, re.DOTALL))))
    # ids: named where they are described.
    return fields | set(re.findall(r"(order_id|message_id|correlation_id)", source))


@pytest.mark.parametrize("query", [queries.SLOWEST, queries.ORDER_TRACE])
def test_fields_that_are_shown_are_fields_that_are_logged(query):
    fields = set(re.search(r"fields (.*)", query)[1].split(", "))
    assert fields - BUILT_IN <= logged()


def test_the_messages_that_are_looked_for_are_messages_that_are_logged():
    from inspect import getsource

    from handlers import telemetry

    source = getsource(telemetry)
    assert 'logger.info("request"' in source and 'logger.info("batch"' in source
    assert "cold_start=1" in source


def test_the_order_trace_is_found_by_the_orders_id_and_asks_for_it(saved):
    trace = saved["food-delivery/dev/order-trace"]
    placeholders = set(re.findall(r"\{\{(\w+)\}\}", trace["QueryString"]))
    assert placeholders == {each["Name"] for each in trace["Parameters"]} == {"orderId", "correlationId"}
    assert 'order_id = "{{orderId}}"' in trace["QueryString"]
