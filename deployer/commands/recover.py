"""Detect a stack that cannot be updated and, with consent, recover it (stacks.recovery has the AWS calls)."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.aws import advice, waiting
from deployer.aws.session import Aws
from deployer.commands import applying, interruptions
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight.account_state import AccountState
from deployer.show.ui import ask, can_ask
from deployer.stacks import change_set_cleanup, operation, reading, recovery, rollback_triggers
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.recovery import Blocked
from deployer.stacks.rollback_triggers import UNMONITORED
from deployer.stacks.stack_status import StackStatus, recovery_action


@dataclass(frozen=True)
class RecoveryAction:
    """`problem`: what the status means; `offer`: the action, as a question without its mark; `target`: the status
    that the action must end in; `with_yes`: whether --yes answers the question, since no more data is lost."""

    problem: str
    offer: str
    start: Callable[..., Outcome]
    target: str
    with_yes: bool = True


_ACTIONS = {
    "ROLLBACK_COMPLETE": RecoveryAction(
        "its creation failed, and it can only be deleted",
        "delete it and create it again",
        recovery.delete,
        "DELETE_COMPLETE",
    ),
    "ROLLBACK_FAILED": RecoveryAction(
        "its creation failed, and so did the rollback",
        "delete what exists and create it again",
        recovery.delete,
        "DELETE_COMPLETE",
    ),
    "CREATE_FAILED": RecoveryAction(
        "its creation failed without rollback, for debugging (--no-rollback continues it)",
        "delete what exists and create it again",
        recovery.delete,
        "DELETE_COMPLETE",
    ),
    "UPDATE_FAILED": RecoveryAction(
        "its last update failed without rollback, for debugging (--no-rollback continues it)",
        "roll it back, then deploy",
        recovery.roll_back,
        "UPDATE_ROLLBACK_COMPLETE",
    ),
    "UPDATE_ROLLBACK_FAILED": RecoveryAction(
        "its last update failed, and so did the rollback",
        "continue the rollback, then deploy",
        recovery.continue_rollback,
        "UPDATE_ROLLBACK_COMPLETE",
    ),
    "DELETE_FAILED": RecoveryAction(
        "its deletion failed",
        "delete the rest, with its data, and create it again",
        recovery.delete,
        "DELETE_COMPLETE",
        with_yes=False,
    ),
}


def ensure_deployable(context: Context, account_state: AccountState) -> AccountState:
    """Wait for a running operation, or recover the stack; return the state of a stack that can be deployed to.

    Raises Failure if that is impossible or not confirmed.
    """
    stack = account_state.stack
    while stack and not _is_deployable(status := reading.status_of(stack), context.options):
        if status.is_running:
            wait_for(context, stack, account_state.caller)
        else:
            _recover(context, stack, status)
        stack = reading.describe(context.aws, context.stack)
    if reading.status_of(stack).name == "REVIEW_IN_PROGRESS":
        _report_waiting_change_sets(context)
    return replace(account_state, stack=stack)


def _is_deployable(status: StackStatus, options: Options) -> bool:
    """A failure without rollback can be deployed over only with --no-rollback again."""
    return status.is_new or status.can_update or (status.failed_without_rollback and options.no_rollback)


def wait_for(context: Context, stack: Mapping[str, Any], caller: str) -> None:
    """Watch a running operation if the caller's own run was interrupted, or on request; else refuse."""
    running = operation.current(context.aws, stack["StackId"])
    if running is None:
        return  # it has just ended
    ours = operation.is_resumable(running, caller)
    if context.options.plan or not (ours or _wants_to_follow(context, running)):
        raise applying.conflict(context, running)
    monitoring = rollback_triggers.of_stack(stack) if running.is_deployment else UNMONITORED
    outcome = applying.resume(context, running, monitoring)
    if running.is_deployment:
        applying.finish(context, running.stack_id, outcome, monitoring)


def _wants_to_follow(context: Context, running: operation.Operation) -> bool:
    if not can_ask():
        return False
    context.ui.line(applying.conflict(context, running).message)
    return ask("Follow it to its end, then go on?")


