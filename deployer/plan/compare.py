"""What a deployment will change, decided from two snapshots and the change set's verdict. Pure.

The change set alone will not do: nested ones call untouched siblings modified, and call a
replacement possible whenever a parameter comes from a sibling's output. So the plan is our own
comparison of templates and parameter values; the change set adds what only the service can know.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from deployer.plan import stateful
from deployer.plan.changes import Action, Change, Plan, Verdict
from deployer.plan.resolve import Scope, has_unknown
from deployer.plan.snapshot import STACK, Snapshot


def make(now: Snapshot, then: Snapshot, verdicts: Iterable[Verdict] = ()) -> Plan:
    """The plan that turns `now` into `then`."""
    ours = {(change.stack, change.logical_id): change for change in compare(now, then)}
    switched_off = _switched_off(now) | _switched_off(then)  # ours to judge, whatever else lists them
    phantoms = 0
    for verdict in verdicts:
        if verdict.type == STACK and verdict.action == "Modify":
            continue  # its contents are listed themselves
        key = (verdict.stack, verdict.logical_id)
        if key in ours:
            ours[key] = _merged(ours[key], verdict)
        elif key in switched_off:
            continue
        elif change := _only_theirs(verdict):
            ours[key] = change
        else:
            phantoms += 1
    return Plan(tuple(sorted(ours.values(), key=lambda change: (change.stack, change.logical_id))), phantoms)


def compare(now: Snapshot, then: Snapshot, stack: tuple[str, ...] = ()) -> list[Change]:
    """Our own verdict, from templates and parameters alone."""
    old_scope, new_scope = Scope(now.template, now.parameters), Scope(then.template, then.parameters)
    old, new = _resources(now.template, old_scope), _resources(then.template, new_scope)
    changes = []
    for logical_id in sorted(old.keys() | new.keys()):
        before, after = old.get(logical_id), new.get(logical_id)
        is_stack = (after or before or {}).get("Type") == STACK
        if is_stack and logical_id in (now.children.keys() | then.children.keys()):
            children = (tree.children.get(logical_id, Snapshot()) for tree in (now, then))
            changes += compare(*children, (*stack, logical_id))
            if before and after:
                continue
        if change := _difference(stack, logical_id, before, after, new_scope):
            changes.append(change)
    return changes


def _resources(template: Mapping, scope: Scope) -> dict[str, dict]:
    """Logical id -> definition of the resources whose condition is not known to be false."""
    return {
        logical_id: resource
        for logical_id, definition in template.get("Resources", {}).items()
        if isinstance(definition, dict) and scope.condition(definition.get("Condition", "")) is not False
        for resource in [{key: scope.resolve(value) for key, value in definition.items() if key != "Condition"}]
    }


def _switched_off(tree: Snapshot, stack: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], str]]:
    """Resources whose condition is known to be false, in this stack and below."""
    scope = Scope(tree.template, tree.parameters)
    off = {
        (stack, logical_id)
        for logical_id, definition in tree.template.get("Resources", {}).items()
        if isinstance(definition, dict) and scope.condition(definition.get("Condition", "")) is False
    }
    return off.union(*(_switched_off(child, (*stack, name)) for name, child in tree.children.items()))


def _difference(stack, logical_id, before, after, new_scope) -> Change | None:
    if before is None:
        return Change(stack, logical_id, after["Type"], Action.ADD)
    if after is None:
        return Change(stack, logical_id, before["Type"], Action.REMOVE, kept=_kept(before, "DeletionPolicy"))
    if before["Type"] != after["Type"]:
        return Change(
            stack, logical_id, before["Type"], Action.REPLACE, ("Type",), _kept(before, "UpdateReplacePolicy")
        )
    if before == after:
        return None
    old, new = before.get("Properties", {}), after.get("Properties", {})
    names = [name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    names += [
        name for name in sorted((before.keys() | after.keys()) - {"Properties"}) if before.get(name) != after.get(name)
    ]
    replacing = stateful.replacing(after["Type"], old, new)
    certain = [name for name in replacing if not has_unknown([old.get(name), new.get(name)])]
    action = Action.REPLACE if certain else Action.MAY_REPLACE if replacing else Action.MODIFY
    return Change(stack, logical_id, after["Type"], action, tuple(names), _kept(after, "UpdateReplacePolicy"))


def _kept(resource: Mapping, policy: str) -> bool:
    return resource.get(policy) in ("Retain", "RetainExceptOnCreate", "Snapshot")


def _merged(ours: Change, verdict: Verdict) -> Change:
    """The service knows which properties replace; "Conditional" is no news to us."""
    if ours.action in (Action.MODIFY, Action.MAY_REPLACE) and verdict.replacement == "True":
        return replace(ours, action=Action.REPLACE)
    return ours


def _only_theirs(verdict: Verdict) -> Change | None:
    """A change that only the service sees; None for one that merely follows from a reference."""
    action = {"Add": Action.ADD, "Import": Action.ADD, "Remove": Action.REMOVE}.get(verdict.action, Action.MODIFY)
    if verdict.replacement == "True":
        action = Action.REPLACE if verdict.direct else Action.MAY_REPLACE
    elif action is Action.MODIFY and not verdict.direct:
        return None
    return Change(verdict.stack, verdict.logical_id, verdict.type, action, verdict.properties, verdict.kept)
