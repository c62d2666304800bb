"""What is in a dead-letter queue: read without taking it out, and said so that a person knows what to do."""

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

PER_CALL = 10
"""The most that SQS gives or takes in one call."""

REASON, DETAIL = "rejectionReason", "rejectionDetail"
"""The message attributes that the worker gives to what it rejects."""

HOLD_SECONDS = 30
"""How long what was received is hidden while the rest is read, at most: it is released when all is read."""

_LONGEST = 300


@dataclass(frozen=True)
class Letter:
    """One message. `reason` is short, one for many messages; `detail` is this message's own.

    `rejected`: it was refused for good, not given up after failing; unmended, it will be refused again.
    """

    message_id: str
    sent: datetime
    receives: int
    reason: str
    detail: str
    rejected: bool
    order_id: str | None
    body: str

    @property
    def size(self) -> int:
        return len(self.body.encode(errors="surrogatepass"))

    def as_json(self) -> dict:
        """The body included: whoever asks for the document wants to work on it."""
        return {
            "messageId": self.message_id,
            "sent": self.sent.isoformat(),
            "receiveCount": self.receives,
            "reason": self.reason,
            "detail": self.detail,
            "orderId": self.order_id,
            "bytes": self.size,
            "body": self.body,
        }


def peek(sqs, url: str, limit: int) -> list[Letter]:
    """Up to `limit` messages, each once, oldest first; all are in the queue as before.

    SQS shows a message only to who receives it. So they are received, hidden from others (and from our
    own next call) for a moment, and released at once when all are read, or whatever else ends this.
    Each look raises ApproximateReceiveCount by one: harmless, for a dead-letter queue gives nothing up.
    """
    found: dict[str, Letter] = {}
    handles: dict[str, str] = {}
    try:
        while len(found) < limit:
            messages = receive(sqs, url, limit - len(found), HOLD_SECONDS)
            handles |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            new = [message for message in messages if message["MessageId"] not in found]
            if not new:
                break
            found |= {message["MessageId"]: letter(message) for message in new}
    finally:
        release(sqs, url, handles.values())
    return sorted(found.values(), key=lambda each: each.sent)


def receive(sqs, url: str, most: int, hold: int) -> list[dict]:
    """With all attributes. Waits a second for an answer from all of SQS's servers: only then is empty empty."""
    return sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=min(most, PER_CALL),
        VisibilityTimeout=hold,
        WaitTimeSeconds=1,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages", [])


def release(sqs, url: str, handles: Iterable[str]) -> None:
    """Visible again now. What cannot be released is so when its time is up: no failure to be told."""
    handles = list(handles)
    for at in range(0, len(handles), PER_CALL):
        entries = [
            {"Id": str(place), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            for place, handle in enumerate(handles[at : at + PER_CALL])
        ]
        with contextlib.suppress(Exception):
            sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def letter(message: Mapping) -> Letter:
    system = message.get("Attributes", {})
    given = {name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()}
    reason, detail = _reason(given, message["Body"], system)
    order_id = _object(message["Body"]).get("orderId")
    return Letter(
        message["MessageId"],
        datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, UTC),
        int(system.get("ApproximateReceiveCount", 0)),
        printable(reason),
        printable(detail),
        REASON in given,
        printable(order_id) if isinstance(order_id, str) else None,
        message["Body"],
    )


def event_of(body: str) -> dict | None:
    """The event that failed: in the envelope of a Lambda destination, or, as EventBridge leaves it, the body itself.

    None for anything else.
    """
    value = _object(body)
    event = value.get("requestPayload", value)
    return event if isinstance(event, dict) and isinstance(event.get("detail"), dict) else None


def upload_of(body: str) -> dict:
    """The S3 object that the failed event is about, as S3 says it: key, size, version-id. Empty for other events."""
    upload = (event_of(body) or {"detail": {}})["detail"].get("object")
    return upload if isinstance(upload, dict) else {}


def _reason(given: Mapping[str, str], body: str, system: Mapping[str, str]) -> tuple[str, str]:
    """Said by our worker, by EventBridge, by Lambda's dead-letter attributes, by a Lambda destination's envelope, or
    by SQS."""
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
    if "DeadLetterQueueSourceArn" in system:
        return "received too often", _not_known(body) or "its consumer failed each time; see the log"
    return "no reason given", ""


def _not_known(body: str) -> str:
    """What the local version of the worker does not know about a message; "" if that did not keep it from reading."""
    from domain import messages  # compiles the message's schema: only where there is such a letter
    from domain.errors import OrderError, UnknownFormat

    try:
        messages.read(body)
    except UnknownFormat as unknown:
        return f"the local version cannot read it ({unknown}): deploy one that can, then redrive"
    except OrderError:
        pass
    return ""


def _envelope(context: Mapping, body: Mapping) -> str:
    """For a stream the place in it counts: the records themselves are not in the message."""
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
    """Without what could move a terminal's cursor: this comes from whoever sent the message."""
    shown = "".join(character if character.isprintable() else "?" for character in text[: _LONGEST + 1])
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
