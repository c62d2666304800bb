"""The published version of each function, and the alias `live`, through which everything invokes it.

A version is a copy of a function's code and configuration. CloudFormation publishes another one if the version's
Description changes, and Lambda refuses to publish an unchanged function again. So the Description has to change exactly
if the function does. It consists of
- the keys of the packages;
- a hash of the function's definition, and of what gives the resources that it refers to their physical ids. The function
  has it as a variable, so that it changes with the hash, even if only an expression was written in another way;
- the values of the settings that the definition refers to, of a long one its hash.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from troposphere import GetAtt, Ref, Sub, Template, awslambda

from generator import parameters
from generator.functions import Function

ALIAS = "live"
HASH_VARIABLE = "CONFIGURATION_HASH"
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


Definition = Mapping[str, Any]
"""What makes a version: name -> definition of the function ("") and of what it refers to."""


def definition(itself: awslambda.Function, compute: Template, data: Template) -> Definition:
    """Return the definition of a function of the compute stack, which receives outputs of the data stack."""
    own = {key: value for key, value in itself.to_dict()["Properties"].items() if key not in NOT_PUBLISHED}
    return {"": own, **dict(_used(own, compute, data))}


def hash_of(published: Definition) -> str:
    return hashlib.sha256(json.dumps(published, sort_keys=True).encode()).hexdigest()[:12]


def description(published: Definition) -> str:
    """Return the text for Fn::Sub; Lambda takes 256 characters."""
    used = set().union(*map(parameters.references, published.values())) & {*parameters.OF_ROOT}
    settings = sorted(parameters.HASH_NAMES.get(name, name) for name in used - {*PACKAGES, *CONSTANT})
    return " ".join([*map("${{{}}}".format, PACKAGES), hash_of(published), *map("${{{}}}".format, settings)])


def version(function: Function, itself: awslambda.Function, published: Definition) -> awslambda.Version:
    """Return the version. It is retained when the next one replaces it, and deleted with the function."""
    return awslambda.Version(
        f"{function.title}Version",
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Retain",
        FunctionName=Ref(itself),
        Description=Sub(description(published)),
    )


def alias(function: Function, itself: awslambda.Function, published: awslambda.Version) -> awslambda.Alias:
    return awslambda.Alias(
        f"{function.title}Alias", Name=ALIAS, FunctionName=Ref(itself), FunctionVersion=GetAtt(published, "Version")
    )


def _used(node: Any, template: Template, *siblings: Template) -> Iterator[tuple[str, Any]]:
    """Yield what `node`, a part of the template, refers to, directly or through each other: conditions, outputs of
    siblings, and resources by what identifies them."""
    for name in sorted(parameters.references(node)):
        if name in template.resources:
            resource = template.resources[name].to_dict()
            identity = {key: resource["Properties"].get(key) for key in IDENTITY[resource["Type"]]}
            found = [(f"{resource['Type']} {name}", identity, (template, *siblings))]
        elif name in template.conditions:
            found = [(f"condition {name}", template.conditions[name].to_dict(), (template, *siblings))]
        else:
            outputs = [(each.outputs[name].to_dict()["Value"], each) for each in siblings if name in each.outputs]
            found = [(f"output {name}", value, (sibling,)) for value, sibling in outputs]
        for key, value, around in found:
            yield key, value
            yield from _used(value, *around)
