"""Run a change set and follow it to its end: root and nested stacks, through lost connections."""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import PollingConfig, until
from deployer.errors import Exit, Failure
from deployer.stacks import changeset, events, reading
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.events import Event
from deployer.stacks.stack_status import StackStatus

QUIET_ROUNDS = 20
"""After so many rounds without an event, ask for the status itself."""


@dataclass(frozen=True)
class Outcome:
    """How it ended: the root's status, everything that happened, and nested stacks by ARN -> logical path."""

    status: StackStatus
    events: tuple[Event, ...]
    stack_paths: Mapping[str, str]


OnEvents = Callable[[list[Event]], None]


def run(
    aws: Aws,
    change_set: ChangeSet,
    on_events: OnEvents,
    polling: PollingConfig,
    *,
    token: str,
    disable_rollback: bool = False,
) -> Outcome:
    """Execute and follow to the end. `token` is of `operation.token`; `disable_rollback` leaves a failure as it is."""
    seen = events.newest(aws.client("cloudformation"), change_set.stack_id)
    try:
        changeset.execute(aws, change_set, token, disable_rollback)
    except Exception:
        if not _began(aws, change_set.stack_id, token, polling):
            raise
    return follow(aws, change_set.stack_id, on_events, polling, seen=seen)


def _began(aws: Aws, stack_id: str, token: str, polling: PollingConfig) -> bool:
    """Whether an operation whose call was not answered runs all the same: its events carry its token.

    False also if that does not show within a tenth of `polling.error_tolerance`, or cannot be asked.
    """
    begun = aws.sent.operation()
    if begun is None or begun.token != token:
        return False  # refused, or never sent

    def look() -> bool:
        newest = aws.client("cloudformation").describe_stack_events(StackName=stack_id)["StackEvents"]
        return any(event.get("ClientRequestToken") == token for event in newest)

    with contextlib.suppress(Exception):
        return until(look, bool, polling.interval, polling.error_tolerance / 10)
    return False


def follow(
    aws: Aws,
    stack_id: str,
    on_events: OnEvents,
    polling: PollingConfig,
    *,
    seen: Iterable[str] = (),
    start: datetime | None = None,
) -> Outcome:
    """Watch an operation, a deletion too, until the stack has come to rest: root and nested stacks.

    `stack_id` is the ARN: a stack that is deleted has no name. Where the operation begins in the
    stack's history is told by `seen`, the ids of `events.newest` from before it, or by `start`, its
    `operation.Operation.since`. `on_events` gets each batch in order of time, an empty one included,
    so that it can tell time; `with show.progress.display(ui, name) as on_events` shows it.

    The Outcome's status is DELETE_COMPLETE after a deletion. Raises Failure when CloudFormation cannot be
    asked any more (lost connection, expired credentials): the operation itself goes on.
    """
    return _watch(aws, stack_id, set(seen), start, on_events, polling)


def _watch(
    aws: Aws, root: str, seen: set[str], start: datetime | None, on_events: OnEvents, polling: PollingConfig
) -> Outcome:
    cloudformation = aws.client("cloudformation")
    known: dict[str, set[str]] = {root: seen}
    names, history = {root: ""}, []
    told, delay, silent_since, quiet = 0, polling.interval, None, 0
    status = StackStatus("")
    while True:
        try:
            _poll(cloudformation, root, start, known, names, history)
            status = _root_status(history, root)
            quiet = 0 if told < len(history) else quiet + 1
            if history and quiet and quiet % QUIET_ROUNDS == 0:
                # Events are eventually consistent; the status has the last word.
                status = reading.status_of(reading.describe(aws, root))
        except Exception as error:
            if not service_errors.is_transient(error):
                raise _out_of_sight(error) from error
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > polling.error_tolerance:
                raise Failure(
                    Exit.PREFLIGHT,
                    f"CloudFormation stopped answering for {polling.error_tolerance:.0f} s: {service_errors.reason(error)}",
                    "the operation goes on by itself; run the same command again: it resumes watching",
                ) from error
            delay = min(delay * 2, polling.max_backoff)
            on_events([])
        else:
            delay, silent_since = polling.interval, None
            on_events(_in_order(history[told:], root))
            told = len(history)
            if status.is_settled:
                return Outcome(status, tuple(_in_order(history, root)), names)
        time.sleep(delay)


def _out_of_sight(error: Exception) -> Exception:
    """What to raise when CloudFormation will not answer us again, such as for expired credentials."""
    explained = service_errors.explain(error)
    if explained is None:
        return error
    return Failure(
        explained.code,
        f"{explained.message}; CloudFormation goes on with the operation by itself",
        "sign in again if that is it, then run the same command again: it resumes watching",
    )


def _poll(
    cloudformation,
    root: str,
    start: datetime | None,
    known: dict[str, set[str]],
    names: dict[str, str],
    history: list[Event],
) -> None:
    """One round over every stack known so far, and over those that this round makes known: `history` grows.

    The root is read first: if it was at rest by then, what is read of the others after it is complete.
    """
    queue = list(known)
    while queue:
        stack = queue.pop(0)
        begun = start if stack == root else history[0].time
        for event in events.since(cloudformation, stack, known[stack], begun):
            history.append(event)
            child = event.child_stack
            if child and child not in known:
                known[child] = set()
                names[child] = "/".join(filter(None, (names[stack], event.logical_id)))
                queue.append(child)


def _in_order(batch: list[Event], root: str) -> list[Event]:
    return sorted(batch, key=lambda event: (event.time, event.stack_id == root))


def _root_status(history: list[Event], root: str) -> StackStatus:
    own = [event for event in history if event.stack_id == root and event.of_the_stack]
    return StackStatus(own[-1].status if own else "")


def nested_statuses(aws: Aws, stack: str, prefix: str = "") -> dict[str, tuple[str, StackStatus]]:
    """Every nested stack, however deep: path -> (ARN, status)."""
    found: dict[str, tuple[str, StackStatus]] = {}
    for name, arn in reading.nested(aws, stack).items():
        found[prefix + name] = arn, reading.status_of(reading.describe(aws, arn))
        found |= nested_statuses(aws, arn, f"{prefix}{name}/")
    return found


def is_healthy(arn: str, status: StackStatus, outcome: Outcome) -> bool:
    """Whether a nested stack ended well: one that took part succeeded; one that did not is as sound as it was.

    (A child rolled back by an earlier failure, and not touched since, still says UPDATE_ROLLBACK_COMPLETE.)
    """
    took_part = any(event.stack_id == arn and event.of_the_stack for event in outcome.events)
    return status.succeeded or (status.can_update and not took_part)
