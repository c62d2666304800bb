"""Spans of time, as a person writes and reads them."""

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds(text: str) -> float:
    """`90s`, `10m`, `2h`, `1d`, `1h30m` as seconds; ValueError for anything else, and for nothing at all."""
    text = text.strip().lower()
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 10m, 2h, 1d or 1h30m")
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if not 0 < total <= 10 * 365 * 86400:  # longer than any log group keeps its events
        raise ValueError(f"{text!r} is no span to look back over: more than nothing, at most ten years")
    return total


def text(span: float) -> str:
    """Seconds as `seconds` reads them."""
    return f"{span:.6f}".rstrip("0").rstrip(".") + "s"


def words(span: timedelta) -> str:
    """The two largest units that count: `4 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. What is not past yet is `0 s`."""
    left = max(int(span.total_seconds()), 0)
    if left < 60:
        return f"{left} s"
    parts = []
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        number, left = divmod(left, length)
        parts.append((number, name))
    first = next(place for place, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {name}" for number, name in parts[first : first + 2] if number)
