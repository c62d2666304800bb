"""Read the messages of a dead-letter queue without removing them, with the reason of each."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

PER_CALL = 10
"""Messages in one SQS batch."""

REASON, DETAIL = "rejectionReason", "rejectionDetail"
"""Message attributes that the worker sets on what it rejects."""

VISIBILITY_TIMEOUT = 30
"""Seconds a received message stays hidden at most; all are released when the last is read."""

_LONGEST = 300


@dataclass(frozen=True)
class DeadLetter:
    """One message. `reason`: a short category; `detail`: what is specific to this message.

    `rejected`: the worker rejected it permanently; unless the cause is fixed, it will reject it again. `orders`: the ID
    of each of its orders, None for one without; what the worker rejected is one order.
    """

    message_id: str
    sent: datetime
    receives: int
    reason: str
    detail: str
    rejected: bool
    orders: tuple[str | None, ...]
    body: str

    @property
    def size(self) -> int:
        return len(self.body.encode(errors="surrogatepass"))

    def as_json(self) -> dict:
        """Return the message with its body, for programs that process it."""
        return {
            "messageId": self.message_id,
            "sent": self.sent.isoformat(),
            "receiveCount": self.receives,
            "reason": self.reason,
            "detail": self.detail,
            "orderId": self.orders[0] if len(self.orders) == 1 else None,
            "orderIds": [*self.orders],
            "bytes": self.size,
            "body": self.body,
        }


def peek(sqs, url: str, limit: int) -> list[DeadLetter]:
    """Return up to `limit` messages, each once, oldest first; all stay in the queue.

    SQS shows a message only to its receiver, so each is received, hidden for a moment, and released at the end,
    also after an error. Each look raises ApproximateReceiveCount by one: harmless in a queue without a DLQ.
    """
    found: dict[str, DeadLetter] = {}
    handles: dict[str, str] = {}
    try:
        while len(found) < limit:
            messages = receive(sqs, url, limit - len(found), VISIBILITY_TIMEOUT)
            handles |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            new = [message for message in messages if message["MessageId"] not in found]
            if not new:
                break
            found |= {message["MessageId"]: parse(message) for message in new}
    finally:
        release(sqs, url, handles.values())
    return sorted(found.values(), key=lambda each: each.sent)


def receive(sqs, url: str, most: int, hold: int) -> list[dict]:
    """Receive up to `most` messages with all attributes. Long polling of 1 s asks all of SQS's servers."""
    return sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(most, PER_CALL),
        VisibilityTimeout=hold,
        WaitTimeSeconds=1,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages", [])


def release(sqs, url: str, handles: Iterable[str]) -> None:
    """Make messages visible again. Best effort: they reappear when their visibility timeout expires."""
    handles = list(handles)
    for at in range(0, len(handles), PER_CALL):
        entries = [
            {"Id": str(index), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for index, handle in enumerate(handles[at : at + PER_CALL])
        ]
        with contextlib.suppress(Exception):
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def parse(message: Mapping) -> DeadLetter:
    system = message.get("Attributes", {})
    given = {name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()}
    reason, detail = _reason(given, message["Body"], system)
    return DeadLetter(
        message["MessageId"],
        datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        int(system.get("ApproximateReceiveCount", 0)),
        printable(reason),
        printable(detail),
        REASON in given,
        tuple(_orders(message["Body"])),
        message["Body"],
    )


def _orders(body: str) -> Iterator[str | None]:
    """Yield the ID of each order of a message in any format, known to the local version or not."""
    message = order_event(body) or _object(body)
    several = message.get("orders")
    for order in several if isinstance(several, list) else [message]:
        order_id = order.get("orderId") if isinstance(order, dict) else None
        yield printable(order_id) if isinstance(order_id, str) else None


def event_of(body: str) -> dict | None:
    """Return the event that failed: from a Lambda destination's envelope, or the body, as EventBridge leaves it.

    None for anything else.
    """
    value = _object(body)
    event = value.get("requestPayload", value)
    return event if isinstance(event, dict) and isinstance(event.get("detail"), dict) else None


def upload_of(body: str) -> dict:
    """Return the S3 object of a failed upload event: key, size, version-id; {} for other events."""
    upload = (event_of(body) or {"detail": {}})["detail"].get("object")
    return upload if isinstance(upload, dict) else {}


def order_event(body: str) -> dict:
    """Return the event that SNS could not deliver, from its envelope or as the body; {} for anything else."""
    value = _object(body)
    event = _object(value["Message"]) if isinstance(value.get("Message"), str) and "TopicArn" in value else value
    return event if isinstance(event.get("eventId"), str) else {}


def _reason(given: Mapping[str, str], body: str, system: Mapping[str, str]) -> tuple[str, str]:
    """Return reason and detail, as set by the worker, EventBridge, Lambda's attributes or destination, or SQS."""
    if REASON in given:
        return given[REASON], given.get(DETAIL, "")
    if "RULE_ARN" in given:
        return given.get("ERROR_CODE", "not delivered"), _joined(
            _file(body), given.get("ERROR_MESSAGE"), given.get("EXHAUSTED_RETRY_CONDITION")
        )
    if "ErrorMessage" in given or "RequestID" in given:
        return "invocation failed", _joined(given.get("ErrorMessage"), _named("request", given.get("RequestID")))
    envelope = _object(body)
    context = envelope.get("requestContext")
    if isinstance(context, dict) and "condition" in context:
        return str(context["condition"]), _joined(_file(body), _envelope(context, envelope))
    if event := order_event(body):
        whose = f"to partner {event['partner']}" if "partner" in event else "to a subscriber"
        return "not delivered", f"{event.get('eventType')} {event['eventId']} {whose}"
    if "DeadLetterQueueSourceArn" in system:
        return "received too often", _not_known(body) or "its consumer failed each time; see the log"
    return "no reason given", ""


def _not_known(body: str) -> str:
    """Return why the local version cannot read the message; "" if it can."""
    from domain import messages  # compiles the message's schema: only when needed
    from domain.errors import UnknownFormat

    unknown = next((each for each in messages.read(body).values() if isinstance(each, UnknownFormat)), None)
    return f"the local version cannot read it ({unknown}): deploy one that can, then redrive" if unknown else ""


def _envelope(context: Mapping, body: Mapping) -> str:
    """Describe the failed invocation. Of a stream it names the sequence numbers: the records are not in the message."""
    payload, response, batch = (
        value if isinstance(value := body.get(key), dict) else {}
        for key in ("responsePayload", "responseContext", "DDBStreamBatchInfo")
    )
    return _joined(
        ": ".join(str(payload[key]) for key in ("errorType", "errorMessage") if payload.get(key))
        or response.get("functionError"),
        _named("request", context.get("requestId")),
        _named("records", batch.get("batchSize")),
        _named("shard", batch.get("shardId")),
        _named("from", batch.get("startSequenceNumber")),
        _named("to", batch.get("endSequenceNumber")),
    )


def _file(body: str) -> str:
    upload = upload_of(body)
    return f"{upload['key']} ({upload.get('size', 'unknown')} bytes)" if "key" in upload else ""


def _named(name: str, value: object) -> str:
    return f"{name} {value}" if value else ""


def _joined(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part)


def _object(text: str) -> dict:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def printable(text: str) -> str:
    """Replace control characters, which could move the cursor: the text comes from a client. At most 300 characters."""
    shown = "".join(character if character.isprintable() else "?" for character in text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
