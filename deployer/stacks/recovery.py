"""Recovery actions for stacks that cannot be updated, and the resources that block them.

Each action begins an operation and follows it like `execution.follow`; `token` is of `operation.token`. The caller
asks for consent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deployer.aws.session import Aws
from deployer.aws.waiting import PollingConfig
from deployer.stacks import events, execution
from deployer.stacks.events import Event
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.operation import is_beginning

_PHASES = (
    "CREATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
)


@dataclass(frozen=True)
class Blocked:
    """A failed resource that blocks its stack. `path`: logical ids from the root."""

    path: str
    stack_name: str
    logical_id: str
    type: str
    status: str
    reason: str

    @property
    def to_skip(self) -> str:
        """Return the resource as --resources-to-skip expects it: with the nested stack's name, not its logical id."""
        return f"{self.stack_name}.{self.logical_id}" if "/" in self.path else self.logical_id

    def __str__(self) -> str:
        return f"{self.path} ({self.type}): {self.reason or 'no reason given'}"


def delete(aws: Aws, stack_id: str, on_events: OnEvents, polling: PollingConfig, token: str) -> Outcome:
    """Delete the stack; ends in DELETE_COMPLETE or DELETE_FAILED. Resources with DeletionPolicy Retain remain."""
    return _follow(aws, stack_id, on_events, polling, lambda client: client.delete_stack, token)


def continue_rollback(aws: Aws, stack_id: str, on_events: OnEvents, polling: PollingConfig, token: str) -> Outcome:
    """Continue the rollback of a stack in UPDATE_ROLLBACK_FAILED; ends in UPDATE_ROLLBACK_COMPLETE, or fails again."""
    return _follow(aws, stack_id, on_events, polling, lambda client: client.continue_update_rollback, token)


def roll_back(aws: Aws, stack_id: str, on_events: OnEvents, polling: PollingConfig, token: str) -> Outcome:
    """Roll back a stack in UPDATE_FAILED, the result of --no-rollback; ends in UPDATE_ROLLBACK_COMPLETE."""
    return _follow(aws, stack_id, on_events, polling, lambda client: client.rollback_stack, token)


def cancel(aws: Aws, stack_id: str, token: str) -> None:
    """Cancel an update in progress; CloudFormation rolls it back. Does not follow it."""
    aws.client("cloudformation").cancel_update_stack(StackName=stack_id, ClientRequestToken=token)


def _follow(
    aws: Aws,
    stack_id: str,
    on_events: OnEvents,
    polling: PollingConfig,
    call: Callable[[Any], Callable[..., Any]],
    token: str,
) -> Outcome:
    cloudformation = aws.client("cloudformation")
    seen = events.newest(cloudformation, stack_id)
    call(cloudformation)(StackName=stack_id, ClientRequestToken=token)
    return execution.follow(aws, stack_id, on_events, polling, seen=seen)


def blocked(aws: Aws, stack_id: str) -> list[Blocked]:
    """Return the resources, also of nested stacks, whose last event in the stack's last phase is a failure.

    A nested stack is listed only if nothing in it failed.
    """
    found = _failed(aws, stack_id, "", _begins_phase)
    return [each for each in found if "cancelled" not in each.reason] or found


def _failed(aws: Aws, stack_id: str, path: str, begins: Callable[[Event], bool]) -> list[Blocked]:
    latest: dict[str, Event] = {}
    for event in events.back_to(aws.client("cloudformation"), stack_id, begins):
        if not event.of_the_stack:
            latest.setdefault(event.logical_id, event)
    found: list[Blocked] = []
    for event in latest.values():
        if event.status.endswith("_FAILED"):
            here = f"{path}{event.logical_id}"
            inner = _failed_below(aws, event.child_stack, f"{here}/") if event.child_stack else []
            found += inner or [
                Blocked(here, event.stack_name, event.logical_id, event.type, event.status, event.reason)
            ]
    return found


def _failed_below(aws: Aws, stack_id: str, path: str) -> list[Blocked]:
    """Return failures of the nested stack's last phase; if that was a successful rollback, of its last operation."""
    return _failed(aws, stack_id, path, _begins_phase) or _failed(aws, stack_id, path, is_beginning)


def _begins_phase(event: Event) -> bool:
    return event.of_the_stack and event.status in _PHASES
