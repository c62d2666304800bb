"""The traces of orders, made of log lines."""

import json

import pytest

from console import picture, traces
from console.traces import ORDERS, STEPS, Traces
from handlers import telemetry
from operations.logs import lines
from operations.logs.lines import Event

START = 1_795_898_145_000


def line(source: str, message: str, at: int = 0, **fields) -> lines.Line:
    stamp = f"2026-11-28T20:35:{45 + at // 1000:02}.{at % 1000:03}+00:00"
    said = {"level": "INFO", "message": message, "timestamp": stamp, **fields}
    return lines.read(Event(source, "stream", START + at, json.dumps(said)))


def request(request_id: str, at: int, latency: str) -> lines.Line:
    said = {"requestId": request_id, "method": "POST", "resourcePath": "/orders", "status": "201", "latency": latency}
    return lines.read(Event("api-access", "stream", START + at, json.dumps(said)))


def stored(order_id: str, at: int = 0) -> lines.Line:
    return line("orders-worker", "order stored", at, order_id=order_id)


def shown(known: Traces) -> list[list[tuple[str, str]]]:
    return [[(step.source, step.node) for step in trace.steps] for trace in known.latest]


def test_an_order_has_what_every_function_logged_about_it_by_time():
    known = Traces()
    ids = {"order_id": "X-1", "correlation_id": "r-1"}
    changed = known.learn(
        [
            line("orders-intake", "order accepted", 40, **ids),
            line("orders-intake", "request", 41, operation="submitOrder", status=202, milliseconds=30.5, **ids),
            stored("X-1", 90),
            line("orders-events", "event published", 120, order_id="X-1", event_id="X-1:1"),
            line("orders-worker", "batch", 95, size=1),
        ]
    )
    assert changed == {"X-1"}
    assert shown(known) == [
        [
            ("orders-intake", "OrdersIntakeFunction"),
            ("orders-intake", "OrderQueue"),
            ("orders-worker", "OrdersTable"),
            ("orders-events", "OrderEvents"),
        ]
    ]
    assert known.latest[0].steps[0].time == pytest.approx(START + 10.5)
    assert known.counts == {
        "OrderQueue": 1,
        "OrdersIntakeFunction": 1,
        "OrdersTable": 1,
        "OrdersWorkerFunction": 1,
        "OrderEvents": 1,
    }


@pytest.mark.parametrize("first", ["gateway", "function"])
def test_the_gateways_line_has_no_order_and_finds_it_by_its_request(first):
    known = Traces()
    both = [
        [request("r-1", 60, "55")],
        [line("orders-command", "order created", 50, order_id="X", correlation_id="r-1")],
    ]
    for each in both if first == "gateway" else reversed(both):
        known.learn(each)
    assert shown(known) == [[("api-access", "OrdersApi"), ("orders-command", "OrdersTable")]]
    assert known.latest[0].steps[0].time == START + 5 and known.counts["OrdersApi"] == 1


@pytest.mark.parametrize("latency", ["-", "", "nan", "inf", "1e999"])
def test_a_latency_that_is_no_number_is_none(latency):
    known = Traces()
    known.learn([line("orders-command", "order created", order_id="X", correlation_id="r"), request("r", 60, latency)])
    assert {step.time for step in known.latest[0].steps} == {START, START + 60}


def test_a_rejected_order_says_why():
    known = Traces()
    said = {"reason": "order_conflict", "details": ["orderId: belongs to another order"], "level": "WARNING"}
    known.learn([line("orders-worker", "message rejected", order_id="X", **said)])
    (step,) = known.latest[0].steps
    assert (step.node, step.failed) == ("OrderQueueDLQ", True)
    assert step.detail == "order_conflict, orderId: belongs to another order"


def test_only_the_latest_orders_and_steps_are_kept():
    known = Traces()
    known.learn(stored(f"X-{number}") for number in range(ORDERS + 5))
    assert len(known.latest) == ORDERS and known.latest[0].order_id == f"X-{ORDERS + 4}"
    known.learn(stored("X-50") for _ in range(STEPS + 5))
    numbers = [step.number for trace in known.latest if trace.order_id == "X-50" for step in trace.steps]
    assert len(numbers) == STEPS and len(set(numbers)) == STEPS


def test_what_names_no_order_makes_none():
    known = Traces()
    assert (
        known.learn(
            [
                line("orders-worker", "batch", size=3),
                request("r", 0, "3"),
                lines.read(Event("orders-worker", "", 0, "text")),
            ]
        )
        == set()
    )
    assert known.latest == []


def test_the_messages_are_those_that_the_functions_log():
    import inspect

    source = inspect.getsource(telemetry)
    assert [message for message in [*traces.REACHES, *traces.INVOCATIONS] if f'"{message}"' not in source] == []


def test_every_node_has_a_box_in_the_picture():
    boxes = {box["key"] for box in picture.drawn()["boxes"]}
    assert {traces.GATEWAY, *traces.REACHES.values(), traces.function_node("orders-worker")} <= boxes
    ends = {end for arrow in picture.drawn()["arrows"] for end in (arrow["source"], arrow["target"])}
    assert ends <= boxes and max(box["bottom"] for box in picture.drawn()["boxes"]) < picture.HEIGHT
