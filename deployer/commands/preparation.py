"""Put right what would make a confirmed plan fail, or publish other code than the plan's."""

from deployer.aws import advice
from deployer.commands.context import Context
from deployer.plan.snapshot import Snapshot
from deployer.preflight.account_state import AccountState
from deployer.show.plan_report import PlanReport
from deployer.stacks import function_code, leftover_versions, outputs


def prepare(context: Context, account_state: AccountState, plan: PlanReport, then: Snapshot) -> None:
    """Restore swapped code and delete versions that a failed deployment left. `then`: the plan's aim."""
    restore(context, account_state, plan)
    aws, functions = context.aws, outputs.of_stack(account_state.stack or {})
    unchecked = "versions that a failed deployment left were not looked for"
    for function in advice.ask(aws, unchecked, lambda: leftover_versions.discard(aws, plan.plan, then, functions), []):
        context.ui.line(f"{context.ui.ok} Versions   deleted the one of {function} that a failed deployment left")


def restore(context: Context, account_state: AccountState, plan: PlanReport) -> None:
    """Give the functions the code that CloudFormation deployed: a new version must not be made of any other."""
    if plan.swapped and account_state.stack:
        with context.ui.step("Restore") as step:
            function_code.restore(context.aws, account_state.stack, plan.swapped)
            step.result = f"the stack's package, in {len(plan.swapped)} functions"
