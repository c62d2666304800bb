"""How functions run locally: by the emulator's runtime client and by AWS's, with the same results."""

import concurrent.futures
import json
import time
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from botocore.exceptions import ClientError

from conformance.resources import ref
from conformance.small_stacks import with_function
from emulator import control
from tests.emulator.testkit import Emulated, until
from tests.runtime_api import by_awslambdaric


@pytest.fixture(scope="module", params=["emulator's client", "AWS's client"])
def aws(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    state = tmp_path_factory.mktemp("emulator")
    with by_awslambdaric() if request.param == "AWS's client" else nullcontext():
        yield Emulated(control.start(state))
    control.stop(state)


def test_concurrent_calls_share_a_bounded_number_of_workers(aws: Emulated) -> None:
    source = "import os, time\ndef handler(event, context):\n    time.sleep(0.05)\n    return os.getpid()\n"
    made = with_function(aws, "bounded", source)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        workers = list(pool.map(lambda _: aws.invoke(made), range(48)))
    assert all(isinstance(pid, int) for pid in workers), "a call was refused instead of waiting"
    assert 1 < len(set(workers)) <= 8


def test_a_function_may_call_itself(aws: Emulated) -> None:
    source = """
import boto3, json
def handler(event, context):
    if event == 0:
        return 1
    answer = boto3.client("lambda").invoke(FunctionName=context.function_name, Payload=json.dumps(event - 1))
    return 1 + json.load(answer["Payload"])
"""
    assert aws.invoke(with_function(aws, "recursive", source, Timeout=20), 3) == 4


def test_timeouts_exits_and_bad_modules_have_the_names_that_aws_gives_them(aws: Emulated) -> None:
    source = """
import os, sys, time
def handler(event, context):
    print("before", event)
    if event == "sleep":
        time.sleep(5)
    if event == "exit":
        os._exit(7)
    return {1, 2} if event == "set" else "x" * 7_000_000 if event == "large" else context.get_remaining_time_in_millis()
"""
    made = with_function(aws, "failing", source, Timeout=1)
    assert [aws.invoke(made, event)["errorType"] for event in ("sleep", "exit", "set", "large")] == [
        "Sandbox.Timedout",
        "Runtime.ExitError",
        "Runtime.MarshalError",
        "Function.ResponseSizeTooLarge",
    ]
    assert 0 < aws.invoke(made, "rest") <= 1000
    logged = aws.messages(f"/aws/lambda/{made}")
    # AWS's client ends when its response is refused, and the last line of a process that ends may be lost.
    kept = [e for e in ("sleep", "exit", "set", "large", "rest") if e != "large" or "before large" in logged]
    assert [line for line in logged if line.startswith("before")] == [f"before {e}" for e in kept], logged
    assert any("Task timed out after 1.00 seconds" in line for line in logged)
    broken = with_function(aws, "broken", "import not_in_the_zip")
    assert aws.invoke(broken)["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'not_in_the_zip'" in aws.invoke(broken)["errorMessage"]


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        ("def handler(event, context):\n    return (\n", "Runtime.UserCodeSyntaxError"),
        ("raise ValueError('imported')\n", "ValueError"),
        ("import sys\nsys.exit(3)\n", "Runtime.ExitError"),
        ("import sys\ndef handler(event, context):\n    sys.exit(3)\n", "Runtime.ExitError"),
        ("def other(event, context):\n    return 1\n", "Runtime.HandlerNotFound"),
        ("def handler(event, context):\n    return object()\n", "Runtime.MarshalError"),
    ],
)
def test_each_way_to_fail_has_the_name_that_aws_gives_it(aws: Emulated, source: str, error_type: str) -> None:
    made = with_function(aws, "named", source)
    assert [aws.invoke(made)["errorType"] for _ in range(2)] == [error_type] * 2


def test_a_decimal_is_a_number(aws: Emulated) -> None:
    source = "from decimal import Decimal\ndef handler(event, context):\n    return [Decimal('1.10'), Decimal(7)]\n"
    assert aws.invoke(with_function(aws, "decimal", source)) == [1.1, 7]


def test_new_code_runs_in_the_same_function(aws: Emulated) -> None:
    made = with_function(aws, "renewed", "def handler(event, context):\n    return 'old'\n")
    assert aws.invoke(made) == "old"
    aws.client("lambda").add_permission(
        FunctionName=made, StatementId="kept", Action="lambda:InvokeFunction", Principal="events.amazonaws.com"
    )
    assert with_function(aws, "renewed", "def handler(event, context):\n    return 'new'\n", MemorySize=256) == made
    assert aws.invoke(made) == "new"
    assert "kept" in aws.client("lambda").get_policy(FunctionName=made)["Policy"]


