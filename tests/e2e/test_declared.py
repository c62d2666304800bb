"""The probes of declared properties, on the shared deployment: what an operator changes by hand is named."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from config.environment import load
from conformance import probes  # noqa: F401  registers them
from conformance.account import Account
from conformance.declared.deployed import Declared, Resources
from conformance.declared.readers import READERS
from conformance.environment import Environment
from conformance.probe import PROBES, Differs
from deployer.aws import session
from deployer.stacks import reading

pytestmark = pytest.mark.e2e

Change = tuple[str, Callable[[], Any], Callable[[], Any]]
"""Path of the difference, what changes the resource, and what restores it."""

Client = Callable[[str], Any]


def given(operation: Callable, name: str, changed: Any, before: Any, **where: Any) -> tuple[Callable, Callable]:
    """Change one argument of an operation."""
    return partial(operation, **where, **{name: changed}), partial(operation, **where, **{name: before})


def _patched(
    operation: str, name: str, changed: str, *where: str, path: str = ""
) -> Callable[[Client, Declared], Change]:
    """Change a property by API Gateway's patch operations. `where`: argument=Property, or argument for the id."""

    def change(client: Client, it: Declared) -> Change:
        asked = (each.partition("=") for each in where)
        arguments = {argument: it.properties[of] if of else it.id for argument, _, of in asked}
        value = it.properties[name]
        before = json.dumps(value) if isinstance(value, (dict, bool)) else value
        at = path or f"/{name[0].lower()}{name[1:]}"
        operations = ([{"op": "replace", "path": at, "value": text}] for text in (changed, before))
        change, restore = (
            partial(getattr(client("apigateway"), operation), **arguments, patchOperations=each) for each in operations
        )
        return name, change, restore

    return change


def _gateway_response(client: Client, it: Declared) -> Change:
    own = it.properties
    put = partial(
        client("apigateway").put_gateway_response, restApiId=own["RestApiId"], responseType=own["ResponseType"]
    )
    texts = {"responseParameters": own["ResponseParameters"], "responseTemplates": own["ResponseTemplates"]}
    return (
        "ResponseTemplates",
        put,
        partial(put, **texts, **({"statusCode": own["StatusCode"]} if "StatusCode" in own else {})),
    )


def _throttle(client: Client, it: Declared) -> Change:
    before = str(it.properties["Throttle"]["RateLimit"])
    update = partial(client("apigateway").update_usage_plan, usagePlanId=it.id)
    changed, declared = ([{"op": "replace", "path": "/throttle/rateLimit", "value": value}] for value in ("1", before))
    return ("Throttle.RateLimit", *given(update, "patchOperations", changed, declared))


def _plan_key(client: Client, it: Declared) -> Change:
    key = {"usagePlanId": it.properties["UsagePlanId"], "keyId": it.properties["KeyId"]}
    gateway = client("apigateway")
    create = partial(gateway.create_usage_plan_key, **key, keyType="API_KEY")
    return "the resource", partial(gateway.delete_usage_plan_key, **key), create


def _alarm(put: str, kind: str, name: str, value: Any) -> Callable[[Client, Declared], Change]:
    def change(client: Client, it: Declared) -> Change:
        cloudwatch = client("cloudwatch")
        found = cloudwatch.describe_alarms(AlarmNames=[it.id], AlarmTypes=[kind])[f"{kind}s"][0]
        accepted = cloudwatch.meta.service_model.operation_model(put).input_shape.members
        arguments = {key: each for key, each in found.items() if key in accepted and key != name}
        operation = getattr(cloudwatch, "put_metric_alarm" if put == "PutMetricAlarm" else "put_composite_alarm")
        return (name, *given(operation, name, value, found[name], **arguments))

    return change


def _function(client: Client, it: Declared) -> Change:
    update = client("lambda").update_function_configuration
    before = it.properties["Environment"]
    more = {"Variables": {**before["Variables"], "BY_HAND": "1"}}
    return ("Environment.Variables.BY_HAND", *given(update, "Environment", more, before, FunctionName=it.id))


def _permission(client: Client, it: Declared) -> Change:
    own = it.properties
    where = {"FunctionName": own["FunctionName"], "StatementId": it.id}
    add = partial(client("lambda").add_permission, **where, Action=own["Action"], Principal=own["Principal"])
    return (
        "the resource",
        partial(client("lambda").remove_permission, **where),
        partial(add, SourceArn=own["SourceArn"]),
    )


def _role(client: Client, it: Declared) -> Change:
    where = {"RoleName": it.id, "PolicyName": "by-hand"}
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    put = partial(client("iam").put_role_policy, **where, PolicyDocument=json.dumps(document))
    return "Policies[by-hand]", put, partial(client("iam").delete_role_policy, **where)


