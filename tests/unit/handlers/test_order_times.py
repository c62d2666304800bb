"""`updatedAt` never decreases, and an order past its time to live does not exist."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import events, orders
from domain.callers import Caller
from domain.lifecycle import TRANSITIONS
from handlers import orders_command, repository
from handlers.attributes import from_item
from tests.unit.handlers.api import ORDER, TABLE, order
from tests.unit.handlers.pipeline import SUBMISSION, message, record

NOW = 4_000_000_000_000
KEY = {"Idempotency-Key": "k"}
AHEAD = 5 * 60 * 1000


@pytest.fixture
def clock(monkeypatch):
    """Set the time of the API's functions."""

    def set_to(now: int) -> None:
        monkeypatch.setattr(orders_command, "_now", lambda: now)
        monkeypatch.setattr(repository, "_now", lambda: now)
        monkeypatch.setattr("handlers.orders_worker._now", lambda: now)

    set_to(NOW)
    return set_to


def the_order(api, order_id):
    return next(from_item(item) for item in api.orders() if item["orderId"]["S"] == order_id)


def expire(api):
    """Put every order past its time to live, not yet deleted by DynamoDB."""
    for item in api.orders():
        api.database.put_item(TableName=TABLE, Item={**item, "expiresAt": {"N": str(NOW // 1000 - 1)}})


def clear(api):
    for item in api.items():
        key = {name: item[name] for name in ("orderId", "timestamp")}
        api.database.delete_item(TableName=TABLE, Key=key)


CHANGES = st.lists(st.tuples(st.integers(-AHEAD, AHEAD), st.sampled_from(list(TRANSITIONS)), st.booleans()), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, AHEAD), CHANGES)
def test_no_sequence_of_clocks_and_changes_decreases_updated_at(api, pipeline, clock, ahead, changes):
    clear(api)
    clock(NOW)
    name = "ORD-1"
    pipeline.work(message(name, timestamp=NOW + ahead))
    before = the_order(api, name)
    for offset, status, keyed in changes:
        clock(NOW + offset)
        query = {"query": {"timestamp": str(before["timestamp"])}} if keyed else {}
        api.put(name, status, **query)
        after = the_order(api, name)
        assert after["timestamp"] <= before["updatedAt"] <= after["updatedAt"]
        assert before["expiresAt"] <= after["expiresAt"]
        shown = orders.representation(after, Caller())
        assert shown["createdAt"] <= shown["updatedAt"]
        event = events.announcement(before, after)
        assert event is None or event["occurredAt"] == shown["updatedAt"] >= orders.iso(before["updatedAt"])
        before = after


@pytest.mark.parametrize("query", [{}, {"query": {"timestamp": str(NOW)}}])
def test_a_change_by_a_clock_that_is_behind_keeps_the_time_of_the_one_before(api, pipeline, clock, calls, query):
    pipeline.work(message("ORD-1", timestamp=NOW))
    clock(NOW + AHEAD)
    api.put("ORD-1", "processing")
    clock(NOW)
    calls.clear()
    moved = api.put("ORD-1", "out_for_delivery", **query)
    assert (moved.status, moved.body["version"]) == (200, 3)
    assert moved.body["updatedAt"] == orders.iso(NOW + AHEAD)
    assert calls == (["UpdateItem"] * 2 if query else ["Query", "UpdateItem"])


def test_a_refused_change_is_refused_behind_the_clock_too(api, pipeline, clock):
    pipeline.work(message("ORD-1", timestamp=NOW + AHEAD))
    query = {"timestamp": str(NOW + AHEAD)}
    assert api.put("ORD-1", "delivered", query=query).code == "illegal_transition"
    assert api.put("ORD-1", "processing", if_match='"2"', query=query).code == "version_mismatch"
    assert api.get("ORD-1").body["version"] == 1


@pytest.mark.parametrize("timestamp", [False, True])
def test_an_order_past_its_time_to_live_is_not_served_and_not_revived(api, clock, timestamp):
    placed = api.post().body
    expire(api)
    query = {"query": {"timestamp": str(placed["timestamp"])}} if timestamp else {}
    before = api.items()
    assert api.get(placed["orderId"], **query).code == "not_found"
    for status in TRANSITIONS:
        for if_match in (None, "*", '"1"', 'W/"1"'):
            assert api.put(placed["orderId"], status, if_match=if_match, **query).code == "not_found"
    assert api.items() == before


def test_an_order_exists_until_its_time_to_live_ends(api, clock):
    placed = api.post().body
    (item,) = api.items()
    last = int(item["expiresAt"]["N"]) * 1000 + 999
    clock(last)
    assert api.get(placed["orderId"]).status == 200 and api.customer("customer-1").body["count"] == 1
    clock(last + 1)
    assert api.get(placed["orderId"]).status == 404 and api.customer("customer-1").body["count"] == 0
    assert api.put(placed["orderId"], "processing").status == 404
    clock(last)
    assert api.put(placed["orderId"], "processing").status == 200


def test_an_order_without_a_time_to_live_never_expires(api, clock):
    placed = api.post().body
    (item,) = api.items()
    del item["expiresAt"]
    api.database.put_item(TableName=TABLE, Item=item)
    clock(2 * NOW)
    assert api.get(placed["orderId"]).body == placed
    assert api.customer("customer-1").body == {"orders": [placed], "count": 1}
    assert api.put(placed["orderId"], "processing").status == 200


def test_a_replay_of_an_expired_order_is_that_of_a_deleted_one(api, clock):
    api.post(headers=KEY)
    expire(api)
    answer = api.post(headers=KEY)
    assert (answer.code, answer.details) == ("not_found", ["the order placed with this Idempotency-Key is gone"])


def test_the_id_of_an_order_past_its_time_to_live_stays_taken(api, pipeline, clock):
    api.submit(SUBMISSION)
    (sent,) = pipeline.queued()
    pipeline.work(sent["Body"])
    expire(api)
    another = {**json.loads(sent["Body"]), "customerId": "another"}
    assert pipeline.work_on([record(sent["Body"]), record(another)]) == []
    assert pipeline.reasons() == ["order_conflict"] and len(api.orders()) == 1


LIVING = st.lists(st.tuples(st.booleans(), st.sampled_from(["pending", "processing"])), max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LIVING, st.integers(1, 5), st.sampled_from([None, "processing"]))
def test_a_list_has_every_order_but_those_past_their_time_to_live(api, clock, placed, size, status):
    clear(api)
    customer, expected = "customer-1", []
    table = repository.OrdersTable(api.database, TABLE)
    wanted = {**ORDER, "items": [{"productId": "a", "quantity": 1, "price": 1}]}
    for index, (living, its_status) in enumerate(placed):
        new = orders.new_order(
            wanted, order_id=f"{customer}-{index}", now=NOW + index, features=(), ttl_days=90 if living else -1
        )
        table.insert({**new, "status": its_status})
        if living and status in (None, its_status):
            expected.insert(0, new["orderId"])
    pages, token = [], None
    while not pages or token:
        answer = api.customer(customer, limit=size, status=status, nextToken=token).body
        pages.append([each["orderId"] for each in answer["orders"]])
        token = answer.get("nextToken")
    assert [order_id for page in pages for order_id in page] == expected
    assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1) and (pages[-1] or len(pages) == 1)


def test_a_full_page_without_expired_orders_is_one_query(api, clock, calls):
    for _ in range(4):
        api.post(order())
    calls.clear()
    assert api.customer("customer-1", limit=3).body["count"] == 3
    assert calls == ["Query"]


def test_many_orders_past_their_time_to_live_are_walked_in_large_steps(api, clock, calls):
    table = repository.OrdersTable(api.database, TABLE)
    wanted = {**ORDER, "items": [{"productId": "a", "quantity": 1, "price": 1}]}
    for index in range(150):
        table.insert(orders.new_order(wanted, order_id=f"o-{index}", now=NOW + index, features=(), ttl_days=-1))
    calls.clear()
    assert api.customer("customer-1", limit=1).body == {"orders": [], "count": 0}
    assert calls == ["Query"] * 3  # 2, 100 and the rest
