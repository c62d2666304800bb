"""What could stand in the way of these changes in particular, asked once they are known and before any is made."""

from dataclasses import dataclass

from deployer.plan.snapshot import Snapshot
from deployer.preflight import permissions, resources, taken
from deployer.preflight.taken import Taken


@dataclass(frozen=True)
class Findings:
    """`taken`: names that stop a deployment (`taken.refuse`). `warnings`: lines for a person."""

    taken: tuple[Taken, ...]
    warnings: tuple[str, ...]


def check(aws, caller: str, now: Snapshot, then: Snapshot) -> Findings:
    """Look at what turns `now` into `then`; changes nothing. `caller`: the ARN of GetCallerIdentity."""
    before, after = resources.of_tree(now), resources.of_tree(then)
    names, unseen = taken.find(aws, resources.added(before, after), before.values())
    allowed = permissions.check(aws, caller, before, after)
    skipped = [f"whether their names are taken was not checked: {', '.join(unseen)}"] if unseen else []
    return Findings(tuple(names), (*allowed.warnings(), *skipped))
