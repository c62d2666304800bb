"""Find the alarms that can roll a deployment back: those that exist before, during and after it. Pure."""

from dataclasses import dataclass

from config import names
from deployer.plan.resolve import Scope
from deployer.plan.snapshot import Snapshot

COMPOSITE = "AWS::CloudWatch::CompositeAlarm"


@dataclass(frozen=True)
class RollbackAlarms:
    """Names of alarms. A renamed one is in `created` and, with its old name, in `removed`."""

    kept: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def compare(now: Snapshot, then: Snapshot) -> RollbackAlarms:
    """Sort the rollback triggers of two trees of stacks.

    A missing trigger fails the operation, so only `kept` ones can be watched: CloudFormation creates the others too
    late, or deletes them before the operation ends.
    """
    before, after = _composites(now), _composites(then)
    wanted = [(path, name) for path, (name, is_trigger) in after.items() if is_trigger]
    kept = [name for path, name in wanted if path in before and before[path][0] == name]
    return RollbackAlarms(
        tuple(kept),
        tuple(name for _, name in wanted if name not in kept),
        tuple(name for name, is_trigger in before.values() if is_trigger and name not in kept),
    )


def _composites(tree: Snapshot, stack: str = "") -> dict[str, tuple[str, bool]]:
    """Return path -> name of every composite alarm, and whether its metadata make it a rollback trigger."""
    scope = Scope(tree.template, tree.parameters)
    found = {}
    for logical_id, definition in scope.resources().items():
        if definition.get("Type") == COMPOSITE:
            name = scope.resolve(definition.get("Properties", {}).get("AlarmName"))
            if isinstance(name, str):
                found[f"{stack}{logical_id}"] = name, names.ROLLBACK_TRIGGER in definition.get("Metadata", {})
    for logical_id, child in tree.children.items():
        found |= _composites(child, f"{stack}{logical_id}/")
    return found
