"""Which orders of a CSV file are not certain to be whole: what only its last row can tell.

Before the first order is sent, the file is read to its end for this, by each invocation: so what becomes of an
order depends on the file alone, and not on where an invocation stopped. An order is whole if its rows stand
together, and no row beside them is one that may be its own.

    A-1, B-1, A-1        both parts of A-1 are in doubt (not if they are the same: then they are an order twice)
    A-1, ?, B-1, A-1     so are A-1 and B-1, of which the row in the middle may be one
"""

from collections.abc import Iterator
from contextlib import suppress

from domain import csv_rows
from domain.framing import Fault, Window

MAX_LINES = 5  # that are named of one order

_HASH = 2**64 - 1


class Survey:
    """Reasons to doubt that an order is whole. Orders are known by the hash of their ids, to save memory: of a
    million ids, two have the same with a chance of one in 30 million."""

    def __init__(self) -> None:
        self._apart: dict[int, list[int]] = {}  # the lines on which its rows begin, if they stand apart
        self._beside: dict[int, list[int]] = {}  # the lines beside its rows that may be its own

    def doubts(self, order_id: str) -> list[str]:
        """Reasons, as details; none if the order is whole."""
        key = hash(order_id)
        reasons = []
        if lines := self._beside.get(key):
            reasons.append(f"{_named(lines)} beside rows of this order may be of it: see what is wrong there")
        if lines := self._apart.get(key):
            reasons.append(f"orderId: rows of this order begin on {_named(lines)}, but must stand together")
        return reasons

    def add_beside(self, order_id: str, line: int) -> None:
        _note(self._beside, hash(order_id), line)

    def add_apart(self, order_id: str, *lines: int) -> None:
        for line in lines:
            _note(self._apart, hash(order_id), line)


def survey(window: Window, columns: list[str]) -> Survey:
    """Read the rows from the first one on to the end of the file, or to the fault that reading them will meet."""
    found = Survey()
    seen: dict[int, int] = {}  # of each order, the line and the hash of its first rows, as one number
    order_id, begun, content, before = "", 0, 0, 0

    def end_order() -> None:
        here = begun << 64 | content & _HASH
        first = seen.setdefault(hash(order_id), here)
        if (first ^ here) & _HASH:
            found.add_apart(order_id, first >> 64, begun)

    for row in _readable(csv_rows.rows(window, columns)):
        if row.order_id != order_id:
            if order_id:
                end_order()
            if before and not row.order_id:
                found.add_beside(order_id, row.line)
            if before and not order_id:
                found.add_beside(row.order_id, before)
            order_id, begun, content = row.order_id, row.line, 0
        content = hash((content, row.text))
        before = row.line
    if order_id:
        end_order()
    return found


def _readable(rows: Iterator[csv_rows.Row]) -> Iterator[csv_rows.Row]:
    with suppress(Fault):
        yield from rows


def _note(lines_of: dict[int, list[int]], key: int, line: int) -> None:
    lines = lines_of.setdefault(key, [])
    if line not in lines and len(lines) <= MAX_LINES:
        lines.append(line)


def _named(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:MAX_LINES]))
    return f"line{'s' * (len(lines) > 1)} {shown}" + " and others" * (len(lines) > MAX_LINES)
