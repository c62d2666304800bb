"""Send many messages to a queue, in as few calls as possible, several at once.

An entry is a message in SendMessageBatch's format. SQS responds for each entry of a call: accepted, or why not.
"""

import random
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from handlers import clients, faults

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameForSendsType
    from mypy_boto3_sqs.type_defs import (
        MessageAttributeValueTypeDef,
        MessageSystemAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

ENTRIES_PER_CALL = 10
MESSAGE_BYTES = 1_048_576
# Far below SQS's limit for a call, or a few large messages would delay small ones. A larger message is sent alone.
CALL_BYTES = 262_144
# Running or submitted. `send` draws no more entries until one of these calls ends: this bounds memory.
CONCURRENT_CALLS = 2 * clients.CONNECTIONS
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds

# SQS calls these the sender's fault, but any other message would fail too.
_NOT_THE_MESSAGE = re.compile("throttl|kms|access|security|overlimit|unavailable|internal", re.IGNORECASE)


class BatchEntry(NamedTuple):
    """An entry, and the sender's object that it is made from."""

    message: "SendMessageBatchRequestEntryTypeDef"
    origin: Any


class Refusal(NamedTuple):
    """An entry that SQS never accepts; `code` is SQS's error code."""

    origin: Any
    code: str


class Undelivered(Exception):
    """SQS did not accept all entries before the deadline."""


def send(client: "SQSClient", queue_url: str, entries: Iterable[BatchEntry], deadline: float) -> list[Refusal]:
    """Send all entries, in any order; return those that SQS refused. It has accepted all others.

    `entries` is read as calls end. Transient failures are retried, which may send an entry twice. Raises Undelivered
    for entries not accepted by `deadline` (time.monotonic()), botocore's exceptions for permanent failures, and what
    `entries` raises. When it returns or raises, no call is running.
    """
    stop = threading.Event()
    running: deque[Future] = deque()
    refused: list[Refusal] = []
    with ThreadPoolExecutor(clients.CONNECTIONS) as pool:
        try:
            for chunk in chunks(entries, lambda entry: size_of(entry.message)):
                if len(running) == CONCURRENT_CALLS:
                    refused += running.popleft().result()
                running.append(pool.submit(_send_call, client, queue_url, chunk, deadline, stop))
            while running:
                refused += running.popleft().result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return refused


def _send_call(
    client: "SQSClient", queue_url: str, entries: list[BatchEntry], deadline: float, stop: threading.Event
) -> list[Refusal]:
    """Send the entries of one call, and retry, until SQS has accepted or refused each."""
    refused: list[Refusal] = []
    pause = FIRST_PAUSE
    while True:
        accepted, refusals, error = _call(client, queue_url, entries)
        refused += [Refusal(entry.origin, refusals[id_]) for entry in entries if (id_ := _id(entry)) in refusals]
        entries = [entry for entry in entries if _id(entry) not in accepted and _id(entry) not in refusals]
        if not entries:
            return refused
        if time.monotonic() + pause > deadline or stop.wait(random.uniform(pause / 2, pause)):  # noqa: S311 - jitter
            raise Undelivered from error
        pause = min(2 * pause, LONGEST_PAUSE)


def _call(
    client: "SQSClient", queue_url: str, entries: list[BatchEntry]
) -> tuple[set[str], dict[str, str], Exception | None]:
    """Send once. Return the accepted ids, the refused ones with their codes, and the transient error of the call."""
    try:
        answer = client.send_message_batch(QueueUrl=queue_url, Entries=[entry.message for entry in entries])
    except Exception as error:
        if not faults.is_transient(error):
            raise
        return set(), {}, error
    refusals = {
        failed["Id"]: failed["Code"]
        for failed in answer.get("Failed", ())
        if failed["SenderFault"] and not _NOT_THE_MESSAGE.search(failed["Code"])
    }
    return {sent["Id"] for sent in answer.get("Successful", ())}, refusals, None


def _id(entry: BatchEntry) -> str:
    return entry.message["Id"]


def text(value: str) -> "MessageAttributeValueTypeDef":
    """Return `value` as an attribute of a message."""
    return {"DataType": "String", "StringValue": value}


def trace_attribute(
    header: str | None,
) -> "dict[MessageSystemAttributeNameForSendsType, MessageSystemAttributeValueTypeDef]":
    """Return the system attributes of a message, with the trace `header` if there is one."""
    return {"AWSTraceHeader": text(header)} if header else {}


def size_of(entry: Mapping) -> int:
    """Return the size of an entry as SQS counts it: the body, and each attribute's name, type and value."""
    parts = [entry["MessageBody"], *entry["MessageAttributes"]]
    for attribute in entry["MessageAttributes"].values():
        parts += attribute.values()
    return sum(len(part if isinstance(part, bytes) else part.encode(errors="surrogatepass")) for part in parts)


def chunks(entries: Iterable, size: Callable[[Any], int] = size_of) -> Iterator[list]:
    """Divide `entries`, in order, into calls."""
    chunk: list = []
    total = 0
    for entry in entries:
        bytes_ = size(entry)
        if chunk and (len(chunk) == ENTRIES_PER_CALL or total + bytes_ > CALL_BYTES):
            yield chunk
            chunk, total = [], 0
        chunk.append(entry)
        total += bytes_
    if chunk:
        yield chunk
