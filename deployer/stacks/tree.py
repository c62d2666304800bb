"""A deployed environment's stacks, root and nested, as CloudFormation describes them: two calls a stack."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from deployer.aws.session import Aws
from deployer.stacks import reading
from deployer.stacks.stack_status import StackStatus


@dataclass(frozen=True)
class Stack:
    """`path`: the logical ids that lead to it, "" for the root. `entry`: its DescribeStacks entry.

    `resources`: logical id -> ListStackResources summary of its own resources that exist.
    """

    path: str
    entry: Mapping
    resources: Mapping[str, Mapping]

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
        """Logical id -> physical id, by logical id."""
        return {
            name: each["PhysicalResourceId"]
            for name, each in sorted(self.resources.items())
            if each["ResourceType"] == kind
        }

    @property
    def changed(self) -> datetime:
        """When its last operation began; CloudFormation keeps no time of its end here."""
        return self.entry.get("LastUpdatedTime") or self.entry["CreationTime"]


def read(aws: Aws, root: Mapping) -> list[Stack]:
    """The stacks below a DescribeStacks entry, each before its own nested ones, siblings by name; all are read at once."""
    return _read(aws, root, "")


def _read(aws: Aws, entry: Mapping, path: str) -> list[Stack]:
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
