"""Handle Ctrl-C, SIGTERM and SIGHUP while watching an operation: they end the watching, not the operation."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from deployer.aws import waiting
from deployer.aws.session import Aws
from deployer.commands import side_effects
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.show import progress
from deployer.show.monitoring_view import MonitoringView
from deployer.show.ui import Ui, can_ask, choose
from deployer.stacks import alarms, execution, operation, reading, recovery
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.operation import Operation
from deployer.stacks.rollback_triggers import UNMONITORED, Monitoring

Watch = Callable[[OnEvents], Outcome]
"""Starts or follows an operation, passes its events to the argument, returns its outcome."""


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: like Ctrl-C, but without a question."""


@contextmanager
def terminable() -> Iterator[None]:
    """Handle SIGTERM (a cancelled pipeline job) and SIGHUP (a closed terminal) like Ctrl-C.

    Signals that are ignored, as under nohup, stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_):
        raise Terminated

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, terminate)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


def watch_operation(
    context: Context,
    stack_id: str,
    watch: Watch,
    expected: Mapping[str, int] | None = None,
    monitoring: Monitoring = UNMONITORED,
) -> Outcome:
    """Watch with the live display. If the answer to Ctrl-C is to go on, the display starts again from the first event.

    `expected`: stack path -> number of planned changes, if known. `monitoring`: of the operation. Raises Failure(INTERRUPTED).
    """
    view = MonitoringView(monitoring, lambda: alarms.named(context.aws, monitoring.alarms))
    while True:
        try:
            with progress.display(context.ui, context.stack, expected, view) as on_events:
                return watch(on_events)
        except KeyboardInterrupt as interruption:
            try:
                watch = _after_interruption(interruption, context, stack_id, monitoring)
            except KeyboardInterrupt:
                raise _stopped_watching(context, "probably still changing") from None


def _after_interruption(
    interruption: KeyboardInterrupt, context: Context, stack_id: str, monitoring: Monitoring
) -> Watch:
    """Return how to go on watching; raise Failure(INTERRUPTED) if that is not wanted or not possible."""
    aws = context.aws
    try:
        last = operation.last(aws, stack_id)
        status = reading.status_of(reading.describe(aws, stack_id))
    except Exception:
        raise _stopped_watching(context, "probably still changing") from None
    begun = aws.sent.operation()
    if begun and begun.token != (last.token if last else ""):
        # Events are eventually consistent: the call that was sent counts.
        raise _stopped_watching(context, f"in {status}", side_effects.sentence([begun]))
    running = last if last and last.status.is_running else None
    if running is None:
        raise Failure(
            Exit.INTERRUPTED,
            f"interrupted; stack {context.stack} is in {status}",
            "no operation is running; run the same command again to see what is left to do",
        )
    deploying = running.status.name in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
    alarms_too = ", and its alarms can still roll it back" if monitoring.triggers and deploying else ""
    if not isinstance(interruption, Terminated) and can_ask():
        can_cancel = running.status.name == "UPDATE_IN_PROGRESS"
        answer = _ask(context.ui, running, can_cancel, alarms_too)
        if answer == "w":
            return from_first_event(aws, running)
        if answer == "c" and can_cancel:
            recovery.cancel(aws, stack_id, context.token())
            return _cancelled(context, running)
    raise _stopped_watching(context, f"in {running.status}", alarms_too=alarms_too)


def _stopped_watching(context: Context, state: str, begun: str = "", alarms_too: str = "") -> Failure:
    """`begun`: the call that was sent, if CloudFormation does not show its operation yet."""
    return Failure(
        Exit.INTERRUPTED,
        f"stopped watching; stack {context.stack} is {state}; {f'{begun}; ' * bool(begun)}"
        f"the operation continues in CloudFormation{alarms_too}",
        f"to resume, run the same command again; or: {context.cli('describe-stack-events')}",
    )


def _ask(ui: Ui, running: Operation, can_cancel: bool, alarms_too: str) -> str:
    ui.line(f"The operation continues in CloudFormation, watched or not{alarms_too}.")
    choices = {"w": "watch on", "s": "stop watching"}
    if can_cancel:
        choices["c"] = "cancel the update and roll it back"
    else:
        ui.line(f"{running.status} cannot be cancelled.")
    try:
        return choose(choices)
    except KeyboardInterrupt:
        return "s"


def from_first_event(aws: Aws, running: Operation) -> Watch:
    return lambda on_events: execution.follow(
        aws, running.stack_id, on_events, waiting.polling(aws), start=running.since
    )


def _cancelled(context: Context, running: Operation) -> Watch:
    def watch(on_events: OnEvents) -> Outcome:
        outcome = from_first_event(context.aws, running)(on_events)
        if outcome.status.name != "UPDATE_ROLLBACK_COMPLETE":
            return outcome  # it was complete before, or could not be rolled back
        raise Failure(
            Exit.INTERRUPTED,
            f"cancelled; stack {context.stack} is in {outcome.status}: its resources are as before the update",
        )

    return watch
