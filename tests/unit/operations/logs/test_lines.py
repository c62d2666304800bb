"""Events of logs as lines: what is read out of them, and which of them tell an order's trace."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from operations.logs import lines
from operations.logs.lines import Event, OrderTrace

ORDER, OTHER = "fd-1", "fd-2"


def line(source="orders-worker", at=0, **fields):
    return lines.read(Event(source, "s", at, json.dumps(fields)))


def text(message):
    return lines.read(Event("orders-worker", "s", 1000, message))


def test_a_line_of_ours_has_a_level_a_message_and_its_own_time():
    read = line(
        at=99_000, level="INFO", message="order stored", timestamp="2026-11-21T09:00:00.250+00:00", order_id=ORDER
    )
    assert (read.level, read.message, read.order_id, read.noise) == ("INFO", "order stored", ORDER, False)
    assert read.moment == datetime(2026, 11, 21, 9, 0, 0, 250_000, UTC)


@pytest.mark.parametrize("timestamp", [None, "yesterday", 5, ""])
def test_the_time_of_the_log_stands_in_for_one_that_cannot_be_read(timestamp):
    assert line(at=1500, message="m", timestamp=timestamp).moment == datetime(1970, 1, 1, 0, 0, 1, 500_000, UTC)


@pytest.mark.parametrize(
    "message",
    [
        "START RequestId: 1 Version: $LATEST",
        "END RequestId: 1",
        "REPORT RequestId: 1\tDuration: 5 ms",
        "INIT_START Runtime Version: python:3.13",
        json.dumps({"_aws": {"CloudWatchMetrics": []}, "OrderValue": 1}),
        json.dumps({"type": "platform.start", "record": {"requestId": "1"}}),
        json.dumps({"type": "platform.report", "record": {"requestId": "1", "status": "success"}}),
    ],
)
def test_what_the_platform_says_of_a_good_run_is_noise(message):
    assert text(message).noise


@pytest.mark.parametrize("status", ["timeout", "error", "failure"])
def test_what_the_platform_says_of_a_bad_run_is_an_error(status):
    read = line(type="platform.report", time="2026", record={"requestId": "1", "status": status, "errorType": "E"})
    assert (read.level, read.message, read.noise) == ("ERROR", f"platform.report {status} E", False)


def test_an_uncaught_exception_is_told_by_its_type_and_text():
    read = line(level="ERROR", errorType="KeyError", errorMessage="'x'", requestId="1")
    assert (read.message, read.invocation) == ("KeyError: 'x'", "1")


def test_plain_text_stays_as_it_is_and_a_timeout_is_an_error():
    assert text("hello\n").message == "hello"
    assert text("2026-01-01T00:00:00Z 1 Task timed out after 3.00 seconds").level == "ERROR"


def test_a_line_of_the_gateway_says_what_was_asked_for_and_answered():
    read = line("api-access", requestId="r", method="POST", resourcePath="/orders", status="503")
    assert (read.message, read.level, read.correlation_id) == ("POST /orders 503", "ERROR", "r")


@given(st.text())
def test_any_text_can_be_read(message):
    assert isinstance(text(message).message, str)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda each: (
            st.lists(each)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "record", "message", "level", "order_id", "requestId", "resourcePath", "timestamp"]
                ),
                each,
            )
        ),
    )
)
def test_any_json_can_be_read(value):
    read = text(json.dumps(value))
    assert isinstance(read.message, str) and isinstance(read.moment, datetime)
    OrderTrace(ORDER).concerns(read)


# --- one order's trace ----------------------------------------------------------------------------


def test_a_story_is_the_order_s_lines_and_those_of_its_requests_that_name_no_other_order():
    lines_of = {
        "accepted": line(order_id=ORDER, correlation_id="r1"),
        "of its request": line(order_id=None, correlation_id="r1"),
        "gateway": line("api-access", requestId="r1", resourcePath="/orders"),
        "another order of its request": line(order_id=OTHER, correlation_id="r1"),
        "another request": line(correlation_id="r2"),
        "nothing": line(message="m"),
    }
    trace = OrderTrace(ORDER)
    trace.learn(lines_of.values())
    assert [name for name, each in lines_of.items() if trace.concerns(each)] == [
        "accepted",
        "of its request",
        "gateway",
    ]


def test_the_failure_of_an_invocation_concerns_the_order_and_its_other_lines_do_not():
    trace = OrderTrace(ORDER)
    trace.learn([line(order_id=ORDER, function_request_id="i1")])
    assert trace.concerns(line(level="ERROR", errorType="MemoryError", requestId="i1"))
    assert trace.concerns(line(type="platform.report", record={"requestId": "i1", "status": "timeout"}))
    assert not trace.concerns(line(level="INFO", message="batch", function_request_id="i1"))
    assert not trace.concerns(line(level="ERROR", requestId="i2"))


def test_an_unknown_order_concerns_nobody():
    trace = OrderTrace(ORDER)
    trace.learn([line(order_id=OTHER, correlation_id="r", function_request_id="i")])
    assert not any(trace.concerns(each) for each in (line(message="m"), line(order_id=OTHER), line(level="ERROR")))


def test_patterns_are_no_longer_than_cloudwatch_takes_and_no_more_than_are_worth_it():
    trace, most = OrderTrace(ORDER), []
    assert trace.patterns() == ['{ $.order_id = "fd-1" }']
    for n in range(40):
        trace.learn([line(order_id=ORDER, correlation_id=f"{n:036}", function_request_id=f"i{n:035}")])
        patterns = trace.patterns()
        assert all(len(each) <= 1024 and each.startswith("{ $.") and each.endswith('" }') for each in patterns if each)
        most.append(len(patterns))
    assert max(most) == 6 and patterns == [""]  # everything, looked at once


def found_by(pattern, document):
    """What CloudWatch would say: equality of text fields, joined by ||."""
    terms = re.findall(r'\$\.([\w.]+) = "([^"]*)"', pattern)
    assert pattern == "" or pattern == "{ " + " || ".join(f'$.{path} = "{value}"' for path, value in terms) + " }"

    def value(path):
        at = document
        for name in path.split("."):
            at = at.get(name) if isinstance(at, dict) else None
        return at

    return pattern == "" or any(value(path) == wanted for path, wanted in terms)


IDS = st.sampled_from([None, ORDER, "x"])  # few, so that they meet
TIMED_OUT = {"requestId": "x", "status": "timeout"}
DOCUMENT = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("order_id", "correlation_id", "function_request_id", "requestId"), IDS),
        "level": st.sampled_from(["INFO", "ERROR"]),
        "resourcePath": st.just("/orders"),
        "type": st.just("platform.report"),
        "record": st.fixed_dictionaries({"requestId": IDS, "status": st.sampled_from(["success", "timeout"])}),
    },
)


@given(st.lists(DOCUMENT, min_size=2, max_size=12))
@example([{"order_id": ORDER, "function_request_id": "x"}, {"level": "ERROR", "function_request_id": "x"}])
@example([{"order_id": ORDER, "requestId": "x"}, {"type": "platform.report", "record": TIMED_OUT}])
def test_whatever_concerns_an_order_is_found_by_the_patterns(documents):
    """Patterns are an economy; what belongs to the trace is decided by `concerns` alone."""
    trace = OrderTrace(ORDER)
    trace.learn(line(**document) for document in documents)
    for document in documents:
        if trace.concerns(line(**document)):
            assert any(found_by(pattern, document) for pattern in trace.patterns())


@pytest.mark.parametrize("hostile", ['x" || $.level = "INFO', "a*", "a b", "{", ""])
def test_what_could_mean_something_in_a_pattern_is_no_order_and_never_gets_into_one(hostile):
    assert not lines.is_order_id(hostile)
    trace = OrderTrace(ORDER)
    trace.learn([line(order_id=ORDER, correlation_id=hostile, function_request_id=hostile)])
    assert trace.patterns() == ['{ $.order_id = "fd-1" }']
