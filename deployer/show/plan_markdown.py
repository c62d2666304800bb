"""A plan as GitHub Markdown, short enough for a comment on a pull request."""

import html
import re
from collections.abc import Iterable
from itertools import groupby

from deployer.plan import publishing
from deployer.plan.changes import ABSENT, Action, Change, Difference
from deployer.show import cost_view, monitoring_view, permissions_view, plan_values
from deployer.show.plan_report import PlanReport

LIMIT = 60_000
"""Characters; GitHub accepts 65,536."""

_SECTION = 15_000
"""Maximum characters of each of dangers, permissions and cost."""

_RESOURCE = 6_000
"""Maximum characters of one resource's differences."""

_WIDTH = 300
_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")


def as_markdown(report: PlanReport) -> str:
    """Dangers first, then permissions and cost, then each stack; cut between two resources."""
    lines = [
        f"### Plan for {_escaped(report.environment)}: {_escaped(report.summary)}",
        "",
        f"Stack {_escaped(report.stack)}, account {_escaped(report.account)}, {_escaped(report.region + report.elsewhere)}.",
        *(["", f"Requests move to the new versions: {report.shift}."] if report.shift else []),
        *_cut([line for tag in report.tags for line in ("", f"~ {_escaped(str(tag))}")]),
        *(["", f"~ {_escaped(report.restoring)}"] if report.swapped else []),
        *_cut(_dangers(report)),
        *_cut([line for text in monitoring_view.lines(report.monitoring) for line in ("", _escaped(text))]),
    ]
    if report.permissions is not None:
        lines += ["", "#### Permissions", "", *_cut(permissions_view.markdown(report.permissions))]
    if report.cost is not None:
        lines += ["", "#### Cost", "", *_cut(cost_view.markdown(report.cost))]
    lines += _stacks(report, LIMIT - _size(lines))
    return "\n".join(lines) + "\n"


def _dangers(report: PlanReport) -> list[str]:
    refused = [danger for danger in report.dangers if not danger.allowed]
    allowed = [danger for danger in report.dangers if danger.allowed]
    lines = []
    if refused:
        lines += ["", "> [!WARNING]", "> **DATA AT RISK**, refused unless allowed by name:"]
        lines += [f"> - {_escaped(str(danger))}" for danger in refused]
    if allowed:
        lines += ["", "> [!IMPORTANT]", "> **Data that will be lost, as allowed:**"]
        lines += [f"> - {_escaped(str(danger))}" for danger in allowed]
    return lines


def _stacks(report: PlanReport, room: int) -> list[str]:
    """One collapsible block per stack, with as many resources as fit in `room`."""
    lines, left = [], len(publishing.others(report.plan.changes))
    room -= 100  # for the last line
    for stack, group in groupby(report.plan.changes, key=lambda change: change.stack):
        changes = list(group)
        block, shown = _block(stack or (report.stack,), changes, report, room)
        lines += block
        left -= shown
        room -= _size(block)
        if shown < len(publishing.others(changes)):
            break
    return [*lines, "", f"… and {left} more resources change."] if left else lines


def _block(stack: tuple[str, ...], changes: list[Change], report: PlanReport, room: int) -> tuple[list[str], int]:
    """Return the lines of one stack, and the number of changes shown."""
    head = [
        "",
        "<details open>",
        f"<summary><b>{html.escape('/'.join(stack))}</b>: {html.escape(plan_values.counts(changes))}</summary>",
        "",
    ]
    foot = ["", "</details>"]
    room -= _size([*head, *foot]) + 200  # the table's heading and the fences
    if plan_values.only_additions(changes):
        counts = [f"| + | {number} | {_escaped(kind)} |" for kind, number in plan_values.by_type(changes)]
        table = ["| | | Type |", "|---|---|---|", *counts]
        return ([*head, *table, *foot], len(changes)) if _size(table) <= room else ([], 0)
    rows: list[str] = []
    hunks: list[str] = []
    if publication := plan_values.publication(changes):
        rows.append(f"| {_escaped(plan_values.SIGNS[Action.MODIFY])} | {_escaped(publication)} | | publish |")
        changes = publishing.others(changes)
    shown = 0
    for change in changes:
        row, hunk = _row(change, report), _hunk(change)
        if _size([*rows, row, *hunks, *hunk]) > room:
            break
        rows.append(row)
        hunks += hunk
        shown += 1
    if not rows:
        return [], 0
    table = ["| | Resource | Type | Change |", "|---|---|---|---|", *rows]
    return [*head, *table, *_fenced(hunks), *foot], shown


def _row(change: Change, report: PlanReport) -> str:
    danger = report.danger(change.path)
    mark = "" if danger is None else " (allowed)" if danger.allowed else " **DATA AT RISK**"
    what = "metadata only" if change.metadata_only else change.action.value
    sign = _escaped(plan_values.SIGNS[change.action])
    return f"| {sign} | {_escaped(change.logical_id)} | {_escaped(change.type)} | {what}{mark} |"


def _hunk(change: Change) -> list[str]:
    """Return the differences of one resource as lines of a diff."""
    if not change.differences or change.metadata_only:
        return []
    lines = [f"@@ {' '.join(change.logical_id.split())} @@"]
    for number, difference in enumerate(change.differences):
        more = _diff(difference)
        if _size([*lines, *more]) > _RESOURCE:
            return [*lines, f"  … and {len(change.differences) - number} more differences"]
        lines += more
    return lines


def _diff(difference: Difference) -> list[str]:
    note = plan_values.NOTES[difference.replaces]
    path = f"{plan_values.shortened(difference.path, _WIDTH)}{f'  ({note})' if note else ''}"
    if not plan_values.has_values(difference):
        return [f"! {path}"]
    before, after = plan_values.sides(difference, _WIDTH)
    return ([f"- {path}: {before}"] if difference.before is not ABSENT else []) + (
        [f"+ {path}: {after}"] if difference.after is not ABSENT else []
    )


def _fenced(lines: list[str]) -> list[str]:
    """No line of a hunk begins with a backtick, so none ends the fence."""
    return ["", "```diff", *lines, "```"] if lines else []


def _escaped(text: str) -> str:
    """Escape Markdown, HTML and table separators."""
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _cut(lines: list[str]) -> list[str]:
    """Cut the lines to the size of a section; close an open fence."""
    size, fence = 0, ""
    for number, line in enumerate(lines):
        size += len(line) + 1
        if size > _SECTION:
            return [*lines[:number], *([fence] if fence else []), "", f"… and {len(lines) - number} more lines"]
        if mark := re.match("`{3,}", line):
            fence = "" if fence else mark[0]
    return lines


def _size(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)
