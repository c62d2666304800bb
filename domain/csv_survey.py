"""Find the orders of a CSV file that are not certain to be complete.

Each invocation reads the whole file for this before it sends the first order: so the result for an order depends on
the file alone, not on where an invocation stopped. An order is complete if its rows are adjacent and no row without a
certain orderId may belong to it. Such a row may belong to the order above it, to the one below it, or to one that it
seems to name.

    A-1, B-1, A-1        both parts of A-1 are in doubt, even if equal: a repetition, or two items?
    A-1, ?, B-1, A-1     A-1 and B-1 are in doubt: the second row may belong to either
    A-1, B-1, ="A-1"     both are in doubt: the last row is next to B-1, and seems to name A-1
    B-1, A-1, fault      A-1 is in doubt: more rows of it may follow where the file cannot be read
"""

import re

from domain import csv_rows
from domain.framing import Fault, Window

MAX_LINES = 5  # named in a message about one order
MAX_SUSPECTS = 500_000  # ids that rows seem to name; above it, no order is certain to be complete

_NOT_IN_AN_ID = re.compile("[^A-Za-z0-9._:-]+")


class Survey:
    """Reasons to doubt that an order is complete.

    To save memory, orders are identified by the hash of their id: in a million ids, the probability that two have the
    same hash is one in 30 million.
    """

    def __init__(self) -> None:
        self._apart: dict[
            int, tuple[int, ...]
        ] = {}  # the lines on which its groups of rows begin, if there are several
        self._maybe: dict[int, tuple[int, ...]] = {}  # the lines that may belong to it
        self._suspects = 0  # ids that such lines seem to name
        self._last: int | None = None  # the order whose rows a fault follows

    def doubts(self, order_id: str) -> list[str]:
        """Return the reasons to doubt that an order is complete, as details of an OrderError."""
        key = hash(order_id)
        reasons = []
        if lines := self._maybe.get(key):
            reasons.append(f"{_named(lines)} may belong to this order: see what is wrong there")
        if self._suspects > MAX_SUSPECTS:
            reasons.append("too many rows of the file may belong to any order")
        if lines := self._apart.get(key):
            reasons.append(f"orderId: rows of this order begin on {_named(lines)}, but must be adjacent")
        if key == self._last:
            reasons.append("the file cannot be read behind rows of this order: there may be more of them")
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
    """Read all rows, to the end of the file or to a fault."""
    found = Survey()
    begun: dict[int, int] = {}  # the line on which each order first begins
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
    """Return the ids that a row without a certain orderId may name.

    These are the cells at the index of orderId, counted from the left and (a cell before it may be missing) from the
    right, without characters that no id has.
    """
    cells = row.cells or row.text.decode(errors="replace").split(",")
    key = columns.index("orderId")
    indexes = [index for index in (key, key - len(columns)) if -len(cells) <= index < len(cells)]
    return {_NOT_IN_AN_ID.sub("", cells[index]) for index in indexes} - {""}


def _note(lines_of: dict[int, tuple[int, ...]], order_id: str, line: int) -> None:
    key = hash(order_id)
    lines = lines_of.get(key, ())
    if line not in lines and len(lines) <= MAX_LINES:
        lines_of[key] = (*lines, line)


def _named(lines: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, lines[:MAX_LINES]))
    return f"line{'s' * (len(lines) > 1)} {shown}" + " and others" * (len(lines) > MAX_LINES)
