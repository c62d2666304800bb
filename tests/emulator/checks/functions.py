"""Checks of functions and of the metrics that they cause."""

import json
import time

from botocore.exceptions import ClientError

from tests.emulator.checks.common import (
    ECHO,
    check,
    empty,
    refused,
    summed,
    table,
    with_function,
)
from tests.emulator.testkit import ROLE, Aws, att, function, ref, template, until


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
    made = with_function(
        aws,
        name,
        "def handler(event, context):\n    raise ValueError(event)\n",
        {
            "Q": {"Type": "AWS::SQS::Queue"},
            "Once": {
                "Type": "AWS::Lambda::EventInvokeConfig",
                "Properties": {"FunctionName": ref("F"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 0},
            },
        },
        DeadLetterConfig={"TargetArn": att("Q", "Arn")},
    )
    aws.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b'"lost?"')
    queue = aws.child(name, "Q")
    message = until(lambda: aws.client("sqs").receive_message(QueueUrl=queue).get("Messages"), 4)[0]
    assert "lost?" in message["Body"]


@check
def function_mistakes(aws: Aws, name: str) -> None:
    refused(
        aws,
        name + "-role",
        {"F": function(aws.code(ECHO), "arn:aws:iam::000000000000:role/absent")},
        "cannot be assumed by Lambda",
    )
    absent = {"S3Bucket": "artifacts", "S3Key": "absent.zip"}
    refused(aws, name + "-code", {"Role": ROLE, "F": function(absent, att("Role", "Arn"))}, "NoSuchKey")


@check
def function_invoke_config_of_latest(aws: Aws, name: str) -> None:
    config = {
        "FunctionName": ref("F"),
        "Qualifier": "$LATEST",
        "MaximumRetryAttempts": 1,
        "MaximumEventAgeInSeconds": 60,
    }
    made = with_function(aws, name, more={"C": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": config}})
    assert aws.client("lambda").get_function_event_invoke_config(FunctionName=made)["MaximumRetryAttempts"] == 1


@check
def event_source_numbers(aws: Aws, name: str) -> None:
    """A mapping whose numbers come from parameters delivers, and still does after an update."""
    mapping = {
        "FunctionName": ref("F"),
        "EventSourceArn": att("Q", "Arn"),
        "BatchSize": ref("Batch"),
        "ScalingConfig": {"MaximumConcurrency": ref("Most")},
    }
    source = "def handler(event, context):\n    print('GOT', event['Records'][0]['body'])\n"
    document = template(
        {
            "Role": ROLE,
            "F": function(aws.code(source), att("Role", "Arn")),
            "Q": {"Type": "AWS::SQS::Queue"},
            "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        },
        {"F": ref("F"), "M": ref("M"), "Q": ref("Q")},
        Parameters={"Batch": {"Type": "Number"}, "Most": {"Type": "Number"}},
    )
    for batch, most in ((5, 2), (4, 3)):
        made = aws.deployed(name, document, {"Batch": str(batch), "Most": str(most)})
        found = aws.client("lambda").get_event_source_mapping(UUID=made["M"])
        assert (found["BatchSize"], found["ScalingConfig"]) == (batch, {"MaximumConcurrency": most})
        aws.client("sqs").send_message(QueueUrl=made["Q"], MessageBody=str(most))
        received, group = f"GOT {most}\n", f"/aws/lambda/{made['F']}"
        until(lambda received=received, group=group: received in "\n".join([*aws.messages(group), ""]), 4)


@check
def stream_partial_failures(aws: Aws, name: str) -> None:
    source = """
TRIED = []
def handler(event, context):
    numbers = {r["dynamodb"]["Keys"]["id"]["S"]: r["dynamodb"]["SequenceNumber"] for r in event["Records"]}
    TRIED.append("".join(numbers))
    print("TRIED", TRIED)
    return {"batchItemFailures": [{"itemIdentifier": numbers[i]} for i in "cb"] if len(TRIED) == 1 else []}
"""
    stream = {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
    made = with_function(aws, name, source, {"T": table(**stream)})
    source_table = aws.child(name, "T")
    for key in "abc":
        aws.client("dynamodb").put_item(TableName=source_table, Item={"id": {"S": key}})
    mapping = aws.client("lambda").create_event_source_mapping(
        FunctionName=made,
        EventSourceArn=aws.client("dynamodb").describe_table(TableName=source_table)["Table"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    try:
        until(lambda: "TRIED ['abc', 'bc']\n" in "\n".join([*aws.messages(f"/aws/lambda/{made}"), ""]), 4)
    finally:
        aws.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


@check
def streams_apart(aws: Aws, name: str) -> None:
    """A message comes while the same function is busy with a stream."""
    source = """
import time
def handler(event, context):
    if event["Records"][0]["eventSource"] == "aws:dynamodb":
        time.sleep(6)
"""
    stream = {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
    queued = {"FunctionName": ref("F"), "EventSourceArn": att("Q", "Arn"), "BatchSize": 1}
    streamed = {
        "FunctionName": ref("F"),
        "EventSourceArn": att("T", "StreamArn"),
        "StartingPosition": "TRIM_HORIZON",
    }
    resources = {
        "T": table(**stream),
        "Q": {"Type": "AWS::SQS::Queue"},
        "FromQ": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": queued},
        "FromT": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": streamed},
    }
    with_function(aws, name, source, resources)
    sqs, queue = aws.client("sqs"), aws.child(name, "Q")
    aws.client("dynamodb").put_item(TableName=aws.child(name, "T"), Item={"id": {"S": "a"}})
    time.sleep(1)  # it is busy now
    sqs.send_message(QueueUrl=queue, MessageBody="order")
    until(lambda: empty(sqs, queue), 3)


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
    layer = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": aws.code("WHO = 'layer'", "python/shared.py")},
    }
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
    line = {
        "_aws": {
            "Timestamp": 0,
            "CloudWatchMetrics": [
                {
                    "Namespace": name,
                    "Dimensions": [["service"], ["service", "channel"]],
                    "Metrics": [{"Name": "Orders", "Unit": "Count"}],
                }
            ],
        },
        "service": "orders",
        "channel": "web",
        "Orders": [2, 3],
    }
    made = with_function(aws, name, f"def handler(event, context):\n    print({json.dumps(json.dumps(line))})\n")
    aws.invoke(made)
    found = aws.client("cloudwatch").list_metrics(Namespace=name)["Metrics"]
    assert sorted(len(metric["Dimensions"]) for metric in found) == [1, 2]
    assert summed(aws, name, "Orders", service="orders") == 5


@check
def lambda_metrics(aws: Aws, name: str) -> None:
    """A call that comes from a queue counts too."""
    mapping = {"FunctionName": ref("F"), "EventSourceArn": att("Q", "Arn")}
    made = with_function(
        aws,
        name,
        more={
            "Q": {"Type": "AWS::SQS::Queue"},
            "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        },
    )
    aws.client("sqs").send_message(QueueUrl=aws.child(name, "Q"), MessageBody="{}")
    until(lambda: summed(aws, "AWS/Lambda", "Invocations", FunctionName=made) == 1, 5)
    assert summed(aws, "AWS/Lambda", "ConcurrentExecutions", FunctionName=made) == 1
