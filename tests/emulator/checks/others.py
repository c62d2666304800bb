"""Checks of the remaining types."""

from tests.emulator.checks.common import check, parameter
from tests.emulator.testkit import Aws, att, ref, template


@check
def inert_types(aws: Aws, name: str) -> None:
    target = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/x",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
        "MinCapacity": 5,
        "MaxCapacity": 100,
        "RoleARN": "arn:aws:iam::000000000000:role/x",
    }
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "ScalingTargetId": ref("Target")}
    query = {"Name": name, "QueryString": "fields @message"}
    resources = {
        "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
        "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
        "Query": {"Type": "AWS::Logs::QueryDefinition", "Properties": query},
    }
    outputs = aws.deployed(
        name, template(resources, {"Target": ref("Target"), "Query": att("Query", "QueryDefinitionId")})
    )
    assert outputs["Target"] == "table/x|dynamodb:table:ReadCapacityUnits|dynamodb"
    assert (
        aws.deployed(
            name,
            template(
                {
                    **resources,
                    "Query": {
                        "Type": query and "AWS::Logs::QueryDefinition",
                        "Properties": {**query, "QueryString": "limit 1"},
                    },
                },
                {"Query": ref("Query")},
            ),
        )["Query"]
        == outputs["Query"]
    )
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def web_acl_associations(aws: Aws, name: str) -> None:
    visible = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
    acl = {"Name": name, "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": visible, "Rules": []}
    stage = "arn:aws:apigateway:us-east-1::/restapis/abc/stages/test"
    aws.deployed(
        name,
        template(
            {
                "Acl": {"Type": "AWS::WAFv2::WebACL", "Properties": acl},
                "Link": {
                    "Type": "AWS::WAFv2::WebACLAssociation",
                    "Properties": {"WebACLArn": att("Acl", "Arn"), "ResourceArn": stage},
                },
            }
        ),
    )
    assert aws.client("wafv2").get_web_acl_for_resource(ResourceArn=stage)["WebACL"]["Name"] == name
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def topic_encryption(aws: Aws, name: str) -> None:
    made = aws.deployed(
        name,
        template({"T": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/orders"}}}, {"T": ref("T")}),
    )["T"]
    assert aws.client("sns").get_topic_attributes(TopicArn=made)["Attributes"]["KmsMasterKeyId"] == "alias/orders"


@check
def events_of_new_resources(aws: Aws, name: str) -> None:
    """A resource that an update adds is created, and what the update leaves alone has no event."""
    aws.deployed(name, template({"Old": parameter("1")}))
    aws.deployed(name, template({"Old": parameter("1"), "New": parameter("2")}))
    events = [(e["LogicalResourceId"], e["ResourceStatus"]) for e in aws.events(name)]
    assert ("New", "CREATE_COMPLETE") in events and ("New", "UPDATE_COMPLETE") not in events
    assert ("Old", "UPDATE_IN_PROGRESS") not in events
