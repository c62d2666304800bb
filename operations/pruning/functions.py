"""The published versions of the functions in the project's stacks."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.stacks import reading

FUNCTION, VERSION = "AWS::Lambda::Function", "AWS::Lambda::Version"

_LATEST = "$LATEST"


@dataclass(frozen=True)
class FunctionVersion:
    """`description`: names the packages. `in_use`: an alias points to it, or a stack has it as a resource."""

    function: str
    version: str
    description: str
    bytes: int
    written: datetime
    in_use: bool


def read(aws: Aws, stacks: Iterable[Mapping[str, Any]]) -> list[FunctionVersion]:
    """Return the published versions, oldest first of each function."""
    aws.client("cloudformation"), aws.client("lambda")
    with ThreadPoolExecutor(8) as pool:
        exist = [stack for stack in stacks if not reading.status_of(stack).is_new]
        owned = [each for found in pool.map(lambda stack: _owned(aws, stack), exist) for each in found]
        arns = {physical_id for kind, physical_id in owned if kind == VERSION}
        names = sorted({physical_id for kind, physical_id in owned if kind == FUNCTION})
        return [each for found in pool.map(lambda name: _versions(aws, name, arns), names) for each in found]


def _owned(aws: Aws, stack: Mapping[str, Any]) -> list[tuple[str, str]]:
    resources = reading.resources(aws, stack["StackId"])
    return [(each["ResourceType"], each["PhysicalResourceId"]) for each in resources]


def _versions(aws: Aws, function: str, owned: set[str]) -> list[FunctionVersion]:
    client = aws.client("lambda")
    try:
        pages = list(client.get_paginator("list_versions_by_function").paginate(FunctionName=function))
        aliases = list(client.get_paginator("list_aliases").paginate(FunctionName=function))
    except Exception as error:
        if service_errors.is_missing(error):  # deleted outside CloudFormation
            return []
        raise
    pointed = {version for page in aliases for alias in page["Aliases"] for version in _targets(alias)}
    return [
        FunctionVersion(
            function,
            each["Version"],
            each.get("Description", ""),
            each["CodeSize"],
            datetime.fromisoformat(each["LastModified"]),
            each["Version"] in pointed or each["FunctionArn"] in owned,
        )
        for page in pages
        for each in page["Versions"]
        if each["Version"] != _LATEST
    ]


def _targets(alias: Mapping[str, Any]) -> set[str]:
    """Return the version of an alias, and the one that it shifts traffic to."""
    return {alias["FunctionVersion"], *(alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights", {})}


def delete(aws: Aws, each: FunctionVersion) -> bool:
    """Delete the version; return False if it came into use since it was read. One that is gone counts as deleted."""
    client = aws.client("lambda")
    try:
        client.delete_function(FunctionName=each.function, Qualifier=each.version)
    except client.exceptions.ResourceConflictException:
        return False
    except client.exceptions.ResourceNotFoundException:
        pass
    return True
