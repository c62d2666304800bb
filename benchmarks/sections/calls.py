"""AWS calls and consumed capacity of one warm request, against the deployed table in the emulator."""

import contextlib
import importlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.calls_kit import Meter, event, run_here
from benchmarks.deployment import deployed
from benchmarks.measure import ROOT, Effort
from benchmarks.rows import Row, at_most
from handlers import clients


def measure(effort: Effort) -> list[Row]:
    quiet = contextlib.redirect_stdout(io.StringIO())  # the handlers' logs and metrics
    with quiet, tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        run_here(outputs, "OrdersQueryFunction", "OrdersCommandFunction")
        return list(_rows(Meter(clients._session())))


def _rows(meter: Meter) -> Iterator[Row]:
    command = importlib.import_module("handlers.orders_command").handler
    query = importlib.import_module("handlers.orders_query").handler
    order = json.loads((ROOT / "examples" / "order.json").read_text())
    call = partial(_call, meter)
    place, read, change = "POST /orders", "GET /orders/{orderId}", "PUT /orders/{orderId}"

    placed = call(command, event("POST", "/orders", order))
    path = {"orderId": placed["orderId"]}
    call(query, event("GET", "/orders/{orderId}", path=path))  # both functions are warm now

    placed = call(command, event("POST", "/orders", order))
    yield from meter.rows(place, at_most(1), at_most(2))
    path, timestamp = {"orderId": placed["orderId"]}, {"timestamp": str(placed["timestamp"])}
    call(command, event("POST", "/orders", order, headers={"Idempotency-Key": "benchmark"}))
    yield from meter.rows(f"{place} with Idempotency-Key", at_most(1), at_most(5))
    call(query, event("GET", "/orders/{orderId}", path=path))
    yield from meter.rows(read, at_most(1), at_most(1))
    call(query, event("GET", "/orders/{orderId}", path=path, query=timestamp))
    yield from meter.rows(f"{read}?timestamp=", at_most(1), at_most(1))
    call(command, event("PUT", "/orders/{orderId}", {"status": "processing"}, path))
    yield from meter.rows(change, at_most(1), at_most(2))
    call(command, event("PUT", "/orders/{orderId}", {"status": "out_for_delivery"}, path, timestamp))
    yield from meter.rows(f"{change}?timestamp=", at_most(1), at_most(2))
    by_customer = {"customerId": placed["customerId"]}
    call(query, event("GET", "/orders/customer/{customerId}", path=by_customer))
    yield from meter.rows("GET /orders/customer/{customerId}, a page", at_most(1), at_most(1))


def _call(meter: Meter, handler: Callable, request: dict) -> dict:
    """Return the body of the handler's answer; the meter has the counts of this call."""
    meter.reset()
    answer = handler(request, None)
    if answer["statusCode"] >= 300:
        raise SystemExit(f"{request['httpMethod']} {request['resource']}: {answer['statusCode']} {answer['body']}")
    return json.loads(answer["body"])
