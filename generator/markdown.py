"""Tables of the documents that are written by hand and by the project: rendered, measured, calculated."""

import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_row(cells) for cells in (heads, ["---"] * len(heads), *rows)) + "\n"


def with_block(document: str, name: str, text: str) -> str:
    """Return the document with `text` between `<!-- name -->` and the next `<!-- end -->`. Raises ValueError."""
    start, end = f"<!-- {name} -->\n", "<!-- end -->"
    block = re.compile(rf"^{re.escape(start)}.*?^{end}$", re.MULTILINE | re.DOTALL)
    replaced, times = block.subn(lambda _: f"{start}\n{text}\n{end}", document)
    if times != 1:
        raise ValueError(f"{times} blocks <!-- {name} --> in the document, expected 1")
    return replaced


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
