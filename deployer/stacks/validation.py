"""What CloudFormation finds wrong before it makes anything, read by DescribeEvents.

CloudFormation validates when a change set is created: properties against the types' schemas, names that are
taken (both stop it), quotas, buckets that are to be deleted but hold objects (both only warn). It validates a
nested stack once more when that is made. In both cases the status reason says no more than that something
was found; what and where, only DescribeEvents tells (CloudFormation user guide, "Validate stack deployments").
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.stacks.events import Event

SETTLING = 60.0
"""Seconds to wait for a nested change set to come to its end after the root has failed."""

_UNSETTLED = ("CREATE_PENDING", "CREATE_IN_PROGRESS")
_PROPERTIES = "Properties/"
_UNREAD = "what CloudFormation's validation found was not read"
_VERDICTS = {"VALIDATION_ERROR": "ValidationStatus", "HOOK_INVOCATION_ERROR": "HookStatus"}


@dataclass(frozen=True)
class Problem:
    """One finding. `stack`: path such as DataStack, "" for the root; `property`: KeySchema/0, or "".

    `check`: which validation or hook, such as NAME_CONFLICT_VALIDATION. One that does not stop is a warning.
    """

    stack: str
    logical_id: str
    type: str
    check: str
    reason: str
    property: str = ""
    stops: bool = True


class Refused(Failure):
    """A change set that CloudFormation could not create; `problems` may be empty if it does not say why."""

    def __init__(self, reason: str, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        stopping = sum(problem.stops for problem in self.problems)
        said = f"{stopping} problem{'s' * (stopping > 1)}, see above" if stopping else reason
        blind = not stopping and "DescribeEvents" in reason
        super().__init__(
            Exit.FAILED,
            f"CloudFormation refused the change set: {said}",
            "allow cloudformation:DescribeEvents to see why"
            if blind
            else "correct it, then run the same command again",
        )


def problems(aws: Aws, sets: Iterable[tuple[str, str, str]]) -> tuple[Problem, ...]:
    """What was found in a change set, whatever its status, and in the nested ones: `changeset.ChangeSet.sets`.

    What was read so far where DescribeEvents is not there (an emulator), not allowed or does not answer: it
    only explains, and a failure to explain must not hide what there is to explain.
    """
    cloudformation = aws.client("cloudformation")
    found: list[Problem] = []

    def read() -> None:
        for path, stack_id, identity in sets:
            # The root's events may tell of nested stacks, too; those are told by their own change sets.
            for event in _events(cloudformation, ChangeSetName=identity):
                if event.get("StackId", stack_id) == stack_id:
                    found.append(_problem(event, path))

    advice.ask(aws, _UNREAD, read, None)
    return tuple(dict.fromkeys(found))


def of_stacks(aws: Aws, events: Iterable[Event], names: Mapping[str, str]) -> tuple[Problem, ...]:
    """What was found in stacks whose history says that only DescribeEvents can tell; no call if none does."""
    cloudformation = aws.client("cloudformation")
    asked = dict.fromkeys(event.stack_id for event in events if "DescribeEvents" in event.reason)
    found: list[Problem] = []

    def read() -> None:
        for stack_id in asked:
            for event in _events(cloudformation, StackName=stack_id):
                found.append(_problem(event, names.get(stack_id, "")))

    advice.ask(aws, _UNREAD, read, None)
    return tuple(dict.fromkeys(found))


def settled(read: Callable[[], list[dict]], pause: float, limit: float = SETTLING) -> list[dict]:
    """The pages of DescribeChangeSet that `read` gives once it is made or has failed: a nested one may lag behind its
    root's failure. As they are after `limit` seconds: they only explain.
    """
    deadline = time.monotonic() + limit
    while (pages := read())[0].get("Status") in _UNSETTLED and time.monotonic() < deadline:
        time.sleep(pause)
    return pages


def nested(cloudformation, change_set: str, pause: float, path: str = "") -> Iterator[tuple[str, str, str]]:
    """(path, stack id, change set id) of a change set and of all below it, asked anew as far as they are wanted.

    For one that failed; a change set that was read knows them. Each is waited for: `settled`.
    """
    paginator = cloudformation.get_paginator("describe_change_set")
    pages = settled(lambda: list(paginator.paginate(ChangeSetName=change_set)), pause)
    yield path, pages[0].get("StackId", ""), change_set
    for page in pages:
        for change in page.get("Changes", []):
            resource = change.get("ResourceChange", {})
            if resource.get("ChangeSetId"):
                below = f"{path}/{resource['LogicalResourceId']}".lstrip("/")
                yield from nested(cloudformation, resource["ChangeSetId"], pause, below)


def _events(cloudformation, **of: str) -> Iterator[Mapping]:
    """Failed validations, and hooks that found something."""
    for page in cloudformation.get_paginator("describe_events").paginate(**of):
        for event in page.get("OperationEvents", []):
            verdict = _VERDICTS.get(event.get("EventType", ""))
            if verdict and event.get(verdict, "FAILED").endswith("FAILED"):
                yield event


def _problem(event: Mapping, stack: str) -> Problem:
    """ValidationPath: /Resources/OrdersTable/Properties/KeySchema/0, with or without its first slash."""
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
