"""Drift: differences between deployed resources and their stacks' templates.

CloudFormation's detection does not include nested stacks, so it is started on each. It compares only properties that
a template sets, and only of supported types: resources that were not checked are counted.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.stacks import reading
from deployer.stacks.tree import Stack

LIMIT = 900.0
"""Seconds to wait for the detections; one takes minutes, says the documentation."""

_BUSY = "already in progress"
_SECRET = r"passw|secret|token|credential|api[_-]?key|private[_-]?key|authorization"
_SECRET_NAME = re.compile(_SECRET, re.IGNORECASE)
_SECRET_INSIDE = re.compile(rf'"[^"]*(?:{_SECRET})[^"]*"\s*:', re.IGNORECASE)
_HIDDEN = "(hidden)"


@dataclass(frozen=True)
class PropertyDifference:
    """`path`: JSON pointer into the resource's properties. `kind`: ADD, REMOVE or NOT_EQUAL, relative to the template."""

    path: str
    expected: str
    actual: str
    kind: str


@dataclass(frozen=True)
class DriftedResource:
    """A resource whose `status` is MODIFIED, with its differences, or DELETED."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    differences: tuple[PropertyDifference, ...] = ()


@dataclass(frozen=True)
class StackDrift:
    """The result of one stack's detection.

    `problem`: why the result is missing or incomplete, "" if it is complete. `unchecked`: type -> number of
    resources that CloudFormation cannot check.
    """

    path: str
    title: str
    drifted: tuple[DriftedResource, ...] = ()
    in_sync: int = 0
    unchecked: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    @property
    def status(self) -> str:
        return "DRIFTED" if self.drifted else "UNKNOWN" if self.problem else "IN_SYNC"


def detect(
    aws: Aws, stacks: list[Stack], pause: float, on_progress: Callable[[int, int], None], clock: Any = time
) -> list[StackDrift]:
    """Start a detection on every stack, wait for all of them; return the results in the order of `stacks`.

    `on_progress` receives the number of completed detections and of all. A detection that fails is its stack's
    `problem`; errors that concern all stacks (credentials, permissions) are raised.
    """
    with ThreadPoolExecutor(8) as pool:
        problems = _wait(aws, stacks, pool, pause, on_progress, clock)
        return list(pool.map(lambda stack: _result(aws, stack, problems[stack.id]), stacks))


def _wait(
    aws: Aws,
    stacks: list[Stack],
    pool: ThreadPoolExecutor,
    pause: float,
    on_progress: Callable[[int, int], None],
    clock: Any,
) -> dict[str, str]:
    """Wait until all detections have ended; return stack id -> problem, "" for none."""
    deadline = clock.monotonic() + LIMIT
    # stack id -> detection id, "" until it is started: another detection may be in progress
    running = dict.fromkeys((stack.id for stack in stacks), "")
    ended: dict[str, str] = {}
    while running:
        on_progress(len(ended), len(stacks))
        polled = pool.map(lambda entry: _poll(aws, *entry), list(running.items()))
        for stack, (detection, problem) in zip(list(running), polled, strict=True):
            running[stack] = detection
            if problem is not None:
                ended[stack] = problem
                del running[stack]
        if running and clock.monotonic() > deadline:
            timed_out = (
                f"its detection timed out after {LIMIT / 60:.0f} minutes; it continues, run the command again later"
            )
            return ended | dict.fromkeys(running, timed_out)
        if running:
            clock.sleep(pause)
    on_progress(len(ended), len(stacks))
    return ended


def _poll(aws: Aws, stack: str, detection: str) -> tuple[str, str | None]:
    """Start or poll a detection; return its id, and its problem ("" for none) or None while it runs."""
    cloudformation = aws.client("cloudformation")
    try:
        if not detection:
            return cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"], None
        status = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    except Exception as error:
        if service_errors.is_transient(error) or _BUSY in str(error):
            return detection, None
        if service_errors.code_of(error) == "ValidationError":  # such as a stack that is being updated
            return detection, service_errors.message_of(error)
        raise
    if status["DetectionStatus"] == "DETECTION_IN_PROGRESS":
        return detection, None
    failed = status["DetectionStatus"] == "DETECTION_FAILED"
    return detection, (status.get("DetectionStatusReason") or "its detection failed") if failed else ""


def _result(aws: Aws, stack: Stack, problem: str) -> StackDrift:
    return interpret(stack, list(_drifts(aws.client("cloudformation"), stack.id)), problem)


def _drifts(cloudformation: Any, stack: str) -> Iterator[Mapping[str, Any]]:
    """Yield the entries of all pages; botocore has no paginator for this operation."""
    more: dict = {}
    while True:
        page = cloudformation.describe_stack_resource_drifts(StackName=stack, **more)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def interpret(stack: Stack, found: list[Mapping[str, Any]], problem: str = "") -> StackDrift:
    """Interpret DescribeStackResourceDrifts entries. Pure. Nested stacks have their own detection."""
    by_status: dict[str, list[Mapping[str, Any]]] = {}
    for entry in found:
        by_status.setdefault(entry["StackResourceDriftStatus"], []).append(entry)
    checked = {
        entry["LogicalResourceId"]
        for status in ("IN_SYNC", "MODIFIED", "DELETED", "UNKNOWN")
        for entry in by_status.get(status, [])
    }
    kinds = (each["ResourceType"] for name, each in sorted(stack.resources.items()) if name not in checked)
    unchecked = Counter(kind for kind in kinds if kind != reading.STACK)
    unreadable = [
        entry["LogicalResourceId"] + (f" ({reason})" if (reason := entry.get("DriftStatusReason")) else "")
        for entry in by_status.get("UNKNOWN", [])
    ]
    if unreadable and not problem:
        problem = "could not be compared: " + ", ".join(unreadable)
    drifted = [_drifted(entry) for status in ("MODIFIED", "DELETED") for entry in by_status.get(status, [])]
    return StackDrift(
        stack.path,
        stack.title,
        tuple(sorted(drifted, key=lambda each: each.logical_id)),
        len(by_status.get("IN_SYNC", [])),
        dict(unchecked),
        problem,
    )


def _drifted(entry: Mapping[str, Any]) -> DriftedResource:
    differences = (
        PropertyDifference(each["PropertyPath"], each["ExpectedValue"], each["ActualValue"], each["DifferenceType"])
        for each in entry.get("PropertyDifferences", [])
    )
    return DriftedResource(
        entry["LogicalResourceId"],
        entry.get("PhysicalResourceId", ""),
        entry["ResourceType"],
        entry["StackResourceDriftStatus"],
        tuple(masked(each) for each in sorted(differences, key=lambda each: each.path)),
    )


def masked(difference: PropertyDifference) -> PropertyDifference:
    """Hide the values if the property's name, or a name inside the values, looks like a secret's.

    CloudFormation masks values of NoEcho parameters, but not values that were set outside the template.
    """

    def shown(value: str) -> str:
        return _HIDDEN if _SECRET_NAME.search(difference.path) or _SECRET_INSIDE.search(value) else value

    return replace(difference, expected=shown(difference.expected), actual=shown(difference.actual))
