"""A slow and simple reader of CSV: it parses the whole file with the csv module and compares every row with all others."""

import csv
import re
import unicodedata
from itertools import groupby

from contract.schemas import ID_PATTERN

# Not from the contract: invisible characters according to Unicode, as far as tests use them.
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def clean(cell: str) -> str:
    def invisible(character: str) -> bool:
        return character.isspace() or character in _ZERO_WIDTH or unicodedata.category(character) == "Cc"

    shown = [index for index, character in enumerate(cell) if not invisible(character)]
    return cell[shown[0] : shown[-1] + 1] if shown else ""


def cells_of(line: bytes) -> list[str] | None:
    """Return the cells of a row, None if it is not CSV."""
    try:
        (cells,) = csv.reader([line.decode("utf-8", "surrogateescape").strip(" \t\r")], strict=True)
    except (csv.Error, ValueError):
        return None
    return cells


def rows_of(lines: list[bytes], key: int, width: int) -> list[tuple[int, str | None, bytes]]:
    """Yield line number, orderId or None, and bytes of each row that is not blank. Each of `lines` is one row."""
    found = []
    for number, line in enumerate(lines, 2):
        cells = cells_of(line)
        if cells is not None and not any(map(clean, cells)):
            continue
        order_id = clean(cells[key]) if cells and len(cells) == width else ""
        found.append((number, order_id if re.fullmatch(ID_PATTERN, order_id) else None, line))
    return found


def whole_orders(rows: list[tuple[int, str | None, bytes]], key: int, width: int) -> set[str]:
    """Return the ids whose rows are adjacent, without an uncertain row beside them or naming them."""
    groups = [order_id for order_id, _ in groupby(order_id for _, order_id, _ in rows)]
    beside = {
        order_id
        for index, order_id in enumerate(groups)
        for neighbour in groups[max(index - 1, 0) : index + 2]
        if neighbour is None
    }
    suspected = set()
    for _, order_id, line in rows:
        if order_id is None:
            cells = dict(enumerate(cells_of(line) or line.decode(errors="replace").split(",")))
            for index in (key, len(cells) - width + key):
                suspected.add(re.sub("[^a-zA-Z0-9:._-]", "", cells.get(index, "")))
    return {each for each in groups if groups.count(each) == 1} - beside - suspected
