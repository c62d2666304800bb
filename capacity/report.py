"""Tables of docs/capacity.md, and what `python -m capacity` prints."""

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal

from capacity.demand import NOW
from capacity.platform import Platform
from capacity.usage import Usage, stages, usages
from generator import markdown

MULTIPLES = (1, 10, 100, 1000)


def with_tables(document: str, platform: Platform) -> str:
    """Return the document with its tables calculated. Raises ValueError if it lacks a block for one."""
    tables = {
        "breaks": _breaks(platform),
        "usage": _usage(platform),
        "files": _files(platform),
        "limits": _limits(platform),
    }
    for name, text in tables.items():
        document = markdown.with_block(document, f"capacity: {name}", text)
    return document


def as_json(found: Sequence[Usage]) -> list[dict]:
    return [
        {
            **{key: str(value) if isinstance(value, Decimal) else value for key, value in asdict(usage.limit).items()},
            "demand": float(usage.demand),
            "available": float(usage.available),
            "utilization": float(usage.utilization),
            "breaksAt": None if usage.breaks_at is None else int(usage.breaks_at),
        }
        for usage in found
    ]


def percent(share: Decimal) -> str:
    """Say less than a tenth of a percent as such: more digits would be false."""
    value = share * 100
    if value and value < Decimal("0.1"):
        return "< 0.1 %"
    return f"{value:,.1f} %" if value < 10 else f"{value:,.0f} %"


def orders(number: Decimal | None) -> str:
    """Return two digits and the unit: the assumptions do not give more."""
    if number is None:
        return "never"
    digits = f"{number:.1e}"
    return f"{int(Decimal(digits)):,}"


def _breaks(platform: Platform) -> str:
    """Of each load, what did not break at the one before."""
    rows, known = [], set()
    for multiple in MULTIPLES:
        found = usages(platform, NOW * multiple)
        new = [usage for usage in found if usage.utilization > 1 and usage.limit.key not in known]
        known |= {usage.limit.key for usage in new}
        text = "<br>".join(map(_broken, new)) or f"nothing; the nearest is {_nearest(found)}"
        rows.append((_times(multiple), f"{NOW * multiple:,}", text))
    return markdown.table(("load", "orders a day", "what breaks in addition, and what to turn"), rows)


def _broken(usage: Usage) -> str:
    needs = f"{usage.demand:,.0f} of {usage.available:,.0f}"
    return f"**{usage.limit.service}, {usage.limit.name}** ({needs}): {usage.limit.turn}"


def _nearest(found: Sequence[Usage]) -> str:
    usage = max(found, key=lambda each: each.utilization)
    return f"{usage.limit.service}, {usage.limit.name}, at {percent(usage.utilization)}"


def _usage(platform: Platform) -> str:
    columns = [{usage.limit.key: usage for usage in usages(platform, NOW * multiple)} for multiple in MULTIPLES]
    rows = []
    for usage in usages(platform):
        used = [_cell(column[usage.limit.key]) for column in columns]
        rows.append((f"{usage.limit.service}: {usage.limit.name}", *used, orders(usage.breaks_at)))
    return markdown.table(("limit", *map(_times, MULTIPLES), "breaks at orders a day"), rows)


def _cell(usage: Usage) -> str:
    text = percent(usage.utilization)
    return f"**{text}**" if usage.utilization > 1 else text


def _files(platform: Platform) -> str:
    rows = [(stage.name, f"{stage.orders:,.0f}", stage.turn) for stage in stages(platform)]
    return markdown.table(("stage, the slowest first", "orders a second", "what to turn"), rows)


def _limits(platform: Platform) -> str:
    rows = []
    for usage in usages(platform):
        limit = usage.limit
        by = f"`{limit.setting}`" if limit.setting else limit.quota
        name = f"{limit.service}: {limit.name}; {limit.what}"
        rows.append((name, f"{usage.available:,.0f}", by, _source(limit.source), limit.seen))
    return markdown.table(("limit", "value", "setting or quota", "source", "seen"), rows)


def _source(text: str) -> str:
    if not text.startswith("https://"):
        return text
    return f"[{text.rpartition('/')[2].removesuffix('.html')}]({text})"


def _times(multiple: int) -> str:
    return "today" if multiple == 1 else f"{multiple:,} times"