def _document(put: Callable, name: str, it: Declared, **where: Any) -> tuple[Callable, Callable]:
    document = it.properties["PolicyDocument"]
    changed = {**document, "Statement": [{**each, "Sid": "X"} for each in document["Statement"]]}
    return given(put, name, json.dumps(changed), json.dumps(document), **where)


def _attribute(put: Callable, name: str, text: str, it: Declared, **where: str) -> tuple[Callable, Callable]:
    before = it.properties[name] if name in it.properties else json.dumps(it.properties["PolicyDocument"])
    return given(put, "Attributes", {name: text}, {name: str(before)}, **where)


def _transformation(declared: dict) -> dict:
    """Return a metric filter's transformation as PutMetricFilter takes it."""
    made = {name[0].lower() + name[1:]: value for name, value in declared.items()}
    return {**made, "dimensions": {each["Key"]: each["Value"] for each in declared["Dimensions"]}}


NO_STATEMENT = json.dumps({"Version": "2012-10-17", "Statement": []})

_API = "restApiId=RestApiId"

CHANGES: dict[str, Callable[[Client, Declared], Change]] = {
    "AWS::ApiGateway::Account": _patched(
        "update_account", "CloudWatchRoleArn", "arn:aws:iam::0:role/x", path="/cloudwatchRoleArn"
    ),
    "AWS::ApiGateway::ApiKey": _patched("update_api_key", "Description", "x", "apiKey"),
    "AWS::ApiGateway::GatewayResponse": _gateway_response,
    "AWS::ApiGateway::Method": _patched(
        "update_method", "ApiKeyRequired", "false", _API, "resourceId=ResourceId", "httpMethod=HttpMethod"
    ),
    "AWS::ApiGateway::Model": _patched("update_model", "Schema", "{}", _API, "modelName"),
    "AWS::ApiGateway::RequestValidator": _patched(
        "update_request_validator", "ValidateRequestBody", "false", _API, "requestValidatorId"
    ),
    "AWS::ApiGateway::Resource": _patched("update_resource", "PathPart", "x", _API, "resourceId"),
    "AWS::ApiGateway::RestApi": _patched("update_rest_api", "Description", "x", "restApiId"),
    "AWS::ApiGateway::Stage": _patched("update_stage", "TracingEnabled", "false", _API, "stageName=StageName"),
    "AWS::ApiGateway::UsagePlan": _throttle,
    "AWS::ApiGateway::UsagePlanKey": _plan_key,
    "AWS::CloudWatch::Alarm": _alarm("PutMetricAlarm", "MetricAlarm", "Threshold", 12345.0),
    "AWS::CloudWatch::CompositeAlarm": _alarm("PutCompositeAlarm", "CompositeAlarm", "AlarmDescription", "x"),
    "AWS::DynamoDB::Table": lambda client, it: (
        "DeletionProtectionEnabled",
        *given(client("dynamodb").update_table, "DeletionProtectionEnabled", True, False, TableName=it.id),
    ),
    "AWS::Events::Rule": lambda client, it: (
        "State",
        partial(client("events").disable_rule, Name=it.properties["Name"]),
        partial(client("events").enable_rule, Name=it.properties["Name"]),
    ),
    "AWS::IAM::Policy": lambda client, it: (
        "PolicyDocument",
        *_document(
            client("iam").put_role_policy,
            "PolicyDocument",
            it,
            RoleName=it.properties["Roles"][0],
            PolicyName=it.properties["PolicyName"],
        ),
    ),
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Alias": lambda client, it: (
        "FunctionVersion",
        *given(
            client("lambda").update_alias,
            "FunctionVersion",
            "$LATEST",
            it.properties["FunctionVersion"],
            FunctionName=it.properties["FunctionName"],
            Name=it.properties["Name"],
        ),
    ),
    "AWS::Lambda::EventInvokeConfig": lambda client, it: (
        "MaximumRetryAttempts",
        partial(client("lambda").put_function_event_invoke_config, **{**it.properties, "MaximumRetryAttempts": 0}),
        partial(client("lambda").put_function_event_invoke_config, **it.properties),
    ),
    "AWS::Lambda::EventSourceMapping": lambda client, it: (
        "BatchSize",
        *given(
            client("lambda").update_event_source_mapping, "BatchSize", 3, int(it.properties["BatchSize"]), UUID=it.id
        ),
    ),
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _permission,
    "AWS::Logs::LogGroup": lambda client, it: (
        "RetentionInDays",
        *given(
            client("logs").put_retention_policy,
            "retentionInDays",
            1,
            int(it.properties["RetentionInDays"]),
            logGroupName=it.id,
        ),
    ),
    "AWS::Logs::MetricFilter": lambda client, it: (
        "FilterPattern",
        *given(
            partial(
                client("logs").put_metric_filter,
                logGroupName=it.properties["LogGroupName"],
                filterName=it.id,
                metricTransformations=[_transformation(each) for each in it.properties["MetricTransformations"]],
            ),
            "filterPattern",
            '{ $.status = "403" }',
            it.properties["FilterPattern"],
        ),
    ),
    "AWS::S3::Bucket": lambda client, it: (
        "VersioningConfiguration.Status",
        *given(
            client("s3").put_bucket_versioning,
            "VersioningConfiguration",
            {"Status": "Suspended"},
            {"Status": "Enabled"},
            Bucket=it.id,
        ),
    ),
    "AWS::S3::BucketPolicy": lambda client, it: (
        "PolicyDocument.Statement[RefusePlainHttp]",
        *_document(client("s3").put_bucket_policy, "Policy", it, Bucket=it.properties["Bucket"]),
    ),
    "AWS::SNS::Topic": lambda client, it: (
        "DisplayName",
        *given(
            partial(client("sns").set_topic_attributes, TopicArn=it.id, AttributeName="DisplayName"),
            "AttributeValue",
            "x",
            it.properties["DisplayName"],
        ),
    ),
    "AWS::SNS::TopicPolicy": lambda client, it: (
        "PolicyDocument.Statement[RefusePlainHttp]",
        *_document(
            client("sns").set_topic_attributes,
            "AttributeValue",
            it,
            TopicArn=it.properties["Topics"][0],
            AttributeName="Policy",
        ),
    ),
    "AWS::SQS::Queue": lambda client, it: (
        "MessageRetentionPeriod",
        *_attribute(client("sqs").set_queue_attributes, "MessageRetentionPeriod", "60", it, QueueUrl=it.id),
    ),
    "AWS::SQS::QueuePolicy": lambda client, it: (
        "PolicyDocument.Statement[RefusePlainHttp]",
        *given(
            client("sqs").set_queue_attributes,
            "Attributes",
            {"Policy": NO_STATEMENT},
            {"Policy": json.dumps(it.properties["PolicyDocument"])},
            QueueUrl=it.properties["Queues"][0],
        ),
    ),
    "AWS::SSM::Parameter": lambda client, it: (
        "Value",
        *given(
            partial(
                client("ssm").put_parameter,
                Name=it.id,
                Type="String",
                Overwrite=True,
                Description=it.properties["Description"],
            ),
            "Value",
            "x",
            it.properties["Value"],
        ),
    ),
}

