"""The key of an order placed here is known from its id; other orders are looked up first."""

import json

import pytest

from domain import orders
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.pipeline import SUBMISSION, message, platform_id, record

NOW = 1_767_323_045_000


@pytest.mark.parametrize("query", [False, True], ids=["by id", "by key"])
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["plain", "keyed"])
def test_reading_and_changing_an_order_placed_here_are_one_call(api, calls, headers, query):
    placed = api.post(headers=headers).body
    options = {"query": {"timestamp": str(placed["timestamp"])}} if query else {}
    calls.clear()
    assert api.get(placed["orderId"], **options).body == placed
    assert calls == ["GetItem"]
    calls.clear()
    assert api.put(placed["orderId"], "processing", if_match='"1"', headers=headers, **options).body["version"] == 2
    assert api.put(placed["orderId"], "processing", **options).body["version"] == 2  # already
    assert api.put(placed["orderId"], "delivered", **options).code == "illegal_transition"
    assert calls == ["UpdateItem"] * 3
    calls.clear()
    assert api.put(placed["orderId"], "pending", **options).code == "illegal_transition"  # from no status
    assert calls == ["GetItem"]


def test_reading_and_changing_an_order_accepted_here_are_one_call(api, pipeline, calls):
    sent = {key: value for key, value in SUBMISSION.items() if key != "orderId"}
    earlier = 1_767_323_045_000
    order_id = api.submit({**sent, "timestamp": earlier}).body["orderId"]
    pipeline.work(*[each["Body"] for each in pipeline.queued()])
    calls.clear()
    assert api.get(order_id).body["timestamp"] == earlier
    assert api.put(order_id, "processing").status == 200
    assert calls == ["GetItem", "UpdateItem"]


@pytest.mark.parametrize("order_id", ["ORD-1", "fk-" + "0" * 64, platform_id(1)], ids=["client", "keyed", "version 4"])
def test_an_order_whose_id_has_no_time_is_looked_up_first(api, pipeline, calls, order_id):
    pipeline.work(message(order_id))
    calls.clear()
    timestamp = api.get(order_id).body["timestamp"]
    assert api.put(order_id, "processing").body["version"] == 2
    assert calls == ["Query", "Query", "UpdateItem"]
    calls.clear()
    by_key = {"query": {"timestamp": str(timestamp)}}
    assert api.get(order_id, **by_key).body["version"] == 2
    assert api.put(order_id, "cancelled", **by_key).body["version"] == 3
    assert calls == ["GetItem", "UpdateItem"]


def test_a_timestamp_that_contradicts_the_id_is_404(api):
    placed = api.post().body
    for timestamp in (placed["timestamp"] - 1, placed["timestamp"] + 1, 946_684_800_000):
        query = {"timestamp": str(timestamp)}
        assert api.get(placed["orderId"], query=query).code == "not_found"
        for status in ("processing", "pending"):
            assert api.put(placed["orderId"], status, query=query).code == "not_found"
    assert api.get(placed["orderId"]).body == placed


def test_an_order_accepted_by_an_earlier_version_is_stored_read_and_changed(api, pipeline):
    """Its id has version 4. It may wait in the dead-letter queue for two weeks before this version stores it."""
    pipeline.work(message(platform_id(7), timestamp=NOW))
    assert api.get(platform_id(7)).body["timestamp"] == NOW
    assert api.put(platform_id(7), "processing").status == 200


@pytest.mark.parametrize("timestamp", [NOW - 1, NOW + 1, 1])
def test_a_message_whose_time_is_not_that_of_its_id_is_rejected(pipeline, timestamp):
    order_id = orders.new_id(NOW)
    forged, genuine = message(order_id, timestamp=timestamp), message(order_id, timestamp=NOW)
    assert pipeline.work_on([record(forged), record(genuine)]) == []
    (letter,) = pipeline.dead_letters()
    assert json.loads(letter["Body"]) == forged
    reason = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert reason == {
        "rejectionReason": "invalid_request",
        "rejectionDetail": "timestamp: must be the time in the orderId",
    }
    assert [item["timestamp"]["N"] for item in pipeline.items() if item["orderId"]["S"] == order_id] == [str(NOW)]


def test_a_message_delivered_twice_stores_one_order_under_its_key(api, pipeline):
    api.submit({key: value for key, value in SUBMISSION.items() if key != "orderId"})
    (sent,) = pipeline.queued()
    for _ in range(2):
        assert pipeline.work(sent["Body"], sent["Body"]) == []
    (item,) = pipeline.items()
    assert orders.timestamp_of(item["orderId"]["S"]) == int(item["timestamp"]["N"])
    assert pipeline.dead_letters() == []


@pytest.mark.parametrize("drift", [-60_000, -1, 0])
def test_orders_of_one_millisecond_and_of_a_clock_that_goes_back_are_all_stored(api, monkeypatch, drift):
    placed = []
    for index in range(20):
        monkeypatch.setattr("handlers.orders_command._now", lambda index=index: 4_000_000_000_000 + index * drift)
        placed.append(api.post().body)
    assert len({each["orderId"] for each in placed}) == 20
    assert [each["timestamp"] for each in placed] == [4_000_000_000_000 + index * drift for index in range(20)]
    assert [api.get(each["orderId"]).body for each in placed] == placed


def test_a_restored_item_without_a_time_to_live_keeps_its_key(api):
    placed = api.post().body
    (item,) = api.items()
    api.database.delete_item(TableName=TABLE, Key={name: item[name] for name in ("orderId", "timestamp")})
    assert api.get(placed["orderId"]).code == "not_found"
    api.database.put_item(TableName=TABLE, Item={name: item[name] for name in item if name != "expiresAt"})
    assert api.get(placed["orderId"]).body == placed
    assert api.put(placed["orderId"], "processing").status == 200
