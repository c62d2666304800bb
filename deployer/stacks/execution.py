"""Execute a change set and follow an operation to its end: root and nested stacks, across lost connections."""

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import PollingConfig, until
from deployer.errors import Exit, Failure
from deployer.stacks import changeset, events, reading
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.events import Event
from deployer.stacks.stack_status import StackStatus

POLLS_WITHOUT_EVENTS = 20
"""After this many polls without an event, read the stack's status."""


@dataclass(frozen=True)
class Outcome:
    """How an operation ended. `status`: the root's. `stack_paths`: stack ARN -> logical ids, "" for the root."""

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
    """Execute the change set and follow the operation. `token`: of `operation.token`."""
    seen = events.newest(aws.client("cloudformation"), change_set.stack_id)
    try:
        changeset.execute(aws, change_set, token, disable_rollback)
    except Exception:
        if not _began(aws, change_set.stack_id, token, polling):
            raise
    return follow(aws, change_set.stack_id, on_events, polling, seen=seen)


def _began(aws: Aws, stack_id: str, token: str, polling: PollingConfig) -> bool:
    """Return True if an operation runs although its call got no response: its events carry its token.

    Looks for them during a tenth of `polling.error_tolerance`; False if they cannot be read either.
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
    """Follow an operation, also a deletion, on root and nested stacks until the root's status is final.

    `stack_id` is the ARN: a deleted stack has no name. The operation begins after the events `seen` (ids), or at
    `start` (`Operation.since`). `on_events` receives the new events of each poll, also an empty list. Raises Failure
    if CloudFormation stops responding (connection lost, credentials expired); the operation itself continues.
    """
    cloudformation, watched = aws.client("cloudformation"), _Watched(stack_id, set(seen), start)
    reported, delay, silent_since, polls_without_events = 0, polling.interval, None, 0
    status = StackStatus("")
    while True:
        try:
            watched.poll(cloudformation)
            status = watched.root_status()
            polls_without_events = 0 if reported < len(watched.events) else polls_without_events + 1
            if watched.events and polls_without_events and polls_without_events % POLLS_WITHOUT_EVENTS == 0:
                status = reading.status_of(reading.describe(aws, stack_id))  # events are eventually consistent
        except Exception as error:
            if not service_errors.is_transient(error):
                raise _cannot_follow(error) from error
            silent_since = silent_since or time.monotonic()
            if time.monotonic() - silent_since > polling.error_tolerance:
                raise _no_response(error, polling) from error
            delay = min(delay * 2, polling.max_backoff)
            on_events([])
        else:
            delay, silent_since = polling.interval, None
            on_events(watched.in_order(reported))
            reported = len(watched.events)
            if status.is_settled:
                return Outcome(status, tuple(watched.in_order()), watched.stack_paths)
        time.sleep(delay)


def _no_response(error: Exception, polling: PollingConfig) -> Failure:
    return Failure(
        Exit.PREFLIGHT,
        f"CloudFormation did not respond for {polling.error_tolerance:.0f} s: {service_errors.reason(error)}",
        "the operation continues; re-run the command to resume following it",
    )


def _cannot_follow(error: Exception) -> Exception:
    """Return what to raise for an error that repeating does not solve, such as expired credentials."""
    explained = service_errors.explain(error)
    if explained is None:
        return error
    return Failure(
        explained.code,
        f"{explained.message}; the operation continues in CloudFormation",
        "sign in again if the credentials have expired, then re-run the command to resume following it",
    )


class _Watched:
    """The stacks of an operation and their events so far: the root and every nested stack that an event names."""

    def __init__(self, root: str, seen: set[str], start: datetime | None):
        self.root = root
        self.start = start
        self.seen = {root: seen}
        self.stack_paths = {root: ""}
        self.events: list[Event] = []

    def poll(self, cloudformation: Any) -> None:
        """Read the new events of all known stacks, and of those that the events name.

        The root is read first: if its status is final by then, the events read of the others are complete.
        """
        queue = list(self.seen)
        while queue:
            stack = queue.pop(0)
            start = self.start if stack == self.root else self.events[0].time
            for event in events.since(cloudformation, stack, self.seen[stack], start):
                self.events.append(event)
                child = event.child_stack
                if child and child not in self.seen:
                    self.seen[child] = set()
                    self.stack_paths[child] = "/".join(filter(None, (self.stack_paths[stack], event.logical_id)))
                    queue.append(child)

    def in_order(self, first: int = 0) -> list[Event]:
        """Return the events from index `first` on, in order of time, the root's last."""
        return sorted(self.events[first:], key=lambda event: (event.time, event.stack_id == self.root))

    def root_status(self) -> StackStatus:
        """Return the root's status by its last event."""
        own = [event for event in self.events if event.stack_id == self.root and event.of_the_stack]
        return StackStatus(own[-1].status if own else "")


def nested_statuses(aws: Aws, stack: str, prefix: str = "") -> dict[str, tuple[str, StackStatus]]:
    """Return path -> (ARN, status) of every nested stack, at any depth."""
    found: dict[str, tuple[str, StackStatus]] = {}
    for name, arn in reading.nested(aws, stack).items():
        found[prefix + name] = arn, reading.status_of(reading.describe(aws, arn))
        found |= nested_statuses(aws, arn, f"{prefix}{name}/")
    return found


def is_healthy(arn: str, status: StackStatus, outcome: Outcome) -> bool:
    """Return True for a nested stack that succeeded, or that this operation did not touch and can be updated.

    (A child that an earlier failure rolled back keeps UPDATE_ROLLBACK_COMPLETE until it is updated.)
    """
    touched = any(event.stack_id == arn and event.of_the_stack for event in outcome.events)
    return status.succeeded or (status.can_update and not touched)
