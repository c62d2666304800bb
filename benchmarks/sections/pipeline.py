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
from benchmarks.measure import Effort, in_turn
from benchmarks.rows import Row, at_least, at_most, row, unmeasured
from benchmarks.seed_pipeline import SeedPipeline
from handlers import clients

BATCH = 10
ORDERS = 2000
SEED = "worker of seed 003, which announces as well"
CLIENT_IDS = "our worker, ids of the client, announcing switched off"
OUR_IDS = "our worker, ids given here, announcing switched off"
ANNOUNCED = "our worker and announcements, ids of the client"
OURS_ANNOUNCED = "our worker and announcements, ids given here"
TARGETS = {CLIENT_IDS: at_least(2, "ratio"), OUR_IDS: at_least(2, "ratio")}
SEED_WORKER = ("003", "lib/lambda/order_processor.py")


def measure(effort: Effort) -> list[Row]:
    quiet = contextlib.redirect_stdout(io.StringIO())  # the handlers' logs and metrics
    with quiet, tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        meter = Meter(clients._session())
        ours = _Ours(outputs)
        # Rates first: measuring calls runs the worker in this process, beside the deployed one.
        rows = _rates(ours, effort)
        order_queue.switch(ours.mapping, on=False)
        return rows + _calls(outputs, ours.intake, meter)


def order(number: int, with_id: bool) -> dict:
    """Return an order that both workers take: whole prices, because the seed's fails on any other."""
    given = {"orderId": f"ORD-{number}-{uuid.uuid4().hex[:8]}"} if with_id else {}
    items = [{"productId": "A", "quantity": 2, "price": 30}]
    return {**given, "customerId": f"CUST-{number % 50}", "items": items}


class _Ours:
    def __init__(self, outputs: dict) -> None:
        self.intake = Intake(outputs)
        self.queue = outputs["OrderQueueUrl"]
        self.mapping = order_queue.mapping_of(outputs["OrdersWorkerFunction"])
        self.events = order_queue.mapping_of(outputs["OrdersEventsFunction"])

    def rate(self, orders: int, with_id: bool, announce: bool) -> float:
        order_queue.switch(self.events, on=announce)
        return run(self.queue, self.mapping, [self.intake.message(order(n, with_id)) for n in range(orders)])


class _Seeds:
    def __init__(self, code: str) -> None:
        self.seed = SeedPipeline(code)

    def rate(self, orders: int) -> float:
        now = time.time_ns() // 1_000_000
        bodies = [{**order(n, with_id=True), "timestamp": now, "source": "pipeline"} for n in range(orders)]
        return run(self.seed.queue, self.seed.mapping, [{"MessageBody": json.dumps(body)} for body in bodies])


def run(queue: str, mapping: str, messages: Sequence[dict]) -> float:
    """Return orders per second from switching the worker on until the queue, with an order a message, is empty."""
    order_queue.switch(mapping, on=False)
    order_queue.fill(queue, messages)
    started = time.perf_counter()
    order_queue.switch(mapping, on=True)
    order_queue.wait_until_empty(queue)
    return len(messages) / (time.perf_counter() - started)


def _rates(ours: _Ours, effort: Effort) -> list[Row]:
    """The seed's worker publishes to SNS itself; ours leaves that to the consumer of the table's stream, which competes
    for the same processors on one machine. So ours is measured both ways.
    """
    code, orders = seeds.code(*SEED_WORKER), effort.orders(ORDERS)
    contestants = {
        CLIENT_IDS: lambda: ours.rate(orders, with_id=True, announce=False),
        OUR_IDS: lambda: ours.rate(orders, with_id=False, announce=False),
        ANNOUNCED: lambda: ours.rate(orders, with_id=True, announce=True),
        OURS_ANNOUNCED: lambda: ours.rate(orders, with_id=False, announce=True),
    }
    few = effort.orders(100)
    ours.rate(few, with_id=True, announce=True)  # warm
    unit = "orders/s"
    if not code:
        taken = in_turn(contestants, effort.rounds)
        return [unmeasured(SEED, unit, seeds.MISSING)] + [
            row(what, unit, values, target=TARGETS.get(what)) for what, values in taken.items()
        ]
    seed = _Seeds(code)
    seed.rate(few)
    taken = in_turn({SEED: lambda: seed.rate(orders), **contestants}, effort.rounds)
    base = taken.pop(SEED)
    return [row(SEED, unit, base)] + [
        row(what, unit, values, against=base, target=TARGETS.get(what)) for what, values in taken.items()
    ]


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
