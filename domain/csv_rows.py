"""CSV as of RFC 4180: a header row, then one row per item; rows of one order stand together.

A field is quoted if it begins with a quote, and behind the quote that closes it stands a comma or the end
of the row. Where that is not so, or no quote closes it within MAX_RECORD_BYTES or before the file ends, a
quote is missing or out of place: then the row is what is left of its line, and is rejected. So it spoils
the one row, and with it the one order; what stands in the lines below is read as if nothing had happened.

Blanks around a cell do not count, and a blank cell is an absent field.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from contract.imports import CSV_OPTIONAL, CSV_REQUIRED, MAX_RECORD_BYTES
from domain.errors import OrderError
from domain.framing import Fault, Record, Window
from domain.validation import first_of, printable

_CELL = rb'(?:"(?:[^"]++|"")*+"|[^",\n]*+)'
_EACH_CELL = re.compile(b",(" + _CELL + b")")
_ROW = re.compile(
    _CELL + b"(?:," + _CELL + b")*+" + rb'(?:(?P<whole>\r?\n)|(?P<last>\r?\Z)|(?P<unclosed>"(?:[^"]++|"")*+\Z))'
)

_KNOWN = (*CSV_REQUIRED, *CSV_OPTIONAL)
_ITEM = ("productId", "quantity", "price")
_ADDRESS = ("street", "city", "zipCode")
_INTEGER = (re.compile("-?[0-9]{1,18}"), int, "must be an integer")
_DECIMAL = (re.compile("-?[0-9]{1,18}([.][0-9]{1,18})?"), Decimal, "must be a plain decimal number")
_NUMBERS = {"quantity": _INTEGER, "timestamp": _INTEGER, "price": _DECIMAL}


def header(window: Window) -> list[str]:
    """The columns, productId by that name, and the window moved behind them. Raises Fault."""
    window.peek()
    place = window.here()
    end = _end_of_row(window)
    if end is None:
        raise Fault("the header row is not CSV", *place)
    names = [cell.decode(errors="replace").strip() for cell in _cells(window.data[window.at : end])]
    columns = ["productId" if name == "itemId" else name for name in names]
    faults = {
        "unknown": list(dict.fromkeys(printable(name, "(a column)") for name in columns if name not in _KNOWN)),
        "missing": [name for name in CSV_REQUIRED if name not in columns],
        "given twice": [name for name in _KNOWN if columns.count(name) > 1],
    }
    if any(faults.values()):
        found = "; ".join(f"{fault}: {', '.join(first_of(names))}" for fault, names in faults.items() if names)
        raise Fault(f"the header row has wrong columns ({found}); known are {', '.join(_KNOWN)}", *place)
    window.at = end
    window.next = window.here()
    return columns


def orders(window: Window, columns: list[str]) -> Iterator[Record]:
    """Rows with the same orderId, one after the other, as one record; a row without one is a record alone.

    Where reading fails, the order being read may lack rows: it is not among the records.
    """
    read, key_column = partial(_order, columns), columns.index("orderId")
    current = b""
    for end in _rows(window):
        key = _key(window, end, key_column)
        if window.start is not None and (key != current or not key):
            yield window.cut(read)
        if window.start is None:
            window.begin()
        current = key
    if window.start is not None:
        yield window.cut(read)


def _rows(window: Window) -> Iterator[int | None]:
    """As _end_of_row for each row, with the window at the row's start."""
    while window.peek():
        end = _end_of_row(window)
        yield end
        if end is None:
            window.to_end_of_line()
        else:
            window.at = end


def _end_of_row(window: Window) -> int | None:
    """The index behind the row that starts here; None if it is not CSV, or is longer than a record may be."""
    while True:
        found = _ROW.match(window.data, window.at)
        if found is None or found.end() - window.at > MAX_RECORD_BYTES:
            return None
        if found.lastgroup == "whole":
            return found.end()
        if not window.grow():
            return found.end() if found.lastgroup == "last" else None


def _key(window: Window, end: int | None, column: int) -> bytes:
    """The orderId of the row that starts here. Of a row that is not CSV it is what seems to be it:

    an order must not be accepted without the row that has a quote missing.
    """
    cells = _start_of_line(window).split(b",") if end is None else _cells(window.data[window.at : end])
    return cells[column].strip(b' \t\r\n"') if column < len(cells) else b""


def _start_of_line(window: Window) -> bytes:
    """The line that starts here, of a longer one than a record may be its beginning."""
    while True:
        limit = window.at + MAX_RECORD_BYTES
        end = window.data.find(b"\n", window.at, limit)
        if end >= 0 or limit <= len(window.data) or not window.grow():
            return window.data[window.at : end if end >= 0 else limit]


def _cells(row: bytes) -> list[bytes]:
    if b'"' not in row:
        return row.split(b",")
    return [
        cell[1:-1].replace(b'""', b'"') if cell.startswith(b'"') else cell for cell in _EACH_CELL.findall(b"," + row)
    ]


def _order(columns: list[str], record: Record) -> dict:
    """The order that a record's rows make. Raises OrderError("invalid_request")."""
    order, items, problems = {}, [], []
    window = Window(iter([record.text]), line=record.line)
    for end in _rows(window):
        fields, faults = _fields(columns, None if end is None else window.data[window.at : end])
        items.append({name: fields.pop(name) for name in _ITEM if name in fields})
        for name, value in fields.items():
            if order.setdefault(name, value) != value:
                faults.append(f"{name}: is not what a row of the order above says")
        problems += [f"line {window.here()[0]}: {fault}" for fault in faults]
    if problems:
        raise OrderError("invalid_request", first_of(problems))
    order["items"] = items
    if address := {name: order.pop(name) for name in _ADDRESS if name in order}:
        order["deliveryAddress"] = address
    return order


def _fields(columns: list[str], row: bytes | None) -> tuple[dict, list[str]]:
    """The cells of a row that are not blank, by column, and what is wrong with them."""
    if row is None:
        return {}, ["has a quote too many or too few"]
    try:
        cells = [cell.decode().strip() for cell in _cells(row)]
    except UnicodeDecodeError:
        return {}, ["must be UTF-8"]
    if b"\0" in row:
        return {}, ["must not contain NUL characters"]
    if len(cells) != len(columns):
        return {}, [f"must have {len(columns)} fields"]
    fields = {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
    faults = []
    for name, (pattern, number, sentence) in _NUMBERS.items():
        cell = fields.pop(name, None)
        if cell and pattern.fullmatch(cell):
            fields[name] = number(cell)
        elif cell:
            faults.append(f"{name}: {sentence}")
    return fields, faults
