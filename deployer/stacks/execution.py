"""Run a change set and follow it to its end: root and nested stacks, through lost connections."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from deployer.aws import service_errors
from deployer.aws.waiting import until
from deployer.errors import Exit, Failure
from deployer.stacks import changeset, events, reading
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.events import Event
from deployer.stacks.status import StackStatus


@dataclass(frozen=True)
class Pace:
    """How often to look, and how long to put up with not being answered. Seconds."""

    pause: float
    slowest: float
    patience: float


QUIET_ROUNDS = 20
"""After so many rounds without an event, ask for the status itself."""

LOCAL = Pace(0.1, 0.5, 10)
REMOTE = Pace(2.5, 20, 300)


@dataclass(frozen=True)
class Outcome:
    """How it ended: the root's status, everything that happened, and nested stacks by ARN -> logical path."""

    status: StackStatus
    events: tuple[Event, ...]
    names: Mapping[str, str]


def run(aws, change_set: ChangeSet, on_events: Callable[[list[Event]], None], pace: Pace) -> Outcome:
    """Execute and watch until the root stack has come to rest; `on_events` gets each batch, an empty one included.

    Raises Failure(FAILED) when CloudFormation cannot be asked any more: the deployment itself goes on.
    """
    cloudformation = aws.client("cloudformation")
    seen = events.newest(cloudformation, change_set.stack_id)
    changeset.execute(aws, change_set)
    return _watch(cloudformation, change_set.stack_id, seen, on_events, pace)


def _watch(cloudformation, root: str, seen: set[str], on_events, pace: Pace) -> Outcome:
    known: dict[str, set[str]] = {root: seen}
    names, history = {root: ""}, []
    delay, silent_since, quiet = pace.pause, None, 0
    while True:
        try:
            batch = _poll(cloudformation, root, known, names, history)
        except Exception as error:
            if not service_errors.is_transient(error):
                raise
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > pace.patience:
                raise Failure(
                    Exit.FAILED,
                    f"CloudFormation stopped answering: {error}",
                    "the deployment goes on by itself; run this command again to see how it ended",
                ) from error
            delay, batch = min(delay * 2, pace.slowest), []
        else:
            delay, silent_since, quiet = pace.pause, None, 0 if batch else quiet + 1
        on_events(batch)
        status = _root_status(batch, root)
        if (
            history and quiet and quiet % QUIET_ROUNDS == 0
        ):  # events are eventually consistent, the status has the last word
            status = StackStatus(cloudformation.describe_stacks(StackName=root)["Stacks"][0]["StackStatus"])
        if status.is_settled:
            return Outcome(status, tuple(sorted(history, key=lambda event: event.time)), names)
        time.sleep(delay)


def _poll(
    cloudformation, root: str, known: dict[str, set[str]], names: dict[str, str], history: list[Event]
) -> list[Event]:
    """One round over every stack known so far, and over those that this round makes known; in order of time.

    The root is read first: if it was at rest by then, what is read of the others after it is complete.
    """
    batch: list[Event] = []
    queue = list(known)
    while queue:
        stack = queue.pop(0)
        start: datetime | None = None if stack == root else history[0].time
        for event in events.since(cloudformation, stack, known[stack], start):
            batch.append(event)
            history.append(event)
            child = event.child_stack
            if child and child not in known:
                known[child] = set()
                names[child] = "/".join(filter(None, (names[stack], event.logical_id)))
                queue.append(child)
    return sorted(batch, key=lambda event: (event.time, event.stack_id == root))


def _root_status(batch: list[Event], root: str) -> StackStatus:
    own = [event for event in batch if event.stack_id == root and event.of_the_stack]
    return StackStatus(own[-1].status if own else "")


def nested_statuses(aws, stack: str, prefix: str = "") -> dict[str, tuple[str, StackStatus]]:
    """Every nested stack, however deep: path -> (ARN, status)."""
    found: dict[str, tuple[str, StackStatus]] = {}
    for name, arn in reading.nested(aws, stack).items():
        found[prefix + name] = arn, reading.status_of(reading.describe(aws, arn))
        found |= nested_statuses(aws, arn, f"{prefix}{name}/")
    return found


def is_well(arn: str, status: StackStatus, outcome: Outcome) -> bool:
    """Whether a nested stack ended well: one that took part succeeded; one that did not is as sound as it was.

    (A child rolled back by an earlier failure, and not touched since, still says UPDATE_ROLLBACK_COMPLETE.)
    """
    took_part = any(event.stack_id == arn and event.of_the_stack for event in outcome.events)
    return status.succeeded or (status.can_update and not took_part)


def remove_failed_creation(aws, stack_id: str, pace: Pace) -> None:
    """Delete a stack in ROLLBACK_COMPLETE: its creation failed, so it never held anything."""
    aws.client("cloudformation").delete_stack(StackName=stack_id)
    status = until(
        lambda: reading.status_of(reading.describe(aws, stack_id)),
        lambda status: status.name != "ROLLBACK_COMPLETE" and not status.is_running,
        pace.pause,
    )
    if status.exists:
        raise Failure(Exit.FAILED, f"the stack of the failed first deployment could not be deleted: {status}")
