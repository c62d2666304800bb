"""Decide what a deployment changes, from two snapshots and the change set. Pure.

A change set does not suffice: a nested one lists unchanged siblings as modified, and a replacement as possible or even
certain if a value comes from a sibling's output. So the plan compares templates and parameter values, and follows the
consequences of replacements; the change set adds what only CloudFormation knows (`verdicts`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from deployer.plan import schemas, stateful, verdicts
from deployer.plan.changes import ABSENT, Action, Change, Difference, Plan, Replaces, Verdict
from deployer.plan.consequences import ResourceId, renewed, with_renewed_parameters
from deployer.plan.properties import differences, masked
from deployer.plan.resolve import Scope, has_unknown
from deployer.plan.snapshot import STACK, Snapshot

Definition = Mapping[str, Any]
"""A resource in a template."""


def make(now: Snapshot, then: Snapshot, listed: Iterable[Verdict] = ()) -> Plan:
    """Return the plan that turns `now` into `then`. `listed`: the contents of the change set."""
    ours = {(change.stack, change.logical_id): change for change in compare(now, then)}
    disabled = _disabled(now) | _disabled(then)  # conditions take precedence over the change set
    phantoms = 0
    for verdict in listed:
        if verdict.type == STACK and verdict.action == "Modify":
            continue  # its resources are listed separately
        key = (verdict.stack, verdict.logical_id)
        if key in ours:
            ours[key] = verdicts.merged(ours[key], verdict)
        elif key in disabled:
            continue
        elif change := verdicts.only_listed(verdict):
            ours[key] = change
        else:
            phantoms += 1
    return Plan(tuple(sorted(ours.values(), key=lambda change: (change.stack, change.logical_id))), phantoms)


def compare(now: Snapshot, then: Snapshot) -> list[Change]:
    """Compare templates and parameters, without the change set.

    A replaced resource gets a new name and ARN, so resources that refer to it change as well, also in other stacks,
    and may be replaced in turn. So compare until there is no further replacement.
    """
    replaced: frozenset[ResourceId] = frozenset()
    while True:
        then = with_renewed_parameters(then, replaced)
        changes = list(_compare(now, then, replaced, ()))
        found = frozenset(
            (change.stack, change.logical_id)
            for change in changes
            if change.action in (Action.REPLACE, Action.MAY_REPLACE)
        )
        if found <= replaced:
            return changes
        replaced |= found


def _compare(
    now: Snapshot, then: Snapshot, replaced: frozenset[ResourceId], stack: tuple[str, ...]
) -> Iterable[Change]:
    old, new = _resources(now), _resources(then)
    renewed_here = {logical_id for path, logical_id in replaced if path == stack}
    for logical_id in sorted(old.keys() | new.keys()):
        before, after = old.get(logical_id), new.get(logical_id)
        is_stack = (after or before or {}).get("Type") == STACK
        if is_stack and logical_id in (now.children.keys() | then.children.keys()):
            child_now, child_then = (tree.children.get(logical_id, Snapshot()) for tree in (now, then))
            yield from _compare(child_now, child_then, replaced, (*stack, logical_id))
            if before and after:
                continue
        if change := _change(stack, logical_id, before, after and renewed(after, renewed_here)):
            yield change


def _resources(tree: Snapshot) -> dict[str, dict[str, Any]]:
    """Return logical id -> resolved definition of the resources whose condition is not false."""
    scope = Scope(tree.template, tree.parameters)
    return {
        logical_id: {key: scope.resolve(value) for key, value in definition.items() if key != "Condition"}
        for logical_id, definition in scope.resources().items()
    }


def _disabled(tree: Snapshot, stack: tuple[str, ...] = ()) -> set[ResourceId]:
    """Return the resources whose condition is known to be false, in this stack and nested ones."""
    on = Scope(tree.template, tree.parameters).resources()
    off = {(stack, logical_id) for logical_id in tree.template.get("Resources", {}) if logical_id not in on}
    return off.union(*(_disabled(child, (*stack, name)) for name, child in tree.children.items()))


def _change(
    stack: tuple[str, ...], logical_id: str, before: Definition | None, after: Definition | None
) -> Change | None:
    if after is None:
        if before is None:
            return None
        return Change(stack, logical_id, before["Type"], Action.REMOVE, retained=_is_retained(before, "DeletionPolicy"))
    if before is None:
        return Change(stack, logical_id, after["Type"], Action.ADD)
    if before["Type"] != after["Type"]:
        other = Difference((), before["Type"], after["Type"], Replaces.CERTAINLY, attribute="Type")
        kept = _is_retained(before, "UpdateReplacePolicy")
        return Change(stack, logical_id, before["Type"], Action.REPLACE, (other,), kept)
    found = _differences(before, after)
    if not found:
        return None
    return Change(
        stack, logical_id, after["Type"], verdicts.action_of(found), found, _is_retained(after, "UpdateReplacePolicy")
    )


def _differences(before: Definition, after: Definition) -> tuple[Difference, ...]:
    old, new = before.get("Properties", {}), after.get("Properties", {})
    found = [
        replace(difference, replaces=_replacement(before["Type"], difference, old, new))
        for difference in differences(old, new)
    ]
    for name in sorted((before.keys() | after.keys()) - {"Properties"}):
        found += differences(_attribute(before, name), _attribute(after, name), name)
    return tuple(
        replace(difference, before=masked(difference.before), after=masked(difference.after)) for difference in found
    )


def _replacement(resource_type: str, difference: Difference, before: dict, after: dict) -> Replaces:
    """Decide a replacement by the table of stateful types, else by the provider schema."""
    if stateful.replaces(resource_type, difference, before, after):
        verdict = Replaces.CERTAINLY
    else:
        verdict = schemas.replaces(resource_type, difference)
    is_known = not has_unknown([difference.before, difference.after])
    return Replaces.POSSIBLY if verdict is Replaces.CERTAINLY and not is_known else verdict


def _attribute(resource: Definition, name: str) -> Any:
    """Return an attribute; DependsOn, which may be a name or a list in any order, as a sorted list."""
    value = resource.get(name, ABSENT)
    if name == "DependsOn" and value is not ABSENT:
        return sorted([value] if isinstance(value, str) else value)
    return value


def _is_retained(resource: Definition, policy: str) -> bool:
    return resource.get(policy) in ("Retain", "RetainExceptOnCreate", "Snapshot")
