"""Check a plan's changes against the account: name conflicts, limits and missing permissions."""

from dataclasses import dataclass

from deployer.aws.session import Aws
from deployer.plan import snapshot
from deployer.plan.snapshot import Snapshot
from deployer.preflight import caller_permissions, name_conflicts
from deployer.preflight.name_conflicts import LimitReached, NameConflict


@dataclass(frozen=True)
class Findings:
    """`conflicts`, `limits_reached`: errors, raised by `name_conflicts.refuse`. `warnings`: lines to show."""

    conflicts: tuple[NameConflict, ...]
    limits_reached: tuple[LimitReached, ...]
    warnings: tuple[str, ...]


def check(aws: Aws, caller: str, environment: str, now: Snapshot, then: Snapshot) -> Findings:
    """Check the changes from `now` to `then`. `caller`: the ARN of GetCallerIdentity."""
    before, after = snapshot.resources_of(now), snapshot.resources_of(then)
    found = name_conflicts.find(aws, snapshot.added(before, after), before.values())
    allowed = caller_permissions.check(aws, caller, environment, before, after)
    unchecked = ", ".join(found.unchecked)
    skipped = [f"name conflicts were not checked: {unchecked}"] if unchecked else []
    return Findings(found.conflicts, found.limits_reached, (*allowed.warnings(), *skipped))
