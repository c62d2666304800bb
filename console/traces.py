"""Make of log lines the traces of orders: for each, what happened where and when. Pure."""

import math
from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from operations.logs import groups
from operations.logs.lines import Line

ORDERS = 100
"""Orders that are kept, those that were seen first leave first."""
STEPS = 60
"""Steps of an order that are kept."""
REQUESTS = 2_000
"""Requests whose order is remembered, and lines of the gateway that wait for theirs."""

GATEWAY = "OrdersApi"
REACHES = {
    "order created": "OrdersTable",
    "order status changed": "OrdersTable",
    "order stored": "OrdersTable",
    "order is there already": "OrdersTable",
    "order accepted": "OrderQueue",
    "message rejected": "OrderQueueDLQ",
    "event published": "OrderEvents",
}
"""Where an order is after a line with this message (handlers.telemetry), by logical id."""
INVOCATIONS = ("request", "batch", "import")
"""Messages that end an invocation of a function."""


class Step(NamedTuple):
    """One line of an order. `number`: of all steps in the order of reading; `node`: the logical id that it reached.

    `time`: ms since 1970, of a request its start.
    """

    number: int
    time: float
    source: str
    node: str
    message: str
    detail: str
    failed: bool


@dataclass
class Trace:
    order_id: str
    steps: list[Step] = field(default_factory=list)


class Traces:
    """The latest orders that log lines name, newest first, and how often each node was reached."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._orders: OrderedDict[str, str] = OrderedDict()  # order id by request id
        self._waiting: OrderedDict[str, Line] = OrderedDict()  # the gateway's line by request id
        self._number = 0

    @property
    def latest(self) -> list[Trace]:
        return list(reversed(self._traces.values()))

    def learn(self, lines: Iterable[Line]) -> set[str]:
        """Add lines, oldest first; return the ids of the orders that they may have changed."""
        changed = set()
        for line in lines:
            self._count(line)
            order_id = line.order_id
            request = line.correlation_id
            if order_id and request:
                _remember(self._orders, request, order_id)
            if line.source == groups.GATEWAY and request and request not in self._orders:
                _remember(self._waiting, request, line)
                continue
            order_id = order_id or (self._orders.get(request, "") if line.source == groups.GATEWAY and request else "")
            if not order_id:
                continue
            changed.add(order_id)
            self._add(order_id, line)
            if request and (waiting := self._waiting.pop(request, None)):
                self._add(order_id, waiting)
        return changed

    def _count(self, line: Line) -> None:
        if line.source == groups.GATEWAY:
            self.counts[GATEWAY] += 1
        elif line.message in INVOCATIONS:
            self.counts[function_node(line.source)] += 1
        if line.message in REACHES:
            self.counts[REACHES[line.message]] += 1

    def _add(self, order_id: str, line: Line) -> None:
        trace = self._traces.get(order_id)
        if trace is None:
            trace = self._traces[order_id] = Trace(order_id)
            if len(self._traces) > ORDERS:
                self._traces.popitem(last=False)
        self._number += 1
        trace.steps.append(_step(self._number, line))
        trace.steps.sort(key=lambda step: step.time)
        del trace.steps[:-STEPS]


def function_node(source: str) -> str:
    """Return OrdersWorkerFunction for orders-worker."""
    return "".join(word.title() for word in source.split("-")) + "Function"


def _step(number: int, line: Line) -> Step:
    node = GATEWAY if line.source == groups.GATEWAY else REACHES.get(line.message, function_node(line.source))
    failed = line.level in ("ERROR", "CRITICAL", "WARNING")
    time = line.moment.timestamp() * 1000 - _duration(line)
    return Step(number, time, line.source, node, line.message, _detail(line), failed)


def _duration(line: Line) -> float:
    """Return the milliseconds of a request, which is logged at its end; 0 for another line."""
    said = line.fields.get("latency" if line.source == groups.GATEWAY else "milliseconds")
    is_request = line.source == groups.GATEWAY or line.message == "request"
    try:
        found = float(str(said)) if is_request else 0.0
    except ValueError:
        return 0.0
    return found if math.isfinite(found) else 0.0


def _detail(line: Line) -> str:
    """Return what differs between lines of the same message."""
    said = line.fields
    if line.source == groups.GATEWAY:
        return f"took {said.get('latency', '?')} ms"
    if line.message == "request":
        return f"{said.get('operation', '')} {said.get('status', '')}, took {said.get('milliseconds', '?')} ms".strip()
    known = (said.get(name) for name in ("order_status", "reason", "details", "error_type", "event_id", "source_file"))
    return ", ".join(_text(value) for value in known if value)


def _text(value: object) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _remember(known: OrderedDict, key: str, value: object) -> None:
    known[key] = value
    if len(known) > REQUESTS:
        known.popitem(last=False)
