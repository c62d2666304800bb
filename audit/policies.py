"""The policy documents in resolved templates: of roles, of queues, topics and buckets, and of functions. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from audit.stacks import PREFIX, arn

TRUST = "AssumeRolePolicyDocument"
IDENTITY_POLICIES = ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


class Policy(NamedTuple):
    """`of_identity`: it says what a role may do, not who may do something with a resource."""

    stack: str
    resource: str
    statements: list[dict[str, Any]]
    of_identity: bool = False


def of_templates(templates: Mapping[str, Mapping[str, Any]]) -> Iterator[Policy]:
    """Yield every policy; one of a function is written as a statement of its AWS::Lambda::Permission."""
    for stack, template in templates.items():
        for logical_id, resource in template["Resources"].items():
            properties = resource["Properties"]
            if resource["Type"] == "AWS::Lambda::Permission":
                yield Policy(stack, logical_id, [_of_permission(properties)])
            if TRUST in properties:
                yield Policy(stack, logical_id, _trust(properties[TRUST], arn(resource["Type"], "Arn", logical_id)))
            for holder in (properties, *properties.get("Policies", ())):
                if "PolicyDocument" in holder:
                    document = holder["PolicyDocument"]
                    document = json.loads(document) if isinstance(document, str) else document
                    yield Policy(stack, logical_id, document["Statement"], resource["Type"] in IDENTITY_POLICIES)


def _trust(document: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """Name the resource, which IAM adds: a trust policy has none."""
    return [{**statement, "Resource": role} for statement in document["Statement"]]


def _of_permission(properties: Mapping[str, Any]) -> dict[str, Any]:
    function = properties["FunctionName"]
    conditions = {
        "ArnLike": {"aws:SourceArn": properties.get("SourceArn")},
        "StringEquals": {"aws:SourceAccount": properties.get("SourceAccount")},
    }
    present = {name: test for name, test in conditions.items() if None not in test.values()}
    return {
        "Effect": "Allow",
        "Principal": {"Service": properties["Principal"]},
        "Action": properties["Action"],
        "Resource": function if function.startswith(PREFIX) else arn("AWS::Lambda::Function", "Arn", function),
        **({"Condition": present} if present else {}),
    }
