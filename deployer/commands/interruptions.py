"""Watching an operation through Ctrl-C, SIGTERM and SIGHUP: they end the watching, never the operation."""

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
from deployer.show.ui import Ui, can_ask, choose
from deployer.stacks import execution, operation, reading, recovery
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.operation import Operation

Watch = Callable[[OnEvents], Outcome]
"""Begins or follows an operation, feeds its events to the argument, returns how it ended."""

_STILL = "CloudFormation is at work and goes on by itself, whether or not this program watches."


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP: like Ctrl-C, but there is nobody to ask."""


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM, with which a pipeline cancels a job, and SIGHUP, when the terminal has gone, end a run as orderly as
    Ctrl-C does. What nohup has ignored stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_):
        raise Terminated

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, terminate)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


def watched(context: Context, stack_id: str, watch: Watch, expected: Mapping[str, int]) -> Outcome:
    """Watch with the live display; whoever goes on watching after Ctrl-C begins anew, with the same events.

    `expected`: stack -> number of changes, as far as known. Raises Failure(INTERRUPTED).
    """
    while True:
        try:
            with progress.display(context.ui, context.stack, expected) as on_events:
                return watch(on_events)
        except KeyboardInterrupt as interruption:
            try:
                watch = _after(interruption, context, stack_id)
            except KeyboardInterrupt:
                raise _left(context, "at work, as far as this program knows") from None


def _after(interruption: KeyboardInterrupt, context: Context, stack_id: str) -> Watch:
    """How to go on watching; raises Failure(INTERRUPTED) if that is not what is wanted, or not possible."""
    aws = context.aws
    try:
        last = operation.last(aws, stack_id)
        status = reading.status_of(reading.describe(aws, stack_id))
    except Exception:
        raise _left(context, "at work, as far as this program knows") from None
    begun = aws.sent.operation()
    if begun and begun.token != (last.token if last else ""):
        # Events come late: what was sent counts, not what the stack still looks like.
        raise _left(context, f"in {status}{' as yet' * bool(last)}", side_effects.sentence([begun]))
    running = last if last and last.status.is_running else None
    if running is None:
        raise Failure(
            Exit.INTERRUPTED,
            f"interrupted; stack {context.stack} is in {status}",
            "nothing runs; run the same command again to see what is left to do",
        )
    if not isinstance(interruption, Terminated) and can_ask():
        can_cancel = running.status.name == "UPDATE_IN_PROGRESS"
        answer = _asked(context.ui, running, can_cancel)
        if answer == "w":
            return from_its_beginning(aws, running)
        if answer == "c" and can_cancel:
            recovery.cancel(aws, stack_id, context.token())
            return _cancelled(context, running)
    raise _left(context, f"in {running.status}")


def _left(context: Context, state: str, begun: str = "") -> Failure:
    """`begun`: what was sent, if CloudFormation does not show it yet."""
    goes_on = f"{begun}, and CloudFormation goes on" if begun else "CloudFormation goes on"
    return Failure(
        Exit.INTERRUPTED,
        f"stopped watching; stack {context.stack} is {state}, and {goes_on} by itself",
        f"to resume, run the same command again; or: {context.cli('describe-stack-events')}",
    )


def _asked(ui: Ui, running: Operation, can_cancel: bool) -> str:
    ui.line(_STILL)
    ways = {"w": "watch on", "s": "stop watching"}
    if can_cancel:
        ways["c"] = "cancel, which rolls back to what was"
    else:
        ui.line(f"{running.status} cannot be cancelled.")
    try:
        return choose(ways)
    except KeyboardInterrupt:
        return "s"


def from_its_beginning(aws: Aws, running: Operation) -> Watch:
    return lambda on_events: execution.follow(
        aws, running.stack_id, on_events, waiting.polling(aws), start=running.since
    )


def _cancelled(context: Context, running: Operation) -> Watch:
    def watch(on_events: OnEvents) -> Outcome:
        outcome = from_its_beginning(context.aws, running)(on_events)
        if outcome.status.name != "UPDATE_ROLLBACK_COMPLETE":
            return outcome  # it was done already, or could not be rolled back
        raise Failure(
            Exit.INTERRUPTED,
            f"cancelled; stack {context.stack} is in {outcome.status}: its resources are as they were before",
        )

    return watch
