"""Defects of earlier handlers, each in a test with its name. None may return."""

import json

import pytest

from contract.routes import ROUTES
from handlers import orders_command, orders_intake, orders_query
from tests.unit.handlers.api import CONTEXT, event, order, send


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_every_request_was_502_because_the_handler_was_wrapped_wrongly(api, queues, route):
    functions = {"orders_command": orders_command, "orders_query": orders_query, "orders_intake": orders_intake}
    function = functions[route.function]
    names = dict.fromkeys(route.path_parameters, "some-id")
    body = {"POST": order(), "PUT": {"status": "processing"}}.get(route.method)
    answer = function.handler(event(route.method, route.path, body, **names), CONTEXT)
    assert isinstance(answer["statusCode"], int) and isinstance(answer["body"], str)
    json.dumps(answer)


def test_post_wrote_without_the_sort_key(api):
    body = api.post().body
    (item,) = api.items()
    assert item["timestamp"]["N"] == str(body["timestamp"])


def test_put_went_to_a_handler_that_did_not_know_it():
    puts = [route for route in ROUTES if route.method == "PUT"]
    assert puts and {route.operation for route in puts} <= {*orders_command.OPERATIONS}
    assert {route.function for route in puts} == {"orders_command"}


def test_post_never_returned_the_timestamp_that_get_demanded(api):
    body = api.post().body
    assert api.get(body["orderId"]).status == 200
    assert api.get(body["orderId"], query={"timestamp": str(body["timestamp"])}).status == 200


@pytest.mark.parametrize("body", ["{", "", "null", "not json"])
def test_malformed_json_raised_in_the_error_handler(api, body):
    assert api.post(body).code == "invalid_request"


def test_client_errors_filled_the_dead_letter_queue(api):
    # Only asynchronous invocations that raise go to this queue:
    # a client's error is a response.
    assert api.post({}).status == 400
    assert send(event("PUT", "/orders/{orderId}", "{", orderId="x")).status == 400


def test_totals_were_floats(api):
    items = [{"productId": "p", "quantity": 3, "price": 0.1}]
    assert '"totalAmount":0.3,' in api.post(order(items=items)).text


def test_a_total_sent_by_the_client_was_stored(api):
    answer = api.post(order(totalAmount=0.01))
    assert (answer.status, answer.details) == (400, ["totalAmount: is not a known field"])
    assert api.items() == []


@pytest.mark.parametrize("body", [{"status": "processing"}, {}, {"status": "anything"}])
def test_an_update_of_an_unknown_order_created_half_an_item(api, body):
    for query in (None, {"timestamp": "1700000000000"}, {"timestamp": "NaN"}):
        sent = event("PUT", "/orders/{orderId}", body, orderId="unknown", query=query)
        assert send(sent).status in (400, 404)
    assert api.items() == []


def test_an_update_without_a_status_meant_processing(api):
    placed = api.post().body
    assert api.put(placed["orderId"], {}).status == 400
    assert api.get(placed["orderId"]).body["status"] == "pending"


def test_the_customer_list_stopped_at_fifty_without_a_page_key(api):
    for _ in range(51):
        assert api.post().status == 201
    first = api.customer("customer-1", limit=50)
    second = api.customer("customer-1", limit=50, nextToken=first.body["nextToken"])
    assert (first.body["count"], second.body["count"]) == (50, 1)
    assert "nextToken" not in second.body


def test_answers_had_no_cors_headers(api):
    for answer in (api.post(), api.post({}), api.get("unknown"), api.customer("customer-1")):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
