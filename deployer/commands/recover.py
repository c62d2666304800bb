"""Before a deployment: a stack that cannot be deployed to is told of, and brought back if that is wanted."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from deployer.aws import advice, waiting
from deployer.aws.session import Aws
from deployer.commands import applying
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight.account_state import AccountState
from deployer.show.ui import Ui, ask, can_ask
from deployer.stacks import change_set_cleanup, operation, reading, recovery
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.recovery import Blocked
from deployer.stacks.stack_status import StackStatus, recovery_action


@dataclass(frozen=True)
class Remedy:
    """`trouble`: what the state means; `offer`: the way out, as a question; `end`: the status it must come to.

    `with_yes`: whether --yes answers the question, because nothing is lost that is not lost already.
    """

    trouble: str
    offer: str
    begin: Callable[..., Outcome]
    end: str
    with_yes: bool = True


_REMEDIES = {
    "ROLLBACK_COMPLETE": Remedy(
        "its first creation failed, and it can only be deleted",
        "delete it and start anew",
        recovery.delete,
        "DELETE_COMPLETE",
    ),
    "ROLLBACK_FAILED": Remedy(
        "its first creation failed, and not everything could be taken back",
        "delete what there is and start anew",
        recovery.delete,
        "DELETE_COMPLETE",
    ),
    "CREATE_FAILED": Remedy(
        "its first creation failed and was left as it was, for debugging (--no-rollback goes on from there)",
        "delete what there is and start anew",
        recovery.delete,
        "DELETE_COMPLETE",
    ),
    "UPDATE_FAILED": Remedy(
        "its last update failed and was left as it was, for debugging (--no-rollback goes on from there)",
        "roll it back to what was before, then go on",
        recovery.roll_back,
        "UPDATE_ROLLBACK_COMPLETE",
    ),
    "UPDATE_ROLLBACK_FAILED": Remedy(
        "its last update failed, and the rollback was blocked",
        "continue the rollback, then go on",
        recovery.continue_rollback,
        "UPDATE_ROLLBACK_COMPLETE",
    ),
    "DELETE_FAILED": Remedy(
        "it was to be deleted, and something could not be",
        "delete the rest, with what it holds, and start anew",
        recovery.delete,
        "DELETE_COMPLETE",
        with_yes=False,
    ),
}


def clear_the_way(context: Context, account_state: AccountState) -> AccountState:
    """The account_state of a stack that can be deployed to. Raises Failure when there is no way, or it is not wanted."""
    while not _is_free(account_state.status, context.options):
        if account_state.status.is_running:
            _wait_for(context, account_state)
        else:
            _bring_back(context, account_state)
        account_state = replace(account_state, stack=reading.describe(context.aws, context.stack))
    if account_state.status.name == "REVIEW_IN_PROGRESS":
        _tell_of_waiting(context.ui, context.aws, context.stack)
    return account_state


def _is_free(status: StackStatus, options: Options) -> bool:
    """A failure that was left as it was is deployed over by going on in the same way, and only so."""
    return status.is_new or status.can_update or (status.failed_without_rollback and options.no_rollback)


def _wait_for(context: Context, account_state: AccountState) -> None:
    """A deployment runs: watch it if it is one's own that was interrupted, or on request; else refuse."""
    running = operation.current(context.aws, account_state.stack["StackId"])
    if running is None:
        return  # it ended just now
    ours = operation.is_resumable(running, account_state.caller)
    if context.options.plan or not (ours or _wants_to_follow(context, running)):
        raise applying.refusal(context, running)
    outcome = applying.resume(context, running)
    if running.is_deployment:
        applying.finish(context, running.stack_id, outcome)


def _wants_to_follow(context: Context, running: operation.Operation) -> bool:
    if not can_ask():
        return False
    context.ui.line(applying.refusal(context, running).message)
    return ask("Follow it to its end, then go on?")


