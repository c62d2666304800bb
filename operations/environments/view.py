"""The environments as a table and as JSON."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from deployer import durations
from deployer.show.ui import Ui
from deployer.stacks.preview_records import UNREADABLE

if TYPE_CHECKING:
    from operations.environments.command import Listed


def show(ui: Ui, found: Sequence["Listed"], orders_per_day: int, now: datetime) -> None:
    if not found:
        ui.line("No environment is deployed here.")
        return
    headings = (
        "name",
        "like",
        "owner",
        "age",
        "expires",
        "version",
        "status",
        "idle",
        f"{orders_per_day:,} orders/day",
    )
    ui.table([_row(each, now) for each in found], headings)
    ui.line("  Estimates in US dollars a month. --destroy --expired deletes what has expired.")


def _row(each: "Listed", now: datetime) -> tuple[str, ...]:
    return (
        each.name,
        _like(each) or "-",
        each.owner.rpartition(":")[2].rpartition("/")[2] or "unknown",
        durations.words(now - each.stack["CreationTime"]) if each.stack else "-",
        _expires(each, now),
        each.version or "-",
        each.status.name or "not deployed",
        *(_dollars(cost) for cost in (each.idle, each.loaded)),
    )


def _like(each: "Listed") -> str:
    return each.preview.like if each.preview else ""


def _expires(each: "Listed", now: datetime) -> str:
    if each.preview == UNREADABLE:
        return "unreadable"
    expiry = each.preview and each.preview.expiry
    if not expiry:
        return "never"
    return f"in {durations.words(expiry - now)}" if expiry > now else f"expired {durations.words(now - expiry)} ago"


def _dollars(cost: Decimal | None) -> str:
    return "-" if cost is None else f"{cost:.2f}"


def as_json(found: Sequence["Listed"], now: datetime) -> list[dict]:
    return [
        {
            "name": each.name,
            "like": _like(each) or None,
            "owner": each.owner,
            "created": each.stack["CreationTime"].isoformat() if each.stack else None,
            "expires": each.preview.expires if each.preview else None,
            "expired": bool(each.preview and each.preview.has_expired(now)),
            "readable": each.preview != UNREADABLE,
            "version": each.version,
            "status": each.status.name,
            "costPerMonth": {"idle": _rounded(each.idle), "loaded": _rounded(each.loaded)},
        }
        for each in found
    ]


def _rounded(cost: Decimal | None) -> float | None:
    return None if cost is None else round(float(cost), 2)
