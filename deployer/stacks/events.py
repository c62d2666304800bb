"""Read stack events, as values and only the new ones."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.plan.snapshot import STACK

_EMBEDDED = re.compile(r"Embedded stack (arn:\S+)")


@dataclass(frozen=True)
class Event:
    """A stack event. `token`: the ClientRequestToken of the call that began the operation.

    `hook`: the hook that failed and its message, "" if none did.
    """

    id: str
    time: datetime
    stack_id: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    token: str = ""
    hook: str = ""

    @property
    def of_the_stack(self) -> bool:
        """Return True for an event of the stack itself, not of one of its resources."""
        return self.type == STACK and self.physical_id == self.stack_id

    @property
    def child_stack(self) -> str:
        """Return the ARN of the nested stack that the event is about, or "".

        The event of a child that failed at once may contain its ARN only in the reason.
        """
        if self.type != STACK or self.of_the_stack:
            return ""
        if self.physical_id.startswith("arn:"):
            return self.physical_id
        named = _EMBEDDED.match(self.reason)
        return named[1] if named else ""


def of(entry: Mapping[str, Any]) -> Event:
    """Convert a DescribeStackEvents entry."""
    return Event(
        entry["EventId"],
        entry["Timestamp"],
        entry["StackId"],
        entry["StackName"],
        entry["LogicalResourceId"],
        entry.get("PhysicalResourceId", ""),
        entry["ResourceType"],
        entry["ResourceStatus"],
        entry.get("ResourceStatusReason", ""),
        entry.get("ClientRequestToken", ""),
        _failed_hook(entry),
    )


def _failed_hook(entry: Mapping[str, Any]) -> str:
    """Return the failed hook and its message; "" for a hook that only warns, since it cannot be the cause."""
    if not entry.get("HookStatus", "").endswith("FAILED") or entry.get("HookFailureMode") == "WARN":
        return ""
    return f"{entry.get('HookType', 'hook')}: {entry.get('HookStatusReason', 'no reason given')}"


def since(cloudformation: Any, stack_id: str, seen: set[str], start: datetime | None = None) -> list[Event]:
    """Return the stack's events that are not in `seen`, oldest first, and add them to `seen`.

    CloudFormation lists the newest first, so reading ends at the first page with a known event or one before `start`:
    polling costs one call unless there are many events.
    """
    fresh: list[Event] = []
    for events in _pages(cloudformation, stack_id):
        new = [event for event in events if event.id not in seen and (start is None or event.time >= start)]
        fresh += new
        if len(new) < len(events):
            break
    seen.update(event.id for event in fresh)
    return fresh[::-1]


def back_to(cloudformation: Any, stack_id: str, beginning: Callable[[Event], bool]) -> list[Event]:
    """Return the newest events, newest first, back to the first for which `beginning` is true; else all events."""
    found: list[Event] = []
    for events in _pages(cloudformation, stack_id):
        for event in events:
            found.append(event)
            if beginning(event):
                return found
    return found


def newest(cloudformation: Any, stack_id: str) -> set[str]:
    """Return the event ids on the first page: the initial `seen` of `since`."""
    return {entry["EventId"] for entry in cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]}


def _pages(cloudformation: Any, stack_id: str) -> Iterator[list[Event]]:
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        yield [of(entry) for entry in page["StackEvents"]]
