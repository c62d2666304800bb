"""One check per mend: what AWS does, told by a small template and a few calls.

``test_mends.py`` runs each with the mend, where it must pass, and without, where
it must fail. A check must not depend on any other mend of its own module.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.emulator.testkit import ROLE, Aws, att, function, ref, template, until

CHECKS: dict[str, Callable[[Aws, str], None]] = {}
STACK = "AWS::CloudFormation::Stack"
API = "AWS::ApiGateway::"
KEY = "a-key-of-twenty-characters"


def check(function: Callable[[Aws, str], None]) -> Callable[[Aws, str], None]:
    """Register the check of the mend with the function's name. It gets a name of its own for its stack."""
    CHECKS[function.__name__] = function
    return function


def table(**properties: Any) -> dict:
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            **properties,
        },
    }


def bucket(**properties: Any) -> dict:
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def child(url: str, **parameters: Any) -> dict:
    return {"Type": STACK, "Properties": {"TemplateURL": url, "Parameters": parameters}}


def parameter(value: Any, **more: Any) -> dict:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}, **more}


def refused(aws: Aws, stack: str, resources: dict, reason: str) -> None:
    """The stack fails, for this reason, and leaves nothing behind."""
    found = aws.deploy(stack, template(resources))
    assert found["StackStatus"] == "ROLLBACK_COMPLETE", found["StackStatus"]
    assert any(reason in failure for failure in aws.failures(found["StackId"])), aws.failures(found["StackId"])


# ---- nested stacks -----------------------------------------------------------------


@check
def nested_stack_lifecycle(aws: Aws, name: str) -> None:
    """An update goes through to a sibling by Fn::GetAtt; a failed one is taken back everywhere."""
    def root(limit: str, fail: bool) -> dict:
        first = aws.template_url(template({"P": parameter(limit)}, {"Value": {"Fn::Sub": "${P}=" + limit}}))
        broken = {"Broken": {"Type": "AWS::SSM::Parameter", "DependsOn": "Q", "Properties": {"Type": "SecureString", "Value": "x"}}}
        second = aws.template_url(template(
            {"Q": parameter(ref("Given")), "Copy": parameter(att("Q", "Value")), **(broken if fail else {})},
            {"Q": ref("Q")}, Parameters={"Given": {"Type": "String"}}))
        return template({"First": child(first), "Second": child(second, Given=att("First", "Outputs.Value"))}, {"Q": att("Second", "Outputs.Q")})

    def value() -> str:
        return aws.client("ssm").get_parameter(Name=outputs["Q"])["Parameter"]["Value"]

    outputs = aws.deployed(name, root("1", False))
    assert value().endswith("=1")
    assert aws.deployed(name, root("2", False)) == outputs
    assert value().endswith("=2")
    assert aws.deploy(name, root("3", True))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert value().endswith("=2")


@check
def virtual_host_template_urls(aws: Aws, name: str) -> None:
    bucket, key = aws.put(json.dumps(template({"P": parameter("x")})), ".json")
    aws.deployed(name, template({"Child": child(f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}")}))


@check
def nested_change_sets(aws: Aws, name: str) -> None:
    root = template({"Child": child(aws.template_url(template({"P": parameter(name)})))})
    change_set = aws.change_set(name, root, IncludeNestedStacks=True)
    change = change_set["Changes"][0]["ResourceChange"]
    nested = aws.client("cloudformation").describe_change_set(ChangeSetName=change["ChangeSetId"])
    assert nested["ParentChangeSetId"] == nested["RootChangeSetId"] == change_set["ChangeSetId"]
    assert [c["ResourceChange"]["LogicalResourceId"] for c in nested["Changes"]] == ["P"]
    aws.client("cloudformation").delete_change_set(ChangeSetName=change_set["ChangeSetId"])


@check
def nested_parent_ids(aws: Aws, name: str) -> None:
    root = aws.deploy(name, template({"Child": child(aws.template_url(template({"P": parameter(name)})))}))
    found = aws.stack(aws.child(name, "Child"))
    assert found["ParentId"] == found["RootId"] == root["StackId"]


# ---- DynamoDB ----------------------------------------------------------------------


@check
def table_time_to_live(aws: Aws, name: str) -> None:
    def status(**properties: Any) -> str:
        made = aws.deployed(name, template({"T": table(**properties)}, {"T": ref("T")}))["T"]
        return aws.client("dynamodb").describe_time_to_live(TableName=made)["TimeToLiveDescription"]["TimeToLiveStatus"]

    specification = {"AttributeName": "expiresAt", "Enabled": True}
    assert status(TimeToLiveSpecification=specification) == "ENABLED"
    assert status(Tags=[{"Key": "a", "Value": "b"}]) == "DISABLED"
    assert status(TimeToLiveSpecification=specification) == "ENABLED"


@check
def table_point_in_time_recovery(aws: Aws, name: str) -> None:
    def status(enabled: bool) -> str:
        properties = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}}
        made = aws.deployed(name, template({"T": table(**properties)}, {"T": ref("T")}))["T"]
        found = aws.client("dynamodb").describe_continuous_backups(TableName=made)["ContinuousBackupsDescription"]
        return found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]

    assert status(True) == "ENABLED"
    assert status(False) == "DISABLED"


