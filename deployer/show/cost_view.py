"""The change of the monthly cost, as lines, Markdown and JSON."""

from collections.abc import Iterator
from decimal import Decimal

from costs import Alternatives, CostChange, Estimate, Line
from deployer.show.ui import Ui

CENT = Decimal("0.01")


def text(ui: Ui, change: CostChange) -> None:
    ui.line(heading(change), "bold")
    rows = list(_rows(change))
    if rows:
        ui.table(rows, _headings(change))
    for line in _conclusions(change):
        ui.line(line)


def markdown(change: CostChange) -> list[str]:
    lines = [f"{heading(change)}.", ""]
    rows = list(_rows(change))
    if rows:
        headings = _headings(change)
        lines += [_row(headings), _row(["---", "---", *["---:"] * (len(headings) - 2)]), *map(_row, rows), ""]
    return lines + [f"- {conclusion}" for conclusion in _conclusions(change)]


def as_json(change: CostChange) -> dict:
    after = change.after
    return {
        "ordersPerDay": after.orders_per_day,
        "region": after.region,
        "prices": {"region": after.prices_of, "date": after.date, "currency": "USD", "freeTier": False},
        "before": _estimate(change.before),
        "after": _estimate(after),
        "difference": usd(change.difference),
        "alternatives": _alternatives(change.alternatives),
        "notes": list(after.notes),
    }


def heading(change: CostChange) -> str:
    """Return the load and the origin of the prices."""
    after = change.after
    other = "" if after.region == after.prices_of else f"; those of {after.region} differ"
    prices = f"list prices of {after.prices_of}, {after.date}, without free tier{other}"
    return f"cost of a month at {after.orders_per_day:,} orders a day ({prices})"


def usd(value: Decimal) -> str:
    """Format with two decimals; below a cent, with six."""
    return f"{value:.6f}" if 0 < abs(value) < CENT else f"{value:.2f}"


def _money(value: Decimal) -> str:
    return "< $0.01" if 0 < value < CENT else f"${value:,.2f}"


def _rows(change: CostChange) -> Iterator[list[str]]:
    """All cost lines of a new environment; of an existing one, those that change."""
    before, after = ({(line.service, line.what): line for line in each.lines} for each in (change.before, change.after))
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if new and not before:
            yield [*key, _quantity(new), _money(new.usd)]
        elif old != new:
            costs = [_money(line.usd if line else Decimal(0)) for line in (old, new)]
            yield [*key, _quantity(new), *costs]


def _headings(change: CostChange) -> list[str]:
    return ["service", "what", "a month", *(["before", "after"] if change.before.lines else ["cost"])]


def _conclusions(change: CostChange) -> Iterator[str]:
    before, after, difference = change.before.total, change.after.total, change.difference
    if not change.before.lines:
        yield f"total ${after:,.2f} a month"
    elif change.before.lines == change.after.lines:
        yield f"total ${after:,.2f} a month, unchanged"
    else:
        yield f"total ${before:,.2f} -> ${after:,.2f} a month, {'-' if difference < 0 else '+'}{_money(abs(difference))}"
    if choice := change.alternatives:
        yield _choice(choice)
    yield from (f"not included: {note}" for note in change.after.notes)


def _choice(choice: Alternatives) -> str:
    demand, provisioned = choice.on_demand.throughput, choice.provisioned.throughput
    even = choice.break_even
    pays = f"provisioned pays from about {_rounded(even):,} orders a day" if even else "provisioned never pays"
    return f"reading and writing the table: on demand {_money(demand)}, provisioned {_money(provisioned)}; {pays}"


def _rounded(number: int) -> int:
    """Round to the two digits that the estimate supports."""
    return round(number, 2 - len(str(number)))


def _quantity(line: Line | None) -> str:
    if line is None:
        return "0"
    quantity = line.quantity
    return f"{quantity:,.0f}" if quantity >= 100 or quantity == int(quantity) else f"{quantity:.3g}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _estimate(estimate: Estimate) -> dict:
    return {
        "total": usd(estimate.total),
        "lines": [
            {
                "service": line.service,
                "what": line.what,
                "quantity": f"{line.quantity:.3f}",
                "unitPrice": str(line.price),
                "per": line.per,
                "usd": usd(line.usd),
            }
            for line in estimate.lines
        ],
    }


def _alternatives(choice: Alternatives | None) -> dict | None:
    if choice is None:
        return None
    modes = {"onDemand": choice.on_demand, "provisioned": choice.provisioned}
    sides = {name: {"table": usd(each.throughput), "total": usd(each.total)} for name, each in modes.items()}
    return {**sides, "breakEvenOrdersPerDay": choice.break_even}
