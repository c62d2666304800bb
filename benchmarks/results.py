"""The results of sections: measured now, or recorded in results.json by the last `make bench`."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from benchmarks.machine import MachineLoad
from benchmarks.measure import ROOT, Effort
from benchmarks.rows import Row, from_json, to_json

RECORDED = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Result:
    section: str
    date: str  # yyyy-mm-dd
    machine: str
    load: MachineLoad
    rows: tuple[Row, ...]

    @property
    def circumstances(self) -> str:
        """How busy the machine was, and whether the times can be quoted."""
        timed = any(row.is_time for row in self.rows)
        return f"{self.load}" + (": BUSY MACHINE, times not to be quoted" if timed and self.load.is_busy else "")


def measure(section: str, effort: Effort) -> Result:
    """Measure a section in a separate process. Raises SystemExit if it fails."""
    machine.adopt_orphans()
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "rows.json"
        code, load = machine.watch(lambda: _run(section, effort, file))
        if code:
            raise SystemExit(f"{section} could not be measured")
        rows = tuple(map(from_json, json.loads(file.read_text(encoding="utf-8"))))
    return Result(section, f"{datetime.now(UTC):%Y-%m-%d}", machine.description(), load, rows)


def _run(section: str, effort: Effort, file: Path) -> int:
    """Wait for the section, and for every orphan that it leaves: what has been waited for counts as ours."""
    command = [sys.executable, "-m", "benchmarks.section", section, json.dumps(effort), str(file)]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    code = None
    try:
        while code is None:
            ended, status = os.wait()
            code = os.waitstatus_to_exitcode(status) if ended == child.pid else None
    except KeyboardInterrupt:
        child.wait()  # it stops its emulator
        raise
    child.returncode = code  # or Popen would warn that it was never waited for
    while _reaped():
        pass
    return code


def _reaped() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def recorded(file: Path = RECORDED) -> dict[str, Result]:
    """Section -> its result in the file."""
    documents = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return {
        document["section"]: Result(
            **{
                **document,
                "load": MachineLoad(**document["load"]),
                "rows": tuple(map(from_json, document["rows"])),
            }
        )
        for document in documents
    }


def record(results: Iterable[Result], file: Path = RECORDED) -> None:
    """Replace the results of these sections in the file; keep those of the others."""
    known = recorded(file) | {result.section: result for result in results}
    file.write_text(as_json(known[section] for section in sorted(known)), encoding="utf-8")


def as_json(results: Iterable[Result]) -> str:
    documents = [
        {
            "section": result.section,
            "date": result.date,
            "machine": result.machine,
            "load": asdict(result.load),
            "rows": [to_json(row) for row in result.rows],
        }
        for result in results
    ]
    return json.dumps(documents, indent=1) + "\n"
