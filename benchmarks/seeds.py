"""Read the seeds' code, against which the platform is measured, from its documents.

The seed documents are not part of this repository. `SEEDS` names their directory; by default it
is `shared/seeds` beside the project's folder. Without them the rows of the comparison say "not measured".
"""

import os
import re
import textwrap
from pathlib import Path

from benchmarks.measure import ROOT

MISSING = "the seeds are not here"


def directory() -> Path | None:
    found = Path(os.environ.get("SEEDS") or ROOT.parent / "shared" / "seeds")
    return found if found.is_dir() else None


def code(document: str, file: str) -> str | None:
    """The first code block after the heading that names `file`, in the document numbered `document`."""
    return _found(document, rf"^### File: {re.escape(file)}\s+```\w*\n(.*?)^```")


def inline_code(document: str) -> str | None:
    """The first function whose code stands in the template of the document, as ZipFile."""
    block = _found(document, r"^ +ZipFile: \|\n((?: {10}[^\n]*\n|\n)+)")
    return textwrap.dedent(block) if block else None


def _found(document: str, pattern: str) -> str | None:
    place = directory()
    texts = sorted(place.glob(f"{document}_*.txt")) if place else []
    if not texts:
        return None
    found = re.search(pattern, texts[0].read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return found[1] if found else None
