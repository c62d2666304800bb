"""Checks of the way from an uploaded file to a function: objects, rules, asynchronous calls."""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.emulator.checks.common import bucket, check, with_function
from tests.emulator.testkit import Aws, att, ref, template, until

QUEUE = {"Type": "AWS::SQS::Queue"}
LOG = """
import json, os, time
def handler(event, context):
    print("CALL", json.dumps({"event": event, "id": context.aws_request_id, "trace": os.environ.get("_X_AMZN_TRACE_ID")}))
"""
FAIL = LOG + "    raise ValueError('no such dish')\n"
EXHAUST = LOG + "    time.sleep(9)\n"


def watched(**properties: Any) -> dict:
    """A bucket that sends its events to EventBridge."""
    notify = {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    return bucket(NotificationConfiguration=notify, VersioningConfiguration={"Status": "Enabled"}, **properties)


def rule(function: Any, prefix: str, **target: Any) -> dict:
    """A rule that hands new objects under a prefix of the bucket B to a function."""
    detail = {"bucket": {"name": [ref("B")]}, "object": {"key": [{"prefix": prefix}]}}
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail},
            "Targets": [{"Id": "import", "Arn": function, **target}],
        },
    }


def invoke_config(**config: Any) -> dict:
    """An EventInvokeConfig of the function F."""
    return {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {"FunctionName": ref("F"), "Qualifier": "$LATEST", **config},
    }


def calls_of(aws: Aws, function: str) -> list[dict]:
    """What a function was called with, by its own account."""
    lines = "\n".join(aws.messages(f"/aws/lambda/{function}")).splitlines()
    return [json.loads(line[5:]) for line in lines if line.startswith("CALL ")]


def received(aws: Aws, queue: str, timeout: float = 8) -> dict:
    """The next message of a queue."""
    options = {"MessageAttributeNames": ["All"], "WaitTimeSeconds": 1}
    return until(lambda: aws.client("sqs").receive_message(QueueUrl=queue, **options).get("Messages"), timeout)[0]


def answer_to(call: Callable[..., dict], **arguments: Any) -> tuple[int, str]:
    """The status of a read, with the error's code or what was read."""
    try:
        found = call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return found["ResponseMetadata"]["HTTPStatusCode"], found["Body"].read().decode()


@check
def object_version_ranges(aws: Aws, name: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=name, Key="orders", Body=b"0123456789")
    s3.put_object(Bucket=name, Key="orders", Body=b"replaced")
    version = {"Bucket": name, "Key": "orders", "VersionId": old["VersionId"]}
    part = s3.get_object(Range="bytes=2-4", IfMatch=old["ETag"], **version)
    assert (part["ContentRange"], part["ContentLength"], part["Body"].read()) == ("bytes 2-4/10", 3, b"234")
    answers = [answer_to(s3.get_object, Range=f"bytes={wanted}", **version) for wanted in ("8-20", "-3", "10-")]
    assert answers == [(206, "89"), (206, "789"), (416, "InvalidRange")]
    assert answer_to(s3.get_object, **version) == (200, "0123456789")
    refusals = [{"IfMatch": '"other"', "Range": "bytes=0-1", **version}, {**version, "VersionId": "none"}]
    assert [answer_to(s3.get_object, **refusal)[0] for refusal in refusals] == [412, 404]


