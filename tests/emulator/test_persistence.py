"""What survives a stop, and a kill."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from conformance.measures import alarm, watching
from conformance.probes.file_events import FAIL, invoke_config, rule, watched
from conformance.resources import att, child, function, parameter, ref, role, table, template
from conformance.small_api import api_resources, method, plan, send_json, validated
from conformance.small_stacks import calls_of, received
from emulator import control
from tests.emulator.testkit import Emulated, until

KEY = "a-key-of-twenty-characters"


def platform(aws: Emulated, version: str) -> dict:
    """A root with a child of everything whose state matters."""
    data = aws.template_url(
        template(
            {
                "Table": table(TimeToLiveSpecification={"AttributeName": "e", "Enabled": True}),
                "Bucket": {"Type": "AWS::S3::Bucket"},
                "Queue": {"Type": "AWS::SQS::Queue"},
                "Topic": {"Type": "AWS::SNS::Topic"},
            },
            {"Table": ref("Table"), "Bucket": ref("Bucket"), "Queue": ref("Queue"), "QueueArn": att("Queue", "Arn")},
        )
    )
    layer = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": aws.code("WHO = 'layer'", "python/shared.py")},
    }
    source = f"import shared\ndef handler(event, context):\n    print('called')\n    return [{version!r}, shared.WHO]\n"
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/orders/worker", "RetentionInDays": 7}}
    worker = function(
        aws.code(source), att("Role", "Arn"), Layers=[ref("Layer")], LoggingConfig={"LogGroup": ref("Group")}
    )
    mapping = {
        "FunctionName": ref("Worker"),
        "EventSourceArn": ref("QueueArn"),
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    compute = aws.template_url(
        template(
            {
                "Role": role(),
                "Layer": layer,
                "Group": group,
                "Worker": worker,
                "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
                "Version": parameter(version),
            },
            {"Worker": ref("Worker"), "Mapping": ref("Mapping")},
            Parameters={"QueueArn": {"Type": "String"}},
        )
    )
    checked = {**validated(), "Post": method("POST", ApiKeyRequired=True)}
    api = aws.template_url(template({**api_resources(aws, checked), **plan(KEY)}, {"Api": ref("Api")}))
    monitoring = aws.template_url(
        template(
            {
                "Alarm": alarm(AlarmName="errors", **watching("x", "Errors")),
                "Dashboard": {
                    "Type": "AWS::CloudWatch::Dashboard",
                    "Properties": {"DashboardName": "orders", "DashboardBody": '{"widgets":[]}'},
                },
            }
        )
    )
    return template(
        {
            "Data": child(data),
            "Compute": child(compute, QueueArn=att("Data", "Outputs.QueueArn")),
            "Api": child(api),
            "Monitoring": child(monitoring),
        },
        {
            "Api": att("Api", "Outputs.Api"),
            "Worker": att("Compute", "Outputs.Worker"),
            "Mapping": att("Compute", "Outputs.Mapping"),
            **{name: att("Data", f"Outputs.{name}") for name in ("Table", "Bucket", "Queue")},
        },
    )


def fill(aws: Emulated, outputs: dict[str, str]) -> None:
    aws.client("dynamodb").put_item(TableName=outputs["Table"], Item={"id": {"S": "1"}, "total": {"N": "12.75"}})
    aws.client("s3").put_object(Bucket=outputs["Bucket"], Key="orders/a.json", Body=b"[]")
    aws.client("ssm").put_parameter(Name="/secret", Type="SecureString", Value="hidden")


def test_everything_survives_a_stop(start) -> None:
    aws = start()
    outputs = aws.deployed("root", platform(aws, "1"))
    fill(aws, outputs)
    aws.client("lambda").update_event_source_mapping(UUID=outputs["Mapping"], Enabled=False)
    aws.client("sqs").send_message(QueueUrl=outputs["Queue"], MessageBody="waiting")
    events = len(aws.events(aws.child("root", "Compute")))
    assert aws.invoke(outputs["Worker"]) == ["1", "layer"]
    state = aws.emulator.state_dir
    assert control.stop(state)

    aws = Emulated(control.start(state))
    assert {o["OutputKey"]: o["OutputValue"] for o in aws.stack("root")["Outputs"]} == outputs
    assert len(aws.events(aws.child("root", "Compute"))) == events
    assert aws.client("dynamodb").get_item(TableName=outputs["Table"], Key={"id": {"S": "1"}})["Item"]["total"] == {
        "N": "12.75"
    }
    assert (
        aws.client("dynamodb").describe_time_to_live(TableName=outputs["Table"])["TimeToLiveDescription"][
            "TimeToLiveStatus"
        ]
        == "ENABLED"
    )
    assert aws.client("s3").get_object(Bucket=outputs["Bucket"], Key="orders/a.json")["Body"].read() == b"[]"
    assert aws.client("ssm").get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"] == "hidden"
    assert aws.client("cloudwatch").describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert json.loads(aws.client("cloudwatch").get_dashboard(DashboardName="orders")["DashboardBody"]) == {
        "widgets": []
    }
    assert "called" in aws.messages("/orders/worker")
    assert aws.invoke(outputs["Worker"]) == ["1", "layer"]
    aws.client("lambda").update_event_source_mapping(UUID=outputs["Mapping"], Enabled=True)
    until(lambda: aws.messages("/orders/worker").count("called") == 3)

    api = outputs["Api"]
    assert send_json(aws, api, '{"id": 1}').status == 400
    assert aws.call(api, "/", "POST", "{}").status == 403
    assert aws.call(api, "/", "POST", "{}", X_Api_Key=KEY).status == 200
    assert aws.call(api, "/absent").json["code"] == "DEFAULT_4XX"

    assert aws.change_set("root", platform(aws, "1"), IncludeNestedStacks=True)["Status"] == "FAILED"
    assert aws.deployed("root", platform(aws, "2")) == outputs
    assert aws.invoke(outputs["Worker"]) == ["2", "layer"]
    assert aws.client("dynamodb").get_item(TableName=outputs["Table"], Key={"id": {"S": "1"}})["Item"]
    aws.client("s3").delete_object(Bucket=outputs["Bucket"], Key="orders/a.json")
    assert aws.delete("root")["StackStatus"] == "DELETE_COMPLETE"
    assert not aws.client("dynamodb").list_tables()["TableNames"]
    assert not [b for b in aws.client("s3").list_buckets()["Buckets"] if not b["Name"].endswith("-artifacts")]
    assert not aws.client("iam").list_roles()["Roles"]


def test_a_kill_loses_only_the_last_moments(start) -> None:
    aws = start(EMULATOR_SAVE_SECONDS="0.2")
    outputs = aws.deployed(
        "root", template({"T": table(), "B": {"Type": "AWS::S3::Bucket"}}, {"Table": ref("T"), "Bucket": ref("B")})
    )
    fill(aws, outputs)
    saved = aws.emulator.state_dir / "state"
    until(
        lambda: (
            "12.75" in text_of(saved / "dynamodb.json") and "CREATE_COMPLETE" in text_of(saved / "cloudformation.json")
        )
    )
    until(lambda: outputs["Bucket"] in text_of(saved / "s3.json"))
    os.kill(aws.emulator.pid, signal.SIGKILL)
    until(lambda: control.running(aws.emulator.state_dir) is None)
    aws = Emulated(control.start(aws.emulator.state_dir))
    assert aws.stack("root")["StackStatus"] == "CREATE_COMPLETE"
    assert aws.client("dynamodb").get_item(TableName=outputs["Table"], Key={"id": {"S": "1"}})["Item"]
    assert aws.client("s3").get_object(Bucket=outputs["Bucket"], Key="orders/a.json")["Body"].read() == b"[]"


@pytest.mark.parametrize("without", ["", "streams_persist"])
def test_a_stream_goes_on_after_a_restart(start, without: str) -> None:
    source = """
