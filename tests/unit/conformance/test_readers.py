"""Readers of what the local emulator, or dev, does not have: against moto's services, as created and then changed."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from conformance.declared.comparing import differences
from conformance.declared.deployed import Declared
from conformance.declared.readers import READERS

Client = Callable[[str], Any]


@pytest.fixture
def client(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield lambda service: boto3.client(service, region_name="us-east-1")


def _dashboard(client: Client) -> tuple[str, dict, Callable]:
    properties = {"DashboardName": "food-delivery-dev", "DashboardBody": {"widgets": [{"type": "text", "x": 0}]}}

    def put(body: dict = properties["DashboardBody"]) -> None:
        client("cloudwatch").put_dashboard(DashboardName="food-delivery-dev", DashboardBody=json.dumps(body))

    put()
    return "food-delivery-dev", properties, lambda: put({"widgets": [{"type": "text", "x": 1}]})


def _subscription(client: Client) -> tuple[str, dict, Callable]:
    sns = client("sns")
    topic = sns.create_topic(Name="order-events")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:123456789012:fulfilment"
    properties = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": queue, "RawMessageDelivery": True}
    raw = {"RawMessageDelivery": "true"}
    identity = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)["SubscriptionArn"]
    change = {"SubscriptionArn": identity, "AttributeName": "RawMessageDelivery", "AttributeValue": "false"}
    return identity, properties, lambda: sns.set_subscription_attributes(**change)


TARGET = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/orders",
    "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
}


def _target(client: Client) -> tuple[str, dict, Callable]:
    scaling = client("application-autoscaling")
    client("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "orderId", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "orderId", "KeyType": "HASH"}],
        ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
    )
    scaling.register_scalable_target(**TARGET, MinCapacity=5, MaxCapacity=100)
    properties = {**TARGET, "MinCapacity": "5", "MaxCapacity": "100"}
    identity = "table/orders|dynamodb:table:ReadCapacityUnits|dynamodb"
    return identity, properties, lambda: scaling.register_scalable_target(**TARGET, MinCapacity=5, MaxCapacity=90)


def _policy(client: Client) -> tuple[str, dict, Callable]:
    target, *_ = _target(client)

    scaling = client("application-autoscaling")
    tracking = {"TargetValue": 70.0, "ScaleInCooldown": 60}
    name = {"PolicyName": "read-utilization", **TARGET}
    arn = scaling.put_scaling_policy(
        **name, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=tracking
    )["PolicyARN"]
    properties = {
        "PolicyName": "read-utilization",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": target,
        "TargetTrackingScalingPolicyConfiguration": {"TargetValue": "70", "ScaleInCooldown": 60},
    }
    return arn, properties, lambda: scaling.delete_scaling_policy(**name)


def _web_acl(client: Client) -> tuple[str, dict, Callable]:
    visible = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "food-delivery-dev"}
    properties = {"Name": "food-delivery-dev", "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "Rules": []}
    properties["VisibilityConfig"] = visible
    wafv2 = client("wafv2")
    acl = wafv2.create_web_acl(**properties)["Summary"]
    identity = "|".join((acl["Name"], acl["Id"], "REGIONAL"))
    change = {**properties, "Id": acl["Id"], "LockToken": acl["LockToken"], "DefaultAction": {"Block": {}}}
    return identity, properties, lambda: wafv2.update_web_acl(**change)


def _association(client: Client) -> tuple[str, dict, Callable]:
    identity, *_ = _web_acl(client)
    name, _, scope = identity.split("|")
    arn = client("wafv2").list_web_acls(Scope=scope)["WebACLs"][0]["ARN"]
    gateway = client("apigateway")
    api = gateway.create_rest_api(name=name)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
    gateway.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
    gateway.create_deployment(restApiId=api, stageName="dev")
    stage = {"ResourceArn": f"arn:aws:apigateway:us-east-1::/restapis/{api}/stages/dev"}
    client("wafv2").associate_web_acl(**stage, WebACLArn=arn)
    return "stage|acl", {**stage, "WebACLArn": arn}, lambda: client("wafv2").disassociate_web_acl(**stage)


KINDS: dict[str, Callable[[Client], tuple[str, dict, Callable]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _policy,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::SNS::Subscription": _subscription,
    "AWS::WAFv2::WebACL": _web_acl,
    "AWS::WAFv2::WebACLAssociation": _association,
}

PATHS = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "MaxCapacity: declared 100, seen 90",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName: declared read-utilization, seen nothing",
    "AWS::CloudWatch::Dashboard": "DashboardBody.widgets[0].x: declared 0, seen 1",
    "AWS::SNS::Subscription": "RawMessageDelivery: declared true, seen false",
    "AWS::WAFv2::WebACL": "DefaultAction.Allow: declared {}, seen nothing",
    "AWS::WAFv2::WebACLAssociation": "WebACLArn: declared arn:aws:wafv2:",
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_created_is_as_declared_and_what_is_changed_is_named(client, kind):
    identity, properties, change = KINDS[kind](client)
    resource = Declared("Stack/Resource", kind, identity, properties, {}, lambda kind, name: [])
    assert list(differences(properties, READERS[kind](client, resource))) == []

    change()

    changed, *_ = differences(properties, READERS[kind](client, resource))
    assert str(changed).startswith(PATHS[kind])


class Scripted:
    """A client with one answer, checked against the service's model; no emulator knows these operations."""

    def __init__(self, service: str, operation: str, answer: dict):
        self._client = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        self.operation, self.answer = operation, answer

    def __call__(self, service: str) -> Any:
        assert service == self._client.meta.service_model.service_name
        stubber = Stubber(self._client)
        stubber.add_response(self.operation, self.answer)
        stubber.activate()
        return self._client


