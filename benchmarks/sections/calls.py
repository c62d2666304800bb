"""AWS calls and consumed capacity of one warm request, against the deployed table in the emulator."""

import contextlib
import importlib
import io
import json
import os
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import boto3

from benchmarks.deployment import as_root, deployed
from benchmarks.measure import ROOT, Effort
from handlers import clients

OPERATIONS = ("BatchExecuteStatement", "PutItem", "UpdateItem", "GetItem", "Query", "TransactWriteItems")


class Meter:
    """Counts every HTTP request that a session's clients send, and the capacity DynamoDB says they took."""

    def __init__(self, session) -> None:
        self.reset()
        session.register("before-send", self._sent)
        for operation in OPERATIONS:
            session.register(f"provide-client-params.dynamodb.{operation}", self._ask)
            session.register(f"after-call.dynamodb.{operation}", self._answered)

    def reset(self) -> None:
        self.calls: Counter[str] = Counter()
        self.units = Decimal(0)

    def _sent(self, request, **_) -> None:
        self.calls[request.headers.get("X-Amz-Target", b"").decode().rpartition(".")[2]] += 1

    def _ask(self, params, **_) -> dict:
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def _answered(self, parsed, **_) -> None:
        consumed = parsed.get("ConsumedCapacity") or []
        for table in consumed if isinstance(consumed, list) else [consumed]:
            self.units += Decimal(str(table["CapacityUnits"]))


def event(method: str, resource: str, body: dict | None = None, path: dict | None = None, **headers: str) -> dict:
    return {
        "httpMethod": method,
        "resource": resource,
        "path": resource,
        "pathParameters": path,
        "queryStringParameters": None,
        "headers": {"Content-Type": "application/json", **headers},
        "body": json.dumps(body) if body else None,
        "isBase64Encoded": False,
        "requestContext": {"requestId": "benchmark", "identity": {"apiKeyId": "key"}},
    }


def measure(effort: Effort) -> list[dict]:
    with contextlib.redirect_stdout(io.StringIO()):  # the handlers' logs and metrics
        return _measure()


def _measure() -> list[dict]:
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        _environment_of(outputs)
        meter = Meter(clients._session())
        command = importlib.import_module("handlers.orders_command").handler
        query = importlib.import_module("handlers.orders_query").handler
        order = json.loads((ROOT / "examples" / "order.json").read_text())
        placed = json.loads(command(event("POST", "/orders", order), None)["body"])
        by_id, by_customer = {"orderId": placed["orderId"]}, {"customerId": placed["customerId"]}
        query(event("GET", "/orders/{orderId}", path=by_id), None)  # both functions are warm now
        requests = {
            "POST /orders": (command, event("POST", "/orders", order), "1 call"),
            "POST /orders with Idempotency-Key": (
                command,
                event("POST", "/orders", order, **{"Idempotency-Key": "benchmark"}),
                "",
            ),
            "GET /orders/{orderId}": (query, event("GET", "/orders/{orderId}", path=by_id), "1 call"),
            "GET /orders/customer/{customerId}": (
                query,
                event("GET", "/orders/customer/{customerId}", path=by_customer),
                "1 call",
            ),
            "PUT /orders/{orderId}": (
                command,
                event("PUT", "/orders/{orderId}", {"status": "processing"}, by_id),
                "",
            ),
        }
        return [_row(name, meter, *request) for name, request in requests.items()]


def _environment_of(outputs: dict) -> None:
    """Run the handlers here as the deployed functions run: same variables, same table."""
    as_root(outputs)
    functions = boto3.client("lambda")
    for key in ("OrdersQueryFunction", "OrdersCommandFunction"):
        configuration = functions.get_function_configuration(FunctionName=outputs[key])
        os.environ.update(configuration["Environment"]["Variables"])


def _row(name: str, meter: Meter, handler, request: dict, target: str) -> dict:
    meter.reset()
    answer = handler(request, None)
    if answer["statusCode"] >= 300:
        raise SystemExit(f"{name}: {answer['statusCode']} {answer['body']}")
    calls = " + ".join(f"{count} {operation}" for operation, count in meter.calls.items())
    return {"what": name, "median": calls, "ratio": f"{meter.units.normalize():f} units", "target": target}
