"""What a CSV file means, the slow way: the whole file at once, with the csv module, and every row compared with all."""

import csv
import re
import unicodedata

from contract.schemas import ID_PATTERN

# Not from the contract: what has no glyph of its own according to Unicode, as far as tests use it.
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def clean(cell: str) -> str:
    def invisible(character: str) -> bool:
        return character.isspace() or character in _ZERO_WIDTH or unicodedata.category(character) == "Cc"

    shown = [index for index, character in enumerate(cell) if not invisible(character)]
    return cell[shown[0] : shown[-1] + 1] if shown else ""


def rows_of(lines: list[bytes], key: int, width: int) -> list[tuple[int, str | None, bytes]]:
    """Line number, orderId or None, and bytes of each row that is not blank. `lines` hold one row each."""
    found = []
    for number, line in enumerate(lines, 2):
        try:
            (cells,) = csv.reader([line.decode("utf-8", "surrogateescape").strip(" \t\r")], strict=True)
        except (csv.Error, ValueError):
            cells = None
        if cells is not None and not any(map(clean, cells)):
            continue
        order_id = clean(cells[key]) if cells and len(cells) == width else ""
        found.append((number, order_id if re.fullmatch(ID_PATTERN, order_id) else None, line))
    return found


def whole_orders(rows: list[tuple[int, str | None, bytes]]) -> set[str]:
    """The ids of which all rows stand together, repeated in the same words or not, and none beside is in doubt."""
    groups: list[tuple[str | None, list[bytes]]] = []
    for _, order_id, line in rows:
        if groups and order_id is not None and groups[-1][0] == order_id:
            groups[-1][1].append(line.strip())
        else:
            groups.append((order_id, [line.strip()]))
    ids = {order_id for order_id, _ in groups if order_id is not None}
    beside = {
        order_id
        for index, (order_id, _) in enumerate(groups)
        for neighbour in groups[max(index - 1, 0) : index + 2]
        if neighbour[0] is None
    }
    contents = {each: [lines for order_id, lines in groups if order_id == each] for each in ids}
    return {each for each in ids - beside if all(lines == contents[each][0] for lines in contents[each])}
