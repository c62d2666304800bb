"""Messages that can never become an order: to the dead-letter queue at once, with the reason.

Body and attributes go along as they came, so that a message can be put back
once its cause is gone.
"""

import base64
from collections.abc import Iterator

from botocore.client import BaseClient

from domain.errors import OrderError
from handlers import faults, telemetry

ENTRIES_PER_CALL = 10
ATTRIBUTES_PER_MESSAGE = 10
MESSAGE_BYTES = 1_048_576
# Far below what SQS takes in a call, or a few large messages would hold up small ones; a larger one goes alone.
CALL_BYTES = 262_144
DETAIL_LENGTH = 256

Rejection = tuple[dict, OrderError]  # SQS record, reason


def send(client: BaseClient, queue_url: str, rejections: list[Rejection]) -> set[int]:
    """Send all; the places of those that could not be sent. Never raises."""
    entries = [_entry(str(place), record, error) for place, (record, error) in enumerate(rejections)]
    # With its reason it would be too large: it stays, and the queue's own redrive takes it as it is.
    unsent = {entry["Id"] for entry in entries if size_of(entry) > MESSAGE_BYTES}
    chunks = list(_chunks([entry for entry in entries if entry["Id"] not in unsent]))
    while chunks:
        chunk = chunks.pop(0)
        try:
            response = client.send_message_batch(QueueUrl=queue_url, Entries=chunk)
            unsent |= {failed["Id"] for failed in response.get("Failed", ())}
        except Exception as error:
            telemetry.failure(error)
            if faults.is_transient(error):
                unsent |= {entry["Id"] for each in (chunk, *chunks) for entry in each}
                break
            if len(chunk) == 1:
                unsent.add(chunk[0]["Id"])
            else:
                chunks += [[entry] for entry in chunk]
    return {int(id_) for id_ in unsent}


def _entry(id_: str, record: dict, error: OrderError) -> dict:
    detail = "; ".join(error.details) or error.kind.message
    reasons = {"rejectionReason": _text(error.kind.code), "rejectionDetail": _text(detail[:DETAIL_LENGTH])}
    own = {name: _attribute(sent) for name, sent in (record.get("messageAttributes") or {}).items()}
    kept = [pair for pair in own.items() if pair[0] not in reasons][: ATTRIBUTES_PER_MESSAGE - len(reasons)]
    trace = record.get("attributes", {}).get("AWSTraceHeader")
    return {
        "Id": id_,
        "MessageBody": record["body"],
        "MessageAttributes": {**dict(kept), **reasons},
        "MessageSystemAttributes": {"AWSTraceHeader": _text(trace)} if trace else {},
    }


def _attribute(sent: dict) -> dict:
    """An attribute as Lambda spells it, as SQS does."""
    if sent["dataType"].startswith("Binary"):
        return {"DataType": sent["dataType"], "BinaryValue": base64.b64decode(sent["binaryValue"])}
    return {"DataType": sent["dataType"], "StringValue": sent["stringValue"]}


def _text(value: str) -> dict:
    return {"DataType": "String", "StringValue": value}


def size_of(entry: dict) -> int:
    """As SQS counts: the body, and each attribute's name, type and value."""
    parts = [entry["MessageBody"], *entry["MessageAttributes"]]
    for attribute in entry["MessageAttributes"].values():
        parts += attribute.values()
    return sum(len(part if isinstance(part, bytes) else part.encode(errors="surrogatepass")) for part in parts)


def _chunks(entries: list[dict]) -> Iterator[list[dict]]:
    chunk: list[dict] = []
    size = 0
    for entry in entries:
        if chunk and (len(chunk) == ENTRIES_PER_CALL or size + size_of(entry) > CALL_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += size_of(entry)
    if chunk:
        yield chunk
