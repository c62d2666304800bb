"""Store many orders at once, with as few calls as possible, in parallel.

Orders with ids of the platform are stored by batches of PartiQL's INSERT, for the write units of a PutItem. An INSERT
fails alone if its item exists, but does not say which order that is: a transaction that writes it fails with the item.
An order with an id chosen by a client needs a transaction, with its claim (`domain.claims`). One transaction takes many
such pairs.

Orders that make a call fail are settled, and the others are tried again without them.

Only this module, `handlers.repository` and `handlers.visibility` know DynamoDB.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from domain import claims
from domain.errors import OrderError
from domain.orders import Order, is_platform_id
from handlers import clients, faults
from handlers.attributes import from_item
from handlers.repository import RETRIABLE_REASONS, OrdersTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

ORDERS_PER_BATCH = 25  # DynamoDB's limit
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
Outcome = tuple[dict[int, Result], list["Chunk"]]  # results, and what to try again


class Chunk(NamedTuple):
    """Orders for one call, and the function that makes it."""

    call: Callable[[OrdersTable, list[Entry], int], Outcome]
    entries: list[Entry]


_pool = ThreadPoolExecutor(clients.CONNECTIONS)


def store(table: OrdersTable, orders: list[Order], ttl_days: int, deadline: float) -> list[Result]:
    """Store each order once. Return a result for each, in the same order; never raise.

    No call begins after `deadline` (time.monotonic()).
    """
    results: dict[int, Result] = {}
    for wave in _waves(list(enumerate(orders))):
        results |= _store(table, wave, ttl_days, deadline)
    return [results[index] for index in range(len(orders))]


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


def _store(table: OrdersTable, wave: list[Entry], ttl_days: int, deadline: float) -> dict[int, Result]:
    """Store the orders of a wave, in rounds of parallel calls."""
    results: dict[int, Result] = {}
    chunks = _chunks(wave)
    for round_ in range(ROUNDS):
        # Start all calls of a round before waiting for the first result.
        running = [_pool.submit(_attempt, table, chunk, ttl_days, deadline, round_) for chunk in chunks]
        chunks = []
        for settled, again in (future.result() for future in running):
            results |= settled
            chunks += again
        if not chunks:
            return results
        _pause(round_)
    return results | _all(OrderError("unavailable"), [entry for chunk in chunks for entry in chunk.entries])


def _chunks(wave: list[Entry]) -> list[Chunk]:
    given = [entry for entry in wave if is_platform_id(entry[1]["orderId"])]
    chosen = [entry for entry in wave if not is_platform_id(entry[1]["orderId"])]
    return [
        Chunk(call, entries[at : at + most])
        for call, entries, most in ((_insert, given, ORDERS_PER_BATCH), (_transact, chosen, ORDERS_PER_TRANSACTION))
        for at in range(0, len(entries), most)
    ]


def _attempt(table: OrdersTable, chunk: Chunk, ttl_days: int, deadline: float, round_: int) -> Outcome:
    """Make the call of a chunk. Decide what follows if it fails as a whole."""
    call, entries = chunk
    if time.monotonic() > deadline:
        return _all(OrderError("unavailable"), entries), []
    try:
        return call(table, entries, ttl_days)
    except Exception as error:
        if faults.is_transient(error) and round_ < LAST_ROUND:
            return {}, [chunk]
        if faults.is_transient(error) or len(entries) == 1:
            return _all(error, entries), []
        # An unknown one of the orders cannot be written: find it by halving.
        middle = len(entries) // 2
        return {}, [Chunk(call, entries[:middle]), Chunk(call, entries[middle:])]


def _insert(table: OrdersTable, entries: list[Entry], ttl_days: int) -> Outcome:
    """Insert orders with ids of the platform, each independent of the others."""
    statements = [table.insert_statement(order) for _, order in entries]
    responses: list[Any] = table.client.batch_execute_statement(Statements=statements)["Responses"]
    settled: dict[int, Result] = {}
    existing, again = [], []
    for entry, response in zip(entries, responses, strict=True):
        error = ClientError(response, "BatchExecuteStatement") if "Error" in response else None
        if error is None:
            settled[entry[0]] = STORED
        elif faults.code_of(error) == "DuplicateItem":
            existing.append(entry)
        elif faults.is_transient(error):
            again.append(entry)
        else:
            settled[entry[0]] = error
    return settled, [Chunk(call, part) for call, part in ((_insert, again), (_transact, existing)) if part]


def _transact(table: OrdersTable, entries: list[Entry], ttl_days: int) -> Outcome:
    """Write orders in one transaction, those with ids of clients with their claims."""
    writes: list[TransactWriteItemTypeDef] = [
        {"Put": table.put_if_absent(document)} for _, order in entries for document in _documents(order, ttl_days)
    ]
    try:
        table.client.transact_write_items(TransactItems=writes)
    except table.client.exceptions.TransactionCanceledException as error:
        return _sort_out(entries, error)
    return _all(STORED, entries), []


def _documents(order: Order, ttl_days: int) -> list[Mapping]:
    return [order] if is_platform_id(order["orderId"]) else [claims.order_claim(order, ttl_days), order]


def _sort_out(entries: list[Entry], error: ClientError) -> Outcome:
    """Return the outcome of a transaction that was cancelled with a reason for each of its writes."""
    reasons = error.response["CancellationReasons"]
    writes = len(reasons) // len(entries)  # of an order
    settled: dict[int, Result] = {}
    unaffected, alone = [], []
    for number, entry in enumerate(entries):
        index, order = entry
        own = reasons[number * writes : (number + 1) * writes]
        refused = [reason for reason in own if reason["Code"] == "ConditionalCheckFailed"]
        codes = {reason["Code"] for reason in own}
        if refused:
            settled[index] = _verdict(order, refused[0])
        elif codes == {"None"}:
            unaffected.append(entry)
        elif codes <= RETRIABLE_REASONS:
            alone.append(Chunk(_transact, [entry]))
        else:
            settled[index] = error
    return settled, ([Chunk(_transact, unaffected)] if unaffected else []) + alone


def _verdict(order: Order, refusal: Mapping) -> Result:
    """Return whether the claim or order in `refusal`, stored before, is of the same order or of another."""
    if "Item" not in refusal:
        return LookupError("DynamoDB returned no item with the refusal")
    return DUPLICATE if from_item(refusal["Item"]).get("fingerprint") == order["fingerprint"] else CONFLICT


def _pause(round_: int) -> None:
    time.sleep(random.uniform(0, 0.01 * 2 ** min(round_, 7)))  # noqa: S311 - jitter is no secret


def _all(result: Result, entries: list[Entry]) -> dict[int, Result]:
    return {index: result for index, _ in entries}
