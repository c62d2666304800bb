"""What could stand in the way of these changes in particular, asked once they are known and before any is made."""

from dataclasses import dataclass

from deployer.aws.session import Aws
from deployer.plan import resource_tree
from deployer.plan.snapshot import Snapshot
from deployer.preflight import caller_permissions, name_conflicts
from deployer.preflight.name_conflicts import Full, Taken


@dataclass(frozen=True)
class Findings:
    """`taken`, `full`: what stops a deployment (`taken.refuse`). `warnings`: lines for a person."""

    conflicts: tuple[Taken, ...]
    full: tuple[Full, ...]
    warnings: tuple[str, ...]


def check(aws: Aws, caller: str, now: Snapshot, then: Snapshot) -> Findings:
    """Look at what turns `now` into `then`; changes nothing. `caller`: the ARN of GetCallerIdentity."""
    before, after = resource_tree.of_tree(now), resource_tree.of_tree(then)
    found = name_conflicts.find(aws, resource_tree.added(before, after), before.values())
    allowed = caller_permissions.check(aws, caller, before, after)
    unseen = ", ".join(found.unseen)
    skipped = [f"whether their names are taken was not checked: {unseen}"] if unseen else []
    return Findings(found.taken, found.full, (*allowed.warnings(), *skipped))
