"""Driving the asynchronous pipeline: its queue, its dead letters, its events."""

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from emulator import control
from tests.e2e.support import Deployment, copy_project, edit, start, stop
from tests.waiting import eventually

CLIENT_ORDER = {
    "customerId": "CUST-12345",
    "items": [
        {"itemId": "ITEM-001", "quantity": 2, "price": 29.99},
        {"itemId": "ITEM-002", "quantity": 1, "price": 49.99},
    ],
}
"""The sample of seed 003, but for its orderId."""


def message(order_id: str | None = None, **fields) -> dict:
    """A message as the intake puts it on the queue."""
    return {
        "format": 1,
        "orderId": order_id or f"ORD-{uuid.uuid4().hex[:12]}",
        "timestamp": time.time_ns() // 1_000_000,
        "customerId": "CUST-1",
        "items": [{"productId": "A", "quantity": 1, "price": 1.1}],
        "source": "pipeline",
        **fields,
    }


def one_each(orders: list[dict]) -> list[dict]:
    return orders


def several(orders: list[dict], together: int = 25) -> list[dict]:
    """Messages that carry these orders, as the importer puts them on the queue."""
    inner = [{name: value for name, value in order.items() if name != "format"} for order in orders]
    return [{"format": 2, "orders": inner[at : at + together]} for at in range(0, len(inner), together)]


def send(deployment: Deployment, bodies: list[dict | str], queue: str = "OrderQueueUrl") -> None:
    """Put the bodies on the queue; a dict as JSON, a text unchanged."""
    sqs = deployment.client("sqs")
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    for at in range(0, len(texts), 10):
        entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[at : at + 10])]
        answer = sqs.send_message_batch(QueueUrl=deployment.outputs[queue], Entries=entries)
        assert not answer.get("Failed")


def counts(deployment: Deployment, queue: str = "OrderQueueUrl") -> tuple[int, int]:
    """(waiting, in flight)"""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = deployment.client("sqs").get_queue_attributes(
        QueueUrl=deployment.outputs[queue], AttributeNames=names
    )["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def drained(deployment: Deployment) -> None:
    """Wait until the order queue is empty, messages in flight included."""
    eventually(lambda: counts(deployment) == (0, 0), "the queue is empty")


def receive_all(deployment: Deployment, url: str) -> list[dict]:
    """Take everything off a queue."""
    sqs = deployment.client("sqs")
    taken = []
    while True:
        batch = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages", [])
        if not batch:
            return taken
        taken += batch
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(batch)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)


def dead_letters(deployment: Deployment) -> list[dict]:
    """What is in OrderQueueDLQ, taken off it: body, reason, detail."""
    return [
        {
            "body": m["Body"],
            "reason": m.get("MessageAttributes", {}).get("rejectionReason", {}).get("StringValue"),
            "detail": m.get("MessageAttributes", {}).get("rejectionDetail", {}).get("StringValue"),
        }
        for m in receive_all(deployment, deployment.outputs["OrderQueueDlqUrl"])
    ]


def assert_each_stored_once(deployment: Deployment, ids: Iterable[str]) -> dict[str, dict]:
    """Return the item of each order."""
    found = deployment.orders_of(ids)
    assert {order_id: len(items) for order_id, items in found.items() if len(items) != 1} == {}
    return {order_id: items[0] for order_id, items in found.items()}


@contextmanager
def unthrottled(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Deployment]:
    """A deployment whose usage plan does not slow the clients down, and whose queue retries soon."""
    project = copy_project(tmp_path_factory.mktemp(name) / "project")
    edit(project, "environments/dev.toml", "rate_limit = 100", "rate_limit = 5000")
    edit(project, "environments/dev.toml", "burst_limit = 200", "burst_limit = 5000")
    local_dir = tmp_path_factory.mktemp(f"{name}-local")
    try:
        deployment = start(local_dir, project)
        redeliver(deployment)
        yield deployment
    finally:
        stop(local_dir, project)


def redeliver(deployment: Deployment, *, receives: int = 1000) -> None:
    """Have the order queue deliver again after three seconds, and give up after `receives` deliveries.

    By default it practically never gives up: an outage may then last as long as the test needs.
    """
    sqs, queue = deployment.client("sqs"), {"QueueUrl": deployment.outputs["OrderQueueUrl"]}
    policy = sqs.get_queue_attributes(**queue, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    policy = json.dumps({**json.loads(policy), "maxReceiveCount": receives})
    sqs.set_queue_attributes(**queue, Attributes={"VisibilityTimeout": "3", "RedrivePolicy": policy})


def kill_processes(deployment: Deployment, function: str) -> int:
    """SIGKILL the running processes of a function, given by the name of its output; return how many there were."""
    emulator, name = control.running(deployment.local_dir), deployment.outputs[function]
    killed = 0
    for pid in _processes_below(emulator.pid):
        try:
            with open(f"/proc/{pid}/environ", "rb") as environment:
                if name.encode() in environment.read():
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
    return killed


def _processes_below(pid: int) -> list[int]:
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [int(child) for child in children] + [g for c in children for g in _processes_below(int(c))]


def open_queue(deployment: Deployment, topic: str) -> tuple[str, str]:
    """A new queue that takes what the topic with that ARN sends; its URL and its ARN."""
    sqs = deployment.client("sqs")
    url = sqs.create_queue(QueueName=f"subscriber-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, arn


def subscribed_queue(deployment: Deployment, topic: str) -> str:
    """A new queue, subscribed to the topic with that ARN, with raw message delivery; its URL."""
    url, arn = open_queue(deployment, topic)
    deployment.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    return url


class Subscriber:
    """A queue subscribed to OrderEvents, as a business's own system would be."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.url = subscribed_queue(deployment, deployment.outputs["OrderEventsTopicArn"])
        self.events: list[dict] = []

    def take(self) -> list[dict]:
        """All events so far, oldest first."""
        self.events += [json.loads(m["Body"]) for m in receive_all(self.deployment, self.url)]
        return self.events

    def of(self, order_id: str) -> list[dict]:
        return [event for event in self.take() if event["orderId"] == order_id]
