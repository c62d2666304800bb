"""Faults in the calls of functions: what their SDK receives, what takes effect, and that nothing remains."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance.measures import summed
from conformance.resources import TRUST, table
from conformance.small_stacks import with_function
from emulator import control
from emulator.faults import calls, session
from emulator.faults.rules import ERRORS, THROTTLES, Rule
from tests.emulator.testkit import Emulated
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
import json, boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
clients = {}
def handler(event, context):
    service, operation, parameters, attempts = event
    key = service, attempts
    if key not in clients:
        clients[key] = boto3.client(service, config=Config(retries={"mode": "standard", "total_max_attempts": attempts}))
    try:
        getattr(clients[key], operation)(**parameters)
    except ClientError as error:
        about = error.response["ResponseMetadata"]
        return [error.response["Error"]["Code"], about["HTTPStatusCode"], about["RetryAttempts"]]
    except BotoCoreError as error:
        return type(error).__name__
"""
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": TRUST,
        "Policies": [
            {
                "PolicyName": "all",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
                },
            }
        ],
    },
}


class Caller:
    """A function that calls services, and the resources that it calls."""

    def __init__(self, aws: Emulated) -> None:
        self.aws = aws
        more = {"Role": ROLE, "Table": table(TableName="called"), "Queue": {"Type": "AWS::SQS::Queue"}}
        self.name = with_function(aws, "caller", SOURCE, more, Timeout=60)
        self.other = with_function(aws, "other-caller", SOURCE, {"Role": ROLE}, Timeout=60)
        self.queue = aws.client("sqs").list_queues()["QueueUrls"][0]
        self.topic = aws.client("sns").create_topic(Name="called")["TopicArn"]
        aws.client("s3").create_bucket(Bucket="called")
        aws.client("ssm").put_parameter(Name="called", Type="String", Value="1")
        self.calls = {
            "dynamodb": ("put_item", {"TableName": "called", "Item": {"id": {"S": "1"}}}),
            "lambda": ("get_function", {"FunctionName": self.name}),
            "s3": ("put_object", {"Bucket": "called", "Key": "a/b c", "Body": "1"}),
            "sns": ("publish", {"TopicArn": self.topic, "Message": "1"}),
            "sqs": ("send_message", {"QueueUrl": self.queue, "MessageBody": "1"}),
            "ssm": ("get_parameter", {"Name": "called"}),
        }

    def inject(self, *rules: dict, seed: int = 0):
        functions = {"caller": self.name, "other-caller": self.other}
        return session.inject(self.aws.emulator.endpoint_url, [Rule(**rule) for rule in rules], functions, seed)

    def call(self, service: str, attempts: int = 1, function: str = ""):
        """Return None, or code, status and number of retries of the error, or the name of botocore's."""
        return self.aws.invoke(function or self.name, [service, *self.calls[service], attempts])

    def queued(self) -> int:
        """Count the messages on the queue, and remove them."""
        sqs = self.aws.client("sqs")
        found = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["All"])["Attributes"]
        sqs.purge_queue(QueueUrl=self.queue)
        return int(found["ApproximateNumberOfMessages"])


@pytest.fixture(scope="module")
def caller(enforced: Emulated) -> Iterator[Caller]:
    made = Caller(enforced)
    for service in calls.SERVICES:
        assert made.call(service) is None
    made.queued()
    return made


@pytest.mark.parametrize("service", calls.SERVICES)
@pytest.mark.parametrize(("kind", "answers"), [("throttle", THROTTLES), ("error", ERRORS)])
def test_the_sdk_receives_the_services_own_error_and_repeats_the_call(caller, service, kind, answers):
    with caller.inject({"service": service, "kind": kind}) as running:
        assert caller.call(service, attempts=2) == [*answers[service], 1]
        eventually(lambda: running.counts[0].injected == 2)
    assert caller.call(service) is None


@pytest.mark.parametrize("service", calls.SERVICES)
@pytest.mark.parametrize("kind", ["drop", "lost"])
def test_the_sdk_sees_a_closed_connection(caller, service, kind):
    with caller.inject({"service": service, "kind": kind}):
        assert caller.call(service) == "ConnectionClosedError"


@pytest.mark.parametrize(("kind", "messages"), [("drop", 0), ("throttle", 0), ("lost", 1), ("duplicate", 2)])
def test_a_fault_has_its_effect(caller, kind, messages):
    caller.queued()
    with caller.inject({"service": "sqs", "kind": kind}):
        caller.call("sqs")
    assert caller.queued() == messages


