"""`python -m benchmarks`: every figure that the docs quote, measured again on this machine."""

import argparse
import json
import os
import platform
import sys

from rich.console import Console
from rich.table import Table

SECTIONS = ("cold", "rendering", "packages", "calls")


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
        rows += _measure(section, arguments.runs)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        _print(rows)


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
    from benchmarks import calls

    return calls.measure()


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