@check
def table_encryption(aws: Aws, name: str) -> None:
    made = aws.deployed(name, template({"T": table(SSESpecification={"SSEEnabled": True})}, {"T": ref("T")}))["T"]
    assert aws.client("dynamodb").describe_table(TableName=made)["Table"]["SSEDescription"]["Status"] == "ENABLED"


@check
def table_deletion_protection(aws: Aws, name: str) -> None:
    """A protected table keeps its stack from being deleted until the protection is lifted."""
    aws.deployed(name, template({"T": table(DeletionProtectionEnabled=True)}))
    assert aws.delete(name)["StackStatus"] == "DELETE_FAILED"
    made = aws.child(name, "T")
    aws.client("dynamodb").update_table(TableName=made, DeletionProtectionEnabled=False)
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def table_key_attributes(aws: Aws, name: str) -> None:
    unused = [{"AttributeName": n, "AttributeType": "S"} for n in ("id", "unused")]
    refused(aws, name, {"T": table(AttributeDefinitions=unused)}, "AttributeDefinitions are not used")


# ---- S3 ----------------------------------------------------------------------------


@check
def bucket_encryption(aws: Aws, name: str) -> None:
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    made = aws.deployed(name, template({"B": bucket(BucketEncryption={"ServerSideEncryptionConfiguration": [rule]})}, {"B": ref("B")}))["B"]
    found = aws.client("s3").get_bucket_encryption(Bucket=made)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert found["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


@check
def bucket_lifecycle(aws: Aws, name: str) -> None:
    rules = [{"Id": "old", "Status": "Enabled", "Prefix": "orders/", "ExpirationInDays": 30,
              "NoncurrentVersionExpiration": {"NoncurrentDays": 3}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}]
    made = aws.deployed(name, template({"B": bucket(LifecycleConfiguration={"Rules": rules})}, {"B": ref("B")}))["B"]
    found = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=made)["Rules"][0]
    assert (found["Expiration"]["Days"], found["NoncurrentVersionExpiration"]["NoncurrentDays"]) == (30, 3)
    aws.deployed(name, template({"B": bucket(Tags=[{"Key": "a", "Value": "b"}])}))
    try:
        aws.client("s3").get_bucket_lifecycle_configuration(Bucket=made)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration"
    else:
        raise AssertionError("the rules outlived their property")


@check
def bucket_tags(aws: Aws, name: str) -> None:
    made = aws.deployed(name, template({"B": bucket(Tags=[{"Key": "team", "Value": "orders"}])}, {"B": ref("B")}))["B"]
    assert {"Key": "team", "Value": "orders"} in aws.client("s3").get_bucket_tagging(Bucket=made)["TagSet"]


@check
def bucket_versioning_suspended(aws: Aws, name: str) -> None:
    def status(**properties: Any) -> str:
        made = aws.deployed(name, template({"B": bucket(**properties)}, {"B": ref("B")}))["B"]
        return aws.client("s3").get_bucket_versioning(Bucket=made)["Status"]

    assert status(VersioningConfiguration={"Status": "Enabled"}) == "Enabled"
    assert status(Tags=[{"Key": "a", "Value": "b"}]) == "Suspended"


