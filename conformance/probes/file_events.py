"""From an uploaded file to a function: objects, rules, asynchronous invocations."""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from conformance.account import Account
from conformance.probe import deploys, expect, holds
from conformance.resources import att, bucket, permission, queue, ref, template
from conformance.small_stacks import admits, calls_of, received, uploads_are_announced, with_function

IMPORT, TRIGGERS = "handlers/orders_import.py", "generator/triggers.py"
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
    """A rule that sends events of new objects under a prefix of the bucket B to a function."""
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
    properties = {"FunctionName": ref("F"), "Qualifier": "$LATEST", **config}
    return {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": properties}


def on_failure(**more: Any) -> dict:
    """An EventInvokeConfig whose destination of failures is the queue Q."""
    return invoke_config(DestinationConfig={"OnFailure": {"Destination": att("Q", "Arn")}}, **more)


def answer_to(call: Callable[..., dict], **arguments: Any) -> tuple[int, str]:
    """Return the status of a read, with the error's code or what was read."""
    try:
        found = call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
    return found["ResponseMetadata"]["HTTPStatusCode"], found["Body"].read().decode()


@deploys("handlers/uploads.py")
def object_version_ranges(account: Account, name: str) -> None:
    """GetObject honours Range, IfMatch and VersionId together; a range beyond the end is answered 416."""
    s3, bucket_name = account.client("s3"), account.create_bucket(name)
    s3.put_bucket_versioning(Bucket=bucket_name, VersioningConfiguration={"Status": "Enabled"})
    old = s3.put_object(Bucket=bucket_name, Key="orders", Body=b"0123456789")
    s3.put_object(Bucket=bucket_name, Key="orders", Body=b"replaced")
    version = {"Bucket": bucket_name, "Key": "orders", "VersionId": old["VersionId"]}
    part = s3.get_object(Range="bytes=2-4", IfMatch=old["ETag"], **version)
    seen = part.get("ContentRange"), part["ContentLength"], part["Body"].read()
    expect(seen, ("bytes 2-4/10", 3, b"234"), "a range of an old version")
    answers = [answer_to(s3.get_object, Range=f"bytes={wanted}", **version) for wanted in ("8-20", "-3", "10-")]
    expect(answers, [(206, "89"), (206, "789"), (416, "InvalidRange")], "ranges at the end")
    expect(answer_to(s3.get_object, **version), (200, "0123456789"), "the old version")
    refusals = [{"IfMatch": '"other"', "Range": "bytes=0-1", **version}, {**version, "VersionId": "0" * 32}]
    statuses = [answer_to(s3.get_object, **refusal)[0] for refusal in refusals]
    holds(statuses[0] == 412 and statuses[1] in (400, 404), "412, then 400 or 404", statuses)


@deploys(IMPORT, TRIGGERS)
def object_events(account: Account, name: str) -> None:
    """The event of a put, a copy and a multipart upload has the version, and the key as it is."""
    key = "orders/à la carte + 100%/é.json"
    allowed = permission("events.amazonaws.com", att("R", "Arn"))
    made = with_function(account, name, LOG, {"B": watched(), "R": rule(att("F", "Arn"), "orders/"), "P": allowed})
    uploads, s3 = account.child(name, "B"), account.client("s3")
    uploads_are_announced(account)
    s3.put_object(Bucket=uploads, Key="reports/1", Body=b"{}")
    put = s3.put_object(Bucket=uploads, Key=key, Body=b"[]")
    copy = s3.copy_object(Bucket=uploads, Key="orders/copy", CopySource={"Bucket": uploads, "Key": key})
    upload = {"Bucket": uploads, "Key": "orders/parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = {"PartNumber": 1, "ETag": s3.upload_part(PartNumber=1, Body=b"[1]", **upload)["ETag"]}
    whole = s3.complete_multipart_upload(MultipartUpload={"Parts": [part]}, **upload)

    def events() -> dict[str, dict]:
        found = [call["event"] for call in calls_of(account, made)]
        return {event["detail"]["reason"]: event for event in found}

    account.until(lambda: len(events()) == 3, "three events, by reason: PutObject, CopyObject, CompleteMultipartUpload")
    stored = {"PutObject": put, "CopyObject": copy, "CompleteMultipartUpload": whole}
    objects = {reason: event["detail"]["object"] for reason, event in events().items()}
    versions = {reason: each.get("version-id") for reason, each in objects.items()}
    expect(versions, {reason: each["VersionId"] for reason, each in stored.items()}, "versions")
    described = [(objects[reason]["key"], objects[reason]["size"]) for reason in stored]
    expect(described, [(key, 2), ("orders/copy", 2), ("orders/parts", 3)], "keys and sizes")
    order = sorted(objects, key=lambda reason: objects[reason]["sequencer"])
    holds(order[0] == "PutObject" or not account.emulated_at, "sequencers grow", order)
    _like_an_event_of_s3(events()["PutObject"], uploads, put["ETag"].strip('"'))


def _like_an_event_of_s3(event: dict, bucket_name: str, etag: str) -> None:
    expect(event["detail"]["object"]["etag"], etag, "etag")
    known = {"version", "bucket", "object", "request-id", "requester", "source-ip-address", "reason"}
    expect(sorted(event["detail"]), sorted(known), "keys of the detail")
    expect(event["detail"]["bucket"], {"name": bucket_name}, "bucket")
    holds(event["id"] != event["detail"]["request-id"], "the event has an id of its own", event["id"])
    time.strptime(event["time"], "%Y-%m-%dT%H:%M:%SZ")
    holds(event["resources"], "the event names its resources", event["resources"])


@deploys(TRIGGERS, IMPORT)
def rules_invoke_asynchronously(account: Account, name: str) -> None:
    """A rule invokes its function asynchronously: it is retried, then goes to the destination of failures."""
    resources = {
        "B": watched(),
        "R": rule(att("F", "Arn"), ""),
        "P": permission("events.amazonaws.com", att("R", "Arn")),
        "Q": queue(),
        "C": on_failure(MaximumRetryAttempts=1),
    }
    made = with_function(account, name, EXHAUST, resources, [("sqs:SendMessage", att("Q", "Arn"))], Timeout=1)
    uploads_are_announced(account)
    account.client("s3").put_object(Bucket=account.child(name, "B"), Key="order", Body=b"{}")
    failed = json.loads(received(account, account.child(name, "Q"))["Body"])
    expect(failed["requestPayload"]["detail"]["object"]["key"], "order", "key in the record")
    expect(failed["responsePayload"].get("errorType"), "Sandbox.Timedout", "error of a timeout")
    account.until(lambda: len(calls_of(account, made)) == 2, "two attempts")


@deploys(TRIGGERS, "handlers/dead_letters.py")
def undeliverable_events(account: Account, name: str) -> None:
    """An event whose function does not exist goes to the target's dead-letter queue, with rule, target and error code."""
    absent = account.arn("lambda", "function:conformance-absent")
    target = rule(absent, "", DeadLetterConfig={"Arn": att("Q", "Arn")})
    resources = {"B": watched(), "R": target, "Q": queue(), "Admits": admits("events.amazonaws.com", "Q")}
    made = account.deployed(name, template(resources, {n: ref(n) for n in "BQ"} | {"Rule": att("R", "Arn")}))
    uploads_are_announced(account)
    account.client("s3").put_object(Bucket=made["B"], Key="order", Body=b"{}")
    message = received(account, made["Q"], 4)
    expect(json.loads(message["Body"])["detail"]["object"]["key"], "order", "key in the dead letter")
    attributes = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    holds(attributes.pop("ERROR_MESSAGE", ""), "ERROR_MESSAGE", attributes)
    expected = {"RULE_ARN": made["Rule"], "TARGET_ARN": absent, "ERROR_CODE": "NO_RESOURCE", "RETRY_ATTEMPTS": "0"}
    expect(attributes, expected, "attributes of the dead letter")


@deploys("domain/imports.py", "operations/queues/dead_letters.py", TRIGGERS)
def asynchronous_invocations(account: Account, name: str) -> None:
    """A failed asynchronous invocation is retried with its id; its record and its dead letter are as documented."""
    resources = {"Q": queue(), "Dead": queue(), "C": on_failure(MaximumRetryAttempts=1)}
    may = [("sqs:SendMessage", [att("Q", "Arn"), att("Dead", "Arn")])]
    dead = {"TargetArn": att("Dead", "Arn")}
    made = with_function(account, name, FAIL, resources, may, DeadLetterConfig=dead)
    account.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b'{"file": 7}')
    record = json.loads(received(account, account.child(name, "Q"))["Body"])
    calls = account.until(lambda: _two(calls_of(account, made)), "two attempts")
    request_id = calls[0]["id"]
    expect(calls[1]["id"], request_id, "request id of the retry")
    arn = account.client("lambda").get_function_configuration(FunctionName=made)["FunctionArn"]
    holds(record.pop("timestamp").endswith("Z"), "a time in UTC", record)
    expect(record.pop("responsePayload")["errorMessage"], "no such dish", "error in the record")
    context = {"requestId": request_id, "functionArn": f"{arn}:$LATEST", "condition": "RetriesExhausted"}
    expected = {
        "version": "1.0",
        "requestContext": {**context, "approximateInvokeCount": 2},
        "requestPayload": {"file": 7},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
    }
    expect(record, expected, "record of the failure")
    letter = received(account, account.child(name, "Dead"))
    expect(json.loads(letter["Body"]), {"file": 7}, "dead letter")
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    expected = {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "no such dish"}
    expect(attributes, expected, "attributes of the dead letter")


def _two(calls: list[dict]) -> list[dict] | None:
    return calls if len(calls) == 2 else None


@deploys(IMPORT, "domain/imports.py")
def recursive_calls(account: Account, name: str) -> None:
    """Of a chain of invocations of itself a function runs 16; the seventeenth is RecursiveInvocationException."""
    source = """
import boto3, json
def handler(event, context):
    print("CALL", json.dumps({"event": event}))
    boto3.client("lambda").invoke(
        FunctionName=context.invoked_function_arn, InvocationType="Event", Payload=json.dumps(event + 1)
    ) if event < 20 else None
"""
    itself = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}*"
    may = [("lambda:InvokeFunction", {"Fn::Sub": itself})]
    made = with_function(account, name, source, {"C": invoke_config(MaximumRetryAttempts=0)}, may, Timeout=10)
    account.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b"1")
    refusal = "RecursiveInvocationException"
    account.until(lambda: refusal in "".join(account.messages(f"/aws/lambda/{made}")), refusal, 20)
    expect(sorted(call["event"] for call in calls_of(account, made)), list(range(1, 17)), "invocations")
