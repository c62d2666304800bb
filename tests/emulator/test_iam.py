"""With IAM enforced, functions can do what their role allows and nothing else."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from conformance.resources import TRUST, att, child, function, ref, role, table, template
from conformance.small_api import api_resources, method
from tests.emulator.testkit import Emulated

SOURCE = """
import json, os, boto3
from botocore.exceptions import ClientError
dynamodb, ssm, sns, sqs = [boto3.client(name) for name in ("dynamodb", "ssm", "sns", "sqs")]
def handler(event, context):
    key = {"id": {"S": "1"}}
    calls = {
        "put": lambda: dynamodb.put_item(TableName=os.environ["TABLE"], Item=key) and "done",
        "delete": lambda: dynamodb.delete_item(TableName=os.environ["TABLE"], Key=key) and "done",
        "other": lambda: dynamodb.put_item(TableName=os.environ["OTHER"], Item=key) and "done",
        "both": lambda: ssm.get_parameters(Names=["/allowed/flags", "/denied"], WithDecryption=True) and "done",
        "secret": lambda: ssm.get_parameters(Names=["/allowed/flags"], WithDecryption=True)["Parameters"][0]["Value"],
        "elsewhere": lambda: ssm.get_parameter(Name="/denied", WithDecryption=True)["Parameter"]["Value"],
    }
    insert = lambda *tables: [
        {"Statement": f"INSERT INTO \\"{os.environ[table]}\\" VALUE {{'id': ?}}", "Parameters": [{"S": table}]} for table in tables
    ]
    batch = lambda *statements: dynamodb.batch_execute_statement(Statements=statements) and "done"
    calls |= {
        "insert": lambda: batch(*insert("TABLE")),
        "insert elsewhere": lambda: batch(*insert("TABLE", "OTHER")),
        "insert and delete": lambda: batch(*insert("TABLE"), {"Statement": f"DELETE FROM \\"{os.environ['TABLE']}\\" WHERE id = '1'"}),
    }
    queue, topic = {"QueueUrl": os.environ.get("QUEUE")}, {"TopicArn": os.environ.get("TOPIC")}
    calls |= {
        "send": lambda: sqs.send_message(MessageBody="1", **queue) and "done",
        "send all": lambda: sqs.send_message_batch(Entries=[{"Id": "1", "MessageBody": "1"}], **queue) and "done",
        "delete all": lambda: sqs.delete_message_batch(Entries=[{"Id": "1", "ReceiptHandle": "1"}], **queue) and "done",
        "publish": lambda: sns.publish(Message="1", **topic) and "done",
        "publish all": lambda: sns.publish_batch(PublishBatchRequestEntries=[{"Id": "1", "Message": "1"}], **topic) and "done",
    }
    try:
        result = calls[event["call"] if "call" in event else json.loads(event["body"])["call"]]()
    except ClientError as error:
        result = error.response["Error"]["Code"]
    return {"statusCode": 200, "body": json.dumps(result)} if "body" in event else result
"""


@pytest.fixture(scope="module")
def outputs(enforced: Emulated) -> dict[str, str]:
    return deployed(enforced)


def deployed(aws: Emulated) -> dict[str, str]:
    """A nested deployment by the administrator, with a function that may do a few things."""
    aws.client("ssm").put_parameter(Name="/allowed/flags", Type="SecureString", Value="on")
    aws.client("ssm").put_parameter(Name="/denied", Type="SecureString", Value="secret")
    statements = [
        {"Effect": "Allow", "Action": ["dynamodb:PutItem", "dynamodb:PartiQLInsert"], "Resource": att("Table", "Arn")},
        {
            "Effect": "Allow",
            "Action": "ssm:GetParameters",
            "Resource": {"Fn::Sub": "arn:aws:ssm:${AWS::Region}:${AWS::AccountId}:parameter/allowed/*"},
        },
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": att("Queue", "Arn")},
        {"Effect": "Allow", "Action": "sns:Publish", "Resource": ref("Topic")},
    ]
    policy = {"PolicyName": "least", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, "Policies": [policy]}}
    resources = api_resources(aws, {"Put": method("PUT")})
    resources |= {"Table": table(), "Other": table(), "Role": role}
    resources |= {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "QueuePolicy": tls_only("SQS::Queue", "sqs:*", att("Queue", "Arn"), "Queue"),
        "Topic": {"Type": "AWS::SNS::Topic"},
        "TopicPolicy": tls_only("SNS::Topic", "sns:Publish", ref("Topic"), "Topic"),
    }
    variables = {name.upper(): ref(name) for name in ("Table", "Other", "Queue", "Topic")}
    resources["F"] = function(aws.code(SOURCE), att("Role", "Arn"), Environment={"Variables": variables})
    inner = aws.template_url(template(resources, {"F": ref("F"), "Api": ref("Api")}))
    return aws.deployed(
        "least", template({"Child": child(inner)}, {k: att("Child", f"Outputs.{k}") for k in ("F", "Api")})
    )


def tls_only(kind: str, action: str, resource: dict, name: str) -> dict:
    """A policy of a queue or topic that denies requests without TLS."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "Type": f"AWS::{kind}Policy",
        "Properties": {f"{name}s": [ref(name)], "PolicyDocument": document},
    }


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("put", "done"),
        ("delete", "AccessDeniedException"),
        ("other", "AccessDeniedException"),
        ("insert", "done"),
        ("insert elsewhere", "AccessDeniedException"),
        ("insert and delete", "AccessDeniedException"),
        ("secret", "on"),
        ("both", "AccessDeniedException"),
        ("elsewhere", "AccessDeniedException"),
        ("send", "done"),
        ("send all", "done"),
        ("delete all", "AccessDenied"),
        ("publish", "done"),
        ("publish all", "done"),
    ],
)
def test_a_function_is_held_to_its_role(enforced: Emulated, outputs: dict[str, str], call: str, result: str) -> None:
    assert enforced.invoke(outputs["F"], {"call": call}) == result


def test_the_api_is_open_to_unsigned_requests(enforced: Emulated, outputs: dict[str, str]) -> None:
    for call, result in (("put", "done"), ("delete", "AccessDeniedException")):
        answer = enforced.call(outputs["Api"], "/", "PUT", json.dumps({"call": call}))
        assert (answer.status, answer.json) == (200, result)


def test_a_stranger_is_refused(enforced: Emulated, outputs: dict[str, str]) -> None:
    stranger = boto3.client(
        "dynamodb",
        endpoint_url=enforced.emulator.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="AKIASTRANGER0000000",
        aws_secret_access_key="x",
    )
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        stranger.list_tables()


def test_without_enforcement_everything_is_allowed(aws: Emulated) -> None:
    resources = {
        "T": table(),
        "Role": role(),
        "F": function(
            aws.code(SOURCE), att("Role", "Arn"), Environment={"Variables": {"TABLE": ref("T"), "OTHER": ref("T")}}
        ),
    }
    made = aws.deployed("lax", template(resources, {"F": ref("F")}))["F"]
    assert aws.invoke(made, {"call": "delete"}) == "done"
