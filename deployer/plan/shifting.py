"""How requests move to the new versions of a plan. Pure."""

from deployer.plan.changes import Action, Change, Plan
from deployer.plan.publishing import ALIAS
from deployer.plan.resolve import Scope
from deployer.plan.snapshot import Snapshot

PARAMETER = "Shift"
AT_ONCE = "AllAtOnce"
_STEPS = {
    "Canary10Percent5Minutes": "10 % for 5 minutes, then all",
    "Linear10PercentEvery1Minute": "10 % more every minute, all within 10 minutes",
}


def described(plan: Plan, then: Snapshot) -> str:
    """Return the steps in which CodeDeploy shifts requests to new versions; "" if it shifts none. `then`: the plan's aim."""
    moved = (change for change in plan.changes if change.type == ALIAS and "FunctionVersion" in change.properties)
    shifts = {str(_shift(change, then)) for change in moved if change.action is Action.MODIFY}
    return next((steps for shift, steps in _STEPS.items() if shift in shifts), "")


def _shift(alias: Change, then: Snapshot) -> object:
    for logical_id in alias.stack:
        then = then.children[logical_id]
    definition = then.template["Resources"][alias.logical_id]
    policy = Scope(then.template, then.parameters).resolve(definition.get("UpdatePolicy", {}))
    return (
        then.parameters.get(PARAMETER) if isinstance(policy, dict) and "CodeDeployLambdaAliasUpdate" in policy else None
    )
