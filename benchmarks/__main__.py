"""`python -m benchmarks`: measure every figure of docs/benchmarks.md on this machine."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import document, results
from benchmarks.measure import SMALLEST, Effort
from benchmarks.results import Result
from benchmarks.sections import BY_DEFAULT, SECTIONS


def main() -> None:
    arguments = _arguments()
    effort = SMALLEST if arguments.smallest else Effort(arguments.runs)
    measured = []
    for section in arguments.sections or BY_DEFAULT:
        print(f"measuring {section} ...", file=sys.stderr)
        measured.append(results.measure(section, effort))
    if arguments.record:
        results.record(measured)
        text = document.DOCUMENT.read_text(encoding="utf-8")
        document.DOCUMENT.write_text(document.with_results(text, results.recorded()), encoding="utf-8")
    if arguments.json:
        print(results.as_json(measured), end="")
    else:
        for result in measured:
            _print(result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; default: all but load"
    )
    parser.add_argument("--runs", type=int, default=Effort().runs, help="of each timed process (default: %(default)s)")
    parser.add_argument("--smallest", action="store_true", help="everything once, with few orders: does it run?")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--record", action="store_true", help="write them to results.json and to docs/benchmarks.md")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    if arguments.record and arguments.smallest:
        parser.error("--smallest measures too little to be recorded")
    return arguments


def _print(result: Result) -> None:
    table = Table(title=f"{result.section}: {result.circumstances}", title_justify="left", box=None, pad_edge=False)
    for head in document.HEADS:
        table.add_column(head)
    for row in result.rows:
        table.add_row(*document.cells(row))
    Console(width=150).print(table)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted: nothing is recorded, and nothing is left running")
