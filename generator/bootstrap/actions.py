"""The actions that CloudFormation needs for the templates' resource types, by the permissions of their handlers.

A provider schema lists what its handlers call for every property that the type has. What only a property calls that no
resource of the templates sets is left out, as is what belongs to another service and to nothing in the templates.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from generator import provider_schemas

Rights = Mapping[str, set[str]]
"""Resource type -> actions."""

REGION = "us-east-1"  # has every type; permissions do not differ between regions

# Only actions that write or give access to data: handlers read also what their resources do not have.
_ONLY_FOR: dict[str, dict[str, tuple[str, ...]]] = {
    "AWS::ApiGateway::RestApi": {"UpdateRestApiPolicy": ("Policy",)},
    "AWS::ApplicationAutoScaling::ScalableTarget": {"PutScheduledAction|DeleteScheduledAction": ("ScheduledActions",)},
    "AWS::CloudFormation::Stack": {
        "SetStackPolicy": ("StackPolicyBody", "StackPolicyURL"),
        "UpdateTerminationProtection": ("EnableTerminationProtection",),
    },
    "AWS::CodeDeploy::DeploymentGroup": {"RegisterOnPremisesInstance": ("OnPremisesInstanceTagFilters",)},
    "AWS::DynamoDB::Table": {
        "(Get|Put|Update|Delete)Item|BatchWriteItem|Query|Scan|ImportTable|DescribeImport": (
            "ImportSourceSpecification",
        ),
        "AssociateTableReplica|CreateTableReplica": ("Replicas",),
        "(Put|Delete)ResourcePolicy": ("ResourcePolicy",),
        "UpdateContributorInsights": ("ContributorInsightsSpecification",),
        "(En|Dis)able.*|UpdateKinesisStreamingDestination": ("KinesisStreamSpecification",),
    },
    "AWS::IAM::Policy": {".*GroupPolicy": ("Groups",), ".*UserPolicy": ("Users",)},
    "AWS::IAM::Role": {
        "(Attach|Detach)RolePolicy": ("ManagedPolicyArns",),
        ".*RolePermissionsBoundary": ("PermissionsBoundary",),
    },
    "AWS::Lambda::Alias": {
        "codedeploy:.*": ("CodeDeployLambdaAliasUpdate",),
        "(Put|Delete)ProvisionedConcurrencyConfig": ("ProvisionedConcurrencyConfig",),
    },
    "AWS::Lambda::Function": {
        "(Put|Delete)FunctionCodeSigningConfig|GetCodeSigningConfig": ("CodeSigningConfigArn",),
        "PassCapacityProvider": ("CapacityProviderConfig",),
        "PublishVersion": ("PublishToLatestPublished",),
        "PutFunctionRecursionConfig": ("RecursiveLoop",),
        "PutFunctionScalingConfig": ("FunctionScalingConfig",),
        "(Put|Delete)FunctionConcurrency": ("ReservedConcurrentExecutions",),
        "PutRuntimeManagementConfig|AssociateRuntimeAlias": ("RuntimeManagementConfig",),
    },
    "AWS::Lambda::Version": {
        "PutFunctionScalingConfig": ("FunctionScalingConfig",),
        "(Put|Delete)ProvisionedConcurrencyConfig": ("ProvisionedConcurrencyConfig",),
        "PutRuntimeManagementConfig": ("RuntimePolicy",),
    },
    "AWS::Logs::LogGroup": {
        "CreateLogDelivery|(Put|Delete)ResourcePolicy": ("ResourcePolicyDocument",),
        "(Disa|A)ssociateKmsKey": ("KmsKeyId",),
        "(Put|Delete)DataProtectionPolicy": ("DataProtectionPolicy",),
        "(Put|Delete)IndexPolicy": ("FieldIndexPolicies",),
        "PutBearerTokenAuthentication": ("BearerTokenAuthenticationEnabled",),
        "PutLogGroupDeletionProtection": ("DeletionProtectionEnabled",),
    },
    "AWS::S3::Bucket": {
        "DeleteObject|PutObjectAcl": ("MetadataTableConfiguration",),
        ".*(Put|Create|Delete|Update)Bucket(Metadata).*": ("MetadataConfiguration", "MetadataTableConfiguration"),
        "PutAccelerateConfiguration": ("AccelerateConfiguration",),
        ".*(Put|Delete).*AnalyticsConfiguration": ("AnalyticsConfigurations",),
        "PutBucketAbac": ("AbacStatus",),
        "PutBucketAcl": ("AccessControl",),
        ".*(PutBucketCORS|DeleteBucketCors)": ("CorsConfiguration",),
        "PutBucketLogging": ("LoggingConfiguration",),
        "PutBucketNotification": ("NotificationConfiguration",),
        "Put.*ObjectLockConfiguration": ("ObjectLockConfiguration", "ObjectLockEnabled"),
        "DeleteBucketReplication|PutBucketReplication|PutReplicationConfiguration": ("ReplicationConfiguration",),
        "(Put|Delete)BucketWebsite": ("WebsiteConfiguration",),
        "PutIntelligentTieringConfiguration": ("IntelligentTieringConfigurations",),
        "PutInventoryConfiguration": ("InventoryConfigurations",),
        ".*(Put|Delete).*MetricsConfiguration": ("MetricsConfigurations",),
    },
    "AWS::SNS::Topic": {"PutDataProtectionPolicy": ("DataProtectionPolicy",), "(Uns|S)ubscribe": ("Subscription",)},
    "AWS::WAFv2::WebACLAssociation": {".*PermissionPolicy": ("PermissionPolicy",)},
}
"""Type -> pattern of actions -> the properties, or update policies, that need them."""

_OF_OTHER_SERVICES = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {"iam:CreateServiceLinkedRole"},
    "AWS::Lambda::Function": {"s3:GetObject", "s3:GetObjectVersion"},
    "AWS::Lambda::LayerVersion": {"s3:GetObject", "s3:GetObjectVersion"},
    "AWS::WAFv2::WebACLAssociation": {"apigateway:SetWebACL"},
}
"""What a type needs of another service. The rest of what the schemas list is for keys of customers, networks, streams,
imports and kinds of endpoints that the templates do not have."""

_MISSING = {
    # A change set of the root makes and executes one for each nested stack.
    "AWS::CloudFormation::Stack": {
        *("cloudformation:CreateChangeSet", "cloudformation:DeleteChangeSet", "cloudformation:DescribeChangeSet"),
        *("cloudformation:ExecuteChangeSet", "cloudformation:DescribeStackResources", "s3:GetObject"),
    },
}
"""What the schemas do not list."""

_NO_ACTIONS = {"s3:DeleteBucketCors", "s3:DeleteBucketEncryption", "s3:DeleteBucketLifecycle"}
"""Operations that the schemas list and IAM does not know: the actions of their puts allow them."""


class UnknownType(Exception):
    """No permissions are known for a resource type of the templates."""


def of_templates(templates: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return type -> actions. Raises UnknownType, which names a type without a handler that needs permissions."""
    properties: dict[str, set[str]] = {}
    for template in templates:
        for resource in template["Resources"].values():
            found = properties.setdefault(resource["Type"], set())
            found |= set(_keys(resource.get("Properties", {}))) | {*resource.get("UpdatePolicy", {})}
    return {kind: of_type(kind, present) for kind, present in sorted(properties.items())}


