"""Parse and format durations."""

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TEXT = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def seconds(text: str) -> float:
    """Parse `90s`, `10m`, `2h`, `1d` or `1h30m` to seconds. Raises ValueError."""
    text = text.strip().lower()
    if not _TEXT.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 10m, 2h, 1d or 1h30m")
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if not 0 < total <= 10 * 365 * 86400:  # longer than any log group keeps its events
        raise ValueError(f"{text!r} must be more than 0s and at most ten years")
    return total


def text(span: float) -> str:
    """Format seconds as `seconds` parses them."""
    return f"{span:.6f}".rstrip("0").rstrip(".") + "s"


def words(span: timedelta) -> str:
    """Format with the two largest units: `4 s`, `12 min`, `3 h 5 min`, `2 d 4 h`. A negative duration is `0 s`."""
    left = max(int(span.total_seconds()), 0)
    if left < 60:
        return f"{left} s"
    parts = []
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        number, left = divmod(left, length)
        parts.append((number, name))
    first = next(index for index, (number, _) in enumerate(parts) if number)
    return " ".join(f"{number} {name}" for number, name in parts[first : first + 2] if number)
