"""Fakes of SQS and Lambda for the worker: records in, the result of each message out."""

import base64
import itertools
import json
import os
from types import SimpleNamespace

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from handlers import clients, orders_worker
from tests.unit.handlers.api import TABLE

SUBMISSION = {
    "orderId": "ORD-1",
    "customerId": "CUST-12345",
    "items": [
        {"itemId": "ITEM-001", "quantity": 2, "price": 29.99},
        {"itemId": "ITEM-002", "quantity": 1, "price": 49.99},
    ],
}
CONTEXT = SimpleNamespace(aws_request_id="lambda-request-1", get_remaining_time_in_millis=lambda: 30_000)
SENT = "1767323045678"
# Exceptions of a client while the service is unreachable, throttling or failing.
DOWN = [
    EndpointConnectionError(endpoint_url="x"),
    ReadTimeoutError(endpoint_url="x"),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems"),
    ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchExecuteStatement"),
    ClientError({"Error": {"Code": "InternalServerError"}}, "BatchExecuteStatement"),
]
_numbers = itertools.count(1)


def message(order_id: str = "ORD-1", **changes) -> dict:
    """Return a valid OrderMessage with top-level fields replaced (None: removed)."""
    valid = {
        "orderId": order_id,
        "timestamp": 1_767_323_045_000,
        "customerId": "CUST-12345",
        "items": [{"productId": "ITEM-001", "quantity": 2, "price": 29.99}],
        "source": "pipeline",
        **changes,
    }
    return {key: value for key, value in valid.items() if value is not None}


def platform_id(number: int) -> str:
    return f"fd-00000000-0000-4000-8000-{number:012d}"


def record(body: object, attributes: dict | None = None, receives: int = 1) -> dict:
    """Return the SQS record of a message. `body`: a str is unchanged, anything else becomes JSON; `attributes`: {name: str | bytes}."""
    return {
        "messageId": f"message-{next(_numbers)}",
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": SENT,
            "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
        },
        "messageAttributes": {name: _attribute(value) for name, value in (attributes or {}).items()},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
        "awsRegion": "us-east-1",
    }


def _attribute(value: str | bytes) -> dict:
    lists = {"stringListValues": [], "binaryListValues": []}
    if isinstance(value, bytes):
        return {"binaryValue": base64.b64encode(value).decode(), "dataType": "Binary", **lists}
    return {"stringValue": value, "dataType": "String", **lists}


class Pipeline:
    """The worker, its table and its queues."""

    def __init__(self, sqs) -> None:
        self.database = clients.dynamodb(*orders_worker.DYNAMODB_TIMEOUT_RETRIES)
        self.sqs = sqs

    def work(self, *bodies: object) -> list[int]:
        """Send the worker one batch; return the indexes of the messages that it reports as failed."""
        return self.work_on([record(body) for body in bodies])

    def work_on(self, records: list[dict]) -> list[int]:
        answer = orders_worker.handler({"Records": records}, CONTEXT)
        assert list(answer) == ["batchItemFailures"]
        ids = [each["messageId"] for each in records]
        return [ids.index(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def dead_letters(self) -> list[dict]:
        """Receive and delete all messages of the dead-letter queue."""
        return self.take("ORDER_DEAD_LETTER_QUEUE_URL")

    def queued(self) -> list[dict]:
        return self.take("ORDER_QUEUE_URL")

    def take(self, variable: str) -> list[dict]:
        taken = []
        while True:
            response = self.sqs.receive_message(
                QueueUrl=os.environ[variable],
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            if "Messages" not in response:
                return taken
            taken += response["Messages"]
            for each in response["Messages"]:
                self.sqs.delete_message(QueueUrl=os.environ[variable], ReceiptHandle=each["ReceiptHandle"])

    def reasons(self) -> list[str]:
        """Return the sorted reasons of the messages in the dead-letter queue, and delete them."""
        letters = self.dead_letters()
        return sorted(letter["MessageAttributes"]["rejectionReason"]["StringValue"] for letter in letters)

    def items(self) -> list[dict]:
        return self.database.scan(TableName=TABLE)["Items"]

    def orders(self) -> dict[str, dict]:
        return {item["orderId"]["S"]: item for item in self.items() if item["timestamp"]["N"] != "0"}

    def claims(self) -> dict[str, dict]:
        return {item["orderId"]["S"]: item for item in self.items() if item["timestamp"]["N"] == "0"}