QUERY = {"Name": "errors", "LogGroupNames": ["a", "b"], "QueryString": "limit 1", "Parameters": [{"Name": "orderId"}]}
RULE = {
    **{"RuleName": "orders-api-dev", "Priority": 1000, "FixedRate": "0.05", "ReservoirSize": "1", "Version": 1},
    **{name: "*" for name in ("Host", "HTTPMethod", "URLPath", "ResourceARN", "ServiceName", "ServiceType")},
}
SEEN_RULE = {**RULE, "FixedRate": 0.05, "ReservoirSize": 1}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "xray:*", "Resource": "*"}]}

GROUP = {
    "ApplicationName": "releases",
    "DeploymentConfigName": "CodeDeployDefault.LambdaCanary10Percent5Minutes",
    "ServiceRoleArn": "arn:aws:iam::123456789012:role/releases",
    "AlarmConfiguration": {"Enabled": "true", "Alarms": [{"Name": "orders-command-release"}]},
}


def _seen_group(changed: bool) -> dict:
    return {
        "applicationName": "releases",
        "deploymentGroupName": "the id",
        "deploymentConfigName": GROUP["DeploymentConfigName"],
        "serviceRoleArn": GROUP["ServiceRoleArn"],
        "alarmConfiguration": {
            "enabled": not changed,
            "ignorePollAlarmFailure": False,
            "alarms": [{"name": "orders-command-release"}],
        },
    }


SCRIPTED = [
    pytest.param(
        "AWS::CodeDeploy::Application",
        {"ComputePlatform": "Lambda"},
        lambda changed: Scripted(
            "codedeploy",
            "get_application",
            {"application": {"applicationName": "the id", "computePlatform": "ECS" if changed else "Lambda"}},
        ),
        "ComputePlatform: declared Lambda, seen ECS",
        id="application",
    ),
    pytest.param(
        "AWS::CodeDeploy::DeploymentGroup",
        GROUP,
        lambda changed: Scripted("codedeploy", "get_deployment_group", {"deploymentGroupInfo": _seen_group(changed)}),
        "AlarmConfiguration.Enabled: declared true, seen false",
        id="group",
    ),
    pytest.param(
        "AWS::Logs::QueryDefinition",
        QUERY,
        lambda changed: Scripted(
            "logs",
            "describe_query_definitions",
            {
                "queryDefinitions": [
                    {"queryDefinitionId": "other", "name": "errors", "queryString": "limit 1", "logGroupNames": []},
                    {
                        "queryDefinitionId": "the id",
                        "name": "errors",
                        "queryString": "limit 2" if changed else "limit 1",
                        "logGroupNames": ["b", "a"],
                        "parameters": [{"name": "orderId"}],
                    },
                ]
            },
        ),
        "QueryString: declared limit 1, seen limit 2",
        id="query",
    ),
    pytest.param(
        "AWS::XRay::SamplingRule",
        {"SamplingRule": RULE},
        lambda changed: Scripted(
            "xray",
            "get_sampling_rules",
            {
                "SamplingRuleRecords": [
                    {"SamplingRule": {**SEEN_RULE, "RuleName": "Default"}},
                    {"SamplingRule": {**SEEN_RULE, "FixedRate": 1.0 if changed else 0.05}},
                ]
            },
        ),
        "SamplingRule.FixedRate: declared 0.05, seen 1.0",
        id="sampling rule",
    ),
    pytest.param(
        "AWS::XRay::ResourcePolicy",
        {"PolicyName": "order-events", "PolicyDocument": json.dumps(POLICY)},
        lambda changed: Scripted(
            "xray",
            "list_resource_policies",
            {
                "ResourcePolicies": [
                    {
                        "PolicyName": "order-events",
                        "PolicyDocument": json.dumps({**POLICY, "Statement": []} if changed else POLICY),
                    }
                ]
            },
        ),
        "PolicyDocument.Statement[0]: declared",
        id="resource policy",
    ),
]


@pytest.mark.parametrize(("kind", "properties", "client", "difference"), SCRIPTED)
def test_what_no_emulator_has_is_read_from_answers_as_the_service_gives_them(kind, properties, client, difference):
    resource = Declared("Stack/Resource", kind, "the id", properties, {}, lambda kind, name: [])
    assert list(differences(properties, READERS[kind](client(False), resource))) == []

    (changed,) = differences(properties, READERS[kind](client(True), resource))
    assert str(changed).startswith(difference)
