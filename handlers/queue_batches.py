"""Many messages onto a queue: in as few calls as they fit, several at once.

An entry is a message as SendMessageBatch takes it. SQS answers for each entry
of a call: it has it, or why it has not.
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
# Far below what SQS takes in a call, or a few large messages would hold up small ones; a larger one goes alone.
CALL_BYTES = 262_144
# Sent, or about to be. Whoever has more waits until SQS has taken some: nothing piles up in memory.
CALLS_UNDER_WAY = 2 * clients.CONNECTIONS
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds

# SQS blames the sender for these too, but another message would fare no better.
_NOT_THE_MESSAGE = re.compile("throttl|kms|access|security|overlimit|unavailable|internal", re.IGNORECASE)


class BatchEntry(NamedTuple):
    """An entry, and what its sender knows it by."""

    message: "SendMessageBatchRequestEntryTypeDef"
    origin: Any


class Refusal(NamedTuple):
    """SQS will never take this one; `code` is its word for why."""

    origin: Any
    code: str


class Undelivered(Exception):
    """SQS did not take everything in time."""


def send(client: "SQSClient", queue_url: str, entries: Iterable[BatchEntry], deadline: float) -> list[Refusal]:
    """Send all entries, drawn from `entries` as SQS takes them, in no certain order.

    When it returns, SQS has confirmed all but those returned. What fails for
    the moment is sent again, which may put it on the queue twice. Raises
    Undelivered if that does not help until `deadline` (time.monotonic()),
    botocore's exceptions for what a retry does not solve, and what
    `entries` raises. Either way no call is under way any more.
    """
    stop = threading.Event()
    under_way: deque[Future] = deque()
    refused: list[Refusal] = []
    with ThreadPoolExecutor(clients.CONNECTIONS) as pool:
        try:
            for chunk in chunks(entries, lambda entry: size_of(entry.message)):
                if len(under_way) == CALLS_UNDER_WAY:
                    refused += under_way.popleft().result()
                under_way.append(pool.submit(_insist, client, queue_url, chunk, deadline, stop))
            while under_way:
                refused += under_way.popleft().result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return refused


def _insist(
    client: "SQSClient", queue_url: str, entries: list[BatchEntry], deadline: float, stop: threading.Event
) -> list[Refusal]:
    """Send the entries of one call until SQS has taken or refused each."""
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
    """The ids that SQS took, those that it refused with its code, and what the whole call failed of."""
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
    """`value` as an attribute of a message."""
    return {"DataType": "String", "StringValue": value}


def trace_attribute(
    header: str | None,
) -> "dict[MessageSystemAttributeNameForSendsType, MessageSystemAttributeValueTypeDef]":
    """Return the system attributes of a message of the trace `header`."""
    return {"AWSTraceHeader": text(header)} if header else {}


def size_of(entry: Mapping) -> int:
    """As SQS counts: the body, and each attribute's name, type and value."""
    parts = [entry["MessageBody"], *entry["MessageAttributes"]]
    for attribute in entry["MessageAttributes"].values():
        parts += attribute.values()
    return sum(len(part if isinstance(part, bytes) else part.encode(errors="surrogatepass")) for part in parts)


def chunks(entries: Iterable, size: Callable[[Any], int] = size_of) -> Iterator[list]:
    """`entries`, in their order, as the calls to send them with."""
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
