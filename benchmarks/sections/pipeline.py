"""The asynchronous pipeline: calls and write units per order, and orders per second against seed 003's worker."""

import contextlib
import importlib
import io
import json
import os
import tempfile
import time
import uuid
from pathlib import Path

import boto3

from benchmarks import seeds
from benchmarks.deployment import as_root, deployed
from benchmarks.measure import Effort, rates
from benchmarks.sections.calls import Meter, event
from benchmarks.seed_pipeline import SeedPipeline
from handlers import clients

BATCH = 10
ORDERS = 2000
SEED = "worker of seed 003"
OURS = "our worker, client's ids"
SEED_WORKER = ("003", "lib/lambda/order_processor.py")


def measure(effort: Effort) -> list[dict]:
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        ours = _Pipeline(outputs)
        # Rates first: measuring calls runs the handlers in this process, beside the deployed ones.
        rows = _rates(ours, effort)
        ours.pause()
        with contextlib.redirect_stdout(io.StringIO()):  # the handlers' logs and metrics
            return rows + _calls(outputs)


def message(number: int, prefix: str = "ORD") -> dict:
    """A message that both workers take; whole prices, because the seed's fails on any other."""
    return {
        "orderId": f"{prefix}-{number}-{uuid.uuid4().hex[:8]}",
        "timestamp": time.time_ns() // 1_000_000,
        "customerId": f"CUST-{number % 50}",
        "items": [{"productId": "A", "itemId": "A", "quantity": 2, "price": 30}],
        "source": "pipeline",
    }


def for_us(sent: dict) -> dict:
    items = [{key: value for key, value in item.items() if key != "itemId"} for item in sent["items"]]
    return {**sent, "items": items}


class _Pipeline:
    """Ours: a full queue, and how long the deployed worker takes to empty it."""

    def __init__(self, outputs: dict) -> None:
        self.outputs = outputs
        self.queue = outputs["OrderQueueUrl"]
        self.mapping = mapping_of(outputs["OrdersWorkerFunction"])
        self.events = mapping_of(outputs["OrdersEventsFunction"])

    def pause(self) -> None:
        boto3.client("lambda").update_event_source_mapping(UUID=self.mapping, Enabled=False)

    def rate(self, orders: int, prefix: str, announce: bool = True) -> float:
        boto3.client("lambda").update_event_source_mapping(UUID=self.events, Enabled=announce)
        return run(self, [for_us(message(n, prefix)) for n in range(orders)])


def mapping_of(function: str) -> str:
    [mapping] = boto3.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return mapping["UUID"]


def run(pipeline, messages: list[dict]) -> float:
    """Orders per second from switching the worker on until the queue is empty."""
    pipeline.pause()
    fill(pipeline.queue, messages)
    functions = boto3.client("lambda")
    started = time.perf_counter()
    functions.update_event_source_mapping(UUID=pipeline.mapping, Enabled=True)
    wait_until_empty(pipeline.queue)
    return len(messages) / (time.perf_counter() - started)


def fill(queue: str, messages: list[dict]) -> None:
    sqs = boto3.client("sqs")
    for at in range(0, len(messages), 10):
        entries = [{"Id": str(n), "MessageBody": json.dumps(body)} for n, body in enumerate(messages[at : at + 10])]
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)


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


def _rates(ours: _Pipeline, effort: Effort) -> list[dict]:
    """Orders per second, taken in turn, medians.

    The seed's worker publishes to SNS itself; ours leaves that to the consumer of the table's
    stream, which on this machine competes for the same cores. So ours is measured both ways:
    the worker alone, and with everything announced at the same time.
    """
    code, orders, few = seeds.code(*SEED_WORKER), effort.orders(ORDERS), effort.orders(100)
    contestants = {
        OURS: lambda: ours.rate(orders, "ORD", announce=False),
        "our worker, platform's ids": lambda: ours.rate(orders, "fd", announce=False),
        "our worker and events, client's ids": lambda: ours.rate(orders, "ORD"),
    }
    if code:
        seed = SeedPipeline(code)
        contestants = {SEED: lambda: run(seed, [message(n) for n in range(orders)])} | contestants
        run(seed, [message(n) for n in range(few)])
    ours.rate(few, "WARM")
    return rates(contestants, effort.rounds, SEED, {OURS: ">= 2"})


def _calls(outputs: dict) -> list[dict]:
    functions = boto3.client("lambda")
    for key in ("OrdersIntakeFunction", "OrdersWorkerFunction"):
        os.environ.update(functions.get_function_configuration(FunctionName=outputs[key])["Environment"]["Variables"])
    meter = Meter(clients._session())
    intake = importlib.import_module("handlers.orders_intake").handler
    worker = importlib.import_module("handlers.orders_worker").handler
    order = {key: value for key, value in message(0).items() if key not in ("timestamp", "source")}
    order["items"] = [{"itemId": "A", "quantity": 2, "price": 29.99}]
    submission = event("POST", "/orders/async", order)
    intake(submission, None)
    worker(_batch("WARM"), None)
    meter.reset()
    intake(submission, None)
    rows = [_row("POST /orders/async", meter, 1, "1 call")]
    for what, prefix in (("client's ids", "ORD"), ("platform's ids", "fd")):
        meter.reset()
        answer = worker(_batch(prefix), None)
        if answer["batchItemFailures"]:
            raise SystemExit(f"the worker failed: {answer}")
        rows.append(_row(f"worker, batch of {BATCH}, {what}", meter, BATCH, ""))
    return rows


def _batch(prefix: str) -> dict:
    bodies = [json.dumps(for_us(message(n, prefix))) for n in range(BATCH)]
    records = [
        {"messageId": str(n), "body": body, "attributes": {}, "messageAttributes": {}} for n, body in enumerate(bodies)
    ]
    return {"Records": records}


def _row(what: str, meter: Meter, orders: int, target: str) -> dict:
    calls = " + ".join(f"{count} {operation}" for operation, count in meter.calls.items())
    units = f"{(meter.units / orders).normalize():f} units/order" if meter.units else ""
    return {"what": what, "median": calls, "ratio": units, "target": target}
