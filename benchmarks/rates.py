"""Rates in orders per second, taken in turn, beside that of a seed."""

from collections.abc import Callable, Mapping

from benchmarks.measure import in_turn
from benchmarks.rows import Row, Target, row, unmeasured

UNIT = "orders/s"
Rate = Callable[[], float]


class SeedFailed(Exception):
    """A seed's code did not do what is measured; the message says what it did not."""


def rates(
    contestants: Mapping[str, Rate], rounds: int, targets: Mapping[str, Target], seed: str, missing: str = ""
) -> list[Row]:
    """Return a row for each contestant, with its ratio to the one called `seed`.

    The seed is not among them for the reason `missing`, or fails: then its row says so, and there are no ratios.
    """
    try:
        taken = in_turn(contestants, rounds)
    except SeedFailed as error:
        others = {what: rate for what, rate in contestants.items() if what != seed}
        return rates(others, rounds, targets, seed, str(error))
    base = taken.pop(seed, None)
    first = row(seed, UNIT, base) if base else unmeasured(seed, UNIT, missing)
    return [first] + [row(what, UNIT, values, against=base, target=targets.get(what)) for what, values in taken.items()]
