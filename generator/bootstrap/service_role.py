"""The rights of CloudFormation's service role, and the boundary of the roles that it makes."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from generator.bootstrap import actions, scopes
from generator.bootstrap.scopes import PREFIX, Scope, Statement, arn

PATH = "/pipeline/food-delivery/"
"""Of the bootstrap's own roles and policies: no pattern of the platform's names matches it."""

BOUNDARY = {"Ref": "PermissionsBoundary"}
ROLE = "AWS::IAM::Role"

_ROLES = arn("iam", f"role/{PREFIX}", region="")
_OWN = tuple(arn("iam", f"{kind}{PATH}*", region="") for kind in ("role", "policy"))
_BOUNDED = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
_CHANGES = {
    "iam:CreateRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
}
"""What IAM allows or denies by the boundary of the role."""

_OF_MANAGED_POLICIES = {
    "AmazonAPIGatewayPushToCloudWatchLogs": (
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams"),
        *("logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents"),
    ),
    "AWSCodeDeployRoleForLambdaLimited": (
        *("cloudwatch:DescribeAlarms", "lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig"),
        *("lambda:InvokeFunction", "lambda:UpdateAlias"),
    ),
}
"""What the templates' roles do with AWS's managed policies (AWS Managed Policy Reference)."""


def rights(templates: Iterable[Mapping[str, Any]]) -> list[Statement]:
    """Return the statements of the service role for everything in the templates. Raises UnknownType, UnknownService."""
    documents = list(templates)
    needed = set().union(*actions.of_templates(documents).values())
    of_roles = {action for action in needed if action.startswith("iam:")}
    return [*scopes.statements(needed - of_roles), *_on_roles(documents, of_roles)]


def _on_roles(templates: list[Mapping[str, Any]], needed: set[str]) -> Iterator[Statement]:
    """Yield what may be done to roles: only to those with the boundary, and nothing to the bootstrap's own."""
    special = {
        "iam:AttachRolePolicy",
        "iam:CreateServiceLinkedRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PassRole",
    }
    yield scopes.allow(Scope("ListRoles", "", ("*",), why="IAM knows no resources for it"), ["iam:ListRoles"])
    unbounded = sorted(needed - _CHANGES - special - {"iam:ListRoles"})
    yield scopes.allow(Scope("Roles", "", (_ROLES,)), unbounded)
    yield scopes.allow(Scope("RolesWithBoundary", "", (_ROLES,), _BOUNDED), sorted(needed & _CHANGES))
    attached = {"ArnLike": {"iam:PolicyARN": sorted(managed_policies(templates))}}
    yield scopes.allow(Scope("ManagedPolicies", "", (_ROLES,), _BOUNDED | attached), ["iam:AttachRolePolicy"])
    passed = {"StringEquals": {"iam:PassedToService": sorted(services(templates))}}
    yield scopes.allow(Scope("PassRoles", "", (_ROLES,), passed), ["iam:PassRole"])
    service = "dynamodb.application-autoscaling.amazonaws.com"
    linked = arn("iam", f"role/aws-service-role/{service}/*", region="")
    condition = {"StringEquals": {"iam:AWSServiceName": service}}
    yield scopes.allow(Scope("ScalingRole", "", (linked,), condition), ["iam:CreateServiceLinkedRole"])
    yield _deny("KeepBoundary", ["iam:DeleteRolePermissionsBoundary"], ("*",))
    yield _deny("KeepPipeline", ["iam:*"], _OWN)


def _deny(sid: str, denied: list[str], resources: tuple[str, ...]) -> Statement:
    """Return a Deny: no policy that is attached later allows it."""
    document = {"Sid": sid, "Effect": "Deny", "Action": denied, "Resource": [scopes.sub(each) for each in resources]}
    return Statement(document, "it denies" if "*" in resources else "")


def services(templates: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the services that assume the templates' roles."""
    return {
        statement["Principal"]["Service"]
        for role in _resources(templates, ROLE)
        for statement in role["AssumeRolePolicyDocument"]["Statement"]
    }


def managed_policies(templates: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ARNs of the managed policies of the templates' roles; those of AWS have no account."""
    return {
        policy["Fn::Sub"].replace("${AWS::Partition}", "*")
        for role in _resources(templates, ROLE)
        for policy in role.get("ManagedPolicyArns", ())
    }


def boundary(templates: Iterable[Mapping[str, Any]]) -> list[Statement]:
    """Return the most that a role of the templates may do: the actions of all, on this project's resources.

    Raises KeyError for a managed policy whose actions are not known here.
    """
    documents = list(templates)
    own = {
        action
        for properties in (*_resources(documents, ROLE), *_resources(documents, "AWS::IAM::Policy"))
        for holder in (properties, *properties.get("Policies", ()))
        for statement in holder.get("PolicyDocument", {}).get("Statement", ())
        for action in statement["Action"]
    }
    managed = {
        action for policy in managed_policies(documents) for action in _OF_MANAGED_POLICIES[policy.rpartition("/")[2]]
    }
    logs = sorted(action for action in managed if action.startswith("logs:"))
    files = sorted(action for action in own if action.startswith("s3:GetObject"))  # not the artifacts
    why = "API Gateway's role for logs, one for all APIs of the account and Region"
    return [
        *scopes.statements((own | managed) - {*logs, *files}),
        scopes.allow(Scope("Files", "", (arn("s3", f"{PREFIX}/*", "", ""),)), files),
        scopes.allow(Scope("WriteLogs", "", ("*",), why=why), logs),
    ]


def _resources(templates: Iterable[Mapping[str, Any]], kind: str) -> Iterator[Mapping[str, Any]]:
    for template in templates:
        for resource in template["Resources"].values():
            if resource["Type"] == kind:
                yield resource["Properties"]
