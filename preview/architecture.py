"""Draw docs/architecture.svg: `python -m preview.architecture`.

NODES and _USES are kept by hand, the other arrows follow from the functions' triggers;
tests/unit/templates/test_architecture.py compares all of them with the templates.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from generator.functions import FUNCTIONS
from generator.triggers import QueueTrigger, RuleTrigger, StreamTrigger
from preview.elements import add, element, markup

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "architecture.svg"


class Node(NamedTuple):
    """A box on the grid. `resource` is its logical id; actors and groups outside the templates have none."""

    title: str
    detail: str
    stack: str
    column: int
    row: int
    rows: int = 1
    resource: str = ""

    @property
    def key(self) -> str:
        return self.resource or self.title


class Arrow(NamedTuple):
    """From node to node, by their keys. `label` stands above a horizontal arrow, beside a vertical one."""

    source: str
    target: str
    label: str = ""


NODES = (
    Node("Clients", "key, token", "", 0, 0, 3),
    Node("Partners", "files", "", 0, 3),
    Node("API Gateway", "", "api", 1, 0, 3, "OrdersApi"),
    Node("UploadBucket", "S3, by EventBridge", "data", 1, 3, resource="UploadBucket"),
    Node("orders-command", "place, change", "compute", 2, 0, resource="OrdersCommandFunction"),
    Node("orders-query", "read, list", "compute", 2, 1, resource="OrdersQueryFunction"),
    Node("orders-intake", "accept, 202", "compute", 2, 2, resource="OrdersIntakeFunction"),
    Node("orders-import", "JSON, CSV", "compute", 2, 3, resource="OrdersImportFunction"),
    Node("OrderImportDLQ", "failed files", "data", 2, 4, resource="OrderImportDLQ"),
    Node("OrderQueue", "SQS", "data", 3, 2, 2, "OrderQueue"),
    Node("orders-worker", "store", "compute", 4, 2, resource="OrdersWorkerFunction"),
    Node("OrderQueueDLQ", "with the reason", "data", 4, 3, resource="OrderQueueDLQ"),
    Node("OrdersTable", "DynamoDB", "data", 5, 0, 3, "OrdersTable"),
    Node("orders-events", "announce", "compute", 5, 3, resource="OrdersEventsFunction"),
    Node("OrderEventsDLQ", "unannounced", "data", 5, 4, resource="OrderEventsDLQ"),
    Node("Delivery DLQ", "not delivered", "data", 6, 2, resource="OrderEventsDeliveryDLQ"),
    Node("OrderEvents", "SNS topic", "data", 6, 3, resource="OrderEvents"),
    Node("Subscribers", "", "", 6, 4),
    Node("Settings, flags", "Parameter Store", "data", 6, 0),
    Node("Every function", "logs, metrics, traces", "compute", 1, 5),
    Node("Alarms", "dashboard, queries", "monitoring", 2, 5),
    Node("Alerts", "SNS topic", "monitoring", 3, 5, resource="AlertsTopic"),
    Node("Operators", "", "", 4, 5),
)

_USES = (
    Arrow("Clients", "OrdersApi"),
    Arrow("Partners", "UploadBucket"),
    Arrow("OrdersCommandFunction", "OrdersTable", "conditional writes"),
    Arrow("OrdersQueryFunction", "OrdersTable", "reads"),
    Arrow("OrdersIntakeFunction", "OrderQueue"),
    Arrow("OrdersImportFunction", "OrderQueue"),
    Arrow("OrdersWorkerFunction", "OrdersTable"),
    Arrow("OrdersWorkerFunction", "OrderQueueDLQ", "rejected"),
    Arrow("OrdersEventsFunction", "OrderEvents"),
    Arrow("OrderEvents", "Subscribers"),
    Arrow("OrderEvents", "OrderEventsDeliveryDLQ"),
    Arrow("Every function", "Alarms"),
    Arrow("Alarms", "AlertsTopic"),
    Arrow("AlertsTopic", "Operators"),
)


def _of_triggers() -> Iterator[Arrow]:
    """From what invokes each function, and to the queue of its failures."""
    for function in FUNCTIONS:
        name = f"{function.title}Function"
        match function.trigger:
            case None:
                yield Arrow("OrdersApi", name)
            case QueueTrigger(queue):
                yield from (Arrow(queue.title, name), Arrow(queue.title, queue.dead_letters.title))
            case StreamTrigger(dead_letters=failed):
                yield from (Arrow("OrdersTable", name, "stream"), Arrow(name, failed.title))
            case RuleTrigger(dead_letters=failed):
                yield from (Arrow("UploadBucket", name), Arrow(name, failed.title))


ARROWS = (*_of_triggers(), *_USES)

NOT_DRAWN = {
    ("OrdersIntakeFunction", "OrdersTable"): "recognises an order that was accepted before",
    ("OrdersImportFunction", "OrdersTable"): "recognises an order that was accepted before",
    ("OrdersCommandFunction", "OrderProcessingDLQ"): "nothing invokes it asynchronously",
}
"""Connections of the templates that would only clutter the picture."""

ROUTES = (("POST /orders", "PUT /orders/{id}"), ("GET /orders/{id}", "GET …/customer/{id}"), ("POST /orders/async",))
"""In the box of the API, at the height of the function that answers them."""

_LEFT = (8, 104, 270, 426, 546, 704, 858)
_WIDTH = (74, 144, 134, 96, 134, 132, 114)
_TOP = (14, 80, 146, 212, 278, 370)
_HEIGHT = 48
SIZE = (980, 432)
_LEGEND = ("api", "compute", "data", "monitoring")

_STYLE = """
svg { --page: #ffffff; --text: #1f2328; --muted: #57606a; --line: #6e7781; --box: #f6f8fa;
  --api: #8250df; --compute: #bc4c00; --data: #0969da; --monitoring: #bf3989; }
@media (prefers-color-scheme: dark) { svg { --page: #0d1117; --text: #e6edf3; --muted: #9198a1; --line: #848d97;
  --box: #161b22; --api: #a371f7; --compute: #f0883e; --data: #58a6ff; --monitoring: #f778ba; } }
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; fill: var(--text); }
.title { font-weight: 600; }
.detail { font-size: 12px; fill: var(--muted); }
.page { fill: var(--page); }
.box { fill: var(--box); stroke: var(--line); stroke-width: 1.5; }
.arrow { stroke: var(--line); stroke-width: 1.5; }
.head { fill: var(--line); }
.rule { stroke: var(--line); stroke-width: 1; stroke-dasharray: 3 4; }
.api { stroke: var(--api); } .compute { stroke: var(--compute); }
.data { stroke: var(--data); } .monitoring { stroke: var(--monitoring); }
"""


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


def box(node: Node) -> Box:
    left, top = _LEFT[node.column], _TOP[node.row]
    return Box(left, top, left + _WIDTH[node.column], _TOP[node.row + node.rows - 1] + _HEIGHT)


def line(source: Box, target: Box) -> tuple[float, float, float, float]:
    """The straight line between two boxes: horizontal where they share a row, else vertical."""
    top, bottom = max(source.top, target.top), min(source.bottom, target.bottom)
    if top < bottom:
        y = (top + bottom) / 2
        return (source.right, y, target.left, y) if source.left < target.left else (source.left, y, target.right, y)
    x = (max(source.left, target.left) + min(source.right, target.right)) / 2
    return (x, source.bottom, x, target.top) if source.top < target.top else (x, source.top, x, target.bottom)


LEGEND = Box(_LEFT[5], _TOP[5], _LEFT[5] + 200, _TOP[5] + _HEIGHT)
"""The stacks by their colours, at the end of the last row."""


def svg() -> str:
    width, height = SIZE
    root = element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", role="img")
    root.set("aria-label", "Architecture of the food-delivery order platform")
    add(root, "style", _STYLE)
    add(root, "rect", class_="page", width=width, height=height, rx=8)
    add(root, "line", class_="rule", x1=8, y1=348, x2=width - 8, y2=348)
    nodes = {node.key: node for node in NODES}
    if missing := {key for arrow in ARROWS for key in arrow[:2]} - nodes.keys():
        raise KeyError(f"NODES has no box for {', '.join(sorted(missing))}")
    for arrow in ARROWS:
        _draw_arrow(root, arrow, line(box(nodes[arrow.source]), box(nodes[arrow.target])))
    for node in NODES:
        _draw_node(root, node)
    _draw_legend(root)
    return f"{markup(root)}\n"


def _draw_arrow(root: Element, arrow: Arrow, ends: tuple[float, float, float, float]) -> None:
    x1, y1, x2, y2 = ends
    across = (x2 > x1) - (x2 < x1)
    down = (y2 > y1) - (y2 < y1)
    add(root, "line", class_="arrow", x1=x1, y1=y1, x2=float(x2 - 7 * across), y2=float(y2 - 7 * down))
    back, side = 9, 4.5
    corners = (
        (x2, y2),
        (x2 - back * across - side * down, y2 - back * down - side * across),
        (x2 - back * across + side * down, y2 - back * down + side * across),
    )
    add(root, "polygon", class_="head", points=" ".join(f"{x:g},{y:g}" for x, y in corners))
    if arrow.label and across:
        _text(root, arrow.label, (x1 + x2) / 2, y1 - 6, "detail")
    elif arrow.label:
        add(root, "text", arrow.label, class_="detail", x=float(x1 + 8), y=float((y1 + y2) / 2 + 4))


def _draw_node(root: Element, node: Node) -> None:
    left, top, right, bottom = box(node)
    add(root, "rect", class_=f"box {node.stack}".strip(), x=left, y=top, width=right - left, height=bottom - top, rx=6)
    middle = (left + right) / 2
    if node.key == "OrdersApi":
        for row, routes in enumerate(ROUTES):
            below_title = 14 if row == 0 else 0
            _lines(root, middle, _TOP[row] + _HEIGHT / 2 + below_title, [(route, "detail") for route in routes])
        _text(root, node.title, middle, top + 15, "title")
        return
    _lines(
        root, middle, (top + bottom) / 2, [(node.title, "title"), *([(node.detail, "detail")] if node.detail else [])]
    )


def _lines(root: Element, x: float, middle: float, lines: list[tuple[str, str]]) -> None:
    for place, (text, kind) in enumerate(lines):
        _text(root, text, x, middle + 4.5 + 17 * (place - (len(lines) - 1) / 2), kind)


def _text(root: Element, text: str, x: float, y: float, kind: str) -> None:
    add(root, "text", text, class_=kind, x=float(x), y=float(y), text_anchor="middle")


def _draw_legend(root: Element) -> None:
    x, y = LEGEND.left, LEGEND.top
    add(root, "text", "nested stack", class_="detail", x=x, y=y + 10)
    for place, stack in enumerate(_LEGEND):
        left, top = x + 96 * (place % 2), y + 18 + 22 * (place // 2)
        add(root, "rect", class_=f"box {stack}", x=left, y=top, width=16, height=12, rx=3)
        add(root, "text", stack, class_="detail", x=left + 22, y=top + 10)


def main() -> None:
    OUTPUT.write_text(svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
