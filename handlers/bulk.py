"""Store many orders at once, with as few calls as possible, in parallel.

An order with an id of the platform needs one conditional PutItem. An order with an id chosen by a client needs a
transaction, with its claim (`domain.claims`). One transaction takes many such pairs: the same write units in far fewer
calls. If a pair makes it fail, the others are tried again without that pair.

Only this module and `handlers.repository` know DynamoDB.
"""

import random
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from domain import claims
from domain.errors import OrderError
from domain.orders import Order, is_platform_id
from handlers import clients, faults
from handlers.attributes import from_item
from handlers.repository import RETRIABLE_REASONS, OrdersTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# DynamoDB takes 100 items and 4 MB; fifty of the largest orders are 1 MB.
ORDERS_PER_TRANSACTION = 50
# Seven rounds halve a transaction down to the one order that makes it fail. Transient failures are retried here too:
# back on the queue an order would wait for six minutes.
ROUNDS = 10
LAST_ROUND = ROUNDS - 1

STORED = "stored"
DUPLICATE = "duplicate"  # the same order is stored already, perhaps changed since
CONFLICT = "conflict"  # another order has the id

Result = str | Exception  # an exception: not stored, or unknown; to be retried
Entry = tuple[int, Order]  # index in the batch, order

_pool = ThreadPoolExecutor(clients.CONNECTIONS)


def store(table: OrdersTable, orders: list[Order], ttl_days: int, deadline: float) -> list[Result]:
    """Store each order once. Return a result for each, in the same order; never raise.

    No call begins after `deadline` (time.monotonic()).
    """
    entries = list(enumerate(orders))
    puts = {
        index: _pool.submit(_insert, table, order, deadline)
        for index, order in entries
        if is_platform_id(order["orderId"])
    }
    results: dict[int, Result] = {}
    for wave in _waves([entry for entry in entries if entry[0] not in puts]):
        results |= _claim(table, wave, ttl_days, deadline)
    results |= {index: put.result() for index, put in puts.items()}
    return [results[index] for index, _ in entries]


def _insert(table: OrdersTable, order: Order, deadline: float) -> Result:
    for round_ in range(ROUNDS):
        try:
            _check_time(deadline)
            table.client.put_item(**table.put_if_absent(order))
            return STORED
        except table.client.exceptions.ConditionalCheckFailedException as error:
            return _verdict(order, error.response)
        except Exception as error:
            if round_ == LAST_ROUND or not faults.is_transient(error):
                return error
        _pause(round_)
    raise AssertionError("the last round has a result")


def _waves(entries: list[Entry]) -> list[list[Entry]]:
    """Divide `entries` so that no wave has an id twice: a transaction may write an item only once."""
    waves: list[list[Entry]] = []
    seen: Counter[str] = Counter()
    for index, order in entries:
        earlier = seen[order["orderId"]]
        if earlier == len(waves):
            waves.append([])
        waves[earlier].append((index, order))
        seen[order["orderId"]] += 1
    return waves


def _claim(table: OrdersTable, wave: list[Entry], ttl_days: int, deadline: float) -> dict[int, Result]:
    """Store the orders of a wave with their claims."""
    results: dict[int, Result] = {}
    chunks = [wave[at : at + ORDERS_PER_TRANSACTION] for at in range(0, len(wave), ORDERS_PER_TRANSACTION)]
    for round_ in range(ROUNDS):
        # Start all calls of a round before waiting for the first result.
        running = [_pool.submit(_transact, table, chunk, ttl_days, deadline, round_) for chunk in chunks]
        chunks = []
        for settled, again in (future.result() for future in running):
            results |= settled
            chunks += again
        if not chunks:
            return results
        _pause(round_)
    return results | _all(OrderError("unavailable"), [entry for chunk in chunks for entry in chunk])


def _transact(
    table: OrdersTable, chunk: list[Entry], ttl_days: int, deadline: float, round_: int
) -> tuple[dict[int, Result], list[list[Entry]]]:
    """Write one transaction. Return the results, and the chunks of orders to try again."""
    try:
        _check_time(deadline)
        pairs = [(claims.order_claim(order, ttl_days), order) for _, order in chunk]
        writes: list[TransactWriteItemTypeDef] = [{"Put": table.put_if_absent(each)} for pair in pairs for each in pair]
        table.client.transact_write_items(TransactItems=writes)
        return _all(STORED, chunk), []
    except table.client.exceptions.TransactionCanceledException as error:
        return _sort_out(chunk, error)
    except Exception as error:
        if faults.is_transient(error) and round_ < LAST_ROUND:
            return {}, [chunk]
        if len(chunk) == 1 or faults.is_transient(error) or isinstance(error, OrderError):
            return _all(error, chunk), []
        # An unknown one of the orders cannot be written: find it by halving.
        middle = len(chunk) // 2
        return {}, [chunk[:middle], chunk[middle:]]


def _sort_out(chunk: list[Entry], error: ClientError) -> tuple[dict[int, Result], list[list[Entry]]]:
    """Return what `_transact` does, for a transaction that was cancelled with a reason for each of its items."""
    reasons = error.response["CancellationReasons"]
    settled: dict[int, Result] = {}
    unaffected, alone = [], []
    for entry, *pair in zip(chunk, reasons[::2], reasons[1::2], strict=True):
        index, order = entry
        refused = [reason for reason in pair if reason["Code"] == "ConditionalCheckFailed"]
        codes = {reason["Code"] for reason in pair}
        if refused:
            settled[index] = _verdict(order, refused[0])
        elif codes == {"None"}:
            unaffected.append(entry)
        elif codes <= RETRIABLE_REASONS:
            alone.append([entry])
        else:
            settled[index] = error
    return settled, ([unaffected] if unaffected else []) + alone


def _verdict(order: Order, refusal: Mapping) -> Result:
    """Return whether the claim or order in `refusal`, stored before, is of the same order or of another."""
    if "Item" not in refusal:
        return LookupError("DynamoDB returned no item with the refusal")
    return DUPLICATE if from_item(refusal["Item"]).get("fingerprint") == order["fingerprint"] else CONFLICT


def _pause(round_: int) -> None:
    time.sleep(random.uniform(0, 0.01 * 2 ** min(round_, 7)))  # noqa: S311 - jitter is no secret


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise OrderError("unavailable")


def _all(result: Result, chunk: list[Entry]) -> dict[int, Result]:
    return {index: result for index, _ in chunk}
