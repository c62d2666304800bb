"""Carrying a change set out while somebody watches: one at a time, interrupted, resumed.

CloudFormation carries it out, not this process: what happens to this process changes nothing about that.
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from deployer.commands import interruptions
from deployer.commands.interruptions import Watch
from deployer.errors import Exit, Failure
from deployer.show import present
from deployer.show.ui import Ui
from deployer.stacks import changeset, execution, leftovers, operation
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.operation import Operation
from deployer.stacks.status import way_out


@contextmanager
def alone(aws, stack: str) -> Iterator[None]:
    """Around creating and executing a change set: if another operation came first, says whose it is."""
    try:
        yield
    except Exception as error:
        if not changeset.lost_race(error):
            raise
        other = operation.last(aws, stack)
        if other is None or not other.status.is_running:
            raise Failure(
                Exit.PREFLIGHT,
                f"another deployment of {stack} came first"
                + (f", by {other.who}, since {_clock(other)}" if other else "")
                + "; nothing was changed",
                "run the same command again: it compares with what is deployed now",
            ) from error
        raise refusal(other, stack, aws.region) from error


def refusal(other: Operation, stack: str, region: str) -> Failure:
    """There is one operation at a time: this one is not ours."""
    wait = "delete" if other.begun.startswith("DELETE") else "create" if other.begun.startswith("CREATE") else "update"
    cli = f"aws cloudformation {{}} --stack-name {stack} --region {region}"
    return Failure(
        Exit.PREFLIGHT,
        f"stack {stack} is in {other.status}: started by {other.who} at {_clock(other)}; nothing was changed",
        f"wait for it: {cli.format(f'wait stack-{wait}-complete')}, or follow it: {cli.format('describe-stack-events')}",
    )


def carry_out(
    ui: Ui,
    aws,
    stack: str,
    change_set: ChangeSet,
    caller: str,
    expected: Mapping[str, int],
    *,
    disable_rollback: bool = False,
) -> Outcome:
    """Execute and watch to the end, however that ends."""
    pace, token = execution.pace(aws), operation.token(caller)

    def run(on_events: OnEvents) -> Outcome:
        with alone(aws, stack):
            return execution.run(aws, change_set, on_events, pace, token=token, disable_rollback=disable_rollback)

    return interruptions.watched(ui, aws, stack, change_set.stack_id, run, caller, expected)


@contextmanager
def unless_executed(aws, change_set: ChangeSet) -> Iterator[None]:
    """Around all that happens while a change set waits: if that ends in any other way, it is removed."""
    try:
        yield
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt) or getattr(error, "code", None) is Exit.INTERRUPTED
        if _taken_back(aws, change_set, execution.pace(aws).pause) and interrupted:
            raise Failure(
                Exit.INTERRUPTED, "interrupted; the change set was removed, and nothing was changed"
            ) from None
        raise


def _taken_back(aws, change_set: ChangeSet, pause: float) -> bool:
    """Remove a change set that was not executed; what went wrong before matters more than a failure here."""
    with contextlib.suppress(Exception):
        if changeset.is_waiting(aws, change_set):
            leftovers.discard(aws, change_set, pause)
            return True
    return False


def resume(ui: Ui, aws, stack: str, running: Operation, caller: str) -> Outcome:
    """Watch an operation that runs already, from its beginning to its end."""

    def watch(on_events: OnEvents) -> Outcome:
        ui.line(f"Resuming: stack {stack} is in {running.status}, started by {running.who} at {_clock(running)}.")
        return interruptions.from_its_beginning(aws, running)(on_events)

    return follow(ui, aws, stack, running.stack_id, watch, caller)


def follow(ui: Ui, aws, stack: str, stack_id: str, watch: Watch, caller: str) -> Outcome:
    """`watch` with the live display and with Ctrl-C as for a deployment."""
    return interruptions.watched(ui, aws, stack, stack_id, watch, caller, {})


def succeeded(ui: Ui, outcome: Outcome, stack: str, region: str) -> Outcome:
    """The outcome, if it did what it should; else shows the cause and raises Failure(FAILED)."""
    if outcome.status.succeeded:
        return outcome
    present.show_failure(ui, outcome.events, outcome.names)
    raise Failure(
        Exit.FAILED, f"the deployment failed; stack {stack} is in {outcome.status}", _next_step(outcome, stack, region)
    )


def verify(ui: Ui, aws, stack_id: str, outcome: Outcome) -> None:
    """The root says that it is done: every nested stack must be, too. Sweeps what earlier runs left behind."""
    with ui.step("Verify") as step:
        nested = execution.nested_statuses(aws, stack_id)
        bad = [
            f"{path} is in {status}"
            for path, (arn, status) in nested.items()
            if not execution.is_well(arn, status, outcome)
        ]
        if bad:
            raise Failure(Exit.FAILED, f"the root stack is done, but {', '.join(bad)}")
        leftovers.sweep(aws, [stack_id, *(arn for arn, _ in nested.values())])
        step.result = f"the root and its {len(nested)} nested stacks are complete"


def _next_step(outcome: Outcome, stack: str, region: str) -> str:
    name = outcome.status.name
    if name == "UPDATE_ROLLBACK_COMPLETE":
        return "everything is as it was before; mend the cause and run the same command again"
    if outcome.status.must_be_deleted:
        return "nothing was kept; mend the cause and run the same command again, which offers to delete the empty stack"
    if name in ("CREATE_FAILED", "UPDATE_FAILED"):
        away = "delete what there is" if name == "CREATE_FAILED" else "roll it back"
        return (
            "what succeeded stays, what failed stands as it failed: look at it, then mend the cause and deploy again "
            f"with --no-rollback, which goes on from here; without --no-rollback a deployment offers to {away} first"
        )
    if name == "UPDATE_ROLLBACK_FAILED":
        return "run the same command again: it names what blocks the rollback, and offers to continue it"
    return way_out(outcome.status, stack, region)


def _clock(running: Operation) -> str:
    minutes = max(0, (datetime.now(UTC) - running.since).total_seconds()) / 60
    return f"{running.since:%Y-%m-%d %H:%M:%S} UTC ({minutes:.0f} min ago)"
