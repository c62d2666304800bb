"""List every permission that a tree of stacks grants, by identity and resource policies. Pure."""

from collections.abc import Iterator
from typing import Any

from deployer.plan.snapshot import Snapshot
from deployer.plan.statements import (
    ALLOW,
    BOUNDARY,
    MANAGED,
    Grant,
    Patterns,
    items_of,
    of_document,
    principal_of,
    tests_of,
    text_of,
)
from deployer.plan.symbols import Symbols, readable

# Type -> its policy document, and the property with the resource it is attached to ("" for the type itself).
_RESOURCE_POLICIES = {
    "AWS::SQS::QueuePolicy": ("PolicyDocument", "Queues"),
    "AWS::SQS::QueueInlinePolicy": ("PolicyDocument", "Queue"),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
    "AWS::SNS::TopicInlinePolicy": ("PolicyDocument", "TopicArn"),
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::KMS::Key": ("KeyPolicy", ""),
    "AWS::Logs::ResourcePolicy": ("PolicyDocument", ""),
    "AWS::XRay::ResourcePolicy": ("PolicyDocument", ""),
    "AWS::SecretsManager::ResourcePolicy": ("ResourcePolicy", "SecretId"),
    "AWS::Events::EventBusPolicy": ("Statement", "EventBusName"),
    "AWS::ApiGateway::RestApi": ("Policy", ""),
    "AWS::ECR::Repository": ("RepositoryPolicyText", ""),
}
_IDENTITIES = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")
_ATTACHED = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
_SINGLE_HOLDER = {
    "AWS::IAM::RolePolicy": "RoleName",
    "AWS::IAM::UserPolicy": "UserName",
    "AWS::IAM::GroupPolicy": "GroupName",
}
_NAME = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
_PERMISSION = "AWS::Lambda::Permission"
_TYPES = {*_RESOURCE_POLICIES, *_IDENTITIES, *_ATTACHED, *_SINGLE_HOLDER, _PERMISSION}

# AWS::Lambda::Permission's properties -> condition operator and key of the statement that Lambda makes of them.
_PERMISSION_TESTS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


def grants(tree: Snapshot) -> frozenset[Grant]:
    """Return everything that the tree's policies allow and deny."""
    found = list(Symbols(tree).resources_of(_TYPES))
    names = {
        properties[_NAME[kind]]: path for path, kind, properties in found if properties.get(_NAME.get(kind, ""), "")
    }
    managed = {path: properties for path, kind, properties in found if kind == "AWS::IAM::ManagedPolicy"}

    def holder(text: str) -> str:
        return names.get(text, readable(text))

    def all_of() -> Iterator[Grant]:
        for path, kind, properties in found:
            if kind in _IDENTITIES:
                yield from _of_identity(path, properties, managed)
            elif kind in _ATTACHED:
                holders = [name for key in ("Roles", "Users", "Groups") for name in items_of(properties.get(key))]
                for name in holders:
                    yield from of_document(properties.get("PolicyDocument"), holder(name))
            elif kind in _SINGLE_HOLDER:
                yield from of_document(
                    properties.get("PolicyDocument"), holder(properties.get(_SINGLE_HOLDER[kind], ""))
                )
            elif kind == _PERMISSION:
                yield _permission(properties)
            else:
                document, target_property = _RESOURCE_POLICIES[kind]
                for target in items_of(properties.get(target_property)) if target_property else [path]:
                    yield from of_document(properties.get(document), policy_of=readable(target))

    return frozenset(all_of())


def _of_identity(path: str, properties: dict, managed: dict[str, dict]) -> Iterator[Grant]:
    for policy in items_of(properties.get("Policies")):
        yield from of_document(policy.get("PolicyDocument") if isinstance(policy, dict) else policy, path)
    for arn in map(readable, map(text_of, items_of(properties.get("ManagedPolicyArns")))):
        if arn in managed:
            yield from of_document(managed[arn].get("PolicyDocument"), path)
        else:
            yield Grant(path, ALLOW, Patterns((MANAGED,)), Patterns((arn,)))
    if "AssumeRolePolicyDocument" in properties:
        yield from of_document(properties["AssumeRolePolicyDocument"], policy_of=path)
    if boundary := properties.get("PermissionsBoundary"):
        yield Grant(path, BOUNDARY, Patterns(("*",)), Patterns((readable(text_of(boundary)),)))


def _permission(properties: dict) -> Grant:
    tests: dict[str, dict[str, Any]] = {}
    for name, (operator, key) in _PERMISSION_TESTS.items():
        if name in properties:
            tests.setdefault(operator, {})[key] = properties[name]
    function = readable(text_of(properties.get("FunctionName", ""))).removesuffix(".Arn")
    action = text_of(properties.get("Action", ""))
    principal = principal_of(text_of(properties.get("Principal", "")))
    return Grant(
        principal, ALLOW, Patterns((action.lower(),), shown=action), Patterns((function,)), tests_of(tests), function
    )
