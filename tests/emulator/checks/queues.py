"""Checks of the way from a queue to a function."""

import time

from tests.emulator.checks.common import check, refused, with_function
from tests.emulator.checks.imports import QUEUE, calls_of
from tests.emulator.testkit import Aws, att, ref, until


def mapping(size: int, window: int) -> dict:
    return {
        "Type": "AWS::Lambda::EventSourceMapping",
        "Properties": {
            "FunctionName": ref("F"),
            "EventSourceArn": att("Q", "Arn"),
            "BatchSize": size,
            "MaximumBatchingWindowInSeconds": window,
        },
    }


@check
def event_source_batches(aws: Aws, name: str) -> None:
    """A full batch goes at once, what does not fill one when the window is over, and a batch
    that is too large for a payload in parts."""
    source = """
def handler(event, context):
    print("CALL", len(event["Records"]))
"""
    made = with_function(aws, name, source, {"Q": QUEUE, "M": mapping(30, 2)})
    sqs, queue = aws.client("sqs"), aws.child(name, "Q")

    def send(count: int, body: str = "x") -> float:
        entries = [{"Id": str(i), "MessageBody": body} for i in range(count)]
        for first in range(0, count, 10):
            sqs.send_message_batch(QueueUrl=queue, Entries=entries[first : first + 10])
        return time.monotonic()

    def gathered(count: int) -> float:
        """When the function has had so many."""
        until(lambda: sum(calls_of(aws, made)) >= count)
        return time.monotonic()

    sent = send(30)
    assert gathered(30) - sent < 1.5
    sent = send(12)
    assert gathered(42) - sent > 1.5
    assert calls_of(aws, made) == [30, 12]
    for _ in range(8):
        send(1, "x" * (1 << 20))
    gathered(50)
    assert max(calls_of(aws, made)[2:]) < 8, "eight mebibytes came at once"


@check
def event_source_window(aws: Aws, name: str) -> None:
    resources = {"Q": QUEUE, "M": mapping(11, 0)}
    resources["M"]["Properties"]["FunctionName"] = "absent"
    refused(aws, name, resources, "Maximum batch window in seconds must be greater than 0")