def test_the_functions_own_files_come_before_its_layers(aws: Emulated) -> None:
    layer = {
        "Type": "AWS::Lambda::LayerVersion",
        "Properties": {"Content": aws.code("def handler(e, c):\n    return 'layer'\n", "python/app.py")},
    }
    assert (
        aws.invoke(
            with_function(aws, "shadow", "def handler(e, c):\n    return 'own'\n", {"L": layer}, Layers=[ref("L")])
        )
        == "own"
    )


def test_logs_arrive_in_the_group_that_is_configured(aws: Emulated) -> None:
    source = """
import logging
logging.getLogger().setLevel("INFO")
def handler(event, context):
    logging.info("order %s", event)
    raise ValueError("no such dish")
"""
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/orders/json"}}
    config = {"LogGroup": ref("Group"), "LogFormat": "JSON"}
    made = with_function(aws, "logging", source, {"Group": group}, LoggingConfig=config)
    failed = aws.invoke(made, 7)
    assert failed["errorType"] == "ValueError" and failed["requestId"]
    lines = [json.loads(line) for line in aws.messages("/orders/json") if line.startswith("{")]
    assert [(line["level"], line.get("message") or line["errorMessage"]) for line in lines] == [
        ("INFO", "order 7"),
        ("ERROR", "no such dish"),
    ]
    assert all(line["requestId"] == failed["requestId"] for line in lines)


def test_a_throttled_event_waits_for_its_turn(aws: Emulated) -> None:
    """It is not one of the function's failures, of which this one may have none."""
    settings = {"FunctionName": ref("F"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}
    config = {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": settings}
    source = "def handler(event, context):\n    print('CAME', event)\n"
    made = with_function(aws, "throttled", source, {"C": config}, ReservedConcurrentExecutions=0)
    aws.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b"7")
    aws.client("lambda").put_function_concurrency(FunctionName=made, ReservedConcurrentExecutions=1)
    until(lambda: "CAME 7" in "".join(aws.messages(f"/aws/lambda/{made}")))


def test_an_unsuccessful_call_from_a_queue_comes_back(aws: Emulated) -> None:
    source = """
SEEN = []
def handler(event, context):
    failed = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    SEEN.extend(r["body"] for r in event["Records"])
    print("SEEN", sorted(SEEN))
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed]}
"""
    resources = {
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Q": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "VisibilityTimeout": 1,
                "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 2},
            },
        },
        "M": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": ref("F"),
                "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            },
        },
    }
    with_function(aws, "redriven", source, resources)
    sqs, queue, dead = aws.client("sqs"), aws.child("redriven", "Q"), aws.child("redriven", "Dead")
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": b, "MessageBody": b} for b in ("good", "bad")])
    message = until(lambda: sqs.receive_message(QueueUrl=dead).get("Messages"), 10)[0]
    assert message["Body"] == "bad"


def test_a_message_arrives_with_its_attributes_and_up_to_a_mebibyte_of_body(aws: Emulated) -> None:
    source = """
import json
def handler(event, context):
    for r in event["Records"]:
        seen = [len(r["body"]), r["attributes"].get("AWSTraceHeader"), r["messageAttributes"]]
        print("SEEN", json.dumps(seen))
"""
    resources = {
        "Q": {"Type": "AWS::SQS::Queue"},
        "M": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": ref("F"), "EventSourceArn": {"Fn::GetAtt": ["Q", "Arn"]}},
        },
    }
    made = with_function(aws, "delivered", source, resources)
    sqs, queue = aws.client("sqs"), aws.child("delivered", "Q")
    trace = {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"}
    sqs.send_message(
        QueueUrl=queue,
        MessageBody="x" * (1 << 20),
        MessageAttributes={"priority": {"DataType": "String", "StringValue": "high"}},
        MessageSystemAttributes={"AWSTraceHeader": trace},
    )
    line = until(lambda: [m for m in aws.messages(f"/aws/lambda/{made}") if m.startswith("SEEN")])[0]
    length, traced, attributes = json.loads(line[5:])
    assert (length, traced) == (1 << 20, trace["StringValue"])
    assert (attributes["priority"]["stringValue"], attributes["priority"]["dataType"]) == ("high", "String")
    with pytest.raises(ClientError, match="InvalidParameterValue") as refusal:
        sqs.send_message(QueueUrl=queue, MessageBody="x" * ((1 << 20) + 1))
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert found["ApproximateNumberOfMessages"] == "0"


@pytest.mark.parametrize("aws", ["emulator's client"], indirect=True)
def test_a_silent_function_answers_at_once(aws: Emulated) -> None:
    made = with_function(aws, "silent")
    aws.invoke(made)
    times = []
    for _ in range(10):
        started = time.perf_counter()
        aws.invoke(made)
        times.append(time.perf_counter() - started)
    assert sorted(times)[5] < 0.03


def test_a_record_that_no_stream_wrote_has_no_age_and_is_passed_on(aws: Emulated) -> None:
    made_up = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {"Keys": {}}}]}
    assert aws.invoke(with_function(aws, "made-up"), made_up) == made_up
