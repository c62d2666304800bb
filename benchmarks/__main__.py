"""`python -m benchmarks`: every figure that the docs quote, measured again on this machine."""

import argparse
import json
import os
import pkgutil
import platform
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import sections
from benchmarks.measure import ROOT, SMALLEST, Effort
from deployer.aws import isolated
from emulator import ownership

SECTIONS = tuple(sorted(module.name for module in pkgutil.iter_modules(sections.__path__)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--runs", type=int, default=15, help="runs of each timed process (default: %(default)s)")
    parser.add_argument("--smallest", action="store_true", help="everything once, with few orders: does it run?")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    rows = _rows(arguments)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        _print(rows)


def _rows(arguments: argparse.Namespace) -> list[dict]:
    wanted = arguments.sections or SECTIONS
    if len(wanted) > 1:
        return [row for section in wanted for row in _apart(section, arguments)]
    print(f"measuring {wanted[0]} ...", file=sys.stderr)
    settings = isolated.environment(os.environ)
    os.environ.clear()
    os.environ.update(settings)
    effort = SMALLEST if arguments.smallest else Effort(arguments.runs)
    with tempfile.TemporaryDirectory() as scratch:
        ownership.end_with_this_process(Path(scratch))
        return import_module(f"benchmarks.sections.{wanted[0]}").measure(effort)


def _apart(section: str, arguments: argparse.Namespace) -> list[dict]:
    """Measure a section in a separate process: the handlers keep their clients, and each section has another emulator."""
    command = [sys.executable, "-m", "benchmarks", section, "--json", "--runs", str(arguments.runs)]
    if arguments.smallest:
        command.append("--smallest")
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{section} could not be measured")
    return json.loads(done.stdout)


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
