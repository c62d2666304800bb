"""Drift: where deployed resources are not as their stacks' templates say.

CloudFormation's detection does not descend into nested stacks, so it is started on each. It compares only
properties that a template sets, and only of the types that it can read: what it did not look at is counted.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.stacks import reading
from deployer.stacks.tree import Stack

LIMIT = 900.0
"""Seconds after which a detection is not waited for any longer; one takes minutes, says its documentation."""

_BUSY = "already in progress"
_SECRET = r"passw|secret|token|credential|api[_-]?key|private[_-]?key|authorization"
_SECRET_NAME = re.compile(_SECRET, re.IGNORECASE)
_SECRET_INSIDE = re.compile(rf'"[^"]*(?:{_SECRET})[^"]*"\s*:', re.IGNORECASE)
_HIDDEN = "(hidden)"


@dataclass(frozen=True)
class PropertyDifference:
    """`path` is a JSON pointer into the resource's properties; `kind`: ADD, REMOVE or NOT_EQUAL, seen from the template."""

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
    """What one stack's detection found.

    `problem`: why it is not the whole answer, or none at all; "" when it is. `unchecked`: type -> number of
    resources that CloudFormation cannot look at.
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
    aws: Aws, stacks: list[Stack], pause: float, on_progress: Callable[[int, int], None], clock=time
) -> list[StackDrift]:
    """Start a detection on every stack, wait for all of them, read what they found; in the order of `stacks`.

    `on_progress` gets how many are done, of how many. What cannot be started or ends badly is that stack's `problem`;
    only what no stack could answer (credentials, permission) is raised.
    """
    with ThreadPoolExecutor(8) as pool:
        problems = _wait(aws, stacks, pool, pause, on_progress, clock)
        return list(pool.map(lambda stack: _result(aws, stack, problems[stack.id]), stacks))


def _wait(aws: Aws, stacks: list[Stack], pool, pause: float, on_progress, clock) -> dict[str, str]:
    """Stack id -> problem, "" for none, once all have come to an end."""
    deadline = clock.monotonic() + LIMIT
    # stack id -> detection id, "" until it is started: somebody else's detection may be in the way.
    running = dict.fromkeys((stack.id for stack in stacks), "")
    ended: dict[str, str] = {}
    while running:
        on_progress(len(ended), len(stacks))
        looked = pool.map(lambda entry: _look(aws, *entry), list(running.items()))
        for stack, (detection, problem) in zip(list(running), looked, strict=True):
            running[stack] = detection
            if problem is not None:
                ended[stack] = problem
                del running[stack]
        if running and clock.monotonic() > deadline:
            late = f"its detection has not ended in {LIMIT / 60:.0f} minutes; it goes on, look again later"
            return ended | dict.fromkeys(running, late)
        if running:
            clock.sleep(pause)
    on_progress(len(ended), len(stacks))
    return ended


def _look(aws: Aws, stack: str, detection: str) -> tuple[str, str | None]:
    """The detection's id, started if it was not, and how it ended: None while it runs, else its problem or ""."""
    cloudformation = aws.client("cloudformation")
    try:
        if not detection:
            return cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"], None
        status = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    except Exception as error:
        if service_errors.is_transient(error) or _BUSY in str(error):
            return detection, None
        if service_errors.code_of(error) == "ValidationError":  # of a stack in the middle of an update, for instance
            return detection, service_errors.message_of(error)
        raise
    if status["DetectionStatus"] == "DETECTION_IN_PROGRESS":
        return detection, None
    failed = status["DetectionStatus"] == "DETECTION_FAILED"
    return detection, (status.get("DetectionStatusReason") or "its detection failed") if failed else ""


def _result(aws: Aws, stack: Stack, problem: str) -> StackDrift:
    return interpret(stack, list(_drifts(aws.client("cloudformation"), stack.id)), problem)


def _drifts(cloudformation, stack: str) -> Iterator[dict]:
    """All pages; botocore has no paginator for this operation."""
    more: dict = {}
    while True:
        page = cloudformation.describe_stack_resource_drifts(StackName=stack, **more)
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def interpret(stack: Stack, found: list[Mapping], problem: str = "") -> StackDrift:
    """From DescribeStackResourceDrifts entries. Pure. Nested stacks are checked by themselves, and not counted here."""
    by_status: dict[str, list[Mapping]] = {}
    for entry in found:
        by_status.setdefault(entry["StackResourceDriftStatus"], []).append(entry)
    looked_at = {
        entry["LogicalResourceId"]
        for status in ("IN_SYNC", "MODIFIED", "DELETED", "UNKNOWN")
        for entry in by_status.get(status, [])
    }
    kinds = (each["ResourceType"] for name, each in sorted(stack.resources.items()) if name not in looked_at)
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


def _drifted(entry: Mapping) -> DriftedResource:
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
    """Without its values if its name, or a name inside of them, says that they are nobody's to read.

    (What a NoEcho parameter set, CloudFormation itself shows as asterisks; what somebody else set, it shows.)
    """

    def shown(value: str) -> str:
        return _HIDDEN if _SECRET_NAME.search(difference.path) or _SECRET_INSIDE.search(value) else value

    return replace(difference, expected=shown(difference.expected), actual=shown(difference.actual))