NOT_CHANGED = {
    "AWS::ApiGateway::Deployment": "has no property but its API",
    "AWS::Lambda::LayerVersion": "cannot be changed",
    "AWS::Lambda::Version": "cannot be changed",
}
NO_API = {"AWS::Logs::QueryDefinition", "AWS::XRay::ResourcePolicy", "AWS::XRay::SamplingRule"}
"""Types that the local emulator's CloudFormation accepts, without their services."""


@pytest.fixture(scope="module")
def environment(deployment) -> Environment:
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    aws = session.connect_local(load("dev"), {**keys, "AWS_ENDPOINT_URL": deployment.outputs["EndpointUrl"]})
    return Environment(Account(aws, "conformance-test", 1), load("dev"), deployment.outputs)


@pytest.fixture(scope="module")
def resources(environment) -> Resources:
    account = environment.account
    return Resources(account, reading.describe(account.aws, "food-delivery-dev"), READERS)


def ends(environment: Environment, kind: str) -> str:
    """Run the probe of a type; return its differences, "" for none."""
    (probe,) = (each for each in PROBES.values() if each.sentence.startswith(f"Each {kind} has"))
    try:
        probe.run(environment)
    except Differs as differs:
        return differs.seen
    return ""


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_what_is_changed_by_hand_is_named(environment, resources, kind):
    before = ends(environment, kind)
    resource = resources.of_type(kind)[0]
    path, change, restore = CHANGES[kind](environment.client, resource)
    change()
    try:
        changed = ends(environment, kind)
    finally:
        restore()

    new = set(changed.splitlines()) - set(before.splitlines())
    assert any(line.startswith(path) and resource.path in line for line in new)
    assert ends(environment, kind) == before


def test_each_type_that_dev_has_here_is_changed(environment, resources):
    """The others are in unit/conformance/test_readers.py."""
    readable = {kind for kind in READERS.keys() - NOT_CHANGED.keys() if resources.of_type(kind)}

    assert CHANGES.keys() == readable - NO_API


LOCAL_DIFFERENCES = {
    "AWS::CloudWatch::Alarm": {"EvaluateLowSampleCountPercentile"},
    "AWS::DynamoDB::Table": {"PointInTimeRecoverySpecification.RecoveryPeriodInDays"},
    "AWS::SNS::Topic": {"TracingConfig"},
}
"""What the local emulator drops; docs/conformance.md says so. Nothing relies on it locally."""


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_the_local_emulator_keeps_every_other_property(environment, kind):
    lines = ends(environment, kind).splitlines()

    assert {line.split(": ")[0] for line in lines} == LOCAL_DIFFERENCES.get(kind, set())
