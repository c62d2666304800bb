"""The function that announces what was stored: the table's stream in, the OrderEvents topic out.

The stream is an outbox: an order that was stored is announced, even if SNS was
down when it was stored. An event may come twice, with the same eventId.

Records are announced in their order and never past one that failed, so the
events of an order keep theirs. The answer names the first that failed, and
Lambda goes on from there. Where that is the very first, nothing was achieved,
and the function fails instead: Lambda then halves the batch, so that a record
that can never be announced ends alone in the on-failure destination, and holds
up no other for longer than its retries take.
"""

import os
import time
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from domain import claims, events, strict_json, validation
from handlers import clients, telemetry
from handlers.attributes import from_item

ENTRIES_PER_CALL = 10
_ATTRIBUTES = ("eventType", "customerId", "status", "source")

Announcement = tuple[int, dict]  # place of its record in the batch, event


class NothingAnnounced(Exception):
    """The first record of the batch could not be announced."""


def handler(event: dict, context: object) -> dict:
    started = time.monotonic()
    telemetry.begin(getattr(context, "aws_request_id", None), context)
    records = event["Records"]
    failed = _announce(records)
    telemetry.batch_finished(
        len(records), 0 if failed is None else len(records) - failed, (time.monotonic() - started) * 1000
    )
    if failed == 0:
        raise NothingAnnounced
    return {"batchItemFailures": [] if failed is None else [{"itemIdentifier": _sequence_number(records[failed])}]}


def _announce(records: list[dict]) -> int | None:
    """Announce the records in order until one fails; its place, None for none."""
    announcements, unreadable = _read(records)
    for chunk in _chunks(announcements):
        failed = _publish(chunk)
        if failed is not None:
            return failed
    return unreadable


def _read(records: list[dict]) -> tuple[list[Announcement], int | None]:
    """The events of the records up to the first that cannot be read, and its place."""
    announcements = []
    for place, record in enumerate(records):
        try:
            event = _event(record)
        except Exception as error:
            telemetry.failure(error)
            return announcements, place
        if event is not None:
            announcements.append((place, event))
    return announcements, None


def _event(record: dict) -> dict | None:
    """What to announce of a change of the table, None for nothing: claims, deletions, other changes."""
    change = record["dynamodb"]
    is_claim = from_item(change["Keys"])["timestamp"] == claims.TIMESTAMP
    if is_claim or record["eventName"] == "REMOVE":
        return None
    before = None if record["eventName"] == "INSERT" else from_item(change["OldImage"])
    return events.announcement(before, from_item(change["NewImage"]))


def _chunks(announcements: list[Announcement]) -> Iterator[list[Announcement]]:
    """Calls to make, none with two events of one order: within a call SNS keeps no order."""
    chunk: list[Announcement] = []
    for place, event in announcements:
        same_order = any(event["orderId"] == other["orderId"] for _, other in chunk)
        if same_order or len(chunk) == ENTRIES_PER_CALL:
            yield chunk
            chunk = []
        chunk.append((place, event))
    if chunk:
        yield chunk


def _publish(chunk: list[Announcement]) -> int | None:
    """Publish in one call; the place of the first that failed, None for none."""
    entries = [_entry(place, event) for place, event in chunk]
    try:
        response = clients.sns().publish_batch(
            TopicArn=os.environ["ORDER_EVENTS_TOPIC_ARN"], PublishBatchRequestEntries=entries
        )
    except (BotoCoreError, ClientError) as error:
        telemetry.failure(error)
        return chunk[0][0]
    failed = response.get("Failed", ())
    telemetry.events_published(len(chunk) - len(failed))
    for entry in failed:
        telemetry.event_failed(entry.get("Code"))
    return min((int(entry["Id"]) for entry in failed), default=None)


def _entry(place: int, event: dict) -> dict:
    return {
        "Id": str(place),
        "Message": strict_json.dumps(event),
        "MessageAttributes": {name: {"DataType": "String", "StringValue": event[name]} for name in _ATTRIBUTES},
    }


def _sequence_number(record: dict) -> str:
    return record["dynamodb"]["SequenceNumber"]


clients.sns()
validation.warm_up("OrderEvent")
