"""The examples of the contract are what the platform does.

`RECORD_EXAMPLES=1` writes what it does to examples/contract.json instead of comparing it: look at the difference.
"""

import json
import os

import pytest

from contract.routes import ROUTES
from domain import strict_json
from generator import asyncapi, examples
from handlers import orders_events
from tests.unit.handlers.contract_examples import executed
from tests.unit.handlers.importing import World
from tests.unit.handlers.importing import event as uploaded
from tests.unit.handlers.test_openapi_agreement import DOCUMENT, is_valid
from tests.unit.handlers.test_orders_events import topic  # noqa: F401 - a fixture

RECORD = "RECORD_EXAMPLES" in os.environ


def test_each_request_is_answered_like_its_example(api, queues, topic, monkeypatch):  # noqa: F811
    given = examples.document()
    result = executed(given, api, queues, topic, monkeypatch)
    if RECORD:
        examples.CONTRACT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    else:
        assert result == given, "if that is meant, run this test with RECORD_EXAMPLES=1"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_every_operation_has_an_example_of_success_and_one_of_an_error(route):
    statuses = {each.response["status"] for each in examples.exchanges(route.operation)}
    assert route.success in statuses and max(statuses) >= 400


def test_every_example_has_a_name_of_its_own():
    names = [(each.operation, each.name) for each in examples.exchanges()]
    assert len(set(names)) == len(names)
    assert {each.operation for each in examples.exchanges()} == {route.operation for route in ROUTES}


@pytest.mark.parametrize("exchange", examples.exchanges(), ids=lambda each: f"{each.operation}-{each.name}")
def test_every_example_is_valid_by_the_document_unless_it_is_one_of_an_invalid_request(exchange):
    (operation,) = [
        each
        for path in DOCUMENT["paths"].values()
        for each in path.values()
        if each["operationId"] == exchange.operation
    ]
    answer = operation["responses"][str(exchange.response["status"])]
    schema = answer["content"]["application/json"]["schema"]
    assert is_valid(schema, strict_json.loads(json.dumps(exchange.response["body"])))
    for name, header in answer["headers"].items():
        if name in exchange.response["headers"]:
            value = exchange.response["headers"][name]
            assert is_valid(header["schema"], int(value) if header["schema"]["type"] == "integer" else value)
        else:
            assert not header["required"] or name == "X-Request-Id"
    if "body" in exchange.request and exchange.is_valid:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert is_valid(schema, strict_json.loads(json.dumps(exchange.request["body"])))


@pytest.mark.parametrize("example", examples.document()["messages"], ids=lambda each: each["name"])
def test_the_worker_stores_every_example_of_a_message(pipeline, example):
    payload = example["payload"]
    wanted = payload.get("orders", [payload])
    assert pipeline.work(payload) == []
    assert set(pipeline.orders()) == {order["orderId"] for order in wanted}
    assert pipeline.reasons() == []


@pytest.mark.parametrize("extension, orders", [("json", 2), ("jsonl", 2), ("csv", 2)])
def test_every_example_of_a_file_is_imported(extension, orders):
    key = f"orders/orders.{extension}"
    with World(examples.orders_file(extension).encode(), key=key) as world:
        world.run(uploaded(key))
        report = world.report(key)
    assert (report["status"], report["read"], report["queued"]) == ("completed", orders, orders)


def test_a_changed_answer_is_noticed(api, queues, topic, monkeypatch):  # noqa: F811
    given = examples.document()
    monkeypatch.setattr("domain.pricing.total", lambda *arguments: 1)
    assert executed(given, api, queues, topic, monkeypatch) != given


def test_the_attributes_in_the_document_are_those_that_are_published():
    for message in asyncapi.document()["channels"]["orderEvents"]["messages"].values():
        assert set(message["headers"]["properties"]) == set(orders_events._ATTRIBUTES)
