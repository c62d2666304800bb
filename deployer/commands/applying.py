"""Apply a change set: execute it, watch it, resume watching, then verify or diagnose the result.

CloudFormation runs the operation: it goes on if this process ends. `stacks.execution` has the AWS calls.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from deployer.aws import advice, waiting
from deployer.aws.session import Aws
from deployer.commands import interruptions
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.show import failure
from deployer.show.ui import Ui
from deployer.stacks import (
    change_set_cleanup,
    changeset,
    diagnosis,
    execution,
    operation,
    rollback_triggers,
    shifts,
    validation,
)
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.diagnosis import Diagnosis
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.operation import Operation
from deployer.stacks.rollback_triggers import UNMONITORED, Breach, Monitoring


@contextmanager
def report_conflict(context: Context) -> Iterator[None]:
    """Around creating and executing a change set: if another operation came first, say who started it."""
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
                + (f", by {other.who}, since {_started_at(other)}" if other else ""),
                "run the same command again: it compares with what is deployed now",
            ) from error
        raise conflict(context, other) from error


def conflict(context: Context, other: Operation) -> Failure:
    """Return the Failure for a stack with another operation running: CloudFormation allows one at a time."""
    wait = "delete" if other.begun.startswith("DELETE") else "create" if other.begun.startswith("CREATE") else "update"
    return Failure(
        Exit.PREFLIGHT,
        f"stack {context.stack} is in {other.status}: started by {other.who} at {_started_at(other)}",
        f"wait for it: {context.cli(f'wait stack-{wait}-complete')}, "
        f"or follow it: {context.cli('describe-stack-events')}",
    )


def execute(
    context: Context, change_set: ChangeSet, expected: Mapping[str, int], monitoring: Monitoring = UNMONITORED
) -> Outcome:
    """Execute the change set and watch it to its end.

    Before that, delete change sets that earlier runs left: after an execution, nested ones often cannot be deleted.
    """
    for stack in change_set_cleanup.sweep(context.aws, {stack: None for _, stack, _ in change_set.sets}, change_set.id):
        context.ui.warn(
            f"stack {stack} has {change_set_cleanup.MANY:,} change sets or more, and CloudFormation takes about 1,000: "
            "those that FAILED without changes cannot be deleted with the API; ask AWS Support to delete them"
        )
    aws, token, no_rollback = context.aws, context.token(), context.options.no_rollback

    def run(on_events: OnEvents) -> Outcome:
        with report_conflict(context):
            return execution.run(
                aws, change_set, on_events, waiting.polling(aws), token=token, disable_rollback=no_rollback
            )

    return interruptions.watch_operation(context, change_set.stack_id, run, expected, monitoring)


@contextmanager
def discard_on_exit(aws: Aws, change_set: ChangeSet) -> Iterator[None]:
    """Delete the change set when the block raises, unless ExecuteChangeSet was sent."""
    try:
        yield
    except BaseException:
        if not _execution_was_sent(aws, change_set):
            _discard(aws, change_set, waiting.polling(aws).interval)
        raise


def _execution_was_sent(aws: Aws, change_set: ChangeSet) -> bool:
    return any(
        write.operation == "ExecuteChangeSet" and write.subject["ChangeSetName"] == change_set.id for write in aws.sent
    )


def _discard(aws: Aws, change_set: ChangeSet, pause: float) -> None:
    """Best effort: an error here must not replace the one that ended the block."""
    with contextlib.suppress(Exception):
        if changeset.is_waiting(aws, change_set):
            change_set_cleanup.discard(aws, change_set, pause)


def resume(context: Context, running: Operation, monitoring: Monitoring = UNMONITORED) -> Outcome:
    """Watch a running operation from its first event to its end."""

    def watch(on_events: OnEvents) -> Outcome:
        context.ui.line(
            f"Resuming: stack {context.stack} is in {running.status}, started by {running.who} at {_started_at(running)}."
        )
        return interruptions.from_first_event(context.aws, running)(on_events)

    return interruptions.watch_operation(context, running.stack_id, watch, monitoring=monitoring)


def finish(
    context: Context,
    stack_id: str,
    outcome: Outcome,
    monitoring: Monitoring = UNMONITORED,
    record: Callable[[str], None] = lambda alarm: None,
) -> None:
    """Verify a deployment that this run started or resumed; raise Failure with a diagnosis if it failed.

    `record`: gets the name of the alarm that rolled it back.
    """
    if outcome.status.succeeded:
        _verify(context.ui, context.aws, stack_id, outcome)
        return
    with context.ui.waiting("Diagnose"):
        breach = rollback_triggers.breach(context.aws, outcome, monitoring)
        report = diagnose(context, outcome, breach)
    failure.show(context.ui, report)
    message = f"the deployment failed; stack {context.stack} is in {outcome.status}"
    if breach:
        record(breach.name)
        message = f"alarm {breach.name} rolled the deployment back; stack {context.stack} is in {outcome.status}"
    raise Failure(Exit.FAILED, message, report.next, {"failure": failure.as_json(report)})


def diagnose(context: Context, outcome: Outcome, breach: Breach | None = None) -> Diagnosis:
    """Explain why an operation of the stack failed, and in which state it left every stack."""

    def logs(function: str) -> str:
        return context.options.at_the_same_place("--logs", function=function).command_line()

    return diagnosis.explain(
        outcome.status,
        shifts.explained(context.aws, context.environment.name, outcome.events, logs),
        outcome.stack_paths,
        cli=context.cli,
        again=failure.command(context.options),
        sources=context.sources,
        problems=validation.of_stacks(context.aws, outcome.events, outcome.stack_paths),
        breach=breach,
        logs=_logs(context, outcome, breach) if breach else "",
    )


def _logs(context: Context, outcome: Outcome, breach: Breach) -> str:
    """Return the command for the logs since the operation began, of the function if the alarms measure only one."""
    functions = {function for alarm in breach.causes for function in alarm.functions}
    minutes = 1 + (datetime.now(UTC) - outcome.events[0].time).total_seconds() // 60
    of_one = functions.pop() if len(functions) == 1 else None
    return context.options.at_the_same_place("--logs", function=of_one, since=60 * minutes).command_line()


def _verify(ui: Ui, aws: Aws, stack_id: str, outcome: Outcome) -> None:
    """The root is complete: check that every nested stack is."""
    with ui.step("Verify") as step:
        unverified = "the root stack is complete, but its nested stacks could not be verified"
        nested = advice.ask(aws, unverified, lambda: execution.nested_statuses(aws, stack_id), None)
        if nested is None:
            step.result = "the root is complete; see --status"
            return
        unhealthy = [
            f"{path} is in {status}"
            for path, (arn, status) in nested.items()
            if not execution.is_healthy(arn, status, outcome)
        ]
        if unhealthy:
            raise Failure(
                Exit.FAILED,
                f"the root stack is complete, but {', '.join(unhealthy)}",
                "--status shows every stack; run the same command again to deploy what is missing",
            )
        step.result = f"the root and its {len(nested)} nested stacks are complete"


def _started_at(running: Operation) -> str:
    minutes = max(0, (datetime.now(UTC) - running.since).total_seconds()) / 60
    return f"{running.since:%Y-%m-%d %H:%M:%S} UTC ({minutes:.0f} min ago)"
