"""The function that stores accepted orders: a batch of the order queue's messages at a time.

A message is one order or several. The orders of all messages of a batch are stored together. Each has exactly one of
five results: stored; duplicate (it is stored already); rejected (it can never be stored: to the dead-letter queue, as a
message of one order with the reason); failed (it may be stored later, perhaps by a newer version); postponed (it is to
be rejected, but another order of its message failed).

A message with an order that failed goes back to the queue as a whole: on the next delivery its stored orders are
duplicates, and its rejected ones are sent to the dead-letter queue once no other order fails. SQS deletes any other
message, after its orders and dead letters are stored. If the process is killed before, all messages stay on the queue.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from contract.schemas import ID_PATTERN
from domain import messages, validation
from domain.errors import OrderError, UnknownFormat
from domain.orders import Order
from handlers import bulk, clients, configuration, dead_letters, telemetry
from handlers.dead_letters import Rejection
from handlers.repository import OrdersTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

DEFAULT_SECONDS = 10  # outside Lambda
# No client waits for the worker, and a transaction of a hundred items takes longer than the write of a request: ended too
# early it would be written twice. At most 16 s with its retry, so a call that begins before the deadline ends in time.
DYNAMODB_TIMEOUT_RETRIES = (4_000, 1)  # milliseconds, retries; handlers.bulk retries too


class Key(NamedTuple):
    """Where an order is: the index of its record in the batch, and its index in the message (domain.messages.read)."""

    record: int
    order: int | None


@dataclass
class Batch:
    """The result of each order."""

    records: list[dict]
    orders: dict[Key, Order] = field(default_factory=dict)  # all that could be read
    stored: list[Key] = field(default_factory=list)
    duplicate: list[Key] = field(default_factory=list)
    rejected: dict[Key, OrderError] = field(default_factory=dict)
    failed: dict[Key, Exception] = field(default_factory=dict)
    postponed: dict[Key, OrderError] = field(default_factory=dict)

    @property
    def failed_records(self) -> set[int]:
        return {key.record for key in self.failed}

    def __len__(self) -> int:
        """Return the number of orders; a message that cannot be read counts as one."""
        return sum(map(len, (self.stored, self.duplicate, self.rejected, self.failed, self.postponed)))


def handler(event: dict, context: "LambdaContext | None") -> Mapping:
    started = time.monotonic()
    telemetry.begin(getattr(context, "aws_request_id", None), context)
    batch = Batch(event["Records"])
    _read(batch)
    _store(batch, deadline=started + _seconds_left(context) * 2 / 3)  # the rest is for calls under way and rejections
    _reject(batch)
    _report(batch)
    telemetry.batch_finished(len(batch), len(batch.failed), (time.monotonic() - started) * 1000)
    return _answer(batch)


def _read(batch: Batch) -> None:
    for index, record in enumerate(batch.records):
        order_of = partial(
            messages.order_of,
            now=_now(),
            settings=configuration.feature_flags(),
            ttl_days=_ttl_days(),
            correlation_id=_correlation_id(record),
        )
        for number, read in _orders_in(record).items():
            key = Key(index, number)
            try:
                batch.orders[key] = order_of(_valid(read))
            except OrderError as error:
                batch.rejected[key] = error
            except Exception as error:
                batch.failed[key] = error


def _orders_in(record: dict) -> Mapping[int | None, dict | Exception]:
    try:
        return messages.read(record["body"])
    except Exception as error:
        return {None: error}


def _valid(read: dict | Exception) -> dict:
    if isinstance(read, Exception):
        raise read
    return read


def _store(batch: Batch, deadline: float) -> None:
    table = OrdersTable(clients.dynamodb(*DYNAMODB_TIMEOUT_RETRIES), os.environ["TABLE_NAME"])
    results = bulk.store(table, list(batch.orders.values()), _ttl_days(), deadline)
    for key, result in zip(batch.orders, results, strict=True):
        if isinstance(result, Exception):
            batch.failed[key] = result
        elif result == bulk.STORED:
            batch.stored.append(key)
        elif result == bulk.DUPLICATE:
            batch.duplicate.append(key)
        else:  # bulk.CONFLICT
            batch.rejected[key] = OrderError("order_conflict", ["orderId: belongs to another order"])


def _reject(batch: Batch) -> None:
    retried = batch.failed_records
    for key in [key for key in batch.rejected if key.record in retried]:
        batch.postponed[key] = batch.rejected.pop(key)
    if not batch.rejected:
        return
    config = configuration.api_config()
    keys = list(batch.rejected)
    unsent = dead_letters.send(
        clients.sqs(config["defaultTimeout"], config["retryAttempts"]),
        os.environ["ORDER_DEAD_LETTER_QUEUE_URL"],
        [_rejection(batch, key) for key in keys],
    )
    for number in unsent:
        batch.failed[keys[number]] = batch.rejected.pop(keys[number])


def _rejection(batch: Batch, key: Key) -> Rejection:
    record = batch.records[key.record]
    return Rejection(record, messages.extract(record["body"], key.order), batch.rejected[key])


def _report(batch: Batch) -> None:
    """Log and count the results. A log line has an order's ids, never its content."""
    now = _now()
    for key in batch.stored:
        sent = batch.records[key.record].get("attributes", {}).get("SentTimestamp")
        delay = now - int(sent) if sent else None
        order = batch.orders[key]
        telemetry.order_stored(order["source"], order["totalAmount"], delay, **_ids(batch, key))
    if batch.stored:
        telemetry.hourly_limit_used(len(batch.stored), configuration.api_config()["maxOrdersPerHour"])
    for key in batch.duplicate:
        telemetry.order_duplicate(**_ids(batch, key))
    for key, error in batch.rejected.items():
        telemetry.message_rejected(error.kind.code, error.details, **_ids(batch, key))
    for code, times in Counter(error.kind.code for error in batch.rejected.values()).items():
        telemetry.order_rejected(code, times)
    for key, error in batch.postponed.items():
        telemetry.rejection_postponed(error.kind.code, error.details, **_ids(batch, key))
    for key, failure in batch.failed.items():
        if isinstance(failure, UnknownFormat):
            telemetry.message_unknown(failure.details, **_ids(batch, key))
        else:
            telemetry.message_failed(failure, **_ids(batch, key))


