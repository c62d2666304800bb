"""Names that templates give to resources: the preflight checks them for conflicts."""

import copy
from collections.abc import Iterator

from deployer.preflight.name_conflicts import KINDS
from tests.unit.templates.support import names_used

# Names that cannot be taken by something outside their stack, and what only looks like a name.
WITHIN_THE_STACK = {
    ("AWS::ApiGateway::Authorizer", "Name"): "of an API that is made with it",
    ("AWS::ApiGateway::Method", "OperationName"): "of an API that is made with it",
    ("AWS::ApiGateway::Model", "Name"): "of an API that is made with it",
    ("AWS::ApiGateway::RequestValidator", "Name"): "of an API that is made with it",
    ("AWS::ApiGateway::Stage", "StageName"): "of an API that is made with it",
    ("AWS::Lambda::Alias", "Name"): "of a function that is made with it",
    ("AWS::ApplicationAutoScaling::ScalingPolicy", "PolicyName"): "of a target that is made with it",
    ("AWS::IAM::Policy", "PolicyName"): "inline: of a role that is made with it",
    ("AWS::ApiGateway::ApiKey", "Name"): "two may have one name; only values are unique",
    ("AWS::ApiGateway::RestApi", "Name"): "two may have one name",
    ("AWS::ApiGateway::UsagePlan", "UsagePlanName"): "two may have one name",
    ("AWS::Logs::QueryDefinition", "Name"): "two may have one name; PutQueryDefinition makes another",
    ("AWS::CloudWatch::Alarm", "MetricName"): "names what it watches",
    ("AWS::CodeDeploy::DeploymentGroup", "DeploymentConfigName"): "one of those that CodeDeploy has",
    ("AWS::DynamoDB::Table", "TimeToLiveSpecification.AttributeName"): "of the table's items",
    ("AWS::WAFv2::WebACL", "VisibilityConfig.MetricName"): "two may write to one metric",
    ("AWS::SNS::Topic", "DisplayName"): "for people",
}


def fixed_names(templates: dict[str, dict]) -> set[tuple[str, str]]:
    """(type, property) of every property that is called a name and does not refer to another resource or its output."""
    found = set()
    for template in templates.values():
        # A parameter of the root is a setting of the environment's; others carry what siblings have made.
        settings = set(templates["root"]["Parameters"])
        for resource in template["Resources"].values():
            for path, value in properties(resource.get("Properties", {})):
                if path.endswith("Name") and names_used(value) <= settings:
                    found.add((resource["Type"], path))
    return found


def properties(given: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    """(path, value) of properties, those of properties included; intrinsic functions are values."""
    for key, value in given.items():
        yield prefix + key, value
        if isinstance(value, dict) and not any(name == "Ref" or name.startswith("Fn::") for name in value):
            yield from properties(value, f"{prefix}{key}.")


def looked_up() -> set[tuple[str, str]]:
    return {(kind, entry.name_property) for kind, entry in KINDS.items()}


def test_every_fixed_name_is_looked_up_before_a_deployment_or_needs_no_look(templates):
    found = fixed_names(templates)
    assert ("AWS::WAFv2::WebACL", "Name") in found and ("AWS::XRay::ResourcePolicy", "PolicyName") in found
    assert found - looked_up() == set(WITHIN_THE_STACK)


def test_a_new_fixed_name_is_found(templates):
    more = copy.deepcopy(templates)
    more["data"]["Resources"]["Key"] = {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": {"Fn::Sub": "alias/a"}}}
    assert fixed_names(more) - looked_up() - set(WITHIN_THE_STACK) == {("AWS::KMS::Alias", "AliasName")}
