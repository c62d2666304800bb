"""Managed policies of at most 6,144 characters, from statements: which goes where depends on nothing but their order."""

import json
import re
from collections.abc import Iterable
from typing import Any

from troposphere.iam import ManagedPolicy

from generator.audit import accepted
from generator.bootstrap.scopes import Statement
from generator.bootstrap.service_role import PATH

LARGEST = 6_144
"""Characters of a managed policy without white space (IAM and AWS STS quotas)."""

_NEWER = "newer than the list of actions that parliament has"
_AS_DOCUMENTED = "IAM's documentation compares a boundary as a text"
_COMPOSITE = "Composite alarms are described with all others, or not at all."
_EVENTS = {
    "UNKNOWN_ACTION:ReadStacks": f"cloudformation:DescribeEvents is {_NEWER}.",
    "RESOURCE_STAR:ReadAccount": _COMPOSITE,
}
ACCEPTED: dict[str, dict[str, str]] = {
    "ReadPolicy": _EVENTS,
    "DeployPolicy": {
        "PERMISSIONS_MANAGEMENT_ACTIONS:MakeBucket": "Only of the artifact bucket, which it makes.",
        "RESOURCE_POLICY_PRIVILEGE_ESCALATION:MakeBucket": "It makes the bucket, with its policy and its lifecycle.",
        "PRIVILEGE_ESCALATION:RestoreCode": "Who deploys the functions decides on their code.",
    },
    "PermissionsBoundary": {
        "RESOURCE_STAR:ReadAlarms": _COMPOSITE,
        "RESOURCE_STAR:WriteLogs": "API Gateway's role for logs writes those of every API of the account and Region.",
    },
    "ServicePolicy": {
        "UNKNOWN_ACTION:Buckets": f"s3:GetBucketAbac is {_NEWER}.",
        "UNKNOWN_ACTION:Functions": f"lambda:GetFunctionScalingConfig is {_NEWER}.",
        "RESOURCE_STAR:ReadAlarms": _COMPOSITE,
        "MISMATCHED_TYPE_BUT_USABLE:ManagedPolicies": f"{_AS_DOCUMENTED}.",
        "MISMATCHED_TYPE_BUT_USABLE:RolesWithBoundary": f"{_AS_DOCUMENTED}.",
        "PERMISSIONS_MANAGEMENT_ACTIONS:KeepPipeline": "KeepPipeline denies them.",
    },
}
"""Findings of parliament by policies, rule and statement, each with its reason: see `generator.audit`."""
_OF_POLICIES = {"PERMISSIONS_MANAGEMENT_ACTIONS", "PRIVILEGE_ESCALATION", "RESOURCE_POLICY_PRIVILEGE_ESCALATION"}
"""Rules that parliament finds broken by a policy: it names no statement."""

_LONGEST = {
    "Environment": "e" * 9,
    "AWS::Partition": "aws-us-gov",
    "AWS::Region": "ap-southeast-1",
    "AWS::AccountId": "1" * 12,
}
"""The longest values of placeholders."""

_ARN = f"arn:aws-us-gov:iam::{'1' * 12}:role{PATH}{'n' * 64}"


def policies(title: str, description: str, statements: Iterable[Statement], **more: Any) -> list[ManagedPolicy]:
    """Return managed policies with all statements: Title1, Title2, … `more`: their other attributes."""
    groups: list[list[Statement]] = [[]]
    for statement in statements:
        if size([*groups[-1], statement]) > LARGEST:
            groups.append([])
        groups[-1].append(statement)
    return [policy(f"{title}{n}", description, group, **more) for n, group in enumerate(groups, 1)]


def policy(title: str, description: str, statements: list[Statement], **more: Any) -> ManagedPolicy:
    sids = {each.document["Sid"] for each in statements}
    findings = {**more.pop("findings", {})}
    for found, why in ACCEPTED.get(title.rstrip("0123456789"), {}).items():
        rule, _, sid = found.partition(":")
        if sid in sids:
            findings[rule if rule in _OF_POLICIES else found] = why
    reasons = {each.document["Sid"]: each.why for each in statements if each.why}
    metadata = {**({"NotOnlyThisProject": reasons} if reasons else {}), **accepted(findings)}
    return ManagedPolicy(
        title,
        **({"Metadata": metadata} if metadata else {}),
        Description=description,
        Path=PATH,
        PolicyDocument=document(statements),
        **more,
    )


def document(statements: Iterable[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [each.document for each in statements]}


def size(statements: Iterable[Statement]) -> int:
    """Return the number of characters that IAM counts, with the longest values."""
    return len(json.dumps(_resolved(document(statements)), separators=(",", ":")))


def _resolved(node: Any) -> Any:
    match node:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([\w:]+)\}", lambda match: _LONGEST[match[1]], text)
        case {"Ref": _} | {"Fn::GetAtt": _}:
            return _ARN
        case dict():
            return {key: _resolved(value) for key, value in node.items()}
        case list():
            return [_resolved(each) for each in node]
    return node
