"""A plan with everything that its views show: terminal text, Markdown and JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from costs import CostChange
from deployer.plan.changes import Plan
from deployer.plan.guard import Danger
from deployer.plan.permissions import PermissionChanges
from deployer.show import plan_values
from deployer.stacks.rollback_triggers import UNMONITORED, Monitoring


@dataclass(frozen=True)
class TagChange:
    """A change of one tag of the root stack, which all its resources get. None: the tag is absent."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        sides = (f'"{side}"' if side is not None else "none" for side in (self.before, self.after))
        return f"tag {self.key} of the stack and all its resources: {' → '.join(sides)}"


@dataclass(frozen=True)
class PlanReport:
    """`permissions`, `cost`: None if they were not computed. `elsewhere`: see `deployer.aws.session.Aws`.

    `shift`: the steps in which requests move to new versions; "" if all move at once.
    `swapped`: logical id -> name of functions that run other code than the stack's package; a deployment restores it first.
    """

    environment: str
    stack: str
    account: str
    region: str
    plan: Plan
    dangers: tuple[Danger, ...] = ()
    permissions: PermissionChanges | None = None
    cost: CostChange | None = None
    tags: tuple[TagChange, ...] = ()
    elsewhere: str = ""
    shift: str = ""
    monitoring: Monitoring = UNMONITORED
    swapped: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        only_restores = self.swapped and not (self.plan.changes or self.tags)
        return "no resource changes" if only_restores else plan_values.summary(self.plan)

    @property
    def restoring(self) -> str:
        """Say which functions get the stack's code back; "" if none."""
        names = ", ".join(self.swapped)
        return (
            names
            and f"{names}: other code than the stack's package, put there outside CloudFormation; is restored first"
        )

    def danger(self, path: str) -> Danger | None:
        """Return the danger of changing the resource at this path."""
        return next((danger for danger in self.dangers if danger.change.path == path), None)
