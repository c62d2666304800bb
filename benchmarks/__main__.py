"""`python -m benchmarks`: every figure that the docs quote, measured again on this machine."""

import argparse
import json
import os
import platform
import subprocess
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.measure import ROOT

SECTIONS = ("cold", "rendering", "packages", "deploys", "calls", "pipeline", "imports")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--runs", type=int, default=15, help="runs of each timed process (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    rows = []
    for section in arguments.sections or SECTIONS:
        print(f"measuring {section} ...", file=sys.stderr)
        rows += _measure(section, arguments.runs) if len(arguments.sections) == 1 else _apart(section, arguments.runs)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        _print(rows)


def _apart(section: str, runs: int) -> list[dict]:
    """In a process of its own: the handlers keep their clients, and each section has another emulator."""
    command = [sys.executable, "-m", "benchmarks", section, "--json", "--runs", str(runs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{section}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def _measure(section: str, runs: int) -> list[dict]:
    # Imported one by one: measuring package sizes needs no handlers, and so on.
    if section == "cold":
        from benchmarks import cold_start

        return cold_start.measure(runs)
    if section == "rendering":
        from benchmarks import rendering

        return rendering.measure(runs)
    if section == "packages":
        from benchmarks import packages

        return packages.measure()
    if section == "deploys":
        from benchmarks import deploys

        return deploys.measure(runs)
    if section == "calls":
        from benchmarks import calls

        return calls.measure()
    if section == "pipeline":
        from benchmarks import pipeline

        return pipeline.measure()
    from benchmarks import imports

    return imports.measure()


def _print(rows: list[dict]) -> None:
    machine = f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {platform.system()}"
    table = Table(title=f"on {machine}", title_justify="left", box=None, pad_edge=False)
    for column in ("what", "median", "ratio", "target"):
        table.add_column(column)
    for row in rows:
        table.add_row(row["what"], row["median"], row["ratio"], row["target"])
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
