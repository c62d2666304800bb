"""What a section measures: rows with their spread, the ratio to what they are compared with, and their target."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple


class Quartiles(NamedTuple):
    """Of values that were measured several times. Of two or three they are halfway to the least and the most."""

    low: float
    median: float
    high: float


class Target(NamedTuple):
    """The bound of a row's median, or of its ratio."""

    of: Literal["median", "ratio"]
    sign: Literal["<=", ">="]
    bound: float


@dataclass(frozen=True)
class Row:
    """`taken` in `unit`, `ratio` to the row or the process that it is compared with; None: not measured.

    `note` is what a number does not say, such as the names of the calls.
    """

    what: str
    unit: str
    taken: Quartiles | None
    ratio: Quartiles | None = None
    target: Target | None = None
    note: str = ""

    @property
    def is_time(self) -> bool:
        """A time or a rate, which depends on what else the machine does."""
        return self.unit in ("s", "ms") or self.unit.endswith("/s")

    @property
    def is_met(self) -> bool | None:
        """None if there is no target, or nothing to compare with it."""
        figure = self.target and (self.taken if self.target.of == "median" else self.ratio)
        if not self.target or not figure:
            return None
        return figure.median <= self.target.bound if self.target.sign == "<=" else figure.median >= self.target.bound


def at_most(bound: float, of: Literal["median", "ratio"] = "median") -> Target:
    return Target(of, "<=", bound)


def at_least(bound: float, of: Literal["median", "ratio"] = "median") -> Target:
    return Target(of, ">=", bound)


def quartiles(values: Sequence[float]) -> Quartiles:
    if len(values) == 1:
        return Quartiles(*values * 3)
    return Quartiles(*statistics.quantiles(values, n=4, method="inclusive"))


def ratios(values: Sequence[float], others: Sequence[float]) -> Quartiles:
    """Of the values that were measured in the same turn: a slow spell of the machine is in both."""
    return quartiles([value / other for value, other in zip(values, others, strict=True)])


def row(
    what: str,
    unit: str,
    values: Sequence[float],
    *,
    against: Sequence[float] | None = None,
    target: Target | None = None,
    note: str = "",
) -> Row:
    """Return the row of what was measured in several turns, or once; `against` was measured in the same turns."""
    ratio = ratios(values, against) if against else None
    return Row(what, unit, quartiles(values), ratio, target, note)


def unmeasured(what: str, unit: str, why: str) -> Row:
    return Row(what, unit, None, note=f"not measured: {why}")


def to_json(each: Row) -> dict[str, Any]:
    return asdict(each) | {"met": each.is_met}


def from_json(document: dict[str, Any]) -> Row:
    taken, ratio, target = (document[name] for name in ("taken", "ratio", "target"))
    return Row(
        document["what"],
        document["unit"],
        Quartiles(*taken) if taken else None,
        Quartiles(*ratio) if ratio else None,
        Target(*target) if target else None,
        document["note"],
    )
