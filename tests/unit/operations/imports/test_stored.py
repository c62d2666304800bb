"""A day's orders come once each and by time, from every shard, a page at a time."""

import threading
import time
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.shards import PROCESSED_DATE_SHARDS, shard_of, shards_of
from operations.imports import stored

DATE = "2026-11-28"
NOW = 1_795_860_000_000
PAGE = 3


def item(order_id: str, timestamp: int, total: str = "1.10", file: str = "s3://uploads/orders/a.csv") -> dict:
    return {
        "orderId": {"S": order_id},
        "timestamp": {"N": str(timestamp)},
        "sourceFile": {"S": file},
        "totalAmount": {"N": total},
    }


class Index:
    """The index in memory: {partition key: its items}; `asked` has the key of each query, in order."""

    def __init__(self, shards: dict[str, list[dict]]):
        self.shards, self.asked = shards, []
        self.answer = lambda shard: None  # called before each answer

    def query(self, *, ExpressionAttributeValues, ExclusiveStartKey=None, **request):
        assert (request["TableName"], request["IndexName"]) == ("orders", "processedDateIndex")
        shard = ExpressionAttributeValues[":shard"]["S"]
        self.asked.append(shard)
        self.answer(shard)
        items = sorted(self.shards.get(shard, []), key=lambda each: int(each["timestamp"]["N"]))
        first = int(ExclusiveStartKey["at"]["N"]) if ExclusiveStartKey else 0
        page = {"Items": items[first : first + PAGE]}
        return page | ({"LastEvaluatedKey": {"at": {"N": str(first + PAGE)}}} if first + PAGE <= len(items) else {})


def day_of(orders: list[tuple[str, int]], old: list[tuple[str, int]] = ()) -> Index:
    shards = {DATE: [item(*each) for each in old]}
    for order_id, timestamp in orders:
        shards.setdefault(shard_of(DATE, order_id), []).append(item(order_id, timestamp))
    return Index(shards)


TIMES = st.lists(st.integers(NOW, NOW + 20), max_size=60)


@settings(max_examples=60, deadline=None)
@given(TIMES, TIMES)
def test_each_order_comes_once_and_by_time_those_of_earlier_versions_included(new, old):
    orders = [(f"ORD-{n}", timestamp) for n, timestamp in enumerate(new)]
    earlier = [(f"OLD-{n}", timestamp) for n, timestamp in enumerate(old)]
    found = list(stored.orders_of(day_of(orders, earlier), "orders", DATE))
    assert sorted((each.order_id, each.timestamp) for each in found) == sorted(orders + earlier)
    times = [each.timestamp for each in found]
    assert times == sorted(times)


def test_a_day_without_orders_takes_a_query_for_each_shard():
    index = Index({})
    assert list(stored.orders_of(index, "orders", DATE)) == []
    assert sorted(index.asked) == sorted(shards_of(DATE)) and len(index.asked) == PROCESSED_DATE_SHARDS + 1


def test_shards_are_read_side_by_side():
    index, together = day_of([]), threading.Barrier(8, timeout=10)
    index.answer = lambda shard: together.wait() if shard in shards_of(DATE)[:8] else None
    assert list(stored.orders_of(index, "orders", DATE)) == []


def test_a_shard_is_read_one_page_ahead_and_no_further():
    index = Index({f"{DATE}#3": [item(f"ORD-{n}", NOW + n) for n in range(100 * PAGE)]})
    orders = stored.orders_of(index, "orders", DATE)
    assert len(list(islice(orders, PAGE + 1))) == PAGE + 1
    deadline = time.monotonic() + 0.2
    while time.monotonic() < deadline and index.asked.count(f"{DATE}#3") < 4:
        time.sleep(0.01)
    assert index.asked.count(f"{DATE}#3") == 3
    orders.close()


def test_an_order_keeps_its_file_and_exact_total():
    index = Index({f"{DATE}#0": [item("ORD-1", NOW, "0.30", "s3://uploads/orders/b.csv")]})
    assert list(stored.orders_of(index, "orders", DATE)) == [
        stored.StoredOrder("ORD-1", NOW, "s3://uploads/orders/b.csv", Decimal("0.30"))
    ]


def test_a_query_that_fails_ends_the_reading():
    index = day_of([(f"ORD-{n}", NOW + n) for n in range(50)])

    def fail(shard):
        if shard.endswith("#7"):
            raise RuntimeError("throttled")

    index.answer = fail
    with pytest.raises(RuntimeError, match="throttled"):
        list(stored.orders_of(index, "orders", DATE))
