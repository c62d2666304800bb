"""Resource types that store what no template has, and their properties that cannot change in place.

From the CloudFormation reference ("Update requires: Replacement"); a test compares the table with the
createOnlyProperties of the provider schemas that cfn-lint ships.
"""

from deployer.plan.changes import Difference, Item
from deployer.plan.properties import same

REPLACED_BY: dict[str, tuple[str, ...]] = {
    "AWS::ApiGateway::UsagePlan": (),  # which keys of partners are in it
    "AWS::Cognito::UserPool": (),
    "AWS::DynamoDB::GlobalTable": ("TableName", "KeySchema", "LocalSecondaryIndexes"),
    "AWS::DynamoDB::Table": ("TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"),
    "AWS::KMS::Key": ("KeySpec", "KeyUsage", "MultiRegion", "Origin"),
    "AWS::Kinesis::Stream": ("Name",),
    "AWS::S3::Bucket": ("BucketName", "BucketNamePrefix", "BucketNamespace"),
    "AWS::SQS::Queue": ("QueueName", "FifoQueue"),
}

BEFORE_REMOVAL = {
    "AWS::ApiGateway::UsagePlan": "first revoke the keys of partners in it (--partners, --partner-revoke): they lose access, "
    "and until the update ends, functions of a version without partners take them for the operator's"
}


def replaces(resource_type: str, difference: Difference, before: dict, after: dict) -> bool:
    """Return True if the difference makes CloudFormation replace the resource by a new, empty one."""
    if resource_type.startswith("AWS::DynamoDB::") and difference.name == "AttributeDefinitions":
        # An attribute is added or removed in place, but its type is not changed in place.
        return _edited_attributes(before, after) and _may_be_a_type(difference)
    name = difference.name
    return name in REPLACED_BY.get(resource_type, ()) and not same(_value(before, name), _value(after, name))


def _may_be_a_type(difference: Difference) -> bool:
    has_identity = any(isinstance(step, Item) and step.key for step in difference.steps)
    return not has_identity or difference.steps[-1] == "AttributeType"


def _value(properties: dict, name: str):
    """Return a property; None for an absent, empty or false one: `FifoQueue: false` is the default."""
    return None if same(properties.get(name), False) else properties.get(name) or None


def _edited_attributes(before: dict, after: dict) -> bool:
    old, new = _attributes(before), _attributes(after)
    return any(old[name] != new[name] for name in old.keys() & new.keys())


def _attributes(properties: dict) -> dict[str, object]:
    definitions = properties.get("AttributeDefinitions")
    return {
        str(entry.get("AttributeName")): entry.get("AttributeType")
        for entry in (definitions if isinstance(definitions, list) else [])
        if isinstance(entry, dict)
    }
