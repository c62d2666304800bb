"""Find the stateful resources that a plan replaces or deletes; each needs the operator's explicit consent. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from deployer.plan import stateful
from deployer.plan.changes import Action, Change, Plan, Replaces

_VERBS = {
    Action.REPLACE: "would be replaced by a new, empty one",
    Action.MAY_REPLACE: "may be replaced by a new, empty one",
    Action.REMOVE: "would be deleted",
}


@dataclass(frozen=True)
class Danger:
    """A stateful resource to be replaced or deleted. `allowed`: the operator named it."""

    change: Change
    allowed: bool

    def __str__(self) -> str:
        change = self.change
        verb = "would leave the stack" if change.retained and change.action is Action.REMOVE else _VERBS[change.action]
        replacing = [found.name for found in change.differences if found.replaces is not Replaces.NO]
        names = dict.fromkeys(replacing or change.properties)
        why = f" ({', '.join(names)})" if names else ""
        kept = "; its data is kept outside the stack" if change.retained else ""
        first = stateful.BEFORE_REMOVAL.get(change.type, "") if change.action is Action.REMOVE else ""
        return f"{change.path} ({change.type}) {verb}{why}{kept}{first and f'; {first}'}"


def dangers(plan: Plan, allowed: Collection[str] = ()) -> list[Danger]:
    """Return the stateful resources that the plan replaces or deletes. `allowed`: logical ids or paths."""
    return [
        Danger(change, change.logical_id in allowed or change.path in allowed)
        for change in plan.changes
        if change.action in _VERBS and change.type in stateful.REPLACED_BY
    ]