def _bring_back(context: Context, account_state: AccountState) -> None:
    ui, aws, stack = context.ui, context.aws, context.stack
    stack_id, status = account_state.stack["StackId"], account_state.status
    remedy = _REMEDIES.get(status.name)
    if remedy is None:
        raise Failure(Exit.PREFLIGHT, f"stack {stack} is in {status}", recovery_action(status, context.cli))
    ui.warn(f"Stack {stack} is in {status}: {remedy.trouble}.")
    for one in _blocked(aws, stack_id) if status.name != "ROLLBACK_COMPLETE" else []:
        ui.line(f"  {one}")
    _must_want(remedy, stack, status, context.options)
    token = context.token()

    def watch(on_events: OnEvents) -> Outcome:
        return remedy.begin(aws, stack_id, on_events, waiting.polling(aws), token)

    outcome = applying.follow(context, stack_id, watch)
    if outcome.status.name == remedy.end:
        ui.line(f"{ui.ok} {'Recover':<10} {stack} is in {outcome.status}")
        return
    still = _blocked(aws, stack_id)
    raise Failure(
        Exit.FAILED,
        f"stack {stack} is in {outcome.status}; what blocks it: {'; '.join(map(str, still)) or 'no resource by name'}",
        _by_hand(context, outcome.status, still),
    )


def _blocked(aws: Aws, stack_id: str) -> list[Blocked]:
    return advice.ask(aws, "what blocks the stack was not read", lambda: recovery.blocked(aws, stack_id), [])


def _must_want(remedy: Remedy, stack: str, status: StackStatus, options: Options) -> None:
    if options.plan:
        raise Failure(
            Exit.PREFLIGHT,
            f"stack {stack} is in {status}: {remedy.trouble}",
            f"a deployment (without --plan) offers to {remedy.offer}",
        )
    if options.yes and remedy.with_yes:
        return
    if not can_ask():
        raise Failure(
            Exit.PREFLIGHT,
            f"stack {stack} is in {status}: {remedy.trouble}",
            f"at a terminal{' or with --yes' if remedy.with_yes else ''} this command offers to {remedy.offer}",
        )
    if not ask(f"{remedy.offer[0].upper()}{remedy.offer[1:]}?"):
        raise Failure(Exit.REFUSED, "not confirmed")


def _by_hand(context: Context, status: StackStatus, still: list[Blocked]) -> str:
    """The command that leaves out what cannot be mended."""
    if status.name == "UPDATE_ROLLBACK_FAILED":
        skipped = [one.to_skip for one in still if one.status == "UPDATE_FAILED"]
        if skipped:
            command = f"{context.cli('continue-update-rollback')} --resources-to-skip {shlex.join(skipped)}"
            return f"mend the cause and run this again; or leave them as they are: {command}"
    if status.name == "DELETE_FAILED":
        kept = [one.path.split("/")[0] for one in still]
        if kept:
            command = f"{context.cli('delete-stack')} --retain-resources {shlex.join(dict.fromkeys(kept))}"
            return f"mend the cause and run this again; or keep them outside the stack: {command}"
    return recovery_action(status, context.cli)


def _tell_of_waiting(ui: Ui, aws: Aws, stack: str) -> None:
    """A first creation that was never executed does not stand in the way of the next."""
    unseen = f"stack {stack} is in REVIEW_IN_PROGRESS; the change sets that wait on it were not read"
    for summary in advice.ask(
        aws, unseen, lambda: change_set_cleanup.of_stack(aws.client("cloudformation"), stack), {}
    ).values():
        who = operation.starter(summary.get("Description", ""))
        whose = f"of {who}" if who else "that this program did not make"
        ui.line(
            f"Stack {stack} is in REVIEW_IN_PROGRESS: change set {summary['ChangeSetName']} {whose}, "
            f"of {summary['CreationTime']:%Y-%m-%d %H:%M} UTC, was never executed. Going on with a new one."
        )
