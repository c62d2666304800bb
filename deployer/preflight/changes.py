"""What could stand in the way of these changes in particular, asked once they are known and before any is made."""

from dataclasses import dataclass

from deployer.plan.snapshot import Snapshot
from deployer.preflight import permissions, resources, taken
from deployer.preflight.taken import Full, Taken


@dataclass(frozen=True)
class Findings:
    """`taken`, `full`: what stops a deployment (`taken.refuse`). `warnings`: lines for a person."""

    taken: tuple[Taken, ...]
    full: tuple[Full, ...]
    warnings: tuple[str, ...]


def check(aws, caller: str, now: Snapshot, then: Snapshot) -> Findings:
    """Look at what turns `now` into `then`; changes nothing. `caller`: the ARN of GetCallerIdentity."""
    before, after = resources.of_tree(now), resources.of_tree(then)
    found = taken.find(aws, resources.added(before, after), before.values())
    allowed = permissions.check(aws, caller, before, after)
    unseen = ", ".join(found.unseen)
    skipped = [f"whether their names are taken was not checked: {unseen}"] if unseen else []
    return Findings(found.taken, found.full, (*allowed.warnings(), *skipped))
