"""Stack events as values, and reading only the new ones."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from deployer.plan.snapshot import STACK

_EMBEDDED = re.compile(r"Embedded stack (arn:\S+)")


@dataclass(frozen=True)
class Event:
    """One line of a stack's history. `token`: the ClientRequestToken of the call that began the operation.

    `hook`: which hook failed and what it said, "" if none did.
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
        """It is about the stack whose history it is in, not about one of its resources."""
        return self.type == STACK and self.physical_id == self.stack_id

    @property
    def child_stack(self) -> str:
        """The ARN of the nested stack that it is about, or "".

        A child that failed at once may be named by nothing but the reason.
        """
        if self.type != STACK or self.of_the_stack:
            return ""
        if self.physical_id.startswith("arn:"):
            return self.physical_id
        named = _EMBEDDED.match(self.reason)
        return named[1] if named else ""


def of(entry: Mapping) -> Event:
    """From a DescribeStackEvents entry."""
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


def _failed_hook(entry: Mapping) -> str:
    """A hook that only warns (HookFailureMode WARN) stops nothing, so it explains nothing."""
    if not entry.get("HookStatus", "").endswith("FAILED") or entry.get("HookFailureMode") == "WARN":
        return ""
    return f"{entry.get('HookType', 'hook')}: {entry.get('HookStatusReason', 'no reason given')}"


def since(cloudformation, stack_id: str, seen: set[str], start: datetime | None = None) -> list[Event]:
    """What happened to the stack since the last call, oldest first; `seen` is brought up to date.

    CloudFormation tells the newest first, so reading ends at the first page that reaches what is
    known, or what is older than `start`: polling costs one call unless much has happened.
    """
    fresh: list[Event] = []
    for events in _pages(cloudformation, stack_id):
        new = [event for event in events if event.id not in seen and (start is None or event.time >= start)]
        fresh += new
        if len(new) < len(events):
            break
    seen.update(event.id for event in fresh)
    return fresh[::-1]


def back_to(cloudformation, stack_id: str, beginning: Callable[[Event], bool]) -> list[Event]:
    """The newest events, newest first, back to the first for which `beginning` holds; else the whole history."""
    found: list[Event] = []
    for events in _pages(cloudformation, stack_id):
        for event in events:
            found.append(event)
            if beginning(event):
                return found
    return found


def newest(cloudformation, stack_id: str) -> set[str]:
    """The ids on the first page of the stack's history: where `since` begins."""
    return {entry["EventId"] for entry in cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]}


def _pages(cloudformation, stack_id: str) -> Iterator[list[Event]]:
    for page in cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id):
        yield [of(entry) for entry in page["StackEvents"]]
