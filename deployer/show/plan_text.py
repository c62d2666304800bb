"""A plan as lines: stack, resource, property, old and new value."""

from itertools import groupby

from deployer.plan import publishing
from deployer.plan.changes import ABSENT, Action, Change, Difference, Replaces
from deployer.plan.guard import Danger
from deployer.plan.snapshot import STACK
from deployer.show import cost_view, monitoring_view, permissions_view, plan_values
from deployer.show.plan_report import PlanReport
from deployer.show.ui import Ui

_STYLES = {
    Action.ADD: "green",
    Action.MODIFY: "yellow",
    Action.MAY_REPLACE: "yellow",
    Action.REPLACE: "red",
    Action.REMOVE: "red",
}
_WIDTH = 60
_MAX_DIFFERENCES = 20
"""Differences of one resource that are shown; --output json has all."""


def show(ui: Ui, report: PlanReport) -> None:
    """Show the changes of each stack, the summary, dangers, then permissions and cost if computed."""
    ui.line(report.stack, "bold")
    for stack, group in groupby(report.plan.changes, key=lambda change: change.stack):
        _stack(ui, report, stack, list(group))
    for tag in report.tags:
        ui.line(f"  ~ {tag}", "yellow")
    if report.swapped:
        ui.line(f"  ~ {report.restoring}", "yellow")
    ui.line(report.summary, "bold")
    if report.shift:
        ui.line(f"Requests move to the new versions: {report.shift}")
    for danger in report.dangers:
        ui.line(f"  {_mark(danger)}: {danger}", _danger_style(danger))
    if report.permissions is not None:
        permissions_view.text(ui, report.permissions)
    if report.cost is not None:
        cost_view.text(ui, report.cost)
    monitoring_view.text(ui, report.monitoring)


def show_first(ui: Ui, report: PlanReport) -> None:
    """Sum up the plan of a first deployment in one line each for resources, permissions and cost."""
    stacks = 1 + sum(change.type == STACK for change in report.plan.changes)
    resources = len(report.plan.changes) - stacks + 1
    ui.line(f"{report.stack}: {resources} resources to create in {stacks} stacks; --plan lists them", "bold")
    if report.permissions is not None:
        ui.line(permissions_view.summary(report.permissions))
    if report.cost is not None:
        ui.line(f"{cost_view.heading(report.cost)}: ${report.cost.after.total:,.2f}")
    monitoring_view.text(ui, report.monitoring)


def _stack(ui: Ui, report: PlanReport, stack: tuple[str, ...], changes: list[Change]) -> None:
    if stack:
        ui.line(f"{'  ' * len(stack)}{stack[-1]}", "bold")
    indent = "  " * (len(stack) + 1)
    if plan_values.only_additions(changes):
        for kind, number in plan_values.by_type(changes):
            ui.line(f"{indent}+ {number} {kind}", "green")
        return
    for alike in plan_values.alike(publishing.others(changes)):
        names = ", ".join(change.logical_id for change in alike)
        _resource(ui, indent, names, alike[0], report.danger(alike[0].path))
    if publication := plan_values.publication(changes):
        ui.line(f"{indent}{plan_values.SIGNS[Action.MODIFY]} {publication}", _STYLES[Action.MODIFY])


def _resource(ui: Ui, indent: str, names: str, change: Change, danger: Danger | None) -> None:
    sign = plan_values.SIGNS[change.action]
    sign = sign if ui.unicode else sign.replace("±", "+-")
    style = _danger_style(danger) if danger else "dim" if change.metadata_only else _STYLES[change.action]
    note = f"  {_mark(danger)}" if danger else "  metadata only, no effect" if change.metadata_only else ""
    ui.line(f"{indent}{sign} {names} ({change.type}){note}", style)
    if change.metadata_only:
        return
    for difference in change.differences[:_MAX_DIFFERENCES]:
        ui.line(f"{indent}    {_difference(difference)}", "" if difference.replaces is Replaces.NO else style)
    if len(change.differences) > _MAX_DIFFERENCES:
        ui.line(f"{indent}    … and {len(change.differences) - _MAX_DIFFERENCES} more; --output json shows all")


def _difference(difference: Difference) -> str:
    note = plan_values.NOTES[difference.replaces]
    return f"{difference.path}{_sides(difference)}{f'  ({note})' if note else ''}"


def _sides(difference: Difference) -> str:
    if not plan_values.has_values(difference):
        return ""
    before, after = plan_values.sides(difference, _WIDTH)
    if difference.before is ABSENT:
        return f": + {after}"
    return f": - {before}" if difference.after is ABSENT else f": {before} → {after}"


def _mark(danger: Danger) -> str:
    return "allowed" if danger.allowed else "DATA AT RISK"


def _danger_style(danger: Danger) -> str:
    return "yellow" if danger.allowed else "bold red"
