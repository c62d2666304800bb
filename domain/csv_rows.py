"""CSV of RFC 4180: a header row, then one row per item; rows of one order are adjacent.

A cell is quoted if it begins with a quote; a comma or the end of the row must follow the closing quote. A quote is
missing or misplaced if something else follows, if no quote closes the cell within MAX_RECORD_BYTES or before the end
of the file, or if the quoted text looks like the end of one row and the beginning of another. Then the rest of the
line is rejected as one row, and the next line is a new row.

Rows are grouped by orderId. A row without a certain orderId (see `Row`) may belong to the order above or below it, so
neither of them is certain to be complete. domain.csv_survey finds these orders, and those whose rows are not adjacent,
before the first order is returned.

Invisible characters around a cell are ignored, and a blank cell is an absent field. A row of blank cells is skipped:
it is not counted, and does not end an order.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from contract.imports import CSV_COLUMNS, MAX_CSV_LINES, MAX_RECORD_BYTES
from contract.schemas import ID_PATTERN
from contract.text import INVISIBLE
from domain.errors import OrderError
from domain.framing import BLANK, HEAD_BYTES, Fault, Record, Window
from domain.validation import first_of

_CELL = rb'(?:"(?:[^"]++|"")*+"|[^",\n]*+)'
_EACH_CELL = re.compile(",(" + _CELL.decode() + ")")
_ROW = re.compile(
    _CELL + b"(?:," + _CELL + b")*+"
    rb'(?:(?P<complete>\r*+\n)|(?P<final>\r*+\Z)|(?P<unclosed>"(?:[^"]++|"")*+\Z))'
)
_ID = re.compile(ID_PATTERN)
_LINE_END = re.compile("[\r\n]")
_INVISIBLE = "".join(
    chr(code)
    for first, last in re.findall(r"\\u(\w{4})(?:-\\u(\w{4}))?", INVISIBLE)
    for code in range(int(first, 16), int(last or first, 16) + 1)
)

KNOWN = tuple(column.name for column in CSV_COLUMNS)
# For each type but text: the pattern of a cell, the function that parses it, and the message for any other cell.
READERS: dict[str, tuple[re.Pattern[str], Callable[[str], object], str]] = {
    "integer": (re.compile("-?[0-9]{1,18}"), int, "must be an integer"),
    "number": (re.compile("-?[0-9]{1,18}([.][0-9]{1,18})?"), Decimal, "must be a plain decimal number"),
    "boolean": (re.compile("true|false", re.IGNORECASE), lambda cell: cell.lower() == "true", "must be true or false"),
}
_READERS = {column.name: READERS[column.type] for column in CSV_COLUMNS if column.type != "string"}
_PARTS: dict[str, list[str]] = {}  # by the order's field that has them
for _column in CSV_COLUMNS:
    if _column.parent:
        _PARTS.setdefault(_column.parent, []).append(_column.name)
_OF_ITEMS = _PARTS.pop("items")


class Row(NamedTuple):
    """A row that is not blank.

    Its orderId is certain if the row is valid CSV, has a cell for each column, has no text in columns without a name,
    and the id is valid.
    """

    order_id: str  # "" if not certain
    line: int
    byte: int
    length: int  # bytes
    text: bytes  # without its line end; only the first HEAD_BYTES if longer than MAX_RECORD_BYTES
    cells: list[str]
    fault: str  # what is wrong with the row as a whole, or ""


def clean(cell: str) -> str:
    return cell.strip(_INVISIBLE)


def named(columns: list[str]) -> list[str]:
    """Return `columns` without those at the end that have no name."""
    return columns[: max((count for count, name in enumerate(columns, 1) if name), default=0)]


def cells_of(row: bytes) -> tuple[list[str], str]:
    """Return the cells of a row (without its line end) and what is wrong with its characters, or ""."""
    try:
        text, fault = row.decode(), ""
    except UnicodeDecodeError:
        text, fault = row.decode(errors="surrogateescape"), "must be UTF-8"
    if "\0" in text:
        fault = fault or "must not contain NUL characters"
    if '"' not in text:
        return text.split(","), fault
    cells = _EACH_CELL.findall("," + text)
    return [cell[1:-1].replace('""', '"') if cell.startswith('"') else cell for cell in cells], fault


def end_of_row(window: Window) -> int | None:
    """Return the index behind the row that starts here; None if it is not CSV or exceeds MAX_RECORD_BYTES."""
    end = window.data.find(b"\n", window.at) + 1
    if end and window.data.find(b'"', window.at, end) < 0:
        return end if end - window.at <= MAX_RECORD_BYTES + 1 else None
    while True:
        found = _ROW.match(window.data, window.at)
        if found is None:
            return None
        if found.end() - window.at > MAX_RECORD_BYTES + 1:
            return None
        if found.lastgroup == "complete":
            return found.end()
        if not window.grow():
            return found.end() if found.lastgroup == "final" else None


def line_here(window: Window) -> bytes:
    """Return the line that starts here, without its end; of a longer one the first MAX_RECORD_BYTES."""
    while True:
        limit = window.at + MAX_RECORD_BYTES
        end = window.data.find(b"\n", window.at, limit)
        if end >= 0 or limit <= len(window.data) or not window.grow():
            return window.data[window.at : end if end >= 0 else limit].rstrip(BLANK)


def rows(window: Window, columns: list[str]) -> Iterator[Row]:
    """Yield the rows from here on, with the window behind each. Raises Fault."""
    key, named_ones = columns.index("orderId"), len(named(columns))
    while window.peek():
        line, byte = window.here()
        if line > MAX_CSV_LINES:
            raise Fault(f"a CSV file must have at most {MAX_CSV_LINES} lines: divide it", line, byte)
        end = end_of_row(window)
        text = b"" if end is None else window.data[window.at : end].rstrip(BLANK)
        cells, fault = cells_of(text)
        if end is None or ((b"\n" in text or b"\r" in text) and _spans_rows(cells)):
            yield _rest_of_line(window, line, byte)
            continue
        window.at = end
        order_id = clean(cells[key]) if key < len(cells) else ""
        if not order_id and not any(map(clean, cells)):
            continue
        if len(cells) != len(columns):  # any of them may be the missing one
            order_id, fault = "", f"has {len(cells)} cells, but the header row has {len(columns)}"
        elif any(map(clean, cells[named_ones:])):
            order_id, fault = "", "has text below a column without a name"
        elif not _ID.fullmatch(order_id):
            order_id, fault = "", f"orderId: must match {ID_PATTERN}" if order_id else "orderId: is blank"
        yield Row(order_id, line, byte, len(text), text, cells, fault)


def orders(window: Window, columns: list[str], doubts: Callable[[str], list[str]]) -> Iterator[Record]:
    """Yield adjacent rows with the same orderId as one record; a row without a certain orderId is one alone.

    `doubts` returns, for an orderId, the reasons why these rows may not be the complete order. Raises Fault where
    reading fails, after the record of the rows before it.
    """
    group: list[Row] = []
    length = 0
    try:
        for row in rows(window, columns):
            if group and (row.order_id != group[0].order_id or not row.order_id):
                window.next = row.line, row.byte
                yield _record(window, columns, group, length, doubts)
                group, length = [], 0
            if length <= MAX_RECORD_BYTES:  # the beginning of a longer one is enough
                group.append(row)
            length += row.length + bool(length)
    except Fault as fault:
        window.next = fault.line, fault.byte
        if group:
            yield _record(window, columns, group, length, doubts)
        raise
    window.next = window.here()
    if group:
        yield _record(window, columns, group, length, doubts)


def _record(
    window: Window, columns: list[str], group: list[Row], length: int, doubts: Callable[[str], list[str]]
) -> Record:
    """Return the record of the rows in `group`, which have `length` bytes without blank rows between them."""
    window.number += 1
    text = b"\n".join(row.text for row in group)
    if length > MAX_RECORD_BYTES:
        text = text[:HEAD_BYTES]
    first = group[0]
    read = partial(_order, columns, group if length <= MAX_RECORD_BYTES else [first], doubts)
    return Record(window.number, first.line, first.byte, length, text, read)


def _rest_of_line(window: Window, line: int, byte: int) -> Row:
    """Return the rest of a line as a row without a certain orderId, and move the window behind it."""
    text = line_here(window)
    window.to_end_of_line()
    length = window.here()[1] - byte
    if length > MAX_RECORD_BYTES:
        text = text[:HEAD_BYTES]
    else:
        length = len(text)
    return Row("", line, byte, length, text, [], "has a quote too many or too few")


def _spans_rows(cells: list[str]) -> bool:
    """Return whether a cell looks like the end of one row and the beginning of another.

    Such a cell has, before a line break, the commas of all cells behind it and, after one, those of all cells before
    it: its closing quote is missing, and the opening quote of the same cell in a row below was taken for it.
    """
    for index, cell in enumerate(cells):
        lines = _LINE_END.split(cell)
        if len(lines) > 1 and lines[0].count(",") >= len(cells) - 1 - index and lines[-1].count(",") >= index:
            return True
    return False


def _order(columns: list[str], group: list[Row], doubts: Callable[[str], list[str]], record: Record) -> dict:
    """Return the order of a record's rows. Raises OrderError("invalid_request")."""
    order: dict[str, Any] = {}
    items = []
    order_id = group[0].order_id
    problems = list(doubts(order_id)) if order_id else ["the orders directly above and below are rejected, too"]
    for row in group:
        fields, faults = _fields(columns, row)
        items.append({name: fields.pop(name) for name in _OF_ITEMS if name in fields})
        for name, value in fields.items():
            if order.setdefault(name, value) != value:
                faults.append(f"{name}: is not what a row of the order above says")
        problems += [f"line {row.line}: {fault}" for fault in faults]
    if problems:
        raise OrderError("invalid_request", first_of(problems))
    order["items"] = items
    for parent, names in _PARTS.items():
        if part := {name: order.pop(name) for name in names if name in order}:
            order[parent] = part
    return order


def _fields(columns: list[str], row: Row) -> tuple[dict, list[str]]:
    """Return the values of a row's cells by column, without blank ones, and what is wrong with them."""
    if row.fault:
        return {}, [row.fault]
    cells = zip(columns, map(clean, row.cells), strict=False)
    written = {name: cell for name, cell in cells if cell}
    fields: dict[str, object] = {name: cell for name, cell in written.items() if name not in _READERS}
    faults = []
    for name, (pattern, value_of, sentence) in _READERS.items():
        cell = written.get(name)
        if cell and pattern.fullmatch(cell):
            fields[name] = value_of(cell)
        elif cell:
            faults.append(f"{name}: {sentence}")
    return fields, faults
