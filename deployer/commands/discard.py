"""`--discard FILE`: delete the change set of a saved plan, and the empty stack that it made. The file stays."""

from pathlib import Path

from deployer import connection
from deployer.aws import waiting
from deployer.commands import plan_file, side_effects
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import change_set_cleanup, changeset
from deployer.stacks.changeset import ChangeSet


def run(options: Options, ui: Ui, root: Path) -> dict:
    """Raises Failure(USAGE) for a file that is not a plan, (REFUSED) for a plan of another place or one that was applied."""
    plan = plan_file.read(options.file)
    environment = connection.load_environment(options)
    aws = connection.connect(ui, environment, options, root)
    with side_effects.reported(aws):
        account_state = connection.check_account(ui, aws, environment, limits=False)
        plan_file.check_place(plan, Context(ui, aws, environment, options, account_state.caller), account_state.account)
        if plan.change_set is None or plan.stack is None:
            ui.line("Nothing to discard: the plan has no changes.")
            return {"result": "unchanged", "changeSet": None}
        found = changeset.describe(aws, plan.change_set)
        status = found.get("ExecutionStatus", "") if found else ""
        if status.startswith("EXECUTE_"):
            raise Failure(
                Exit.REFUSED, f"the plan was applied: its change set is in {status}", "--history shows deployments"
            )
        if found and (found["StackId"] != plan.stack or not found["ChangeSetName"].endswith(f"-{plan.seal}")):
            raise Failure(Exit.REFUSED, f"{options.file} is not as it was saved: change set {plan.change_set} stays")
        with ui.waiting("Discard the change set"):
            change_set = ChangeSet(plan.change_set, plan.stack, account_state.status.is_new)
            discarded = change_set_cleanup.discard(aws, change_set, waiting.polling(aws).interval)
    if not discarded:
        raise Failure(Exit.FAILED, "the change set may remain", "run the same command again")
    ui.line("The plan is discarded." if found else "Nothing to discard: the plan's change set no longer exists.")
    return {"result": "discarded" if found else "unchanged", "changeSet": plan.change_set}
