"""What a CSV file means, the slow way: the whole file at once, with the csv module, and every row compared with all."""

import csv
import re
import unicodedata
from itertools import groupby

from contract.schemas import ID_PATTERN

# Not from the contract: what has no glyph of its own according to Unicode, as far as tests use it.
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def clean(cell: str) -> str:
    def invisible(character: str) -> bool:
        return character.isspace() or character in _ZERO_WIDTH or unicodedata.category(character) == "Cc"

    shown = [index for index, character in enumerate(cell) if not invisible(character)]
    return cell[shown[0] : shown[-1] + 1] if shown else ""


def cells_of(line: bytes) -> list[str] | None:
    """None if it is not CSV."""
    try:
        (cells,) = csv.reader([line.decode("utf-8", "surrogateescape").strip(" \t\r")], strict=True)
    except (csv.Error, ValueError):
        return None
    return cells


def rows_of(lines: list[bytes], key: int, width: int) -> list[tuple[int, str | None, bytes]]:
    """Line number, orderId or None, and bytes of each row that is not blank. `lines` hold one row each."""
    found = []
    for number, line in enumerate(lines, 2):
        cells = cells_of(line)
        if cells is not None and not any(map(clean, cells)):
            continue
        order_id = clean(cells[key]) if cells and len(cells) == width else ""
        found.append((number, order_id if re.fullmatch(ID_PATTERN, order_id) else None, line))
    return found


def whole_orders(rows: list[tuple[int, str | None, bytes]], key: int, width: int) -> set[str]:
    """The ids of which all rows stand together, and none in doubt is beside or seems to name them."""
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
            for place in (key, len(cells) - width + key):
                suspected.add(re.sub("[^a-zA-Z0-9:._-]", "", cells.get(place, "")))
    return {each for each in groups if groups.count(each) == 1} - beside - suspected
