"""With IAM enforced, the way from an upload to a function works by the rights that AWS asks for."""

import json
import time
from typing import Any

import pytest

from conformance.probes.file_events import invoke_config, rule, watched
from conformance.resources import att, function, queue, ref, role, template
from conformance.small_stacks import calls_of, received
from tests.emulator.testkit import Emulated, until

SOURCE = """
import boto3, json, os
from botocore.exceptions import ClientError
s3, functions = boto3.client("s3"), boto3.client("lambda")
def handler(event, context):
    if "chain" in event or "fail" in event:
        print("CALL", json.dumps({"event": event, "id": context.aws_request_id}))
        raise ValueError("no such dish")
    bucket, this = os.environ["BUCKET"], context.invoked_function_arn
    stored = {"Bucket": bucket, "Key": event.get("key", "orders/1"), "VersionId": event.get("version", "")}
    calls = {
        "read": lambda: s3.get_object(Range="bytes=0-1", **stored)["Body"].read().decode(),
        "read latest": lambda: s3.get_object(Bucket=bucket, Key="orders/1") and "done",
        "list": lambda: s3.list_objects_v2(Bucket=bucket) and "done",
        "report": lambda: s3.put_object(Bucket=bucket, Key="reports/1", Body=b"{}") and "done",
        "upload": lambda: s3.put_object(Bucket=bucket, Key="orders/2", Body=b"{}") and "done",
        "hand on": lambda: functions.invoke(FunctionName=this, InvocationType="Event", Payload='{"chain": 1}') and "done",
        "call other": lambda: functions.invoke(FunctionName=os.environ["OTHER"]) and "done",
    }
    try:
        return calls[event["call"]]()
    except ClientError as error:
        return error.response["Error"]["Code"]
"""
TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [att("B", "Arn"), {"Fn::Sub": "${B.Arn}/*"}],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
READ = {"Effect": "Allow", "Action": "s3:GetObjectVersion", "Resource": {"Fn::Sub": "${B.Arn}/orders/*"}}
REPORT = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": {"Fn::Sub": "${B.Arn}/reports/*"}}
HAND_ON = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": att("F", "Arn")}
GIVE_UP = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": att("Q", "Arn")}


def document(*statements: dict) -> dict:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def policy(*statements: dict) -> dict:
    """A policy of the role, as a separate resource."""
    properties = {"PolicyName": "import", "Roles": [ref("Role")], "PolicyDocument": document(*statements)}
    return {"Type": "AWS::IAM::Policy", "Properties": properties}


def importer(aws: Emulated, *rights: dict, **more: Any) -> dict:
    """A bucket whose events a rule sends to the function F, whose role has these rights."""
    config = invoke_config(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": att("Q", "Arn")}})
    permitted = {"FunctionName": ref("F"), "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    resources = {
        "B": watched(),
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {"Bucket": ref("B"), "PolicyDocument": document(TLS_ONLY)},
        },
        "Q": queue(),
        "Role": role(),
        "Other": function(aws.code("def handler(event, context):\n    return 1\n"), att("Role", "Arn")),
        "F": function(
            aws.code(SOURCE),
            att("Role", "Arn"),
            Environment={"Variables": {"BUCKET": ref("B"), "OTHER": ref("Other")}},
        ),
        "GiveUp": {**policy(GIVE_UP), "Properties": {**policy(GIVE_UP)["Properties"], "PolicyName": "give-up"}},
        "Config": {**config, "DependsOn": "GiveUp"},
        "R": rule(att("F", "Arn"), "orders/fail"),
        "Permission": {"Type": "AWS::Lambda::Permission", "Properties": {**permitted, "SourceArn": att("R", "Arn")}},
        **({"Rights": policy(*rights)} if rights else {}),
    }
    return template({**resources, **more}, {name: ref(name) for name in "BFQ"})


@pytest.fixture(scope="module")
def outputs(enforced: Emulated) -> dict[str, str]:
    return enforced.deployed("importer", importer(enforced, READ, REPORT, HAND_ON))


@pytest.fixture(scope="module")
def version(enforced: Emulated, outputs: dict[str, str]) -> str:
    return enforced.client("s3").put_object(Bucket=outputs["B"], Key="orders/1", Body=b"[]")["VersionId"]


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("read", "[]"),
        ("read latest", "AccessDenied"),
        ("list", "AccessDenied"),
        ("report", "done"),
        ("upload", "AccessDenied"),
        ("hand on", "done"),
        ("call other", "AccessDeniedException"),
    ],
)
def test_the_importers_role_lets_it_do_what_it_names(
    enforced: Emulated, outputs: dict[str, str], version: str, call: str, result: str
) -> None:
    assert enforced.invoke(outputs["F"], {"call": call, "version": version}) == result


def test_a_bucket_that_demands_tls_is_closed_without_the_patch(start) -> None:
    aws = start(iam=True, without="iam_secure_transport")
    made = aws.deployed("importer", importer(aws, READ, REPORT))
    stored = aws.client("s3").put_object(Bucket=made["B"], Key="orders/1", Body=b"[]")  # root's is not held to it
    assert aws.invoke(made["F"], {"call": "read", "version": stored["VersionId"]}) == "AccessDenied"


def test_a_policy_of_its_own_can_be_changed_and_taken_away(enforced: Emulated) -> None:
    def can(*rights: dict) -> str:
        made = enforced.deployed("changing", importer(enforced, *rights))
        return enforced.invoke(made["F"], {"call": "report"})

    assert can(READ, REPORT) == "done"
    assert can(READ) == "AccessDenied"
    assert can(REPORT) == "done"
    assert can() == "AccessDenied"


def test_a_failed_event_is_given_up_by_the_functions_own_right(enforced: Emulated) -> None:
    made = enforced.deployed("given-up", importer(enforced))
    failing = {"FunctionName": made["F"], "InvocationType": "Event", "Payload": b'{"fail": 1}'}
    enforced.client("lambda").invoke(**failing)
    assert json.loads(received(enforced, made["Q"])["Body"])["requestPayload"] == {"fail": 1}
    role = enforced.child("given-up", "Role")
    enforced.client("iam").delete_role_policy(RoleName=role, PolicyName="give-up")
    enforced.client("lambda").invoke(**failing)
    until(lambda: len(calls_of(enforced, made["F"])) == 2)
    time.sleep(0.5)
    assert not enforced.client("sqs").receive_message(QueueUrl=made["Q"]).get("Messages")


@pytest.mark.parametrize("permitted", [True, False])
def test_a_rule_needs_the_functions_permission(enforced: Emulated, permitted: bool) -> None:
    name = "permitted" if permitted else "unpermitted"
    admission = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": att("Q", "Arn"),
        "Condition": {"ArnEquals": {"aws:SourceArn": att("R", "Arn")}},
    }
    admitted = {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [ref("Q")], "PolicyDocument": document(admission)},
    }
    dead_letters = rule(att("F", "Arn"), "orders/fail", DeadLetterConfig={"Arn": att("Q", "Arn")})
    document_ = importer(enforced, READ, R=dead_letters, QueuePolicy=admitted)
    if not permitted:
        del document_["Resources"]["Permission"]
    made = enforced.deployed(name, document_)
    enforced.client("s3").put_object(Bucket=made["B"], Key="orders/fail", Body=b"[]")
    message = received(enforced, made["Q"])
    codes = [
        attribute["StringValue"] for key, attribute in message.get("MessageAttributes", {}).items() if "CODE" in key
    ]
    assert codes == ([] if permitted else ["NO_PERMISSIONS"])
