"""The function that stores accepted orders: a batch of the order queue's messages at a time.

Each message has exactly one of four results: stored; duplicate (the order is stored already); rejected (it can never be
stored: to the dead-letter queue with the reason); failed (it may be stored later, perhaps by a newer version: back to
the queue). The first three are reported as success, and SQS deletes the message, after the order or the dead letter is
stored. If the process is killed before, all messages stay on the queue, and the orders already stored are duplicates on
the next delivery.
"""

import os
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contract.schemas import ID_PATTERN
from domain import flags, messages, validation
from domain.errors import OrderError, UnknownFormat
from domain.orders import Order
from handlers import bulk, clients, configuration, dead_letters, telemetry
from handlers.repository import orders_table

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

DEFAULT_SECONDS = 10  # outside Lambda


@dataclass
class Batch:
    """The result of each record, by its index."""

    records: list[dict]
    orders: dict[int, Order] = field(default_factory=dict)  # of each message that could be read
    stored: list[int] = field(default_factory=list)
    duplicate: list[int] = field(default_factory=list)
    rejected: dict[int, OrderError] = field(default_factory=dict)
    failed: dict[int, Exception] = field(default_factory=dict)


def handler(event: dict, context: "LambdaContext | None") -> Mapping:
    started = time.monotonic()
    telemetry.begin(getattr(context, "aws_request_id", None), context)
    batch = Batch(event["Records"])
    _read(batch)
    _store(batch, deadline=started + _seconds_left(context) * 2 / 3)  # the rest is for calls under way and rejections
    _reject(batch)
    _report(batch)
    telemetry.batch_finished(len(batch.records), len(batch.failed), (time.monotonic() - started) * 1000)
    return _answer(batch)


def _read(batch: Batch) -> None:
    now = _now()
    settings = configuration.feature_flags()
    for index, record in enumerate(batch.records):
        try:
            message = messages.read(record["body"])
            batch.orders[index] = messages.order_of(
                message,
                now=now,
                features=flags.enabled(settings, message["customerId"]),
                ttl_days=_ttl_days(),
                correlation_id=_correlation_id(record),
            )
        except OrderError as error:
            batch.rejected[index] = error
        except Exception as error:
            batch.failed[index] = error


def _store(batch: Batch, deadline: float) -> None:
    table = orders_table(configuration.api_config())
    results = bulk.store(table, list(batch.orders.values()), _ttl_days(), deadline)
    for index, result in zip(batch.orders, results, strict=True):
        if isinstance(result, Exception):
            batch.failed[index] = result
        elif result == bulk.STORED:
            batch.stored.append(index)
        elif result == bulk.DUPLICATE:
            batch.duplicate.append(index)
        else:  # bulk.CONFLICT
            batch.rejected[index] = OrderError("order_conflict", ["orderId: belongs to another order"])


def _reject(batch: Batch) -> None:
    if not batch.rejected:
        return
    config = configuration.api_config()
    indexes = list(batch.rejected)
    unsent = dead_letters.send(
        clients.sqs(config["defaultTimeout"], config["retryAttempts"]),
        os.environ["ORDER_DEAD_LETTER_QUEUE_URL"],
        [(batch.records[index], batch.rejected[index]) for index in indexes],
    )
    for number in unsent:
        batch.failed[indexes[number]] = batch.rejected.pop(indexes[number])


def _report(batch: Batch) -> None:
    """Log and count the results. A log line has a message's ids, never its content."""
    now = _now()
    for index in batch.stored:
        sent = batch.records[index].get("attributes", {}).get("SentTimestamp")
        delay = now - int(sent) if sent else None
        order = batch.orders[index]
        telemetry.order_stored(order["source"], order["totalAmount"], delay, **_ids(batch, index))
    if batch.stored:
        telemetry.hourly_limit_used(len(batch.stored), configuration.api_config()["maxOrdersPerHour"])
    for index in batch.duplicate:
        telemetry.order_duplicate(**_ids(batch, index))
    for index, error in batch.rejected.items():
        telemetry.message_rejected(error.kind.code, error.details, **_ids(batch, index))
    for code, times in Counter(error.kind.code for error in batch.rejected.values()).items():
        telemetry.order_rejected(code, times)
    for index, failure in batch.failed.items():
        if isinstance(failure, UnknownFormat):
            telemetry.message_unknown(failure.details, **_ids(batch, index))
        else:
            telemetry.message_failed(failure, **_ids(batch, index))


def _ids(batch: Batch, index: int) -> telemetry.Ids:
    record = batch.records[index]
    order: Mapping = batch.orders.get(index, {})
    return {
        "message_id": record.get("messageId"),
        "order_id": order.get("orderId"),
        "correlation_id": _correlation_id(record),
        "source_file": order.get("sourceFile"),
    }


def _answer(batch: Batch) -> Mapping:
    if not batch.failed:
        return {"batchItemFailures": []}
    # This import takes a quarter of a cold start, and most batches have no failures.
    from aws_lambda_powertools.utilities import batch as powertools

    indexes = iter(range(len(batch.records)))

    def report(record: object) -> None:
        if next(indexes) in batch.failed:
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


clients.warm_up(clients.dynamodb)
validation.warm_up("OrderMessage")
