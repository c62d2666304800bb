"""Reading deployed stacks: descriptions, templates, resources, the whole tree.

Reading the tree costs three calls a stack, all children at once.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.plan import cfn_yaml
from deployer.plan.snapshot import STACK, Snapshot
from deployer.plan.templates import child_urls
from deployer.stacks.stack_status import StackStatus


def describe(aws: Aws, stack: str) -> dict | None:
    """The DescribeStacks entry, or None when there is no such stack."""
    try:
        found = aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except Exception as error:
        if service_errors.is_missing(error):
            return None
        raise
    return found[0] if found else None


def status_of(stack: Mapping | None) -> StackStatus:
    return StackStatus(stack["StackStatus"] if stack else "")


def parameters_of(stack: Mapping | None) -> dict[str, str]:
    return {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in (stack or {}).get("Parameters", [])}


def tags_of(stack: Mapping | None) -> dict[str, str]:
    """The stack's tags but for those of AWS's own."""
    tags = {entry["Key"]: entry["Value"] for entry in (stack or {}).get("Tags", [])}
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def original_template(aws: Aws, stack: str):
    """The template as it was sent: text, or a dict when it was sent as JSON."""
    return aws.client("cloudformation").get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]


def template(aws: Aws, stack: str) -> Mapping:
    """The template as it was sent, parsed."""
    body = original_template(aws, stack)
    return cfn_yaml.load(body) if isinstance(body, str) else body


def resources(aws: Aws, stack: str) -> Iterator[dict]:
    """The summaries of the stack's own resources that exist."""
    for page in aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource.get("PhysicalResourceId") and resource["ResourceStatus"] != "DELETE_COMPLETE":
                yield resource


def nested(aws: Aws, stack: str) -> dict[str, str]:
    """Logical id -> ARN of the stack's nested stacks that exist."""
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources(aws, stack)
        if resource["ResourceType"] == STACK
    }


def deployed(aws: Aws, stack: Mapping | None) -> Snapshot:
    """The tree below a DescribeStacks entry; empty when nothing was ever deployed."""
    if status_of(stack).is_new:
        return Snapshot()
    identity = stack["StackId"]
    body = template(aws, identity)
    with ThreadPoolExecutor(8) as pool:
        entries = (
            {
                name: pool.submit(lambda arn=arn: deployed(aws, describe(aws, arn)))
                for name, arn in nested(aws, identity).items()
            }
            if child_urls(body)
            else {}
        )
        children = {name: entry.result() for name, entry in entries.items()}
    return Snapshot(body, parameters_of(stack), children)
