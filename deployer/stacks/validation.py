"""Read the problems that CloudFormation's validation found, by DescribeEvents.

CloudFormation validates when it creates a change set: properties against the types' schemas and name conflicts (both
are errors), quotas and buckets to be deleted that contain objects (both are warnings). It validates a nested stack
again when it creates it. The status reason only says that there are problems; DescribeEvents returns them
(CloudFormation user guide, "Validate stack deployments").
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.stacks.events import Event

SETTLING = 60.0
"""Seconds to wait until a nested change set has ended after its root has failed."""

_UNSETTLED = ("CREATE_PENDING", "CREATE_IN_PROGRESS")
_PROPERTIES = "Properties/"
Description = Mapping[str, Any]
"""A page of DescribeChangeSet."""
_UNREAD = "CloudFormation's validation results were not read"
_VERDICTS = {"VALIDATION_ERROR": "ValidationStatus", "HOOK_INVOCATION_ERROR": "HookStatus"}


@dataclass(frozen=True)
class Problem:
    """One finding. `stack`: path such as DataStack, "" for the root; `property`: KeySchema/0, or "".

    `check`: the validation or hook, such as NAME_CONFLICT_VALIDATION. `stops`: False for a warning.
    """

    stack: str
    logical_id: str
    type: str
    check: str
    reason: str
    property: str = ""
    stops: bool = True


class Refused(Failure):
    """CloudFormation could not create the change set; `problems` is empty if they could not be read."""

    def __init__(self, reason: str, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        stopping = sum(problem.stops for problem in self.problems)
        summary = f"{stopping} problem{'s' * (stopping > 1)}, see above" if stopping else reason
        unread = not stopping and "DescribeEvents" in reason
        super().__init__(
            Exit.FAILED,
            f"CloudFormation refused the change set: {summary}",
            "allow cloudformation:DescribeEvents to see why"
            if unread
            else "correct it, then run the same command again",
        )


class ChangeSetId(NamedTuple):
    """A root's or nested change set. `path`: of its stack, "" for the root."""

    path: str
    stack_id: str
    id: str


def problems(aws: Aws, sets: Iterable[ChangeSetId]) -> tuple[Problem, ...]:
    """Return the problems of the change sets, whatever their status.

    If DescribeEvents fails (denied, not implemented by the emulator), return what was read so far after a warning:
    the failure must not hide the error that is being explained.
    """
    cloudformation = aws.client("cloudformation")
    found: list[Problem] = []

    def read() -> None:
        for path, stack_id, identity in sets:
            # The root's events may include those of nested stacks, which their own change sets have as well.
            for event in _events(cloudformation, ChangeSetName=identity):
                if event.get("StackId", stack_id) == stack_id:
                    found.append(_problem(event, path))

    advice.ask(aws, _UNREAD, read, None)
    return tuple(dict.fromkeys(found))


def of_stacks(aws: Aws, events: Iterable[Event], stack_paths: Mapping[str, str]) -> tuple[Problem, ...]:
    """Return the problems of stacks whose events refer to DescribeEvents; without a call if there are none."""
    cloudformation = aws.client("cloudformation")
    stack_ids = dict.fromkeys(event.stack_id for event in events if "DescribeEvents" in event.reason)
    found: list[Problem] = []

    def read() -> None:
        for stack_id in stack_ids:
            for event in _events(cloudformation, StackName=stack_id):
                found.append(_problem(event, stack_paths.get(stack_id, "")))

    advice.ask(aws, _UNREAD, read, None)
    return tuple(dict.fromkeys(found))


def settled(read: Callable[[], list[Description]], pause: float, limit: float = SETTLING) -> list[Description]:
    """Call `read` for the pages of DescribeChangeSet until the change set has ended, or for `limit` seconds.

    A nested change set may end after its root has failed.
    """
    deadline = time.monotonic() + limit
    while (pages := read())[0].get("Status") in _UNSETTLED and time.monotonic() < deadline:
        time.sleep(pause)
    return pages


def nested(cloudformation: Any, change_set: str, pause: float, path: str = "") -> Iterator[ChangeSetId]:
    """Yield a failed change set and its nested ones, each after it has ended."""
    paginator = cloudformation.get_paginator("describe_change_set")
    pages = settled(lambda: list(paginator.paginate(ChangeSetName=change_set)), pause)
    yield ChangeSetId(path, pages[0].get("StackId", ""), change_set)
    for page in pages:
        for change in page.get("Changes", []):
            resource = change.get("ResourceChange", {})
            if resource.get("ChangeSetId"):
                below = f"{path}/{resource['LogicalResourceId']}".lstrip("/")
                yield from nested(cloudformation, resource["ChangeSetId"], pause, below)


def _events(cloudformation: Any, **of: str) -> Iterator[Mapping[str, Any]]:
    """Yield the events of failed validations and hooks."""
    for page in cloudformation.get_paginator("describe_events").paginate(**of):
        for event in page.get("OperationEvents", []):
            verdict = _VERDICTS.get(event.get("EventType", ""))
            if verdict and event.get(verdict, "FAILED").endswith("FAILED"):
                yield event


def _problem(event: Mapping[str, Any], stack: str) -> Problem:
    """Convert an event with the ValidationPath /Resources/OrdersTable/Properties/KeySchema/0, or without its first slash."""
    is_hook = event["EventType"] == "HOOK_INVOCATION_ERROR"
    _, _, below = event.get("ValidationPath", "").lstrip("/").partition("/")
    logical_id, _, rest = below.partition("/")
    return Problem(
        stack,
        event.get("LogicalResourceId") or logical_id,
        event.get("ResourceType", ""),
        event.get("HookType", "hook") if is_hook else event.get("ValidationName", "validation"),
        event.get("HookStatusReason" if is_hook else "ValidationStatusReason", "no reason given"),
        rest.removeprefix(_PROPERTIES) if rest.startswith(_PROPERTIES) else "",
        event.get("HookFailureMode" if is_hook else "ValidationFailureMode", "FAIL") != "WARN",
    )