def handler(event, context):
    for record in event["Records"]:
        print("READ", record["eventName"], record["dynamodb"]["Keys"])
"""
    pattern = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"at": {"N": [{"anything-but": ["0"]}]}}}}
    mapping = {
        "FunctionName": ref("F"),
        "EventSourceArn": att("T", "StreamArn"),
        "StartingPosition": "TRIM_HORIZON",
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]},
    }
    streamed = table(
        KeySchema=[{"AttributeName": "at", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "at", "AttributeType": "N"}],
        StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    aws = start(without=without)
    resources = {
        "Role": role(),
        "T": streamed,
        "F": function(aws.code(source), att("Role", "Arn")),
        "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
    }
    outputs = aws.deployed("streamed", template(resources, {name: ref(name) for name in "TFM"}))

    def put(at: int) -> None:
        aws.client("dynamodb").put_item(TableName=outputs["T"], Item={"at": {"N": str(at)}})

    def read() -> list[int]:
        lines = "\n".join(aws.messages(f"/aws/lambda/{outputs['F']}")).splitlines()
        return [int(line.split("'")[-2]) for line in lines if line.startswith("READ INSERT")]

    for at in (0, 1, 2):
        put(at)
    until(lambda: read() == [1, 2])
    aws.client("lambda").update_event_source_mapping(UUID=outputs["M"], Enabled=False)
    put(3)
    control.stop(aws.emulator.state_dir)
    aws = Emulated(control.start(aws.emulator.state_dir))
    put(0)
    put(4)
    aws.client("lambda").update_event_source_mapping(UUID=outputs["M"], Enabled=True)
    if without:
        time.sleep(2)
        assert read() == [1, 2], "the patch is not needed: delete it"
    else:
        until(lambda: read() == [1, 2, 3, 4])


def test_uploads_go_on_after_a_restart(start) -> None:
    """The versions of an object, the bucket's notice, the rule and the EventInvokeConfig with its function."""
    aws = start()
    destination = {"OnFailure": {"Destination": att("Q", "Arn")}}
    resources = {
        "Role": role(),
        "B": watched(),
        "R": rule(att("F", "Arn"), "orders/"),
        "F": function(aws.code(FAIL), att("Role", "Arn")),
        "Config": invoke_config(MaximumRetryAttempts=0, DestinationConfig=destination),
        "Q": {"Type": "AWS::SQS::Queue"},
    }
    made = aws.deployed("uploads", template(resources, {name: ref(name) for name in "BFQ"}))
    order = {"Bucket": made["B"], "Key": "orders/1"}
    bodies = (b"first", b"second", b"third")
    first, second, third = (aws.client("s3").put_object(Body=body, **order)["VersionId"] for body in bodies)
    until(lambda: len(calls_of(aws, made["F"])) == 3)
    control.stop(aws.emulator.state_dir)

    aws = Emulated(control.start(aws.emulator.state_dir))
    versions = [{"VersionId": version, **order} for version in (first, second, third)]
    read = [aws.client("s3").get_object(Range="bytes=1-3", **version)["Body"].read() for version in versions]
    assert read == [b"irs", b"eco", b"hir"]
    aws.client("sqs").purge_queue(QueueUrl=made["Q"])
    fourth = aws.client("s3").put_object(Body=b"fourth", **order)["VersionId"]
    failed = json.loads(received(aws, made["Q"])["Body"])
    assert failed["requestContext"]["approximateInvokeCount"] == 1
    assert failed["requestPayload"]["detail"]["object"]["version-id"] == fourth


def text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""
