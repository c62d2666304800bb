"""What could stand in the way of these changes in particular, asked once they are known and before any is made."""

from dataclasses import dataclass

from deployer.aws.session import Aws
from deployer.plan import snapshot
from deployer.plan.snapshot import Snapshot
from deployer.preflight import caller_permissions, name_conflicts
from deployer.preflight.name_conflicts import LimitReached, NameConflict


@dataclass(frozen=True)
class Findings:
    """`taken`, `full`: what stops a deployment (`taken.refuse`). `warnings`: lines for a person."""

    conflicts: tuple[NameConflict, ...]
    limits_reached: tuple[LimitReached, ...]
    warnings: tuple[str, ...]


def check(aws: Aws, caller: str, now: Snapshot, then: Snapshot) -> Findings:
    """Look at what turns `now` into `then`; changes nothing. `caller`: the ARN of GetCallerIdentity."""
    before, after = snapshot.resources_of(now), snapshot.resources_of(then)
    found = name_conflicts.find(aws, snapshot.added(before, after), before.values())
    allowed = caller_permissions.check(aws, caller, before, after)
    unseen = ", ".join(found.unseen)
    skipped = [f"whether their names are taken was not checked: {unseen}"] if unseen else []
    return Findings(found.conflicts, found.limits_reached, (*allowed.warnings(), *skipped))
