"""Shards of processedDateIndex, which lists the imported orders of a day.

An index's partition takes 1,000 write units a second, and each imported order is one. So a day has several partition
keys: the attribute processedDate of an item is a date and a shard (`2026-11-28#3`), of an item of an earlier version a
date alone.
"""

from hashlib import sha256

# 16,000 orders a second. The table, with DynamoDB's default quota of 40,000 units a second, takes 10,000 imported ones,
# four units each (order and claim, in a transaction): at that rate a shard has 625 of its 1,000.
# May be raised, never lowered: the orders of the shards above would no longer be found.
PROCESSED_DATE_SHARDS = 16


def shard_of(date: str, order_id: str) -> str:
    """Return the partition key of an order: always the same, so that a redelivery writes the same item."""
    number = int.from_bytes(sha256(order_id.encode()).digest()[:8]) % PROCESSED_DATE_SHARDS
    return f"{date}#{number}"


def shards_of(date: str) -> list[str]:
    """Return the partition keys of a day's orders, that of earlier versions included."""
    return [date, *(f"{date}#{number}" for number in range(PROCESSED_DATE_SHARDS))]


def date_of(shard: str) -> str:
    """Return the date of a partition key."""
    return shard.partition("#")[0]