def _recover(context: Context, stack: Mapping[str, Any], status: StackStatus) -> None:
    """Show what blocks the stack, ask, run the action and check where it ended."""
    ui, aws, stack_id = context.ui, context.aws, stack["StackId"]
    action = _ACTIONS.get(status.name)
    if action is None:
        raise Failure(Exit.PREFLIGHT, f"stack {context.stack} is in {status}", recovery_action(status, context.cli))
    ui.warn(f"Stack {context.stack} is in {status}: {action.problem}.")
    for resource in _blocked(aws, stack_id) if status.name != "ROLLBACK_COMPLETE" else []:
        ui.line(f"  {resource}")
    _confirm(action, context.stack, status, context.options)
    token = context.token()

    def watch(on_events: OnEvents) -> Outcome:
        return action.start(aws, stack_id, on_events, waiting.polling(aws), token)

    outcome = interruptions.watch_operation(context, stack_id, watch)
    if outcome.status.name == action.target:
        ui.line(f"{ui.ok} {'Recover':<10} {context.stack} is in {outcome.status}")
        return
    blocked = _blocked(aws, stack_id)
    raise Failure(
        Exit.FAILED,
        f"stack {context.stack} is in {outcome.status}, blocked by {'; '.join(map(str, blocked)) or 'no named resource'}",
        _manual_action(context, outcome.status, blocked),
    )


def _blocked(aws: Aws, stack_id: str) -> list[Blocked]:
    return advice.ask(
        aws, "the resources that block the stack were not read", lambda: recovery.blocked(aws, stack_id), []
    )


def _confirm(action: RecoveryAction, stack: str, status: StackStatus, options: Options) -> None:
    if options.yes and action.with_yes and not options.plan:
        return
    if options.plan or not can_ask():
        command = f"at a terminal{' or with --yes' if action.with_yes else ''} this command"
        raise Failure(
            Exit.PREFLIGHT,
            f"stack {stack} is in {status}: {action.problem}",
            f"{'a deployment without --plan' if options.plan else command} offers to {action.offer}",
        )
    if not ask(f"{action.offer[0].upper()}{action.offer[1:]}?"):
        raise Failure(Exit.REFUSED, "not confirmed")


def _manual_action(context: Context, status: StackStatus, blocked: list[Blocked]) -> str:
    """Return the command that skips or retains the resources that cannot be fixed."""
    if status.name == "UPDATE_ROLLBACK_FAILED":
        skipped = [resource.to_skip for resource in blocked if resource.status == "UPDATE_FAILED"]
        if skipped:
            command = f"{context.cli('continue-update-rollback')} --resources-to-skip {shlex.join(skipped)}"
            return f"fix the cause and run this again; or skip these resources: {command}"
    if status.name == "DELETE_FAILED":
        retained = dict.fromkeys(resource.path.split("/")[0] for resource in blocked)
        if retained:
            command = f"{context.cli('delete-stack')} --retain-resources {shlex.join(retained)}"
            return f"fix the cause and run this again; or retain these resources: {command}"
    return recovery_action(status, context.cli)


def _report_waiting_change_sets(context: Context) -> None:
    """A creation never executed does not block the next."""
    aws, stack = context.aws, context.stack

    def read() -> dict[str, Mapping]:
        return change_set_cleanup.of_stack(aws.client("cloudformation"), stack)

    nothing: dict[str, Mapping] = {}
    unread = f"stack {stack} is in REVIEW_IN_PROGRESS; its change sets were not read"
    for summary in advice.ask(aws, unread, read, nothing).values():
        who = operation.starter(summary.get("Description", ""))
        waits = change_set_cleanup.is_saved(summary)
        context.ui.line(
            f"Stack {stack} is in REVIEW_IN_PROGRESS: change set {summary['ChangeSetName']} "
            f"{f'of {who}' if who else 'of another program'}, of {summary['CreationTime']:%Y-%m-%d %H:%M} UTC, "
            + ("waits: it is a saved plan, for --apply or --discard." if waits else "was never executed.")
            + " Going on with a new one."
        )
