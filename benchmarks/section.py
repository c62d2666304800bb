"""Measure one section, in a process of its own: `python -m benchmarks.section NAME EFFORT FILE`, both as JSON.

The handlers keep their clients, and each section has another emulator.
"""

import json
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from benchmarks.measure import Effort
from benchmarks.rows import Row, to_json
from deployer.aws import isolated
from emulator import ownership


def main(name: str, effort: str, file: str) -> None:
    settings = isolated.environment(os.environ)
    os.environ.clear()
    os.environ.update(settings)
    with tempfile.TemporaryDirectory() as scratch:
        ownership.end_with_this_process(Path(scratch))
        rows: list[Row] = import_module(f"benchmarks.sections.{name}").measure(Effort(*json.loads(effort)))
    Path(file).write_text(json.dumps([to_json(row) for row in rows]), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