@check
def object_events(aws: Aws, name: str) -> None:
    """However an object comes to be there, its event names the version, and the key as it is."""
    key = "orders/à la carte + 100%/é.json"
    made = with_function(aws, name, LOG, {"B": watched(), "R": rule(att("F", "Arn"), "orders/")})
    uploads, s3 = aws.child(name, "B"), aws.client("s3")
    s3.put_object(Bucket=uploads, Key="reports/1", Body=b"{}")
    put = s3.put_object(Bucket=uploads, Key=key, Body=b"[]")
    copy = s3.copy_object(Bucket=uploads, Key="orders/copy", CopySource={"Bucket": uploads, "Key": key})
    upload = {"Bucket": uploads, "Key": "orders/parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = {"PartNumber": 1, "ETag": s3.upload_part(PartNumber=1, Body=b"[1]", **upload)["ETag"]}
    whole = s3.complete_multipart_upload(MultipartUpload={"Parts": [part]}, **upload)
    events = [one["event"] for one in until(lambda: [t for t in [calls_of(aws, made)] if len(t) == 3])[0]]
    events.sort(key=lambda event: event["detail"]["object"]["sequencer"])
    objects = [event["detail"]["object"] for event in events]
    assert [o["version-id"] for o in objects] == [stored["VersionId"] for stored in (put, copy, whole)]
    assert [(o["key"], o["size"]) for o in objects] == [(key, 2), ("orders/copy", 2), ("orders/parts", 3)]
    assert objects[0]["etag"] == put["ETag"].strip('"')
    reasons = [event["detail"]["reason"] for event in events]
    assert reasons == ["PutObject", "CopyObject", "CompleteMultipartUpload"]
    detail = {"version", "bucket", "object", "request-id", "requester", "source-ip-address", "reason"}
    assert events[0]["detail"].keys() == detail and events[0]["detail"]["bucket"] == {"name": uploads}
    assert events[0]["id"] != events[0]["detail"]["request-id"]
    assert time.strptime(events[0]["time"], "%Y-%m-%dT%H:%M:%SZ") and events[0]["resources"]


@check
def rules_invoke_asynchronously(aws: Aws, name: str) -> None:
    """What a rule calls is retried, and what fails for good is handed on; the upload waits for nothing."""
    config = invoke_config(MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": att("Q", "Arn")}})
    resources = {"B": watched(), "R": rule(att("F", "Arn"), ""), "Q": QUEUE, "C": config}
    made = with_function(aws, name, EXHAUST, resources, Timeout=1)
    started = time.monotonic()
    aws.client("s3").put_object(Bucket=aws.child(name, "B"), Key="order", Body=b"{}")
    assert time.monotonic() - started < 0.9, "the upload waited for the function"
    failed = json.loads(received(aws, aws.child(name, "Q"))["Body"])
    assert failed["requestPayload"]["detail"]["object"]["key"] == "order"
    assert failed["responsePayload"]["errorType"] == "Sandbox.Timedout"
    assert len(calls_of(aws, made)) == 2


@check
def undeliverable_events(aws: Aws, name: str) -> None:
    absent = "arn:aws:lambda:us-east-1:000000000000:function:absent"
    resources = {"B": watched(), "R": rule(absent, "", DeadLetterConfig={"Arn": att("Q", "Arn")}), "Q": QUEUE}
    made = aws.deployed(name, template(resources, {n: ref(n) for n in "BQ"} | {"Rule": att("R", "Arn")}))
    aws.client("s3").put_object(Bucket=made["B"], Key="order", Body=b"{}")
    message = received(aws, made["Q"], 4)
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "order"
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": made["Rule"],
        "TARGET_ARN": absent,
        "ERROR_CODE": "NO_RESOURCE",
        "RETRY_ATTEMPTS": "0",
    }


@check
def asynchronous_invocations(aws: Aws, name: str) -> None:
    config = invoke_config(MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": att("Q", "Arn")}})
    resources = {"Q": QUEUE, "Dead": QUEUE, "C": config}
    made = with_function(aws, name, FAIL, resources, DeadLetterConfig={"TargetArn": att("Dead", "Arn")})
    aws.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b'{"file": 7}')
    record = json.loads(received(aws, aws.child(name, "Q"))["Body"])
    tried = {call["id"] for call in calls_of(aws, made)}
    assert len(tried) == 1 and len(calls_of(aws, made)) == 2, "a retry has the id of the first attempt"
    request_id = tried.pop()
    arn = aws.client("lambda").get_function_configuration(FunctionName=made)["FunctionArn"]
    assert record.pop("timestamp").endswith("Z")
    assert record.pop("responsePayload")["errorMessage"] == "no such dish"
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"{arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 2,
        },
        "requestPayload": {"file": 7},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    }
    letter = received(aws, aws.child(name, "Dead"))
    assert json.loads(letter["Body"]) == {"file": 7}
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "no such dish"}


@check
def recursive_calls(aws: Aws, name: str) -> None:
    """Of a chain of calls to itself 16 run; the seventeenth is refused."""
    source = """
import boto3, json
def handler(event, context):
    print("CALL", json.dumps({"event": event}))
    boto3.client("lambda").invoke(
        FunctionName=context.invoked_function_arn, InvocationType="Event", Payload=json.dumps(event + 1)
    ) if event < 20 else None
"""
    made = with_function(aws, name, source, {"C": invoke_config(MaximumRetryAttempts=0)}, Timeout=10)
    aws.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b"1")
    refusal = "RecursiveInvocationException"
    until(lambda: refusal in "".join(aws.messages(f"/aws/lambda/{made}")), 20)
    assert sorted(call["event"] for call in calls_of(aws, made)) == list(range(1, 17))
