"""Read deployed stacks: descriptions, templates, resources, and the tree as a Snapshot.

Reading the tree costs three calls a stack; nested stacks are read concurrently.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from config import names
from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.plan import cfn_yaml
from deployer.plan.snapshot import STACK, Snapshot
from deployer.plan.templates import child_urls
from deployer.stacks.stack_status import StackStatus


def describe(aws: Aws, stack: str) -> Mapping[str, Any] | None:
    """Return the DescribeStacks entry, None if the stack does not exist."""
    try:
        found = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except Exception as error:
        if service_errors.is_missing(error):
            return None
        raise
    return found[0] if found else None


def roots(aws: Aws) -> dict[str, Mapping[str, Any]]:
    """Return environment -> DescribeStacks entry of every root stack in this account and region, in any state.

    By its name alone: a stack of another project may be among them.
    """
    prefix = names.root_stack("")
    return {
        stack["StackName"].removeprefix(prefix): stack
        for page in aws.client("cloudformation").get_paginator("describe_stacks").paginate()
        for stack in page["Stacks"]
        if stack["StackName"].startswith(prefix) and not stack.get("ParentId") and status_of(stack).exists
    }


def is_ours(stack: Mapping[str, Any], environment: str) -> bool:
    """Return True if the stack has the tags of the environment's deployments."""
    return names.tags(environment).items() <= tags_of(stack).items()


def status_of(stack: Mapping[str, Any] | None) -> StackStatus:
    return StackStatus(stack["StackStatus"] if stack else "")


def parameters_of(stack: Mapping[str, Any] | None) -> dict[str, str]:
    return {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in (stack or {}).get("Parameters", [])}


def tags_of(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the stack's tags, without those of AWS."""
    tags = {entry["Key"]: entry["Value"] for entry in (stack or {}).get("Tags", [])}
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def original_template(aws: Aws, stack: str) -> Any:
    """Return the template as it was sent: text, or a dict if it is JSON."""
    return aws.client("cloudformation").get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]


def template(aws: Aws, stack: str) -> Mapping[str, Any]:
    """Return the parsed template."""
    body = original_template(aws, stack)
    return cfn_yaml.load(body) if isinstance(body, str) else body


def resources(aws: Aws, stack: str) -> Iterator[Mapping[str, Any]]:
    """Yield the ListStackResources entries of the stack's own existing resources."""
    for page in aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource.get("PhysicalResourceId") and resource["ResourceStatus"] != "DELETE_COMPLETE":
                yield resource


def nested(aws: Aws, stack: str) -> dict[str, str]:
    """Return logical id -> ARN of the stack's existing nested stacks."""
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources(aws, stack)
        if resource["ResourceType"] == STACK
    }


def deployed(aws: Aws, stack: Mapping[str, Any] | None) -> Snapshot:
    """Read the tree below a DescribeStacks entry; an empty Snapshot if nothing was ever deployed."""
    if stack is None or status_of(stack).is_new:
        return Snapshot()
    identity = stack["StackId"]
    body = template(aws, identity)
    with ThreadPoolExecutor(8) as pool:
        found = nested(aws, identity) if child_urls(body) else {}
        trees = pool.map(lambda arn: deployed(aws, describe(aws, arn)), found.values())
        children = dict(zip(found, trees, strict=True))
    return Snapshot(body, parameters_of(stack), children)
