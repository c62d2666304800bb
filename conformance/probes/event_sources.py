"""From a queue to a function: how Lambda's pollers gather messages."""

import time

from conformance.account import Account
from conformance.probe import deploys, expect, holds
from conformance.resources import RECEIVE, att, mapping, queue
from conformance.small_stacks import calls_of, refused, with_function

SOURCES, WORKER = "generator/event_sources.py", "handlers/orders_worker.py"


@deploys(SOURCES, WORKER)
def event_source_batches(account: Account, name: str) -> None:
    """A mapping gathers up to BatchSize messages above ten within its window, and splits what exceeds a payload."""
    source = """
def handler(event, context):
    print("CALL", len(event["Records"]))
"""
    window = {"BatchSize": 30, "MaximumBatchingWindowInSeconds": 2}
    more = {"Q": queue(), "M": mapping(att("Q", "Arn"), **window)}
    made = with_function(account, name, source, more, [(RECEIVE, att("Q", "Arn"))])
    sqs, url = account.client("sqs"), account.child(name, "Q")

    def send(count: int, body: str = "x") -> float:
        entries = [{"Id": str(index), "MessageBody": body} for index in range(count)]
        for first in range(0, count, 10):
            sqs.send_message_batch(QueueUrl=url, Entries=entries[first : first + 10])
        return time.monotonic()

    def gathered(count: int) -> float:
        """Return when the function has had so many."""
        account.until(lambda: sum(calls_of(account, made)) >= count, f"{count} messages are received", 8)
        return time.monotonic()

    many = 30 if account.emulated_at else 300  # AWS has several pollers, each with its share
    send(many)
    gathered(many)
    sent = send(12)
    waited = gathered(many + 12) - sent
    holds(waited > 1.5, "a batch that is not full waits for its window of 2 s", f"{waited:.1f} s")
    sizes = calls_of(account, made)
    if account.emulated_at:
        expect(sizes, [30, 12], "sizes of batches")
    holds(max(sizes) > 10, "a batch above ten messages", sizes)
    for _ in range(8):
        send(1, "x" * (1 << 20))
    gathered(many + 20)
    large = calls_of(account, made)[len(sizes) :]
    holds(max(large) < 8, "eight mebibytes come in several batches", large)


@deploys(SOURCES, "config/sections.py")
def event_source_window(account: Account, name: str) -> None:
    """A BatchSize above ten without a batching window is refused."""
    with_function(account, name, more={"Q": queue()}, may=[(RECEIVE, att("Q", "Arn"))])
    source = account.client("sqs").get_queue_attributes(QueueUrl=account.child(name, "Q"), AttributeNames=["QueueArn"])
    unbatched = mapping(source["Attributes"]["QueueArn"], BatchSize=11, MaximumBatchingWindowInSeconds=0)
    unbatched["Properties"]["FunctionName"] = account.child(name, "F")
    reason = "Maximum batch window in seconds must be greater than 0"
    refused(account, f"{name}-refused", {"M": unbatched}, reason)
