"""Events: the time from the table to a subscriber of the topic, and calls per event."""

import contextlib
import importlib
import io
import json
import tempfile
import time
from pathlib import Path

import boto3

from benchmarks.calls_kit import Meter, run_here
from benchmarks.deployment import as_root, deployed
from benchmarks.measure import Effort
from benchmarks.rows import Row, at_most, row
from domain import orders
from handlers import clients
from handlers.attributes import to_item
from handlers.repository import OrdersTable

ORDERS = 200
PAUSE = 0.05  # seconds between orders, so that none waits for the one before
STREAM_BATCH = 100  # of the event source mapping


def measure(effort: Effort) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        return [
            row("from the table to a subscriber of the topic", "ms", _latencies(outputs, effort.orders(ORDERS))),
            row(f"events, a stream batch of {STREAM_BATCH}", "calls/event", [_calls(outputs)], target=at_most(0.1)),
        ]


def _order() -> orders.Order:
    request = {"customerId": "CUST-1", "items": [{"productId": "A", "quantity": 2, "price": 30}]}
    now = time.time_ns() // 1_000_000
    return orders.new_order(request, now=now, features=(), ttl_days=1)


def _latencies(outputs: dict, count: int) -> list[float]:
    """Milliseconds from the response of a write to the arrival of its event."""
    sqs, queue = boto3.client("sqs"), _subscribed(outputs["OrderEventsTopicArn"])
    table, written, taken = OrdersTable(boto3.client("dynamodb"), outputs["OrdersTableName"]), {}, []
    for _ in range(count):
        order = _order()
        table.insert(order)
        written[order["orderId"]] = time.time() * 1000
        time.sleep(PAUSE)
    while len(taken) < count:
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20, MessageSystemAttributeNames=["SentTimestamp"])
        if "Messages" not in answer:
            raise SystemExit(f"{len(taken)} events of {count} orders arrived, and no other in 20 s")
        for message in answer["Messages"]:
            order_id = json.loads(json.loads(message["Body"])["Message"])["orderId"]
            taken.append(float(message["Attributes"]["SentTimestamp"]) - written[order_id])
    return taken


def _subscribed(topic: str) -> str:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="benchmark-subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return queue


def _calls(outputs: dict) -> float:
    run_here(outputs, "OrdersEventsFunction")
    meter, records = Meter(clients._session()), []
    for number, item in enumerate(to_item(_order()) for _ in range(STREAM_BATCH)):
        keys = {name: item[name] for name in ("orderId", "timestamp")}
        change = {"Keys": keys, "NewImage": item, "SequenceNumber": str(number)}
        records.append({"eventName": "INSERT", "dynamodb": change})
    with contextlib.redirect_stdout(io.StringIO()):  # the handler's logs and metrics
        answer = importlib.import_module("handlers.orders_events").handler({"Records": records}, None)
    if answer["batchItemFailures"]:
        raise SystemExit(f"the events were not published: {answer}")
    return meter.calls.total() / STREAM_BATCH
