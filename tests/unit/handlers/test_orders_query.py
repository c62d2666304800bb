"""GET /orders/{orderId} and GET /orders/customer/{customerId}, over moto."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import orders, paging, strict_json, validation
from domain.callers import Caller
from handlers.repository import OrdersTable
from tests.unit.handlers.api import ORDER, TABLE, event, order, send

STATUSES = ("pending", "processing", "cancelled")
LATER = 4_000_000_000_000  # far from expiring


def store(api, count, customer="customer-1", status=None, start=LATER):
    """Store `count` orders of a customer, one a millisecond, without HTTP."""
    table = OrdersTable(api.database, TABLE)
    request = valid_request(customer)
    for index in range(count):
        placed = orders.new_order(
            request, order_id=f"{customer}-{index:03d}", now=start + index, features=(), ttl_days=90
        )
        table.insert({**placed, "status": status or STATUSES[index % len(STATUSES)]})


def valid_request(customer):
    return validation.order_request(strict_json.loads(json.dumps({**ORDER, "customerId": customer})))


def walk(api, customer, **query):
    """Yield every page of the list, following nextToken like a client."""
    token, pages = None, []
    while True:
        answer = api.customer(customer, nextToken=token, **query)
        assert answer.status == 200
        assert answer.body["count"] == len(answer.body["orders"])
        pages.append(answer.body["orders"])
        token = answer.body.get("nextToken")
        if token is None:
            return pages


def test_an_order_is_read_with_and_without_its_timestamp(api):
    placed = api.post()
    order_id, timestamp = placed.body["orderId"], placed.body["timestamp"]
    assert api.get(order_id).text == placed.text
    answer = api.get(order_id, query={"timestamp": str(timestamp), "unknown": "ignored"})
    assert answer.text == placed.text and answer.headers["ETag"] == '"1"'
    assert api.get(order_id, query={"timestamp": str(timestamp + 1)}).code == "not_found"


@pytest.mark.parametrize(
    "timestamp", ["0", "1767323045", "946684799999", "-1", "1.5", "x", "", " 1", "1\n", "1e3", "٣", "9" * 40]
)
def test_a_timestamp_that_is_none_is_400(api, timestamp):
    answer = api.get("some-order", query={"timestamp": timestamp})
    assert (answer.status, answer.details) == (
        400,
        ["timestamp: must be epoch milliseconds, not seconds, from the year 2000 on"],
    )


@pytest.mark.parametrize("order_id", ["nobody", "a b", "%2e", "x" * 129, "a\n", "idempotency#a", "é", ""])
def test_an_unknown_or_impossible_order_is_404(api, order_id):
    assert (api.get(order_id).status, api.get(order_id).code) == (404, "not_found")


def test_path_parameters_may_come_percent_encoded(api):
    store(api, 1, customer="a:b")
    assert send(event("GET", "/orders/{orderId}", orderId="a%3Ab-000")).status == 200
    assert api.customer("a%3Ab").body["count"] == 1
    assert api.customer("a%253Ab").status == 400


@pytest.mark.parametrize("customer", ["", "a b", "x@example.com", "a/b", "a\n", "é"])
def test_an_impossible_customer_is_400(api, customer):
    assert api.customer(customer).code == "invalid_request"


def test_an_unknown_customer_has_no_orders(api):
    assert api.customer("nobody").body == {"orders": [], "count": 0}


def test_claims_are_never_listed_or_read(api):
    placed = api.post(headers={"Idempotency-Key": "k"})
    assert len(api.items()) == 2
    assert walk(api, "customer-1") == [[placed.body]]
    (claim,) = [item for item in api.items() if item["timestamp"]["N"] == "0"]
    for name in (claim["orderId"]["S"], claim["orderId"]["S"].replace("#", "%23")):
        assert api.get(name).status == 404


@pytest.mark.parametrize(
    "query",
    [{"limit": limit} for limit in ("0", "-1", "101", "x", "", "1.0", "1e1", " 1", "9" * 400)]
    + [{"status": status} for status in ("", "lost", "PENDING")]
    + [{"nextToken": token} for token in ("", "x", "!", "A" * 64, "A" * 513, "é", "AA==")],
)
def test_a_bad_query_parameter_is_400(api, query):
    answer = api.customer("customer-1", **query)
    assert (answer.status, answer.code, len(answer.details)) == (400, "invalid_request", 1)


@pytest.mark.parametrize("count, limit", [(0, 1), (1, 1), (2, 1), (5, 2), (6, 3), (6, 6), (6, 100), (7, 6)])
@pytest.mark.parametrize("status", [None, "processing"])
def test_every_order_comes_exactly_once_newest_first(api, count, limit, status):
    store(api, count)
    store(api, 3, customer="customer-2")
    pages = walk(api, "customer-1", limit=limit, status=status)
    found = [order["orderId"] for page in pages for order in page]
    expected = [f"customer-1-{n:03d}" for n in range(count) if status in (None, STATUSES[n % 3])]
    assert found == expected[::-1]
    assert all(len(page) == limit for page in pages[:-1])
    assert len(pages) == max(1, -(-len(expected) // limit))  # no empty page at the end


def test_a_rare_status_is_searched_for_within_bounds(api, monkeypatch):
    monkeypatch.setattr("handlers.repository.FILTERED_READ", 2)
    store(api, 1, status="delivered")
    store(api, 50, customer="customer-1x", status="pending")
    table = OrdersTable(api.database, TABLE)
    request = valid_request("customer-1")
    for index in range(45):
        table.insert(
            orders.new_order(request, order_id=f"new-{index}", now=LATER + 5_000 + index, features=(), ttl_days=9)
        )
    first = api.customer("customer-1", status="delivered", limit=1)
    assert first.body["orders"] == [] and "nextToken" in first.body
    pages = walk(api, "customer-1", status="delivered", limit=1)
    assert [order["orderId"] for page in pages for order in page] == ["customer-1-000"]


def test_page_sizes_come_from_api_config(api, configure):
    store(api, 6)
    configure(api_config={"defaultPageSize": 5, "maxPageSize": 3})
    assert api.customer("customer-1").body["count"] == 3
    assert api.customer("customer-1", limit=3).status == 200
    assert api.customer("customer-1", limit=4).details == ["limit: must be a whole number from 1 to 3"]


def test_a_token_is_valid_for_its_list_only(api):
    store(api, 3)
    store(api, 3, customer="customer-2")
    token = api.customer("customer-1", limit=1).body["nextToken"]
    assert api.customer("customer-1", limit=2, nextToken=token).body["count"] == 2
    for customer, status in (("customer-2", None), ("customer-1", "pending")):
        answer = api.customer(customer, status=status, nextToken=token)
        assert (answer.status, answer.details) == (400, ["nextToken: is not one of this list's tokens"])


def test_a_forged_token_reaches_only_the_customer_in_the_path(api):
    store(api, 3)
    store(api, 3, customer="customer-2", start=LATER + 1_000)
    forged = paging.encode(("customer-2-002", LATER + 1_002), Caller(), "customer-1", None)
    found = api.customer("customer-1", nextToken=forged).body["orders"]
    assert {order["customerId"] for order in found} == {"customer-1"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["limit", "status", "nextToken", "timestamp", "x"]), st.text(max_size=40)),
       st.text(max_size=40))  # fmt: skip
def test_no_path_or_query_is_a_5xx(api, query, name):
    assert api.customer(name, **query).status < 500
    assert api.get(name, query=query).status < 500


def test_an_unknown_route_is_404_in_the_one_shape(api):
    for method, path in (("DELETE", "/orders"), ("GET", "/"), ("GET", "/orders/{orderId}/items")):
        answer = send(event(method, path))
        assert (answer.status, answer.code) == (404, "route_not_found")


def test_an_order_keeps_what_the_client_sent(api, configure):
    configure(flags={"expressDelivery": True, "multiplePayments": True})
    sent = order(
        delivery="express",
        payments=[{"method": "card", "amount": 25}, {"method": "cash", "amount": 0.10}],
    )
    body = api.post(sent).body
    assert {field: body[field] for field in sent} == sent
    assert api.get(body["orderId"]).body == body
