"""A plan as JSON, described by docs/plan.schema.json."""

from dataclasses import asdict

from deployer.plan.changes import ABSENT, Action, Change, Difference, Hidden, Plan, Unknown
from deployer.plan.guard import Danger
from deployer.plan.stateful import REPLACED_BY
from deployer.show import cost_view, monitoring_view, permissions_view
from deployer.show.plan_report import PlanReport

VERSION = 1
"""Of the format: a new key keeps the version, a new meaning of a key changes it."""

_ACTIONS = {
    Action.ADD: "add",
    Action.MODIFY: "modify",
    Action.MAY_REPLACE: "mayReplace",
    Action.REPLACE: "replace",
    Action.REMOVE: "remove",
}


def as_json(report: PlanReport) -> dict:
    """Values are complete; `permissions` and `cost` only if they were computed."""
    sections = {}
    if report.permissions is not None:
        sections["permissions"] = permissions_view.as_json(report.permissions)
    if report.cost is not None:
        sections["cost"] = cost_view.as_json(report.cost)
    return {
        "version": VERSION,
        "environment": report.environment,
        "stack": report.stack,
        "account": report.account,
        "region": report.region,
        "summary": _summary(report.plan),
        "shift": report.shift or None,
        "changes": [_change(change) for change in report.plan.changes],
        "tags": [asdict(tag) for tag in report.tags],
        "otherCode": list(report.swapped),
        "dangers": [_danger(danger) for danger in report.dangers],
        "monitoring": monitoring_view.as_json(report.monitoring),
        **sections,
    }


def _summary(plan: Plan) -> dict[str, int]:
    return {name: plan.count(action) for action, name in _ACTIONS.items()} | {"phantoms": plan.phantoms}


def _change(change: Change) -> dict:
    return {
        "stack": "/".join(change.stack),
        "logicalId": change.logical_id,
        "path": change.path,
        "type": change.type,
        "action": _ACTIONS[change.action],
        "stateful": change.type in REPLACED_BY,
        "kept": change.retained,
        "properties": list(change.properties),
        "differences": [_difference(difference) for difference in change.differences],
    }


def _difference(difference: Difference) -> dict:
    sides = {"before": difference.before, "after": difference.after}
    return {
        "path": difference.path,
        "attribute": difference.attribute,
        "replacement": difference.replaces.value,
        **{side: _value(value) for side, value in sides.items() if value is not ABSENT},
    }


def _danger(danger: Danger) -> dict:
    change = danger.change
    return {
        "path": change.path,
        "logicalId": change.logical_id,
        "type": change.type,
        "action": _ACTIONS[change.action],
        "kept": change.retained,
        "allowed": danger.allowed,
        "reason": str(danger),
    }


def _value(node):
    """Represent markers as objects with one key that no template has."""
    if isinstance(node, Unknown):
        return {"$knownAfterDeployment": node.expression}
    if isinstance(node, Hidden):
        return {"$hidden": True}
    if isinstance(node, dict):
        return {str(key): _value(value) for key, value in node.items()}
    return [_value(item) for item in node] if isinstance(node, list) else node
