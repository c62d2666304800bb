"""The results of a drift detection as lines and as JSON."""

from collections import Counter
from collections.abc import Iterable

from deployer.show.ui import Ui
from operations.drift.detection import DriftedResource, PropertyDifference, StackDrift

_LONGEST = 200
_KINDS_NAMED = 6

REMEDY = (
    "A deployment does not revert drift: CloudFormation compares templates, not resources.",
    "Revert it by hand; or, to keep it, change the templates and deploy.",
)
"""A change set with DeploymentMode REVERT_DRIFT compares resources, too; deploy.py creates none."""


def show(ui: Ui, found: Iterable[StackDrift]) -> None:
    found = list(found)
    for stack in found:
        if not (stack.drifted or stack.problem):
            continue
        ui.line(stack.title, "bold")
        for resource in stack.drifted:
            _show_resource(ui, resource)
        if stack.problem:
            ui.line(f"  ? {_short(stack.problem)}", "yellow")
    ui.line(summary(found), "yellow" if any(stack.drifted or stack.problem for stack in found) else "green")
    if unchecked := unchecked_kinds(found):
        ui.line(f"Not checked, because CloudFormation cannot: {_named(unchecked)}")
    if any(stack.drifted for stack in found):
        for line in REMEDY:
            ui.line(line)


def summary(found: list[StackDrift]) -> str:
    drifted = sum(len(stack.drifted) for stack in found)
    checked = drifted + sum(stack.in_sync for stack in found)
    incomplete = sum(bool(stack.problem) for stack in found)
    text = f"{drifted} of {checked} checked resources have drifted" if drifted else f"{checked} resources are in sync"
    return text + (f"; {incomplete} of {len(found)} stacks could not be checked completely" if incomplete else "")


def unchecked_kinds(found: Iterable[StackDrift]) -> dict[str, int]:
    """Return resource type -> number in all stacks, largest number first."""
    total: Counter[str] = Counter()
    for stack in found:
        total.update(stack.unchecked)
    return dict(sorted(total.items(), key=lambda entry: (-entry[1], entry[0])))


def _show_resource(ui: Ui, resource: DriftedResource) -> None:
    if resource.status == "DELETED":
        ui.line(f"  - {resource.logical_id} ({resource.type}) is gone: {resource.physical_id}", "red")
        return
    ui.line(f"  ~ {resource.logical_id} ({resource.type}) {resource.physical_id}", "yellow")
    for difference in resource.differences:
        ui.line(f"      {_difference(difference)}")


def _difference(difference: PropertyDifference) -> str:
    if difference.kind == "ADD":
        return f"{difference.path}: {_short(difference.actual)}, which the template does not have"
    if difference.kind == "REMOVE":
        return f"{difference.path}: {_short(difference.expected)} is missing"
    return f"{difference.path}: {_short(difference.expected)} → {_short(difference.actual)}"


def _short(text: str) -> str:
    """Shorten to one line; the JSON report has complete values."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _named(kinds: dict[str, int]) -> str:
    named = [f"{number} {kind}" for kind, number in list(kinds.items())[:_KINDS_NAMED]]
    rest = sum(list(kinds.values())[_KINDS_NAMED:])
    return ", ".join(named) + (f", {rest} of other types" if rest else "")


def as_json(found: Iterable[StackDrift]) -> list[dict]:
    """One object per stack; `stack` is its path, "" for the root."""
    return [
        {
            "stack": stack.path,
            "status": stack.status,
            "problem": stack.problem,
            "inSync": stack.in_sync,
            "unchecked": dict(stack.unchecked),
            "drifted": [
                {
                    "logicalId": resource.logical_id,
                    "physicalId": resource.physical_id,
                    "type": resource.type,
                    "status": resource.status,
                    "differences": [
                        {"path": each.path, "expected": each.expected, "actual": each.actual, "kind": each.kind}
                        for each in resource.differences
                    ],
                }
                for resource in stack.drifted
            ],
        }
        for stack in found
    ]
