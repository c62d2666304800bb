"""Read a deployed environment's stacks, root and nested, with their resources: two calls a stack."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.aws.session import Aws
from deployer.stacks import reading
from deployer.stacks.stack_status import StackStatus


@dataclass(frozen=True)
class Stack:
    """A deployed stack. `path`: logical ids from the root, "" for the root. `entry`: its DescribeStacks entry.

    `resources`: logical id -> ListStackResources entry of its own existing resources.
    """

    path: str
    entry: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]

    @property
    def id(self) -> str:
        return self.entry["StackId"]

    @property
    def title(self) -> str:
        return self.path or self.entry["StackName"]

    @property
    def status(self) -> StackStatus:
        return reading.status_of(self.entry)

    def of_type(self, kind: str) -> dict[str, str]:
        """Return logical id -> physical id of the resources of a type, sorted."""
        return {
            name: each["PhysicalResourceId"]
            for name, each in sorted(self.resources.items())
            if each["ResourceType"] == kind
        }

    @property
    def changed(self) -> datetime:
        """Return when the last operation began; DescribeStacks does not contain its end."""
        return self.entry.get("LastUpdatedTime") or self.entry["CreationTime"]


def read(aws: Aws, root: Mapping[str, Any]) -> list[Stack]:
    """Read the tree below a DescribeStacks entry concurrently: parents first, siblings by name."""
    return _read(aws, root, "")


def _read(aws: Aws, entry: Mapping[str, Any], path: str) -> list[Stack]:
    own = {each["LogicalResourceId"]: each for each in reading.resources(aws, entry["StackId"])}
    stack = Stack(path, entry, own)
    nested = stack.of_type(reading.STACK).items()
    if not nested:
        return [stack]

    def below(child: tuple[str, str]) -> list[Stack]:
        name, arn = child
        described = reading.describe(aws, arn)
        return _read(aws, described, f"{path}/{name}" if path else name) if described else []

    with ThreadPoolExecutor(8) as pool:
        return [stack, *(each for found in pool.map(below, nested) for each in found)]
