"""The one event that started a failure, among the noise that followed. Pure.

A stack that embeds another only says that it "was not successfully created" (aws-cdk #5974), and a first
failure cancels whatever is under way, in every stack. So the cause is looked for in all stacks at once.
"""

import re
from collections.abc import Iterable, Mapping

from deployer.stacks.events import STACK, Event

# What CloudFormation says of resources that only failed because another one did.
_NOISE = re.compile(r"(creation|update|deletion|operation) cancell?ed|^Embedded stack ", re.IGNORECASE)


def depths(events: Iterable[Event]) -> dict[str, int]:
    """Stack ARN -> how deep it is nested below the stacks that no event names as a child."""
    parents: dict[str, str] = {event.child_stack: event.stack_id for event in events if event.child_stack}

    def depth(stack_id: str) -> int:
        return 1 + depth(parents[stack_id]) if stack_id in parents else 0

    return {event.stack_id: depth(event.stack_id) for event in events}


def root_cause(events: Iterable[Event]) -> Event | None:
    """The earliest failure that has a reason and is not the echo of another; of several at once, the deepest.

    None when nothing failed. When everything is noise, the earliest noise is better than nothing.
    """
    events = list(events)
    failed = [event for event in events if event.status.endswith("_FAILED")]
    level = depths(events)

    def order(event: Event):
        return not event.reason, event.time, -level[event.stack_id]

    real = [event for event in failed if not event.of_the_stack and not is_noise(event)]
    of_stacks = [event for event in events if event.of_the_stack and event.reason and "ROLLBACK" in event.status]
    for candidates in (real, of_stacks, failed):
        if candidates:
            return min(candidates, key=order)
    return None


def is_noise(event: Event) -> bool:
    return bool(_NOISE.search(event.reason)) or (event.type == STACK and not event.reason)


def others(events: Iterable[Event], cause: Event) -> list[Event]:
    """Further failures of their own in the order they came: each would fail the next attempt, too."""
    real = [
        event
        for event in events
        if event.status in ("CREATE_FAILED", "UPDATE_FAILED")
        and event != cause
        and not event.of_the_stack
        and not is_noise(event)
    ]
    return sorted(real, key=lambda event: event.time)


def resource_path(event: Event, names: Mapping[str, str]) -> str:
    """`DataStack/OrdersTable`, by the stacks' logical names."""
    stack = names.get(event.stack_id, event.stack_name)
    return f"{stack}/{event.logical_id}" if stack else event.logical_id
