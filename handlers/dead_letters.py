"""Send what can never become an order to the dead-letter queue at once, with the reason.

A dead letter is one order, or a message that cannot be read. The order's text and the message's attributes are
unchanged, so that it can be redriven when its cause is fixed.
"""

import base64
from typing import TYPE_CHECKING, NamedTuple

from domain.errors import OrderError
from handlers import faults, telemetry
from handlers.queue_batches import MESSAGE_BYTES, chunks, size_of, text, trace_attribute

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef, SendMessageBatchRequestEntryTypeDef

ATTRIBUTES_PER_MESSAGE = 10
DETAIL_LENGTH = 256


class Rejection(NamedTuple):
    record: dict  # of SQS
    body: str  # of the dead letter
    reason: OrderError


def send(client: "SQSClient", queue_url: str, rejections: list[Rejection]) -> set[int]:
    """Send all; return the indexes of those that could not be sent. Never raise."""
    entries = [_entry(str(index), rejection) for index, rejection in enumerate(rejections)]
    # Too large with its reason: it stays on the queue, whose redrive policy moves it unchanged.
    unsent = {entry["Id"] for entry in entries if size_of(entry) > MESSAGE_BYTES}
    waiting = list(chunks(entry for entry in entries if entry["Id"] not in unsent))
    while waiting:
        chunk = waiting.pop(0)
        try:
            response = client.send_message_batch(QueueUrl=queue_url, Entries=chunk)
            unsent |= {entry["Id"] for entry in chunk} - {sent["Id"] for sent in response.get("Successful", ())}
        except Exception as error:
            telemetry.failure(error)
            if faults.is_transient(error):
                unsent |= {entry["Id"] for each in (chunk, *waiting) for entry in each}
                break
            if len(chunk) == 1:
                unsent.add(chunk[0]["Id"])
            else:
                waiting += [[entry] for entry in chunk]
    return {int(id_) for id_ in unsent}


def _entry(id_: str, rejection: Rejection) -> "SendMessageBatchRequestEntryTypeDef":
    record, body, error = rejection
    detail = "; ".join(error.details) or error.kind.message
    reasons = {"rejectionReason": text(error.kind.code), "rejectionDetail": text(detail[:DETAIL_LENGTH])}
    own = {name: _attribute(sent) for name, sent in (record.get("messageAttributes") or {}).items()}
    kept = [pair for pair in own.items() if pair[0] not in reasons][: ATTRIBUTES_PER_MESSAGE - len(reasons)]
    return {
        "Id": id_,
        "MessageBody": body,
        "MessageAttributes": {**dict(kept), **reasons},
        "MessageSystemAttributes": trace_attribute(record.get("attributes", {}).get("AWSTraceHeader")),
    }


def _attribute(sent: dict) -> "MessageAttributeValueTypeDef":
    """Convert an attribute from Lambda's event format to SQS's."""
    if sent["dataType"].startswith("Binary"):
        return {"DataType": sent["dataType"], "BinaryValue": base64.b64decode(sent["binaryValue"])}
    return {"DataType": sent["dataType"], "StringValue": sent["stringValue"]}