@pytest.mark.parametrize(
    ("operation", "service", "given", "other"),
    [
        ("PutItem", "dynamodb", ("put_item", None), ("get_item", {"TableName": "called", "Key": {"id": {"S": "1"}}})),
        ("Publish", "sns", ("publish", None), ("list_topics", {})),
        ("SendMessage", "sqs", ("send_message", None), ("list_queues", {})),
        ("PutObject", "s3", ("put_object", None), ("get_object", {"Bucket": "called", "Key": "a/b c"})),
        ("GetFunction", "lambda", ("get_function", None), ("list_functions", {})),
        ("GetParameter", "ssm", ("get_parameter", None), ("get_parameters", {"Names": ["called"]})),
    ],
)
def test_a_rule_of_an_operation_leaves_the_others_alone(caller, operation, service, given, other):
    with caller.inject({"service": service, "operation": operation, "kind": "throttle"}):
        assert caller.call(service)[0] == THROTTLES[service][0]
        assert caller.aws.invoke(caller.name, [service, *other, 1]) is None


def test_a_rule_of_a_function_leaves_other_functions_and_the_operator_alone(caller):
    with caller.inject({"service": "dynamodb", "function": "caller", "kind": "throttle"}):
        assert caller.call("dynamodb") is not None
        assert caller.call("dynamodb", function=caller.other) is None
        caller.aws.client("dynamodb").put_item(TableName="called", Item={"id": {"S": "1"}})


def test_every_nth_call_fails_and_a_seed_repeats_its_chances(caller):
    with caller.inject({"service": "ssm", "kind": "error", "every": 3}):
        assert [caller.call("ssm") is None for _ in range(6)] == [True, True, False] * 2
    tried = []
    for seed in (1, 1, 2):
        with caller.inject({"service": "ssm", "kind": "error", "probability": 0.5}, seed=seed):
            tried.append([caller.call("ssm") is None for _ in range(20)])
    assert tried[0] == tried[1] != tried[2]


def test_latency_delays_a_call_adds_up_with_others_and_ends_with_its_session(caller):
    late = {"service": "dynamodb", "kind": "latency", "milliseconds": 300}
    with caller.inject(late, late):
        began = time.monotonic()
        assert caller.call("dynamodb") is None
        assert time.monotonic() - began >= 0.6
    with ThreadPoolExecutor() as pool:
        with caller.inject(late | {"milliseconds": 900_000}) as running:
            waiting = pool.submit(caller.call, "dynamodb")
            eventually(lambda: running.counts[0].waiting == 1)
        assert waiting.result() is None


def test_a_rule_begins_and_ends_at_its_time(caller):
    with caller.inject({"service": "ssm", "kind": "error", "after": 1, "seconds": 1}):
        assert caller.call("ssm") is None
        eventually(lambda: caller.call("ssm") is not None)
        eventually(lambda: caller.call("ssm") is None)


def test_dynamodb_records_its_metrics_of_throttles_and_errors(caller):
    def recorded() -> list[float]:
        of_operation = {"TableName": "called", "Operation": "PutItem"}
        return [
            summed(caller.aws, "AWS/DynamoDB", "WriteThrottleEvents", TableName="called"),
            summed(caller.aws, "AWS/DynamoDB", "ThrottledRequests", **of_operation),
            summed(caller.aws, "AWS/DynamoDB", "SystemErrors", **of_operation),
        ]

    before = recorded()
    for kind in ("throttle", "throttle", "error", "drop"):
        with caller.inject({"service": "dynamodb", "kind": kind}):
            caller.call("dynamodb")
    assert [now - then for now, then in zip(recorded(), before, strict=True)] == [2, 2, 1]


def test_the_faults_of_a_killed_process_end_with_it(caller):
    rule = json.dumps({"service": "dynamodb", "kind": "throttle"})
    program = f"""
import time
from emulator.faults import session
from emulator.faults.rules import Rule
with session.inject({caller.aws.emulator.endpoint_url!r}, [Rule(**{rule})], {{"caller": {caller.name!r}}}):
    print("injecting", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "injecting\n"
        assert caller.call("dynamodb") is not None
        process.kill()
    eventually(lambda: caller.call("dynamodb") is None)


def test_a_client_notices_that_the_emulator_has_ended(start):
    aws = start()
    with session.inject(aws.emulator.endpoint_url, [Rule(service="s3", kind="drop")], {}) as running:
        assert not running.ended.is_set()
        control.stop(aws.emulator.state_dir)
        assert running.ended.wait(30)