def _ids(batch: Batch, key: Key) -> telemetry.Ids:
    record = batch.records[key.record]
    order: Mapping = batch.orders.get(key, {})
    return {
        "message_id": record.get("messageId"),
        "order_id": order.get("orderId"),
        "correlation_id": _correlation_id(record),
        "source_file": order.get("sourceFile"),
    }


def _answer(batch: Batch) -> Mapping:
    failed = batch.failed_records
    if not failed:
        return {"batchItemFailures": []}
    # This import takes a quarter of a cold start, and most batches have no failures.
    from aws_lambda_powertools.utilities import batch as powertools

    indexes = iter(range(len(batch.records)))

    def report(record: object) -> None:
        if next(indexes) in failed:
            raise RuntimeError("to be tried again")  # Powertools logs it; the failure itself may quote the message

    return powertools.process_partial_response(
        event={"Records": batch.records},
        record_handler=report,
        # The list says the same to Lambda as an exception, which would count as an error of the function.
        processor=powertools.BatchProcessor(powertools.EventType.SQS, raise_on_entire_batch_failure=False),
    )


def _correlation_id(record: dict) -> str | None:
    """Return the correlation id of the API request, None without one."""
    attribute = (record.get("messageAttributes") or {}).get("correlationId") or {}
    text = attribute.get("stringValue") or ""
    return text if re.fullmatch(ID_PATTERN, text) else None


def _seconds_left(context: "LambdaContext | None") -> float:
    return context.get_remaining_time_in_millis() / 1000 if context else DEFAULT_SECONDS


def _now() -> int:
    return time.time_ns() // 1_000_000


def _ttl_days() -> int:
    return int(os.environ["ORDER_TTL_DAYS"])


clients.dynamodb(*DYNAMODB_TIMEOUT_RETRIES)
validation.warm_up("OrderMessage")
