"""The published version of each function, and the alias `live`, through which everything invokes it.

A version is a copy of a function's code and configuration. CloudFormation publishes another one if the version's
Description changes, and Lambda refuses to publish an unchanged function again. So the Description has to change exactly
if the function does. It consists of
- the keys of the packages;
- a hash of the function's definition, and of what gives the resources that it refers to their physical ids;
- the values of the settings that the definition refers to, of a long one its hash.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from troposphere import GetAtt, Ref, Sub, Template, awslambda

from generator import parameters
from generator.functions import Function

ALIAS = "live"
PACKAGES = ("FunctionsKey", "LayerKey")
CONSTANT = {"Environment", "ArtifactBucket"}
"""Parameters that cannot change while the stack exists: its name has the environment, and its account and region the bucket."""
NOT_PUBLISHED = {"CodeSigningConfigArn", "ReservedConcurrentExecutions", "Tags"}
"""Properties of the function itself, whatever the version (VERSION_LOCKED in aws-cdk's function-hash.ts)."""
IDENTITY: dict[str, tuple[str, ...]] = {
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "ImportSourceSpecification"),
    "AWS::IAM::Role": ("RoleName", "Path"),
    "AWS::Lambda::LayerVersion": (
        *("LayerName", "Description", "Content"),
        *("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"),
    ),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::SNS::Topic": ("TopicName", "FifoTopic"),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
}
"""Type -> the properties whose change replaces the resource, which then has another name and ARN."""


def version(function: Function, itself: awslambda.Function, compute: Template, data: Template) -> awslambda.Version:
    """Return the version. It is retained when the next one replaces it, and deleted with the function."""
    return awslambda.Version(
        f"{function.title}Version",
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Retain",
        FunctionName=Ref(itself),
        Description=Sub(description(itself, compute, data)),
    )


def alias(function: Function, itself: awslambda.Function, published: awslambda.Version) -> awslambda.Alias:
    return awslambda.Alias(
        f"{function.title}Alias", Name=ALIAS, FunctionName=Ref(itself), FunctionVersion=GetAtt(published, "Version")
    )


def description(itself: awslambda.Function, compute: Template, data: Template) -> str:
    """Return the text for Fn::Sub; Lambda takes 256 characters."""
    definition = {key: value for key, value in itself.to_dict()["Properties"].items() if key not in NOT_PUBLISHED}
    parts = {"": definition, **dict(_parts(definition, compute, data))}
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
    used = set().union(*map(parameters.references, parts.values())) & {*parameters.OF_ROOT}
    settings = sorted(parameters.HASH_NAMES.get(name, name) for name in used - {*PACKAGES, *CONSTANT})
    return " ".join([*(f"${{{name}}}" for name in PACKAGES), digest, *(f"${{{name}}}" for name in settings)])


def _parts(node: Any, *templates: Template) -> Iterator[tuple[str, Any]]:
    """Yield name -> definition of the conditions that `node` refers to, and of the outputs and resources by what
    identifies them, directly or through each other. `templates`: the node's, and those whose outputs it receives."""
    template, *siblings = templates
    for name in sorted(parameters.references(node)):
        if name in template.resources:
            resource = template.resources[name].to_dict()
            kept = {key: resource["Properties"].get(key) for key in IDENTITY[resource["Type"]]}
            yield from _part(f"{resource['Type']} {name}", kept, *templates)
        elif name in template.conditions:
            yield from _part(f"condition {name}", _plain(template.conditions[name]), *templates)
        for sibling in siblings:
            if name in sibling.outputs:
                yield from _part(f"output {name}", _plain(sibling.outputs[name])["Value"], sibling)


def _part(name: str, definition: Any, *templates: Template) -> Iterator[tuple[str, Any]]:
    yield name, definition
    yield from _parts(definition, *templates)


def _plain(node: Any) -> Any:
    return node.to_dict()