def of_type(kind: str, properties: set[str]) -> set[str]:
    """Return the actions for the resources of a type, of which some have these properties."""
    handlers = provider_schemas.read(kind, REGION).get("handlers", {})
    listed = {action for handler in handlers.values() for action in handler.get("permissions", [])}
    needed = {action for action in listed if _is_for(action, kind)}
    needed -= {*_unused(listed, kind, properties), *_NO_ACTIONS}
    if not needed:
        raise UnknownType(f"no permissions are known for {kind}: see generator/bootstrap/actions.py")
    if "iam:PassRole" in listed and any("Role" in name for name in properties):
        needed.add("iam:PassRole")
    return needed | _MISSING.get(kind, set())


def _is_for(action: str, kind: str) -> bool:
    service = kind.split("::")[1].lower()
    return action.partition(":")[0].replace("-", "") == service or (
        action in _OF_OTHER_SERVICES.get(kind, ()) or _matches("codedeploy:.*", action)
    )


def _unused(actions: set[str], kind: str, properties: set[str]) -> Iterator[str]:
    """Yield the actions that only properties need which nothing has."""
    for pattern, needed_by in _ONLY_FOR.get(kind, {}).items():
        if not properties.intersection(needed_by):
            yield from (action for action in actions if _matches(pattern, action))


def _matches(pattern: str, action: str) -> bool:
    return bool(re.fullmatch(pattern, action) or re.fullmatch(pattern, action.partition(":")[2]))


def _keys(node: Any) -> Iterator[str]:
    match node:
        case dict():
            for key, value in node.items():
                yield key
                yield from _keys(value)
        case list():
            for each in node:
                yield from _keys(each)
