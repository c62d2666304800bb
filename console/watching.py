"""Read the state of a run when a page asks for it: what passed since the last time, and how much is where."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from config import names
from console import letters
from console.deployment import Deployment
from console.traces import Trace, Traces
from deployer.aws import service_errors
from deployer.errors import Failure
from domain import lifecycle
from domain.claims import TIMESTAMP as CLAIM_TIMESTAMP
from handlers.attributes import from_item
from operations.logs import fetch, groups, lines
from operations.queues import lookup
from operations.queues.lookup import Queue

LOOK_BACK = 600.0
"""Seconds of log that the first look reads."""
SHARED = 0.25
"""Seconds for which all pages get the same state."""
SHOWN = 40
"""Orders in the state."""

_FIELDS = ("customerId", "status", "totalAmount", "version", "source", "partner", "timestamp")


class Watcher:
    """The state of what `current` returns. One thread reads at a time; others get what it has read."""

    def __init__(self, current: Callable[[], Deployment]):
        self._current = current
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._state: dict = {}
        self._read = float("-inf")

    def state(self) -> dict:
        """Return the state; with `problem`, and the last state that could be read, where it cannot be read now."""
        if not self._lock.acquire(blocking=not self._state):
            return self._state
        try:
            if time.monotonic() - self._read > SHARED:
                self._state = self._look()
                self._read = time.monotonic()
            return self._state
        finally:
            self._lock.release()

    def _look(self) -> dict:
        try:
            deployment = self._current()
            if self._run is None or self._run.stack != deployment.stack["StackId"]:
                self._run = Run(deployment)
            return {"problem": None, **self._run.look(deployment)}
        except Exception as error:
            failure = error if isinstance(error, Failure) else service_errors.explain(error)
            if failure is None:
                raise
            return {**self._state, "problem": {"message": failure.message, "hint": failure.hint}}


class Run:
    """What has passed through one deployment since `since` (ms since 1970)."""

    def __init__(self, deployment: Deployment):
        self.stack = deployment.stack["StackId"]
        self.since = int((time.time() - LOOK_BACK) * 1000)
        self._fresh = fetch.Deduplicator(self.since)
        self._traces = Traces()
        self._orders: dict[str, dict] = {}

    def look(self, deployment: Deployment) -> dict:
        self._read_logs(deployment)
        shown = self._traces.latest[:SHOWN]
        queues = {
            name: lookup.read(deployment.aws, queue.logical_id, queue.url) for name, queue in deployment.queues.items()
        }
        return {
            "environment": deployment.environment.name,
            "api": deployment.outputs["ApiUrl"],
            "since": self.since,
            "keys": [{"id": key.id, "label": key.label} for key in deployment.keys],
            "orders": [_order(trace, self._orders.get(trace.order_id)) for trace in shown],
            "nodes": self._nodes(deployment, queues.values()),
            "letters": [
                _dead_letters(queue, letters.remedy(deployment, queues, queue))
                for _, queue in sorted(queues.items())
                if not queue.dead_letter_target
            ],
        }

    def _read_logs(self, deployment: Deployment) -> None:
        environment = deployment.environment.name
        known = groups.of_functions(environment, deployment.outputs)
        known[groups.GATEWAY] = names.log_group(environment, groups.GATEWAY)
        events = self._fresh.of(list(fetch.events(deployment.aws, known, self._fresh.start)))
        changed = self._traces.learn(line for event in events if not (line := lines.read(event)).noise)
        kept = {trace.order_id for trace in self._traces.latest}
        self._orders = {order_id: order for order_id, order in self._orders.items() if order_id in kept}
        for order_id in changed & kept:
            if order := _stored(deployment, order_id):
                self._orders[order_id] = order

    def _nodes(self, deployment: Deployment, queues: Iterable[Queue]) -> dict[str, dict]:
        """Return what to write into each box of the picture, by its key; `alarm`: it needs attention."""
        counts = self._traces.counts
        nodes: dict[str, dict] = {
            key: {"text": _times(number, *_UNITS.get(key, _INVOCATIONS))} for key, number in counts.items()
        }
        for queue in queues:
            nodes[queue.logical_id] = {
                "text": _depth(queue),
                "alarm": not queue.dead_letter_target and queue.waiting + queue.in_flight > 0,
            }
        table = deployment.aws.client("dynamodb").describe_table(TableName=deployment.outputs["OrdersTableName"])
        nodes["OrdersTable"] = {"text": _times(table["Table"]["ItemCount"], "item", "items")}
        pages = deployment.aws.client("sns").get_paginator("list_subscriptions_by_topic")
        found = pages.paginate(TopicArn=deployment.outputs["OrderEventsTopicArn"])
        subscribed = sum(len(page["Subscriptions"]) for page in found)
        nodes["Subscribers"] = {"text": _times(subscribed, "subscription", "subscriptions")}
        return nodes


_INVOCATIONS = ("invocation", "invocations")
_UNITS = {"OrdersApi": ("request", "requests"), "OrderEvents": ("event", "events")}


def _depth(queue: Queue) -> str:
    """Describe it in the width of a box."""
    counts = {"waiting": queue.waiting, "in flight": queue.in_flight}
    if all(counts.values()):
        return f"{queue.waiting} + {queue.in_flight} in flight"
    return next((f"{number} {where}" for where, number in counts.items() if number), "0 waiting")


def _times(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _stored(deployment: Deployment, order_id: str) -> dict | None:
    """Return what the table has of an order, without its address; None if it is not there."""
    items = deployment.aws.client("dynamodb").query(
        TableName=deployment.outputs["OrdersTableName"],
        KeyConditionExpression="orderId = :id AND #timestamp > :claim",
        ExpressionAttributeNames={"#timestamp": "timestamp"},
        ExpressionAttributeValues={":id": {"S": order_id}, ":claim": {"N": str(CLAIM_TIMESTAMP)}},
        ScanIndexForward=False,
        Limit=1,
        ConsistentRead=True,
    )["Items"]
    return {name: value for name, value in from_item(items[0]).items() if name in _FIELDS} if items else None


def _order(trace: Trace, stored: dict | None) -> dict:
    order: dict[str, Any] = {name: _plain(value) for name, value in (stored or {}).items()}
    return {
        "orderId": trace.order_id,
        **order,
        "next": list(lifecycle.TRANSITIONS.get(order.get("status", ""), ())),
        "steps": [step._asdict() for step in trace.steps],
    }


def _plain(value: object) -> object:
    return value if isinstance(value, str | int) else float(str(value))


def _dead_letters(queue: Queue, remedy: str) -> dict:
    return {"name": queue.logical_id, "waiting": queue.waiting, "inFlight": queue.in_flight, "remedy": remedy}