@check
def bucket_not_empty(aws: Aws, name: str) -> None:
    made = aws.deployed(name, template({"B": bucket()}, {"B": ref("B")}))["B"]
    aws.client("s3").put_object(Bucket=made, Key="order.json", Body=b"{}")
    assert aws.delete(name)["StackStatus"] == "DELETE_FAILED"
    assert any("not empty" in failure for failure in aws.failures(name))
    aws.client("s3").delete_object(Bucket=made, Key="order.json")
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def bucket_of_policy_exists(aws: Aws, name: str) -> None:
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": f"{name}-absent", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}}}
    refused(aws, name, {"P": policy}, "bucket does not exist")


# ---- Lambda ------------------------------------------------------------------------

ECHO = "def handler(event, context):\n    return event\n"


def with_function(aws: Aws, name: str, source: str = ECHO, more: dict | None = None, **properties: Any) -> str:
    """Deploy a function and return its name."""
    resources = {"Role": ROLE, "F": function(aws.code(source), att("Role", "Arn"), **properties), **(more or {})}
    return aws.deployed(name, template(resources, {"F": ref("F")}))["F"]


@check
def function_reserved_concurrency(aws: Aws, name: str) -> None:
    made = with_function(aws, name, ReservedConcurrentExecutions=3)
    assert aws.client("lambda").get_function_concurrency(FunctionName=made)["ReservedConcurrentExecutions"] == 3
    with_function(aws, name, ReservedConcurrentExecutions=0)
    try:
        aws.client("lambda").invoke(FunctionName=made)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "TooManyRequestsException"
    else:
        raise AssertionError("0 reserved executions still ran")


@check
def function_dead_letters(aws: Aws, name: str) -> None:
    made = with_function(aws, name, "def handler(event, context):\n    raise ValueError(event)\n",
                         {"Q": {"Type": "AWS::SQS::Queue"},
                          "Once": {"Type": "AWS::Lambda::EventInvokeConfig",
                                   "Properties": {"FunctionName": ref("F"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}}},
                         DeadLetterConfig={"TargetArn": att("Q", "Arn")})
    aws.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b'"lost?"')
    queue = aws.child(name, "Q")
    message = until(lambda: aws.client("sqs").receive_message(QueueUrl=queue).get("Messages"))[0]
    assert "lost?" in message["Body"]


@check
def function_mistakes(aws: Aws, name: str) -> None:
    refused(aws, name + "-role", {"F": function(aws.code(ECHO), "arn:aws:iam::000000000000:role/absent")}, "cannot be assumed by Lambda")
    absent = {"S3Bucket": "artifacts", "S3Key": "absent.zip"}
    refused(aws, name + "-code", {"Role": ROLE, "F": function(absent, att("Role", "Arn"))}, "NoSuchKey")


