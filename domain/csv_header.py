"""Read the header row of a CSV file, or explain why it is not valid.

Messages do not quote the row: in a file without a header row it is an order, with personal data.
"""

import re

from contract.fields import ITEM_ALIASES
from contract.imports import CSV_REQUIRED
from domain.csv_rows import KNOWN, cells_of, clean, end_of_row, line_here, named
from domain.framing import BLANK, Fault, Window
from domain.validation import did_you_mean, field_names, first_of

MAX_COLUMNS = 1_000  # including those without a name: a continuation carries all of them

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", ":": "colons", " ": "blanks"}
_EXCEL = re.compile(r'"?sep=(.?)"?[,;]*', re.IGNORECASE)  # Excel's line above the header: the separator


def read(window: Window) -> list[str]:
    """Return the names of the columns and move behind the header row. Raises Fault.

    Aliases are resolved. Columns at the end may have no name, "".
    """
    window.peek()
    position = window.here()
    line = line_here(window).decode(errors="replace")
    if separator := _EXCEL.fullmatch(clean(line)):
        if separator[1] != ",":
            raise _other_separator("its first line says otherwise", position)
        window.to_end_of_line()
        window.peek()
        position = window.here()
        line = line_here(window).decode(errors="replace")
    _check_dialect(line, position)
    end = end_of_row(window)
    if end is None:
        raise Fault("the header row is not CSV", *position)
    cells, _ = cells_of(window.data[window.at : end].rstrip(BLANK))
    columns = [ITEM_ALIASES.get(name, name) for name in map(clean, cells)]
    _check(columns, position)
    if len(columns) > MAX_COLUMNS:
        raise Fault(f"the header row has more than {MAX_COLUMNS} columns", *position)
    window.at = end
    window.next = window.here()
    return columns


def _check_dialect(line: str, position: tuple[int, int]) -> None:
    if "\r" in line:
        raise Fault("the lines end with carriage returns alone: save the file with line feeds, or both", *position)
    known = _known_names(line, ",")
    for separator, plural in _SEPARATORS.items():
        if _known_names(line, separator) > max(known, 1):
            raise _other_separator(f"here they are separated by {plural}", position)


def _known_names(line: str, separator: str) -> int:
    return sum(clean(cell).strip('"') in (*KNOWN, *ITEM_ALIASES) for cell in line.split(separator))


def _other_separator(why: str, position: tuple[int, int]) -> Fault:
    return Fault(f"columns are separated by commas, and {why}: save the file as CSV with commas", *position)


def _check(columns: list[str], position: tuple[int, int]) -> None:
    faults = {
        "unknown": [
            name if name in field_names() else f"column {number}{did_you_mean(name, KNOWN)}"
            for number, name in enumerate(named(columns), 1)
            if name and name not in KNOWN
        ],
        "without a name": [f"column {number}" for number, name in enumerate(named(columns), 1) if not name],
        "missing": [name for name in CSV_REQUIRED if name not in columns],
        "given twice": [name for name in KNOWN if columns.count(name) > 1],
    }
    if not any(faults.values()):
        return
    found = "; ".join(f"{fault}: {', '.join(first_of(names))}" for fault, names in faults.items() if names)
    if not set(columns) & set(KNOWN):
        found += "; the first row of a file must name its columns"
    raise Fault(f"the header row has wrong columns ({found}); known are {', '.join(KNOWN)}", *position)
