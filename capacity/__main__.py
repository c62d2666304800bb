"""`python -m capacity`: how much of each limit an environment uses at a load, and what breaks first."""

import argparse
import json
import sys
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.table import Table

from capacity import report
from capacity.demand import NOW
from capacity.platform import Platform, of_environment
from capacity.usage import usages
from config.environment import ConfigError, load

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "capacity.md"
DOCUMENTED = "prod"


def main(given: list[str] | None = None) -> int:
    arguments = _arguments(given)
    try:
        platform = of_environment(load(arguments.env))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(report.with_tables(text, platform), encoding="utf-8")
    elif arguments.json:
        print(json.dumps(report.as_json(usages(platform, arguments.orders_per_day)), indent=2))
    else:
        _print(arguments.env, platform, arguments.orders_per_day)
    return 0


def _arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m capacity", description=__doc__)
    parser.add_argument("--env", default=DOCUMENTED, help="environment (default: %(default)s)")
    parser.add_argument(
        "--orders-per-day", type=_orders, default=NOW, metavar="N", help="expected load (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--write", action="store_true", help=f"write the tables of docs/capacity.md, for {DOCUMENTED}")
    arguments = parser.parse_args(given)
    if arguments.write and arguments.env != DOCUMENTED:
        parser.error(f"--write is for {DOCUMENTED}, which docs/capacity.md shows")
    return arguments


def _orders(text: str) -> Decimal:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} must be a non-negative integer")
    return Decimal(text)


def _print(environment: str, platform: Platform, orders_per_day: Decimal) -> None:
    table = Table(title=f"{environment} at {orders_per_day:,} orders a day", title_justify="left", box=None)
    for head in ("limit", "needed", "available", "used", "breaks at", "what to turn"):
        table.add_column(head, justify="left" if head in ("limit", "what to turn") else "right")
    for usage in usages(platform, orders_per_day):
        table.add_row(
            f"{usage.limit.service}: {usage.limit.name}",
            f"{usage.demand:,.2f}",
            f"{usage.available:,.0f}",
            report.percent(usage.utilization),
            report.orders(usage.breaks_at),
            usage.limit.turn,
            style="bold red" if usage.utilization > 1 else "",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    sys.exit(main())
