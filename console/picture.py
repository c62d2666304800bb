"""The picture of the pipeline: boxes and arrows of docs/architecture.svg, for the page to draw and fill with numbers."""

from preview import architecture
from preview.architecture import Node

_ROWS = 5
"""Rows of the picture that orders pass; below them are logs, alarms and their readers."""
_LEFT_OUT = ("Settings, flags",)
HEIGHT = 340


def drawn() -> dict:
    """Return the size, the boxes by their key, and the arrows as lines from one box to another."""
    nodes = {node.key: node for node in architecture.NODES if node.row < _ROWS and node.key not in _LEFT_OUT}
    arrows = [arrow for arrow in architecture.ARROWS if {arrow.source, arrow.target} <= nodes.keys()]
    return {
        "width": architecture.SIZE[0],
        "height": HEIGHT,
        "boxes": [_box(node) for node in nodes.values()],
        "arrows": [
            {
                "source": arrow.source,
                "target": arrow.target,
                "line": architecture.line(architecture.box(nodes[arrow.source]), architecture.box(nodes[arrow.target])),
            }
            for arrow in arrows
        ],
    }


def _box(node: Node) -> dict:
    place = architecture.box(node)
    return {"key": node.key, "title": node.title, "detail": node.detail, "stack": node.stack, **place._asdict()}
