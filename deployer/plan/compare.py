"""What a deployment will change, decided from two snapshots and the change set's verdict. Pure.

The change set report_conflict will not do: nested ones call untouched siblings modified, and call a
replacement possible or even certain whenever a value comes from a sibling's output. So the plan is
our own comparison of templates and parameter values, and of what follows from a replacement; the
change set adds what only the service can know (`verdicts`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deployer.plan import schemas, stateful, verdicts
from deployer.plan.changes import ABSENT, Action, Change, Difference, Plan, Replaces, Verdict
from deployer.plan.consequences import Place, renewed, with_renewed_parameters
from deployer.plan.properties import differences, masked
from deployer.plan.resolve import Scope, has_unknown
from deployer.plan.snapshot import STACK, Snapshot


def make(now: Snapshot, then: Snapshot, told: Iterable[Verdict] = ()) -> Plan:
    """The plan that turns `now` into `then`; `told`: what the change set says."""
    ours = {(change.stack, change.logical_id): change for change in compare(now, then)}
    switched_off = _switched_off(now) | _switched_off(then)  # ours to judge, whatever else lists them
    phantoms = 0
    for verdict in told:
        if verdict.type == STACK and verdict.action == "Modify":
            continue  # its contents are listed themselves
        key = (verdict.stack, verdict.logical_id)
        if key in ours:
            ours[key] = verdicts.merged(ours[key], verdict)
        elif key in switched_off:
            continue
        elif change := verdicts.only_theirs(verdict):
            ours[key] = change
        else:
            phantoms += 1
    return Plan(tuple(sorted(ours.values(), key=lambda change: (change.stack, change.logical_id))), phantoms)


def compare(now: Snapshot, then: Snapshot) -> list[Change]:
    """Our own verdict, from templates and parameters report_conflict.

    A replaced resource has a new name and ARN: what refers to it changes with it, across stacks
    too, and may be replaced in turn. So compare until no further replacement is found.
    """
    replaced: frozenset[Place] = frozenset()
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


def _compare(now: Snapshot, then: Snapshot, replaced: frozenset[Place], stack: tuple[str, ...]) -> Iterable[Change]:
    old, new = _resources(now), _resources(then)
    renewed_here = {logical_id for place, logical_id in replaced if place == stack}
    for logical_id in sorted(old.keys() | new.keys()):
        before, after = old.get(logical_id), new.get(logical_id)
        is_stack = (after or before or {}).get("Type") == STACK
        if is_stack and logical_id in (now.children.keys() | then.children.keys()):
            children = (tree.children.get(logical_id, Snapshot()) for tree in (now, then))
            yield from _compare(*children, replaced, (*stack, logical_id))
            if before and after:
                continue
        if change := _change(stack, logical_id, before, after and renewed(after, renewed_here)):
            yield change


def _resources(tree: Snapshot) -> dict[str, dict]:
    """Logical id -> definition, as far as it can be resolved, of the resources that are not switched off."""
    scope = Scope(tree.template, tree.parameters)
    return {
        logical_id: {key: scope.resolve(value) for key, value in definition.items() if key != "Condition"}
        for logical_id, definition in scope.resources().items()
    }


def _switched_off(tree: Snapshot, stack: tuple[str, ...] = ()) -> set[Place]:
    """Resources whose condition is known to be false, in this stack and below."""
    on = Scope(tree.template, tree.parameters).resources()
    off = {(stack, logical_id) for logical_id in tree.template.get("Resources", {}) if logical_id not in on}
    return off.union(*(_switched_off(child, (*stack, name)) for name, child in tree.children.items()))


def _change(stack, logical_id: str, before: dict | None, after: dict | None) -> Change | None:
    if before is None:
        return Change(stack, logical_id, after["Type"], Action.ADD)
    if after is None:
        return Change(stack, logical_id, before["Type"], Action.REMOVE, retained=_is_retained(before, "DeletionPolicy"))
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


def _differences(before: dict, after: dict) -> tuple[Difference, ...]:
    old, new = before.get("Properties", {}), after.get("Properties", {})
    found = [
        replace(difference, replaces=_judged(before["Type"], difference, old, new))
        for difference in differences(old, new)
    ]
    for name in sorted((before.keys() | after.keys()) - {"Properties"}):
        found += differences(_attribute(before, name), _attribute(after, name), name)
    return tuple(
        replace(difference, before=masked(difference.before), after=masked(difference.after)) for difference in found
    )


def _judged(resource_type: str, difference: Difference, before: dict, after: dict) -> Replaces:
    """By the table of what holds data, by the provider's schema of everything else."""
    if stateful.replaces(resource_type, difference, before, after):
        verdict = Replaces.CERTAINLY
    else:
        verdict = schemas.replaces(resource_type, difference)
    is_known = not has_unknown([difference.before, difference.after])
    return Replaces.POSSIBLY if verdict is Replaces.CERTAINLY and not is_known else verdict


def _attribute(resource: Mapping, name: str):
    """DependsOn may be a name or a list, in any order."""
    value = resource.get(name, ABSENT)
    if name == "DependsOn" and value is not ABSENT:
        return sorted([value] if isinstance(value, str) else value)
    return value


def _is_retained(resource: Mapping, policy: str) -> bool:
    return resource.get(policy) in ("Retain", "RetainExceptOnCreate", "Snapshot")
