"""The partition keys of a day's imported orders: stable, even, and all of them read."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import shards

DATE = "2026-11-28"
PARTITION_WRITES = 1_000  # units a second, DynamoDB's limit


def test_an_order_keeps_its_shard_for_ever():
    """Its item is written again by a redelivery, perhaps of another version: these never change."""
    assert [shards.shard_of(DATE, order_id) for order_id in ("ORD-1", "ORD-2", "IMP-77-3")] == [
        "2026-11-28#12",
        "2026-11-28#0",
        "2026-11-28#3",
    ]


def test_shards_are_never_taken_away():
    assert shards.PROCESSED_DATE_SHARDS >= 16, "the orders of the last shards would no longer be found"


@given(st.text(max_size=128))
def test_a_day_is_read_with_the_shard_of_each_order(order_id):
    shard = shards.shard_of(DATE, order_id)
    assert shards.shards_of(DATE).count(shard) == 1
    assert shards.date_of(shard) == shards.date_of(DATE) == DATE


def test_orders_of_earlier_versions_are_read_too():
    assert shards.shards_of(DATE)[0] == DATE
    assert len(set(shards.shards_of(DATE))) == shards.PROCESSED_DATE_SHARDS + 1


@pytest.mark.parametrize("pattern", ["ORD-{}", "{:08d}", "partner:{}:2026", "{:x}"])
def test_eight_thousand_orders_a_second_with_numbered_ids_fit_every_partition(pattern):
    found = Counter(shards.shard_of(DATE, pattern.format(number)) for number in range(8_000))
    assert max(found.values()) < PARTITION_WRITES * 0.7 and len(found) == shards.PROCESSED_DATE_SHARDS
