"""Queues and event source mappings of a local deployment; no look into what a message holds."""

import time
from collections.abc import Iterator, Sequence

import boto3


def mapping_of(function: str) -> dict:
    """Return the event source mapping of a function that has one."""
    [mapping] = boto3.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return mapping


def switch(mapping: str, on: bool) -> None:
    boto3.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=on)


class Announcements:
    """The consumer of the table's stream: off, or on from the next change on.

    What is left of an earlier run is never announced: it would take the processors of a later one.
    """

    def __init__(self, function: str) -> None:
        self._mapping = mapping_of(function)["UUID"]

    def switch(self, on: bool) -> None:
        switch(self._mapping, on=False)
        if on:
            functions = boto3.client("lambda")
            old = functions.get_event_source_mapping(UUID=self._mapping)
            functions.delete_event_source_mapping(UUID=self._mapping)
            known = functions.meta.service_model.operation_model("CreateEventSourceMapping").input_shape.members
            same = {name: value for name, value in old.items() if name in known}
            new = same | {"FunctionName": old["FunctionArn"], "StartingPosition": "LATEST", "Enabled": True}
            self._mapping = functions.create_event_source_mapping(**new)["UUID"]


def fill(queue: str, messages: Sequence[dict]) -> None:
    """Send messages, each with SendMessage's parameters but for the queue."""
    sqs = boto3.client("sqs")
    for at in range(0, len(messages), 10):
        entries = [{"Id": str(n), **message} for n, message in enumerate(messages[at : at + 10])]
        failed = sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed")
        if failed:
            raise SystemExit(f"{queue} refused messages: {failed[0]}")


def drain(queue: str) -> Iterator[dict]:
    """Receive and delete all messages; yield each as a record of an event of Lambda."""
    sqs = boto3.client("sqs")
    asked = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "AttributeNames": ["All"]}
    while messages := sqs.receive_message(QueueUrl=queue, **asked).get("Messages"):
        handles = [{"Id": str(n), "ReceiptHandle": each["ReceiptHandle"]} for n, each in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=queue, Entries=handles)
        for each in messages:
            attributes = each.get("MessageAttributes", {})
            yield record(each["MessageId"], each["Body"], attributes, each.get("Attributes", {}))


def record(message_id: str, body: str, attributes: dict, system_attributes: dict) -> dict:
    """Return a message, with attributes as SQS has them, as Lambda hands it to a function."""
    return {
        "messageId": message_id,
        "body": body,
        "attributes": system_attributes,
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in attributes.items()
        },
        "eventSource": "aws:sqs",
    }


def wait_until_empty(queue: str, seconds: float = 300) -> None:
    sqs = boto3.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        if not any(int(attributes[name]) for name in names):
            return
        time.sleep(0.05)
    raise SystemExit(f"the queue was not empty after {seconds:.0f} s")


def items(table: str) -> int:
    """Return the number of items in a table, as the emulator counts them: exactly."""
    return boto3.client("dynamodb").describe_table(TableName=table)["Table"]["ItemCount"]
