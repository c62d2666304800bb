"""The function that publishes events: the table's stream in, the OrderEvents topic out.

The stream is an outbox: every stored order is published, even if SNS was unavailable when it was stored. An event may
be published twice, with the same eventId.

Records are processed in order, never beyond one that failed, so the events of an order stay in order. The response
names the first record that failed, and Lambda retries from there.

A record that cannot be read would block its shard until the records behind it expire. So it goes to the dead-letter
queue unchanged, and the next record follows. Lambda halves a batch only if the function itself fails; the on-failure
destination is for that, and for an outage longer than the event source's limits.
"""

import os
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from contract.schemas import ORDER_ID_PATTERN
from domain import claims, events, strict_json, validation
from handlers import clients, faults, telemetry
from handlers.attributes import from_item
from handlers.queue_batches import MESSAGE_BYTES, size_of, text

if TYPE_CHECKING:
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef

ENTRIES_PER_CALL = 10
UNREADABLE = "unreadable_record"
SQS_TIMEOUT_RETRIES = (2_000, 1)  # milliseconds, retries: with the slowest publish, within the function's timeout
_ATTRIBUTES = ("eventType", "customerId", "status", "source")
_IMAGES = ("OldImage", "NewImage")

Announcement = tuple[int, dict]  # index of its record in the batch, event


def handler(event: dict, context: object) -> dict:
    started = time.monotonic()
    telemetry.begin(getattr(context, "aws_request_id", None), context)
    records = event["Records"]
    failed = _announce(records)
    telemetry.batch_finished(
        len(records), 0 if failed is None else len(records) - failed, (time.monotonic() - started) * 1000
    )
    return {"batchItemFailures": [] if failed is None else [{"itemIdentifier": _sequence_number(records[failed])}]}


def _announce(records: list[dict]) -> int | None:
    """Publish the records' events, in order, until one fails; return its index, None for none."""
    announcements: list[Announcement] = []
    for index, record in enumerate(records):
        try:
            event = _event(record)
        except Exception as error:
            # First those before it: if they fail, this one would be sent again with every retry.
            failed = _publish_all(announcements)
            if failed is not None:
                return failed
            if not _set_aside(record, error):
                return index
            announcements = []
        else:
            if event is not None:
                announcements.append((index, event))
    return _publish_all(announcements)


def _event(record: dict) -> dict | None:
    """Return the event of a change in the table, None for claims, deletions and changes that make none."""
    change = record["dynamodb"]
    is_claim = from_item(change["Keys"])["timestamp"] == claims.TIMESTAMP
    if is_claim or record["eventName"] == "REMOVE":
        return None
    before = None if record["eventName"] == "INSERT" else from_item(change["OldImage"])
    return events.announcement(before, from_item(change["NewImage"]))


def _publish_all(announcements: list[Announcement]) -> int | None:
    """Publish all; return the index of the first that failed, None for none."""
    for chunk in _chunks(announcements):
        failed = _publish(chunk)
        if failed is not None:
            return failed
    return None


def _chunks(announcements: list[Announcement]) -> Iterator[list[Announcement]]:
    """Divide into calls without two events of one order: SNS keeps no order within a call."""
    chunk: list[Announcement] = []
    for index, event in announcements:
        same_order = any(event["orderId"] == other["orderId"] for _, other in chunk)
        if same_order or len(chunk) == ENTRIES_PER_CALL:
            yield chunk
            chunk = []
        chunk.append((index, event))
    if chunk:
        yield chunk


def _publish(chunk: list[Announcement]) -> int | None:
    """Publish in one call; return the index of the first that failed, None for none."""
    entries = [_entry(index, event) for index, event in chunk]
    try:
        response = clients.sns().publish_batch(
            TopicArn=os.environ["ORDER_EVENTS_TOPIC_ARN"], PublishBatchRequestEntries=entries
        )
    except faults.AWS as error:
        telemetry.failure(error)
        return chunk[0][0]
    published = {int(entry["Id"]) for entry in response.get("Successful", ())}
    codes = {int(entry["Id"]): entry.get("Code") for entry in response.get("Failed", ())}
    for index, event in chunk:
        if index in published:
            telemetry.event_published(event["eventId"], **_ids(event))
        else:
            telemetry.event_failed(codes.get(index), event["eventId"], **_ids(event))
    return next((index for index, _ in chunk if index not in published), None)


def _ids(event: dict) -> telemetry.Ids:
    return {"order_id": event["orderId"], "correlation_id": event.get("correlationId")}


def _entry(index: int, event: dict) -> "PublishBatchRequestEntryTypeDef":
    return {
        "Id": str(index),
        "Message": strict_json.dumps(event),
        "MessageAttributes": {name: text(event[name]) for name in _ATTRIBUTES},
    }


def _set_aside(record: dict, error: Exception) -> bool:
    """Send a record that could not be read because of `error` to the dead-letter queue; return whether it was sent."""
    order_id = _order_id(record)
    telemetry.failure(error, order_id=order_id, sequence_number=_sequence_number(record))
    try:
        clients.sqs(*SQS_TIMEOUT_RETRIES).send_message(
            QueueUrl=os.environ["ORDER_EVENTS_DEAD_LETTER_QUEUE_URL"], **_message(record, order_id)
        )
    except Exception as failure:
        telemetry.failure(failure)
        return False
    return True


def _message(record: dict, order_id: str | None) -> dict:
    """Return the message of an unchanged record: it can be sent to this function again when its cause is fixed."""
    attributes = {"rejectionReason": UNREADABLE} | ({"orderId": order_id} if order_id else {})
    message = {
        "MessageBody": strict_json.dumps(record),
        "MessageAttributes": {name: text(value) for name, value in attributes.items()},
    }
    if size_of(message) > MESSAGE_BYTES:
        # Two images of the largest items do not fit. The keys identify the order.
        change = {name: value for name, value in record["dynamodb"].items() if name not in _IMAGES}
        message["MessageBody"] = strict_json.dumps({**record, "dynamodb": change})
    return message


def _order_id(record: dict) -> str | None:
    order_id = record["dynamodb"].get("Keys", {}).get("orderId", {}).get("S", "")
    return order_id if re.fullmatch(ORDER_ID_PATTERN, order_id) else None


def _sequence_number(record: dict) -> str:
    return record["dynamodb"]["SequenceNumber"]


clients.sns()
validation.warm_up("OrderEvent")
