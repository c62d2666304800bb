"""Measure one section, in a process of its own: `python -m benchmarks.section NAME EFFORT FILE`, both as JSON.

The handlers keep their clients, and each section has another emulator.
"""

import json
import os
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.measure import Effort
from benchmarks.rows import Row, Target, quartiles, to_json
from deployer.aws import isolated
from emulator import ownership


def main(name: str, effort: str, file: str) -> None:
    settings = isolated.environment(os.environ)
    os.environ.clear()
    os.environ.update(settings)
    with tempfile.TemporaryDirectory() as scratch:
        ownership.end_with_this_process(Path(scratch))
        rows = import_module(f"benchmarks.sections.{name}").measure(Effort(*json.loads(effort)))
    typed = [row if isinstance(row, Row) else _of_text(row) for row in rows]
    Path(file).write_text(json.dumps([to_json(row) for row in typed]), encoding="utf-8")


def _of_text(row: dict[str, str]) -> Row:
    """Return the row of a section that still writes its figures as text, such as "2.30 s", "0.87" and "< 2 s"."""
    value, _, unit = row["median"].partition(" ")
    target = re.match(r"([<>])=? *([\d.]+)", row["target"])
    of = "ratio" if row["ratio"] else "median"
    return Row(
        row["what"],
        unit,
        quartiles([float(value)]),
        quartiles([float(row["ratio"])]) if row["ratio"] else None,
        Target(of, "<=" if target[1] == "<" else ">=", float(target[2])) if target else None,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
