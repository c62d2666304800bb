"""Which orders of a CSV file are not certain to be whole: what only its last row can tell.

Before the first order is sent, the file is read to its end for this, by each invocation: so what becomes of an
order depends on the file alone, and not on where an invocation stopped. An order is whole if its rows stand
together, and no row is one that may be its own. Such a row may be of the order above it or below it, or of one that
it seems to name.

    A-1, B-1, A-1        both parts of A-1 are in doubt, even if they are the same: once more, or two items?
    A-1, ?, B-1, A-1     so are A-1 and B-1, of which the row in the middle may be one
    A-1, B-1, ="A-1"     so are both, though A-1 stands elsewhere
    B-1, A-1, fault      so is A-1, of which there may be more where the file cannot be read
"""

import re

from domain import csv_rows
from domain.framing import Fault, Window

MAX_LINES = 5  # that are named of one order
MAX_SUSPECTS = 500_000  # ids that rows seem to name; with more, no order is certain to be whole

_NOT_OF_AN_ID = re.compile("[^A-Za-z0-9._:-]+")


class Survey:
    """Reasons to doubt that an order is whole. Orders are known by the hash of their ids, to save memory: of a
    million ids, two have the same with a chance of one in 30 million."""

    def __init__(self) -> None:
        self._apart: dict[int, tuple[int, ...]] = {}  # the lines on which its rows begin, if they stand apart
        self._maybe: dict[int, tuple[int, ...]] = {}  # the lines that may be its own
        self._suspects = 0  # ids that such lines seem to name
        self._last: int | None = None  # behind whose rows reading fails

    def doubts(self, order_id: str) -> list[str]:
        """Reasons, as details; none if the order is whole."""
        key = hash(order_id)
        reasons = []
        if lines := self._maybe.get(key):
            reasons.append(f"{_named(lines)} may be of this order: see what is wrong there")
        if self._suspects > MAX_SUSPECTS:
            reasons.append("too many rows of the file may be of any order")
        if lines := self._apart.get(key):
            reasons.append(f"orderId: rows of this order begin on {_named(lines)}, but must stand together")
        if key == self._last:
            reasons.append("behind rows of this order the file cannot be read: it may have more")
        return reasons

    def add_apart(self, order_id: str, first: int, line: int) -> None:
        _note(self._apart, order_id, first)
        _note(self._apart, order_id, line)

    def add_beside(self, order_id: str, line: int) -> None:
        _note(self._maybe, order_id, line)

    def add_suspects(self, order_ids: set[str], line: int) -> None:
        self._suspects += len(order_ids)
        if self._suspects <= MAX_SUSPECTS:
            for order_id in order_ids:
                _note(self._maybe, order_id, line)

    def add_last(self, order_id: str) -> None:
        self._last = hash(order_id)


def survey(window: Window, columns: list[str]) -> Survey:
    """Read the rows from the first one on to the end of the file, or to the fault that reading them will meet."""
    found = Survey()
    begun: dict[int, int] = {}  # of each order, the line on which it begins first
    order_id, before = "", 0
    try:
        for row in csv_rows.rows(window, columns):
            if row.order_id and row.order_id != order_id:
                first = begun.setdefault(hash(row.order_id), row.line)
                if first != row.line:
                    found.add_apart(row.order_id, first, row.line)
                if before and not order_id:
                    found.add_beside(row.order_id, before)
            if not row.order_id:
                found.add_suspects(_suspects(row, columns), row.line)
                if order_id:
                    found.add_beside(order_id, row.line)
            order_id, before = row.order_id, row.line
    except Fault:
        if order_id:
            found.add_last(order_id)
    return found


def _suspects(row: csv_rows.Row, columns: list[str]) -> set[str]:
    """The ids that a row may mean whose own is not certain: what stands where an orderId should, counted from the
    left and, as a cell may be missing before it, from the right; without characters that are of no id."""
    cells = row.cells or row.text.decode(errors="replace").split(",")
    key = columns.index("orderId")
    places = [place for place in (key, key - len(columns)) if -len(cells) <= place < len(cells)]
    return {_NOT_OF_AN_ID.sub("", cells[place]) for place in places} - {""}


def _note(lines_of: dict[int, tuple[int, ...]], order_id: str, line: int) -> None:
    key = hash(order_id)
    lines = lines_of.get(key, ())
    if line not in lines and len(lines) <= MAX_LINES:
        lines_of[key] = (*lines, line)


def _named(lines: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, lines[:MAX_LINES]))
    return f"line{'s' * (len(lines) > 1)} {shown}" + " and others" * (len(lines) > MAX_LINES)
