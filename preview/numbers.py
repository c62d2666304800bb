"""Format numbers for people, and choose the ticks of an axis."""

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_TIME_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800)


def unit_of(title: str) -> str:
    """Return the unit in the title's parentheses, or "": GetMetricData returns no units."""
    found = re.search(r"\((ms|s|%)[ )]", title)
    return found[1] if found else ""


def short(value: float, unit: str = "") -> str:
    """Format with three digits: `1234` is 1.23k, `1500` ms is 1.5 s."""
    if unit == "ms" and abs(value) >= 1000:
        value, unit = value / 1000, "s"
    # 999.9 with three digits is 1k, not 1000.
    factor, prefix = next((each for each in _PREFIXES if abs(value) >= each[0] * 0.9995), (1, ""))
    number = f"{value / factor:.3g}{prefix}"
    return number + unit if unit == "%" else f"{number} {unit}".strip()


def bounds(values: Iterable[float]) -> tuple[float, float, float]:
    """Return the ends of an axis that shows `values` and zero, and the distance of its ticks (1, 2 or 5 times 10^n)."""
    low, high = min([0.0, *values]), max([0.0, *values])
    if high - low < 1e-9:
        high = low + 1
    step = _round_step((high - low) / 4)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, step: float) -> list[float]:
    return [place * step for place in range(round(low / step), round(high / step) + 1)]


def time_ticks(start: float, end: float, most: int) -> list[tuple[float, str]]:
    """Return (time, label) of at most `most` round times, in UTC."""
    step = next((step for step in _TIME_STEPS if (end - start) / step <= most), _TIME_STEPS[-1])
    layout = "%m-%d" if step >= 86400 else "%H:%M"
    times = range(math.ceil(start / step) * step, math.floor(end) + 1, step)
    return [(time, datetime.fromtimestamp(time, UTC).strftime(layout)) for time in times]


def moment(time: float, layout: str = "%Y-%m-%d %H:%M UTC") -> str:
    return datetime.fromtimestamp(time, UTC).strftime(layout)
