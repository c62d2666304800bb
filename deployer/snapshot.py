"""A tree of stacks as a value: as deployed now, and as it would be.

Reading the deployed one costs three calls a stack, all children at once.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from deployer import cfn_yaml
from deployer.resolve import Scope, Unknown, has_unknown
from deployer.stack_status import StackStatus
from deployer.templates import Bundle, child_urls

STACK = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Snapshot:
    """One stack: template, parameter values (str, or Unknown), nested stacks by logical id.

    An empty template is a stack that does not exist.
    """

    template: Mapping = field(default_factory=dict)
    parameters: Mapping[str, object] = field(default_factory=dict)
    children: Mapping[str, "Snapshot"] = field(default_factory=dict)


def describe(aws, stack: str) -> dict | None:
    """The DescribeStacks entry, or None when there is no such stack."""
    cloudformation = aws.client("cloudformation")
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def status_of(stack: Mapping | None) -> StackStatus:
    return StackStatus(stack["StackStatus"] if stack else "")


def parameters_of(stack: Mapping | None) -> dict[str, str]:
    return {entry["ParameterKey"]: entry.get("ParameterValue", "") for entry in (stack or {}).get("Parameters", [])}


def original_template(aws, stack: str):
    """The template as it was sent: text, or a dict when it was sent as JSON."""
    return aws.client("cloudformation").get_template(StackName=stack, TemplateStage="Original")["TemplateBody"]


def resources(aws, stack: str) -> Iterator[dict]:
    """The summaries of the stack's own resources that exist."""
    for page in aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource.get("PhysicalResourceId") and resource["ResourceStatus"] != "DELETE_COMPLETE":
                yield resource


def nested(aws, stack: str) -> dict[str, str]:
    """Logical id -> ARN of the stack's nested stacks that exist."""
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for resource in resources(aws, stack)
        if resource["ResourceType"] == STACK
    }


def deployed(aws, stack: Mapping | None) -> Snapshot:
    """The tree below a DescribeStacks entry; empty when nothing was ever deployed."""
    if status_of(stack).is_new:
        return Snapshot()
    identity = stack["StackId"]
    body = original_template(aws, identity)
    template = cfn_yaml.load(body) if isinstance(body, str) else body
    with ThreadPoolExecutor(8) as pool:
        entries = (
            {
                name: pool.submit(lambda arn=arn: deployed(aws, describe(aws, arn)))
                for name, arn in nested(aws, identity).items()
            }
            if child_urls(template)
            else {}
        )
        children = {name: entry.result() for name, entry in entries.items()}
    return Snapshot(template, parameters_of(stack), children)


def desired(bundle: Bundle, parameters: Mapping[str, str], now: Snapshot) -> Snapshot:
    """The tree that the bundle would make of `now`. Pure.

    A child's parameter that is fed by a sibling's output keeps its deployed value when it is fed
    by the same expression as before: if that sibling itself changes, its own entry tells.
    """
    scope = Scope(bundle.root, parameters)
    children = {}
    for logical_id, template in bundle.children.items():
        resource = bundle.root["Resources"][logical_id]
        if scope.condition(resource["Condition"]) is False if "Condition" in resource else False:
            continue
        before = now.children.get(logical_id, Snapshot())
        old_expressions = _passed(now.template, logical_id)
        values: dict[str, object] = {
            name: str(spec["Default"]) for name, spec in template.get("Parameters", {}).items() if "Default" in spec
        }
        for name, expression in _passed(bundle.root, logical_id).items():
            value = scope.resolve(expression)
            if isinstance(value, (dict, Unknown)) or has_unknown(value):
                same = name in before.parameters and old_expressions.get(name) == expression
                value = before.parameters[name] if same else Unknown(f"{logical_id}.{name}")
            values[name] = (
                ",".join(map(str, value))
                if isinstance(value, list)
                else value
                if isinstance(value, Unknown)
                else _text(value)
            )
        children[logical_id] = Snapshot(template, values)
    return Snapshot(bundle.root, dict(parameters), children)


def _passed(template: Mapping, logical_id: str) -> dict:
    return template.get("Resources", {}).get(logical_id, {}).get("Properties", {}).get("Parameters", {})


def _text(value) -> str:
    """As CloudFormation turns a scalar into a parameter's string."""
    return str(value).lower() if isinstance(value, bool) else str(value)
