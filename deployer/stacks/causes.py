"""Find the event that caused a failure among those that follow from it. Pure.

A parent stack only reports that its child "was not successfully created" (aws-cdk #5974), and the first failure
cancels all operations under way, in every stack. So the events of all stacks are searched together.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from deployer.stacks.events import STACK, Event

# The reasons of resources that failed only because another one did.
_CONSEQUENCES = re.compile(r"(creation|update|deletion|operation) cancell?ed|^Embedded stack ", re.IGNORECASE)


def depths(events: Iterable[Event]) -> dict[str, int]:
    """Return stack ARN -> nesting depth; 0 for stacks that no event names as a child."""
    parents: dict[str, str] = {event.child_stack: event.stack_id for event in events if event.child_stack}

    def depth(stack_id: str) -> int:
        return 1 + depth(parents[stack_id]) if stack_id in parents else 0

    return {event.stack_id: depth(event.stack_id) for event in events}


def root_cause(events: Iterable[Event]) -> Event | None:
    """Return the earliest failure with a reason that does not follow from another; of simultaneous ones, the deepest.

    Falls back to the earliest consequence. None if nothing failed.
    """
    events = list(events)
    failed = [event for event in events if event.status.endswith("_FAILED")]
    level = depths(events)

    def order(event: Event) -> tuple[bool, datetime, int]:
        return not event.reason, event.time, -level[event.stack_id]

    of_resources = [event for event in failed if not event.of_the_stack and not is_consequence(event)]
    of_stacks = [event for event in events if event.of_the_stack and event.reason and "ROLLBACK" in event.status]
    for candidates in (of_resources, of_stacks, failed):
        if candidates:
            return min(candidates, key=order)
    return None


def is_consequence(event: Event) -> bool:
    """Return True for a failure that only follows from another one."""
    return bool(_CONSEQUENCES.search(event.reason)) or (event.type == STACK and not event.reason)


def others(events: Iterable[Event], cause: Event) -> list[Event]:
    """Return the other independent failures, oldest first: each would fail the next attempt, too."""
    found = [
        event
        for event in events
        if event.status in ("CREATE_FAILED", "UPDATE_FAILED")
        and event != cause
        and not event.of_the_stack
        and not is_consequence(event)
    ]
    return sorted(found, key=lambda event: event.time)


def resource_path(event: Event, stack_paths: Mapping[str, str]) -> str:
    """Return `DataStack/OrdersTable`. `stack_paths`: stack ARN -> path by logical ids."""
    stack = stack_paths.get(event.stack_id, event.stack_name)
    return f"{stack}/{event.logical_id}" if stack else event.logical_id
