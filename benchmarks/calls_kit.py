"""Calling handlers in this process, as the deployed functions run, and counting their AWS calls."""

import json
import os
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import boto3

from benchmarks.deployment import as_root
from benchmarks.rows import Row, Target, row

OPERATIONS = (
    *("PutItem", "UpdateItem", "GetItem", "Query", "TransactWriteItems", "TransactGetItems", "BatchGetItem"),
    *("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"),
)


def names(calls: Mapping[str, int]) -> str:
    """Return the operations of calls, with their number if there are several."""
    return " + ".join(name if count == 1 else f"{count:,} {name}" for name, count in calls.items())


class Meter:
    """Counts every HTTP request that a session's clients send, and the capacity DynamoDB says they took.

    Clients that exist already are not counted.
    """

    def __init__(self, session) -> None:
        self.reset()
        session.register("before-send", self._sent)
        for operation in OPERATIONS:
            session.register(f"provide-client-params.dynamodb.{operation}", self._ask)
            session.register(f"after-call.dynamodb.{operation}", self._answered)

    def reset(self) -> None:
        self.calls: Counter[str] = Counter()
        self.units = Decimal(0)

    def rows(self, what: str, calls: Target | None = None, units: Target | None = None, orders: int = 1) -> list[Row]:
        """Return the rows of what was counted: all calls, and the units of each order."""
        found = [row(f"{what}: calls", "", [self.calls.total()], target=calls, note=names(self.calls))]
        if self.units:
            each = ", an order" if orders > 1 else ""
            found.append(row(f"{what}: capacity units{each}", "", [float(self.units / orders)], target=units))
        return found

    def _sent(self, request, **_) -> None:
        self.calls[request.headers.get("X-Amz-Target", b"").decode().rpartition(".")[2]] += 1

    def _ask(self, params, **_) -> dict:
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def _answered(self, parsed, **_) -> None:
        consumed = parsed.get("ConsumedCapacity") or []
        for table in consumed if isinstance(consumed, list) else [consumed]:
            self.units += Decimal(str(table["CapacityUnits"]))


def event(
    method: str,
    resource: str,
    body: dict | None = None,
    path: dict | None = None,
    query: dict | None = None,
    headers: dict[str, str] | None = None,
) -> dict:
    return {
        "httpMethod": method,
        "resource": resource,
        "path": resource,
        "pathParameters": path,
        "queryStringParameters": query,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "body": json.dumps(body) if body else None,
        "isBase64Encoded": False,
        "requestContext": {"requestId": "benchmark", "identity": {"apiKey": "operator", "apiKeyId": "key"}},
    }


def variables(outputs: dict, function: str) -> dict[str, str]:
    """Return the environment variables of a deployed function, such as OrdersQueryFunction."""
    return boto3.client("lambda").get_function_configuration(FunctionName=outputs[function])["Environment"]["Variables"]


def run_here(outputs: dict, *functions: str) -> None:
    """Give this process the environment variables of deployed functions."""
    as_root(outputs)
    for function in functions:
        os.environ.update(variables(outputs, function))
