"""The parts of every response, and the responses to failures."""

import ast
import importlib
import json
from pathlib import Path

import fastjsonschema
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.models import ERROR, ORDER, ORDER_PAGE
from contract.routes import CORS_RESPONSE_HEADERS, ROUTES
from tests.unit.handlers.api import CONTEXT, event, order, send

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
FIELDS = ["customerId", "items", "deliveryAddress", "delivery", "payments", "x"]


def test_every_route_of_the_contract_has_an_operation():
    for route in ROUTES:
        function = importlib.import_module(f"handlers.{route.function}")
        assert route.operation in function.OPERATIONS
    assert sum(len(importlib.import_module(f"handlers.{name}").OPERATIONS)
               for name in {route.function for route in ROUTES}) == len(ROUTES)  # fmt: skip


def test_answers_keep_the_contract(api):
    placed = api.post()
    check_order, check_page = (fastjsonschema.compile(schema) for schema in (ORDER, ORDER_PAGE))
    check_order(placed.body)
    check_order(api.put(placed.body["orderId"], "processing").body)
    check_page(api.customer("customer-1", limit=1).body)
    fastjsonschema.compile(ERROR)(api.get("nobody").body)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON)))
def test_no_json_is_a_5xx_and_nothing_refused_is_written(api, document):
    before = len(api.items())
    answer = api.post(json.dumps(document))
    assert answer.status in (201, 400)
    assert len(api.items()) == before + (answer.status == 201)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["customerId", "items", "deliveryAddress", "quantity", "price", "street"]), JSON)
def test_an_almost_valid_order_is_no_5xx(api, field, value):
    body = order()
    target = {"quantity": body["items"][0], "price": body["items"][1], "street": body["deliveryAddress"]}
    target.get(field, body)[field] = value
    answer = api.post(body)
    assert answer.status in (201, 400)
    if answer.status == 201:
        assert api.get(answer.body["orderId"]).text == answer.text


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["Idempotency-Key", "If-Match", "Content-Type", "Origin"]), st.text(max_size=20))
def test_no_header_is_a_5xx(api, name, value):
    assert api.post(headers={name: value}).status < 500
    assert api.put("nobody", "processing", headers={name: value}).status < 500


@pytest.mark.parametrize("call", [lambda api: api.post(), lambda api: api.post({}), lambda api: api.get("x")])
def test_every_answer_names_type_request_and_cors(api, call):
    headers = call(api).headers
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Request-Id"]
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"].split(",") == list(CORS_RESPONSE_HEADERS)
    assert "Vary" not in headers


def test_an_error_carries_the_request_id(api):
    sent = event("GET", "/orders/{orderId}", orderId="nobody")
    answer = send(sent)
    assert answer.body["error"]["requestId"] == sent["requestContext"]["requestId"]
    assert answer.headers["X-Request-Id"] == sent["requestContext"]["requestId"]


def test_only_configured_origins_are_allowed(api, monkeypatch):
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example,https://b.example")
    for origin, allowed in (("https://b.example", True), ("https://c.example", False), (None, False)):
        headers = api.get("x", headers={"Origin": origin} if origin else {}).headers
        assert headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert headers["Vary"] == "Origin"


def test_a_bare_event_is_answered(aws):
    from handlers import orders_query

    assert orders_query.handler({}, None)["statusCode"] == 404
    nulls = dict.fromkeys(["headers", "pathParameters", "queryStringParameters", "requestContext", "body"])
    answer = orders_query.handler({"httpMethod": "GET", "resource": "/orders/{orderId}", **nulls}, CONTEXT)
    assert answer["statusCode"] == 403  # no key


@pytest.mark.parametrize(
    "failure, status",
    [
        (ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem"), 503),
        (ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"), 503),
        (ClientError({"Error": {"Code": "TransactionConflictException"}}, "PutItem"), 503),
        (ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem"), 503),
        (ReadTimeoutError(endpoint_url="x"), 503),
        (ConnectionClosedError(endpoint_url="x"), 503),
        (EndpointConnectionError(endpoint_url="x"), 503),
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutItem"), 500),
        (ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutItem"), 500),
        (NoCredentialsError(), 500),
        (ZeroDivisionError(), 500),
        (RecursionError(), 500),
    ],
)
def test_failures_of_aws_and_of_the_function_are_distinguished(api, monkeypatch, failure, status):
    def fail(**request):
        raise failure

    monkeypatch.setattr(api.database, "put_item", fail)
    answer = api.post()
    assert answer.status == status
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert answer.code == {503: "unavailable", 500: "internal_error"}[status]


def test_placing_an_order_and_listing_orders_are_one_call(api, calls):
    api.post()
    api.post(headers={"Idempotency-Key": "k"})
    assert "nextToken" in api.customer("customer-1", limit=1).body
    assert calls == ["PutItem", "TransactWriteItems", "Query"]


def test_only_the_repository_names_dynamodb_operations_and_the_domain_no_aws():
    root = Path(importlib.import_module("domain").__file__).parents[1]
    for path in (root / "domain").glob("*.py"):
        imported = {
            name.name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in node.names
        }
        assert not {name for name in imported if name.split(".")[0] in ("boto3", "botocore", "handlers")}, path
