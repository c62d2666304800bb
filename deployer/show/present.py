"""Values into lines: the plan, the dangers, the outputs."""

from collections.abc import Iterable, Mapping
from itertools import groupby

from deployer.plan.changes import Action, Change, Plan
from deployer.plan.guard import Danger
from deployer.show.ui import Ui

_SIGN = {
    Action.ADD: ("+", "green"),
    Action.MODIFY: ("~", "yellow"),
    Action.MAY_REPLACE: ("?", "yellow"),
    Action.REPLACE: ("±", "red"),
    Action.REMOVE: ("-", "red"),
}
_MANY = 12
"""A stack with more additions than this, and nothing else, is shown as counts."""


def show_plan(ui: Ui, plan: Plan) -> None:
    for stack, group in groupby(plan.changes, key=lambda change: change.stack):
        changes = list(group)
        ui.line("/".join(stack) or "root stack", "bold")
        if len(changes) > _MANY and all(change.action is Action.ADD for change in changes):
            for kind, number in _by_type(changes):
                ui.line(f"  + {number} {kind}", "green")
            continue
        for change in changes:
            sign, style = _SIGN[change.action]
            sign = sign if ui.unicode else "+-" if sign == "±" else sign
            detail = f": {', '.join(change.properties)}" if change.properties else ""
            ui.line(f"  {sign} {change.logical_id} ({change.type}){detail}", style)
    ui.line(summary(plan))


def summary(plan: Plan) -> str:
    parts = [f"{plan.count(action)} to {action.value}" for action in Action if plan.count(action)]
    phantoms = f" ({plan.phantoms} more refer to something that changes)" if plan.phantoms else ""
    return (", ".join(parts) or "no resource changes, only outputs") + phantoms


def _by_type(changes: Iterable[Change]) -> list[tuple[str, int]]:
    kinds = sorted(change.type for change in changes)
    return [(kind, len(list(group))) for kind, group in groupby(kinds)]


def show_dangers(ui: Ui, dangers: Iterable[Danger]) -> None:
    for danger in dangers:
        ui.line(
            f"  {'allowed' if danger.allowed else 'DATA AT RISK'}: {danger}", "yellow" if danger.allowed else "bold red"
        )


def show_outputs(ui: Ui, outputs: Mapping[str, str]) -> None:
    width = max(map(len, outputs), default=0)
    for key, value in sorted(outputs.items()):
        ui.line(f"  {key:<{width}}  {value}")


def as_json(plan: Plan | None) -> list[dict]:
    return [
        {
            "stack": "/".join(change.stack),
            "logicalId": change.logical_id,
            "type": change.type,
            "action": change.action.value,
            "properties": list(change.properties),
        }
        for change in (plan.changes if plan else ())
    ]