@check
def function_invoke_config_of_latest(aws: Aws, name: str) -> None:
    config = {"FunctionName": ref("F"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}
    made = with_function(aws, name, more={"C": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": config}})
    assert aws.client("lambda").get_function_event_invoke_config(FunctionName=made)["MaximumRetryAttempts"] == 1


@check
def event_source_disabled(aws: Aws, name: str) -> None:
    mapping = {"FunctionName": ref("F"), "EventSourceArn": att("Q", "Arn"), "Enabled": False}
    with_function(aws, name, more={"Q": {"Type": "AWS::SQS::Queue"}, "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping}})
    assert aws.client("lambda").get_event_source_mapping(UUID=aws.child(name, "M"))["State"] == "Disabled"


@check
def lambda_workers(aws: Aws, name: str) -> None:
    source = """
import os, sys
COUNT = 0
def handler(event, context):
    global COUNT
    COUNT += 1
    if event == "raise":
        raise KeyError("order")
    try:
        import pytest
    except ImportError:
        pytest = None
    import shared
    return {"count": COUNT, "shared": shared.WHO, "pytest": bool(pytest), "env": sorted(os.environ), "group": context.log_group_name}
"""
    layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": aws.code("WHO = 'layer'", "python/shared.py")}}
    made = with_function(aws, name, source, {"L": layer}, Layers=[ref("L")])
    first = aws.invoke(made)
    assert first["shared"] == "layer"
    assert not first["pytest"], "the function sees the server's packages"
    assert "STATE_DIR" not in first["env"], "the function sees the server's environment"
    assert first["group"] == f"/aws/lambda/{made}"
    failed = aws.invoke(made, "raise")
    assert (failed["errorType"], failed["errorMessage"]) == ("KeyError", "'order'")
    assert "app.py" in failed["stackTrace"][-1]
    assert aws.invoke(made)["count"] == 3, "the environment did not survive the exception"


@check
def embedded_metrics(aws: Aws, name: str) -> None:
    line = {"_aws": {"Timestamp": 0, "CloudWatchMetrics": [
        {"Namespace": name, "Dimensions": [["service"], ["service", "channel"]], "Metrics": [{"Name": "Orders", "Unit": "Count"}]}]},
        "service": "orders", "channel": "web", "Orders": [2, 3]}
    made = with_function(aws, name, f"def handler(event, context):\n    print({json.dumps(json.dumps(line))})\n")
    aws.invoke(made)
    found = aws.client("cloudwatch").list_metrics(Namespace=name)["Metrics"]
    assert sorted(len(metric["Dimensions"]) for metric in found) == [1, 2]
    assert summed(aws, name, "Orders", service="orders") == 5


@check
def lambda_metrics(aws: Aws, name: str) -> None:
    """A call that comes from a queue counts too."""
    mapping = {"FunctionName": ref("F"), "EventSourceArn": att("Q", "Arn")}
    made = with_function(aws, name, more={"Q": {"Type": "AWS::SQS::Queue"}, "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping}})
    aws.client("sqs").send_message(QueueUrl=aws.child(name, "Q"), MessageBody="{}")
    until(lambda: aws.client("cloudwatch").list_metrics(Namespace="AWS/Lambda", Dimensions=[{"Name": "FunctionName", "Value": made}])["Metrics"], 5)
    assert summed(aws, "AWS/Lambda", "Invocations", FunctionName=made) == 1


def summed(aws: Aws, namespace: str, metric: str, **dimensions: str) -> float:
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=metric, StartTime=time.time() - 300, EndTime=time.time() + 60, Period=3600, Statistics=["Sum"],
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()])
    return sum(point["Sum"] for point in found["Datapoints"])


# ---- CloudWatch --------------------------------------------------------------------


def alarm(**properties: Any) -> dict:
    return {"Type": "AWS::CloudWatch::Alarm", "Properties": {
        "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 0,
        "TreatMissingData": "notBreaching", **properties}}


def watching(namespace: str, metric: str, **dimensions: Any) -> dict:
    return {"Namespace": namespace, "MetricName": metric, "Period": 60, "Statistic": "Sum",
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()]}


def put_metric(aws: Aws, namespace: str, metric: str, value: float, **dimensions: str) -> None:
    aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[{
        "MetricName": metric, "Value": value, "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()]}])


def state(aws: Aws, name: str) -> str:
    return aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


@check
def alarm_evaluation(aws: Aws, name: str) -> None:
    resources = {who: alarm(AlarmName=f"{name}-{who}", **watching(name, "Errors", FunctionName=who)) for who in ("A", "B")}
    aws.deployed(name, template(resources))
    put_metric(aws, name, "Errors", 1, FunctionName="A")
    until(lambda: state(aws, f"{name}-A") == "ALARM", 3)
    assert state(aws, f"{name}-B") != "ALARM", "one function's errors rang the other's alarm"


@check
def alarm_clock(aws: Aws, name: str) -> None:
    """An alarm on what nobody publishes rings too, here on missing data."""
    aws.deployed(name, template({"A": alarm(AlarmName=name, **{**watching(name, "Heartbeat"), "TreatMissingData": "breaching"})}))
    until(lambda: state(aws, name) == "ALARM", 4)


@check
def queue_metrics(aws: Aws, name: str) -> None:
    watched = watching("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=att("Q", "QueueName"))
    aws.deployed(name, template({"Q": {"Type": "AWS::SQS::Queue"}, "A": alarm(AlarmName=name, **{**watched, "Statistic": "Maximum"})}))
    aws.client("sqs").send_message(QueueUrl=aws.child(name, "Q"), MessageBody="dead letter")
    until(lambda: state(aws, name) == "ALARM", 5)


@check
def alarm_metric_math(aws: Aws, name: str) -> None:
    """More than 1 % of errors, as metric math."""
    def metric(key: str) -> dict:
        return {"Id": key, "ReturnData": False, "MetricStat": {"Metric": {"Namespace": name, "MetricName": key}, "Period": 60, "Stat": "Sum"}}

    ratio = {"Id": "ratio", "Expression": "100 * errors / MAX([errors, invocations])"}
    aws.deployed(name, template({"A": alarm(AlarmName=name, Threshold=1, Metrics=[ratio, metric("errors"), metric("invocations")])}))
    assert len(aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["Metrics"]) == 3
    put_metric(aws, name, "invocations", 1000)
    put_metric(aws, name, "errors", 9)
    until(lambda: state(aws, name) == "OK", 3)
    put_metric(aws, name, "errors", 9)
    until(lambda: state(aws, name) == "ALARM", 3)


@check
def composite_alarms(aws: Aws, name: str) -> None:
    single = alarm(AlarmName=f"{name}-a", **watching(name, "Errors"))
    both = {"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": "A", "Properties": {"AlarmName": name, "AlarmRule": f'ALARM("{name}-a")'}}
    aws.deployed(name, template({"A": single, "C": both}))
    assert aws.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


# ---- the rest ----------------------------------------------------------------------


@check
def inert_types(aws: Aws, name: str) -> None:
    target = {"ServiceNamespace": "dynamodb", "ResourceId": "table/x", "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
              "MinCapacity": 5, "MaxCapacity": 100, "RoleARN": "arn:aws:iam::000000000000:role/x"}
    policy = {"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "ScalingTargetId": ref("Target")}
    query = {"Name": name, "QueryString": "fields @message"}
    resources = {
        "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target},
        "Policy": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": policy},
        "Query": {"Type": "AWS::Logs::QueryDefinition", "Properties": query},
    }
    outputs = aws.deployed(name, template(resources, {"Target": ref("Target"), "Query": att("Query", "QueryDefinitionId")}))
    assert outputs["Target"] == "table/x|dynamodb:table:ReadCapacityUnits|dynamodb"
    assert aws.deployed(name, template({**resources, "Query": {"Type": query and "AWS::Logs::QueryDefinition", "Properties": {**query, "QueryString": "limit 1"}}}, {"Query": ref("Query")}))["Query"] == outputs["Query"]
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def web_acl_associations(aws: Aws, name: str) -> None:
    visible = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
    acl = {"Name": name, "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": visible, "Rules": []}
    stage = "arn:aws:apigateway:us-east-1::/restapis/abc/stages/test"
    aws.deployed(name, template({
        "Acl": {"Type": "AWS::WAFv2::WebACL", "Properties": acl},
        "Link": {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": {"WebACLArn": att("Acl", "Arn"), "ResourceArn": stage}}}))
    assert aws.client("wafv2").get_web_acl_for_resource(ResourceArn=stage)["WebACL"]["Name"] == name
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def topic_encryption(aws: Aws, name: str) -> None:
    made = aws.deployed(name, template({"T": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/orders"}}}, {"T": ref("T")}))["T"]
    assert aws.client("sns").get_topic_attributes(TopicArn=made)["Attributes"]["KmsMasterKeyId"] == "alias/orders"


@check
def events_of_new_resources(aws: Aws, name: str) -> None:
    """A resource that an update adds is created, and what the update leaves alone has no event."""
    aws.deployed(name, template({"Old": parameter("1")}))
    aws.deployed(name, template({"Old": parameter("1"), "New": parameter("2")}))
    told = [(e["LogicalResourceId"], e["ResourceStatus"]) for e in aws.events(name)]
    assert ("New", "CREATE_COMPLETE") in told and ("New", "UPDATE_COMPLETE") not in told
    assert ("Old", "UPDATE_IN_PROGRESS") not in told
