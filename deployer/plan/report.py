"""Everything that there is to say of a plan: what all its views are made from."""

from dataclasses import dataclass

from deployer.plan.changes import Plan
from deployer.plan.guard import Danger


@dataclass(frozen=True)
class Retagged:
    """A tag of the root stack, which everything in it gets. None: it was not, or will not be, there."""

    key: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        sides = (f'"{side}"' if side is not None else "none" for side in (self.before, self.after))
        return f"tag {self.key} of the stack and all that is in it: {' → '.join(sides)}"


@dataclass(frozen=True)
class PlanReport:
    """`permissions`, `cost`: as plan.permissions and plan.cost give them, None where nobody looked."""

    environment: str
    stack: str
    account: str
    region: str
    plan: Plan
    dangers: tuple[Danger, ...] = ()
    permissions: object | None = None
    cost: object | None = None
    tags: tuple[Retagged, ...] = ()

    def danger(self, path: str) -> Danger | None:
        """What a change of the resource at this path endangers."""
        return next((danger for danger in self.dangers if danger.change.path == path), None)
