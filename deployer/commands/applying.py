"""Carrying a change set out while somebody watches: one at a time, interrupted, resumed.

CloudFormation carries it out, not this process: what happens to this process changes nothing about that.
"""

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from deployer.aws import advice, waiting
from deployer.aws.session import Aws
from deployer.commands import interruptions
from deployer.commands.context import Context
from deployer.commands.interruptions import Watch
from deployer.errors import Exit, Failure
from deployer.show import failure
from deployer.show.ui import Ui
from deployer.stacks import change_set_cleanup, changeset, diagnosis, execution, operation, validation
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.diagnosis import Diagnosis
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.operation import Operation


@contextmanager
def report_conflict(context: Context) -> Iterator[None]:
    """Around creating and executing a change set: if another operation came first, says whose it is."""
    try:
        yield
    except Exception as error:
        if not changeset.lost_race(error):
            raise
        other = operation.last(context.aws, context.stack)
        if other is None or not other.status.is_running:
            raise Failure(
                Exit.PREFLIGHT,
                f"another deployment of {context.stack} came first"
                + (f", by {other.who}, since {_clock(other)}" if other else ""),
                "run the same command again: it compares with what is deployed now",
            ) from error
        raise refusal(context, other) from error


def refusal(context: Context, other: Operation) -> Failure:
    """There is one operation at a time: this one is not ours."""
    wait = "delete" if other.begun.startswith("DELETE") else "create" if other.begun.startswith("CREATE") else "update"
    return Failure(
        Exit.PREFLIGHT,
        f"stack {context.stack} is in {other.status}: started by {other.who} at {_clock(other)}",
        f"wait for it: {context.cli(f'wait stack-{wait}-complete')}, "
        f"or follow it: {context.cli('describe-stack-events')}",
    )


def carry_out(context: Context, change_set: ChangeSet, expected: Mapping[str, int]) -> Outcome:
    """Execute and watch to the end, however that ends. Sweeps before it what earlier runs left behind: after an
    execution nested change sets often cannot be deleted any more."""
    for stack in change_set_cleanup.sweep(context.aws, {stack: None for _, stack, _ in change_set.sets}, change_set.id):
        context.ui.warn(
            f"stack {stack} has {change_set_cleanup.MANY:,} change sets or more, and CloudFormation takes about 1,000: "
            "those that FAILED without changes cannot be deleted by this program; ask AWS Support to remove them"
        )
    aws, token, no_rollback = context.aws, context.token(), context.options.no_rollback

    def run(on_events: OnEvents) -> Outcome:
        with report_conflict(context):
            return execution.run(
                aws, change_set, on_events, waiting.polling(aws), token=token, disable_rollback=no_rollback
            )

    return interruptions.watched(context, change_set.stack_id, run, expected)


@contextmanager
def discard_on_exit(aws: Aws, change_set: ChangeSet) -> Iterator[None]:
    """Around all that happens while a change set waits: if that ends in any other way, it is removed.

    Once its execution was sent it is left alone, whatever CloudFormation still says of it.
    """
    try:
        yield
    except BaseException:
        if not _is_to_be_executed(aws, change_set):
            _take_back(aws, change_set, waiting.polling(aws).interval)
        raise


def _is_to_be_executed(aws: Aws, change_set: ChangeSet) -> bool:
    return any(
        write.operation == "ExecuteChangeSet" and write.subject["ChangeSetName"] == change_set.id for write in aws.sent
    )


def _take_back(aws: Aws, change_set: ChangeSet, pause: float) -> None:
    """Remove a change set that was not executed; what went wrong before matters more than a failure here."""
    with contextlib.suppress(Exception):
        if changeset.is_waiting(aws, change_set):
            change_set_cleanup.discard(aws, change_set, pause)


def resume(context: Context, running: Operation) -> Outcome:
    """Watch an operation that runs already, from its beginning to its end."""

    def watch(on_events: OnEvents) -> Outcome:
        context.ui.line(
            f"Resuming: stack {context.stack} is in {running.status}, started by {running.who} at {_clock(running)}."
        )
        return interruptions.from_its_beginning(context.aws, running)(on_events)

    return follow(context, running.stack_id, watch)


def follow(context: Context, stack_id: str, watch: Watch) -> Outcome:
    """`watch` with the live display and with Ctrl-C as for a deployment."""
    return interruptions.watched(context, stack_id, watch, {})


def finish(context: Context, stack_id: str, outcome: Outcome) -> None:
    """What follows a deployment, whether this run began or resumed it: verified, or its failure told and raised."""
    if outcome.status.succeeded:
        _verify(context.ui, context.aws, stack_id, outcome)
        return
    told = diagnosed(context, outcome)
    failure.show(context.ui, told)
    message = f"the deployment failed; stack {context.stack} is in {outcome.status}"
    raise Failure(Exit.FAILED, message, told.next, {"failure": failure.as_json(told)})


def diagnosed(context: Context, outcome: Outcome) -> Diagnosis:
    """Why an operation of the stack failed, and what state everything is in."""
    return diagnosis.explain(
        outcome.status,
        outcome.events,
        outcome.stack_paths,
        cli=context.cli,
        again=failure.command(context.options),
        sources=context.sources,
        problems=validation.of_stacks(context.aws, outcome.events, outcome.stack_paths),
    )


def _verify(ui: Ui, aws: Aws, stack_id: str, outcome: Outcome) -> None:
    """The root says that it is done: every nested stack must be, too."""
    with ui.step("Verify") as step:
        unverified = "the root stack is done, but its nested stacks could not be verified"
        nested = advice.ask(aws, unverified, lambda: execution.nested_statuses(aws, stack_id), None)
        if nested is None:
            step.result = "the root is complete; see --status"
            return
        bad = [
            f"{path} is in {status}"
            for path, (arn, status) in nested.items()
            if not execution.is_healthy(arn, status, outcome)
        ]
        if bad:
            raise Failure(
                Exit.FAILED,
                f"the root stack is done, but {', '.join(bad)}",
                "--status shows every stack; run the same command again to deploy what is missing",
            )
        step.result = f"the root and its {len(nested)} nested stacks are complete"


def _clock(running: Operation) -> str:
    minutes = max(0, (datetime.now(UTC) - running.since).total_seconds()) / 60
    return f"{running.since:%Y-%m-%d %H:%M:%S} UTC ({minutes:.0f} min ago)"
