"""What a load says: percentiles, rate, errors, and the highest rate that an API holds."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

HELD = 0.95
"""Share of the requests of a rate that must be answered within its time: below, requests pile up."""
THROTTLED = 429


class Sample(NamedTuple):
    """A request: when it was sent, in seconds from the start; its operation, milliseconds, status (0: no answer); and
    what is wrong with the answer."""

    at: float
    operation: str
    milliseconds: float
    status: int
    error: str | None


@dataclass(frozen=True)
class Step:
    """What was sent at a rate, in requests a second, for some seconds."""

    rate: int
    seconds: float
    samples: list[Sample]

    @property
    def throughput(self) -> float:
        """Good answers a second."""
        return len(self._good()) / self.seconds

    @property
    def throttled(self) -> int:
        return sum(sample.status == THROTTLED for sample in self.samples)

    @property
    def errors(self) -> int:
        return sum(sample.error is not None and sample.status != THROTTLED for sample in self.samples)

    @property
    def operations(self) -> list[str]:
        """Those with a good answer."""
        return sorted({sample.operation for sample in self._good()})

    def percentile(self, percent: int, operation: str | None = None) -> float:
        """Milliseconds within which so many percent of the good answers came, of one operation or of all."""
        return percentile((sample.milliseconds for sample in self._good(operation)), percent)

    def holds(self, milliseconds: float) -> bool:
        """Whether all was answered, at the rate that was asked for, 99 % of it within so many milliseconds."""
        return (
            not self.errors
            and not self.throttled
            and self.throughput >= HELD * self.rate
            and self.percentile(99) <= milliseconds
        )

    def __str__(self) -> str:
        within = ", ".join(f"p{n} {self.percentile(n):,.0f} ms" for n in (50, 95, 99))
        return (
            f"{self.rate} requests/s: {within}; {self.throughput:.1f} good answers/s, "
            f"{self.errors} errors, {self.throttled} throttled"
        )

    def _good(self, operation: str | None = None) -> list[Sample]:
        return [each for each in self.samples if each.error is None and operation in (None, each.operation)]


def percentile(values: Iterable[float], percent: int) -> float:
    known = list(values)
    if len(known) < 2:
        return known[0] if known else float("inf")
    return statistics.quantiles(known, n=100, method="inclusive")[percent - 1]


def highest_rate(holds: Callable[[int], bool], first: int, last: int, halvings: int = 2) -> int:
    """Return the highest rate that holds, 0 for none: doubled from `first` up to `last`, then the gap is halved."""
    good, bad = 0, first
    while bad <= last and holds(bad):
        good, bad = bad, 2 * bad
    if bad > last:
        return good
    for _ in range(halvings):
        middle = (good + bad) // 2
        if middle == good:
            break
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good
