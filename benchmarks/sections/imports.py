"""Bulk import: orders per second against seed 004's, AWS calls per order, and the importer's peak memory."""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import boto3

from benchmarks import seeds
from benchmarks.deployment import as_root, deployed
from benchmarks.measure import ROOT, Effort, rates
from benchmarks.sections.pipeline import mapping_of, wait_until_empty
from benchmarks.seed_import import SeedImport
from config import names
from contract import imports

ORDERS = 5_000
SEED = "seed 004, upload to last one stored"
OURS = "our import, the stream's consumer off: the seed announces nothing"
ANNOUNCED = "our import, and everything announced meanwhile"
MOST_MEMORY = 150

# Runs the handler on one event in a separate process, as Lambda does; prints its calls and its peak memory.
# VmHWM and not ru_maxrss, which a child inherits from its parent.
ALONE = """
import contextlib, io, json, re, sys
from collections import Counter
from handlers import clients
class Context:
    aws_request_id = "benchmark"
    invoked_function_arn = function_name = "orders-import"
    def get_remaining_time_in_millis(self): return 900_000
calls = Counter()
clients._session().register("before-send", lambda request, **_: calls.update(["call"]))
with contextlib.redirect_stdout(io.StringIO()):
    from handlers.orders_import import handler
    handler(json.load(sys.stdin), Context())
peak = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
print(json.dumps({"calls": calls["call"], "megabytes": int(peak) / 1024}))
"""


def measure(effort: Effort) -> list[dict]:
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        return _rates(outputs, effort) + _alone(outputs, effort)


def order(number: int, prefix: str) -> dict:
    """A record that both importers take; the seed stores everything that has an id."""
    return {
        "orderId": f"{prefix}-{number}",
        "customerId": f"CUST-{number % 50}",
        "items": [
            {"productId": "PIZZA", "quantity": 2, "price": 12.99},
            {"productId": "TEA", "quantity": 1, "price": 3},
        ],
        "deliveryAddress": {"street": "12 Harbour Road", "city": "Bristol", "zipCode": "BS1 4RN"},
    }


def file_of(number: int) -> bytes:
    prefix = uuid.uuid4().hex[:8]
    return json.dumps([order(n, prefix) for n in range(number)]).encode()


def _rates(outputs: dict, effort: Effort) -> list[dict]:
    """Taken in turn, medians. Announcing competes for the same cores here, so ours is measured both ways."""
    events, orders = mapping_of(outputs["OrdersEventsFunction"]), effort.orders(ORDERS)

    def announcing(wanted: bool) -> float:
        boto3.client("lambda").update_event_source_mapping(UUID=events, Enabled=wanted)
        return _our_rate(outputs, orders)

    contestants = {OURS: lambda: announcing(False), ANNOUNCED: lambda: announcing(True)}
    code = seeds.inline_code("004")
    if code:
        seed = SeedImport(code)
        contestants = {SEED: lambda: _seed_rate(seed, orders)} | contestants
        seed.upload(file_of(1))
    _import(outputs, file_of(effort.orders(100)))
    return rates(contestants, effort.rounds, SEED, {OURS: ">= 3"})


def _our_rate(outputs: dict, orders: int) -> float:
    content = file_of(orders)
    started = time.perf_counter()
    _import(outputs, content)
    return orders / (time.perf_counter() - started)


def _import(outputs: dict, content: bytes) -> None:
    """Until the report is there and the queue is empty."""
    key = f"{imports.UPLOAD_PREFIX}{uuid.uuid4()}.json"
    version = _put(outputs, key, content)
    report = imports.report_key(key, version)
    s3, bucket = boto3.client("s3"), outputs["UploadBucketName"]
    end = time.monotonic() + 300
    while s3.list_objects_v2(Bucket=bucket, Prefix=report)["KeyCount"] == 0:
        if time.monotonic() > end:
            raise SystemExit(f"no report about {key}")
        time.sleep(0.05)
    wait_until_empty(outputs["OrderQueueUrl"])


def _put(outputs: dict, key: str, content: bytes) -> str:
    return boto3.client("s3").put_object(Bucket=outputs["UploadBucketName"], Key=key, Body=content)["VersionId"]


def _seed_rate(seed: SeedImport, orders: int) -> float:
    content, before = file_of(orders), seed.stored()
    started = time.perf_counter()
    seed.upload(content)
    while seed.stored() < before + orders:
        if time.perf_counter() - started > 70:
            raise SystemExit("the seed's function did not finish within its 60 s")
        time.sleep(0.05)
    return orders / (time.perf_counter() - started)


def _alone(outputs: dict, effort: Effort) -> list[dict]:
    """Measure the calls and the memory of the importer alone; what it queues is deleted."""
    functions = boto3.client("lambda")
    functions.update_event_source_mapping(UUID=mapping_of(outputs["OrdersWorkerFunction"]), Enabled=False)
    boto3.client("events").disable_rule(Name=names.order_files_rule("dev"))
    configuration = functions.get_function_configuration(FunctionName=outputs["OrdersImportFunction"])
    variables = configuration["Environment"]["Variables"]
    rows = []
    for usual, packed in ((5_000, False), (10_000, False), (100_000, False), (10_000, True), (100_000, True)):
        number = effort.orders(usual)
        content = file_of(number)
        took = _run(outputs, variables, gzip.compress(content) if packed else content)
        boto3.client("sqs").purge_queue(QueueUrl=outputs["OrderQueueUrl"])
        what = f"importer, {number:,} orders{', gzip' if packed else ''}"
        if usual == 5_000:
            calls = took["calls"] / number
            rows.append({"what": what, "median": f"{calls:.3f} calls/order", "ratio": "", "target": "< 0.15"})
        else:
            row = {"what": f"{what}: peak memory", "median": f"{took['megabytes']:.0f} MB", "ratio": ""}
            rows.append({**row, "target": f"< {MOST_MEMORY}"})
    return rows


def _run(outputs: dict, variables: dict, content: bytes) -> dict:
    key = f"{imports.UPLOAD_PREFIX}{uuid.uuid4()}.json"
    version = _put(outputs, key, content)
    event = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "detail": {
            "bucket": {"name": outputs["UploadBucketName"]},
            "object": {"key": key, "size": len(content), "etag": "", "version-id": version},
        },
    }
    done = subprocess.run(
        [sys.executable, "-c", ALONE],
        cwd=ROOT,
        env={**os.environ, **variables, "PYTHONPATH": str(ROOT)},
        input=json.dumps(event),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"the importer failed: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout)
