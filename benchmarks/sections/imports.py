"""Bulk import: orders per second against seed 004's, AWS calls per order on both sides of the queue, CPU, memory."""

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import boto3

from benchmarks import alone, order_queue, seeds, uploads
from benchmarks.calls_kit import names, variables
from benchmarks.deployment import as_root, deployed
from benchmarks.measure import Effort
from benchmarks.rates import SeedFailed, rates
from benchmarks.rows import Row, Target, at_least, at_most, row
from benchmarks.seed_import import SeedImport
from config.names import order_files_rule
from contract import imports

ORDERS = 5_000
SEED = "seed 004, upload to the last order stored; it announces nothing"
QUIET = "our import, announcing switched off"
ANNOUNCED = "our import, everything announced meanwhile"
TARGETS = {ANNOUNCED: at_least(3, "ratio")}
MOST_MEMORY = 150


def measure(effort: Effort) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        return _rates(outputs, effort) + list(_alone(outputs, effort))


def _rates(outputs: dict, effort: Effort) -> list[Row]:
    """Announcing competes for the same processors here, so ours is measured both ways."""
    announcements, orders = order_queue.Announcements(outputs["OrdersEventsFunction"]), effort.orders(ORDERS)

    def ours(announce: bool) -> float:
        announcements.switch(announce)
        content, started = uploads.json_file(orders), time.perf_counter()
        _import(outputs, content)
        return orders / (time.perf_counter() - started)

    contestants = {QUIET: lambda: ours(announce=False), ANNOUNCED: lambda: ours(announce=True)}
    _import(outputs, uploads.json_file(effort.orders(100)))  # warm
    code = seeds.inline_code("004")
    if not code:
        return rates(contestants, effort.rounds, TARGETS, SEED, seeds.MISSING)
    seed = SeedImport(code)
    seed.upload(uploads.json_file(1))

    def seeds_rate() -> float:
        announcements.switch(False)
        return _seed_rate(seed, orders)

    return rates({SEED: seeds_rate, **contestants}, effort.rounds, TARGETS, SEED)


def _import(outputs: dict, content: bytes) -> None:
    """Until the report is there and the queue is empty."""
    bucket = outputs["UploadBucketName"]
    key, version = uploads.put(bucket, content)
    report = imports.report_key(key, version)
    s3, end = boto3.client("s3"), time.monotonic() + 300
    while s3.list_objects_v2(Bucket=bucket, Prefix=report)["KeyCount"] == 0:
        if time.monotonic() > end:
            raise SystemExit(f"no report about {key}")
        time.sleep(0.05)
    order_queue.wait_until_empty(outputs["OrderQueueUrl"])


def _seed_rate(seed: SeedImport, orders: int) -> float:
    content, before = uploads.json_file(orders), seed.stored()
    started = time.perf_counter()
    seed.upload(content)
    while seed.stored() < before + orders:
        if time.perf_counter() - started > 70:
            raise SeedFailed(f"its function did not store {orders:,} orders within its 60 s")
        time.sleep(0.05)
    return orders / (time.perf_counter() - started)


def _alone(outputs: dict, effort: Effort) -> Iterator[Row]:
    """Importer and worker alone, each in a process: the rule and the worker's mapping are off, the queue is ours."""
    for function in ("OrdersWorkerFunction", "OrdersEventsFunction"):
        order_queue.switch(order_queue.mapping_of(outputs[function])["UUID"], on=False)
    boto3.client("events").disable_rule(Name=order_files_rule("dev"))

    orders = effort.orders(ORDERS)
    sent = _import_alone(outputs, uploads.json_file(orders))
    file = f"a file of {orders:,}"
    yield _calls_row(f"{file}, upload to queue", [sent], orders, at_most(0.04))
    yield row(f"{file}: the importer's CPU", "records/s", [orders / sent.processor])
    stored = _store_alone(outputs, orders)
    yield _calls_row(f"{file}, queue to table", stored, orders, at_most(0.03))
    yield row(f"{file}: the worker's CPU", "orders/s", [orders / sum(each.processor for each in stored)])

    for usual, packed in ((10_000, False), (100_000, False), (10_000, True), (100_000, True)):
        number = effort.orders(usual)
        took = _import_alone(outputs, uploads.json_file(number, packed))
        list(order_queue.drain(outputs["OrderQueueUrl"]))
        what = f"importer, peak memory, {number:,} orders{', gzip' if packed else ''}"
        yield row(what, "MB", [took.megabytes], target=at_most(MOST_MEMORY))


def _calls_row(what: str, runs: list[alone.Run], orders: int, target: Target) -> Row:
    calls = sum((Counter(run.calls) for run in runs), Counter())
    return row(f"{what}: calls an order", "", [calls.total() / orders], target=target, note=names(calls))


def _import_alone(outputs: dict, content: bytes) -> alone.Run:
    bucket = outputs["UploadBucketName"]
    event = uploads.event(bucket, *uploads.put(bucket, content), len(content))
    [run] = alone.run("orders_import", [event], variables(outputs, "OrdersImportFunction"))
    return run


def _store_alone(outputs: dict, orders: int) -> list[alone.Run]:
    """Give the worker all of the queue, in batches as large as its event source mapping takes."""
    size = order_queue.mapping_of(outputs["OrdersWorkerFunction"])["BatchSize"]
    records = order_queue.drain(outputs["OrderQueueUrl"])
    events = [{"Records": batch} for batch in iter(lambda: list(islice(records, size)), [])]
    before = order_queue.items(outputs["OrdersTableName"])
    runs = alone.run("orders_worker", events, variables(outputs, "OrdersWorkerFunction"))
    stored = order_queue.items(outputs["OrdersTableName"]) - before
    if stored < orders or any(run.answer["batchItemFailures"] for run in runs):
        raise SystemExit(f"the worker stored {stored} items of {orders} orders")
    return runs
