"""The asynchronous pipeline: calls and write units per order, and orders per second against seed 003's worker."""

import contextlib
import importlib
import io
import json
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from benchmarks import order_queue, seeds
from benchmarks.calls_kit import Meter, run_here
from benchmarks.deployment import as_root, deployed
from benchmarks.intake import Intake
from benchmarks.measure import Effort
from benchmarks.rates import SeedFailed, rates
from benchmarks.rows import Row, at_least, at_most
from benchmarks.seed_pipeline import SeedPipeline
from handlers import clients

BATCH = 10
ORDERS = 2000
SEED = "worker of seed 003, which announces as well"
CLIENT_IDS = "our worker, ids of the client, announcing switched off"
OUR_IDS = "our worker, ids given here, announcing switched off"
CLIENT_IDS_ANNOUNCED = "our worker and announcements, ids of the client"
OUR_IDS_ANNOUNCED = "our worker and announcements, ids given here"
TARGETS = {CLIENT_IDS: at_least(2, "ratio"), OUR_IDS: at_least(2, "ratio")}
SEED_WORKER = ("003", "lib/lambda/order_processor.py")


def measure(effort: Effort) -> list[Row]:
    quiet = contextlib.redirect_stdout(io.StringIO())  # the handlers' logs and metrics
    with quiet, tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        meter = Meter(clients._session())
        intake = Intake(outputs)
        # Rates first: measuring calls runs the worker in this process, beside the deployed one.
        rows = _rates(outputs, intake, effort)
        order_queue.switch(order_queue.mapping_of(outputs["OrdersWorkerFunction"])["UUID"], on=False)
        return rows + _calls(outputs, intake, meter)


def order(number: int, with_id: bool) -> dict:
    """Return an order that both workers take: whole prices, because the seed's fails on any other."""
    given = {"orderId": f"ORD-{number}-{uuid.uuid4().hex[:8]}"} if with_id else {}
    items = [{"productId": "A", "quantity": 2, "price": 30}]
    return {**given, "customerId": f"CUST-{number % 50}", "items": items}


def _as_the_seeds(number: int) -> dict:
    """Return an order as the seed's worker validates it: an item has an `itemId`."""
    sent = order(number, with_id=True)
    return {**sent, "items": [{"itemId": item.pop("productId"), **item} for item in sent["items"]]}


def run(queue: str, mapping: str, messages: Sequence[dict]) -> float:
    """Return orders per second from switching the worker on until the queue, with an order a message, is empty."""
    order_queue.switch(mapping, on=False)
    order_queue.fill(queue, messages)
    started = time.perf_counter()
    order_queue.switch(mapping, on=True)
    order_queue.wait_until_empty(queue)
    return len(messages) / (time.perf_counter() - started)


def _rates(outputs: dict, intake: Intake, effort: Effort) -> list[Row]:
    """The seed's worker publishes to SNS itself; ours leaves that to the consumer of the table's stream, which competes
    for the same processors on one machine. So ours is measured both ways.
    """
    queue, mapping = outputs["OrderQueueUrl"], order_queue.mapping_of(outputs["OrdersWorkerFunction"])
    announcements = order_queue.Announcements(outputs["OrdersEventsFunction"])
    orders, few = effort.orders(ORDERS), effort.orders(100)

    def ours(number: int, with_id: bool, announce: bool) -> float:
        announcements.switch(announce)
        return run(queue, mapping["UUID"], [intake.message(order(n, with_id)) for n in range(number)])

    ours(few, with_id=True, announce=True)  # warm
    contestants = {
        CLIENT_IDS: lambda: ours(orders, with_id=True, announce=False),
        OUR_IDS: lambda: ours(orders, with_id=False, announce=False),
        CLIENT_IDS_ANNOUNCED: lambda: ours(orders, with_id=True, announce=True),
        OUR_IDS_ANNOUNCED: lambda: ours(orders, with_id=False, announce=True),
    }
    code = seeds.code(*SEED_WORKER)
    if not code:
        return rates(contestants, effort.rounds, TARGETS, SEED, seeds.MISSING)
    seed = SeedPipeline(code, mapping["ScalingConfig"])

    def seeds_rate(number: int) -> float:
        announcements.switch(False)
        before = order_queue.items(seed.table)
        rate = run(seed.queue, seed.mapping, [{"MessageBody": json.dumps(_as_the_seeds(n))} for n in range(number)])
        if order_queue.items(seed.table) != before + number:  # it drops what it takes for invalid
            raise SeedFailed("its worker did not store every order")
        return rate

    seeds_rate(few)  # warm
    return rates({SEED: lambda: seeds_rate(orders), **contestants}, effort.rounds, TARGETS, SEED)


def _calls(outputs: dict, intake: Intake, meter: Meter) -> list[Row]:
    run_here(outputs, "OrdersWorkerFunction")
    worker = importlib.import_module("handlers.orders_worker").handler
    intake.submit(order(0, with_id=False))
    worker(_batch(intake, with_id=False), None)  # both functions are warm now
    meter.reset()
    intake.submit(order(0, with_id=False))
    rows = meter.rows("POST /orders/async", at_most(1))
    for what, with_id in (("ids of the client", True), ("ids given here", False)):
        event = _batch(intake, with_id)
        meter.reset()
        answer = worker(event, None)
        if answer["batchItemFailures"]:
            raise SystemExit(f"the worker failed: {answer}")
        rows += meter.rows(f"worker, {BATCH} orders with {what}", at_most(1), orders=BATCH)
    return rows


def _batch(intake: Intake, with_id: bool) -> dict:
    messages = [intake.message(order(n, with_id)) for n in range(BATCH)]
    records = [
        order_queue.record(str(n), message["MessageBody"], message.get("MessageAttributes", {}), {})
        for n, message in enumerate(messages)
    ]
    return {"Records": records}
