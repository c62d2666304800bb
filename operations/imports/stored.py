"""The stored orders of a day's files: the shards of their index, read side by side and merged by time."""

import heapq
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from contract.shards import PROCESSED_DATE_INDEX, shards_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

READERS = 8  # a boto3 client has ten connections


class StoredOrder(NamedTuple):
    order_id: str
    timestamp: int  # epoch ms
    source_file: str
    total: Decimal


def orders_of(client: "DynamoDBClient", table: str, date: str) -> Iterator[StoredOrder]:
    """Yield the orders that were imported from files of a day (UTC, yyyy-mm-dd) and are stored, by time.

    Each shard is at most one page ahead, so memory does not grow with the day. An order past its time to live counts
    until DynamoDB deletes it, up to days later: the index leaves `expiresAt` out, which changes with each status.
    """
    pool = ThreadPoolExecutor(READERS)
    try:
        shards = [
            _read(
                pool,
                partial(
                    client.query,
                    TableName=table,
                    IndexName=PROCESSED_DATE_INDEX,
                    KeyConditionExpression="processedDate = :shard",
                    ExpressionAttributeValues={":shard": {"S": shard}},
                ),
            )
            for shard in shards_of(date)
        ]
        yield from heapq.merge(*shards, key=lambda order: order.timestamp)
    finally:
        pool.shutdown(cancel_futures=True)


def _read(pool: ThreadPoolExecutor, query: Callable[..., Any]) -> Iterator[StoredOrder]:
    """Start to read the first page now. Return the orders of all pages; while one is used, the next is read."""
    return _orders(pool, query, pool.submit(query))


def _orders(pool: ThreadPoolExecutor, query: Callable[..., Any], page: Future | None) -> Iterator[StoredOrder]:
    while page is not None:
        found = page.result()
        last = found.get("LastEvaluatedKey")
        page = pool.submit(query, ExclusiveStartKey=last) if last else None
        for item in found["Items"]:
            yield StoredOrder(
                item["orderId"]["S"],
                int(item["timestamp"]["N"]),
                item.get("sourceFile", {}).get("S", ""),
                Decimal(item["totalAmount"]["N"]),
            )
