"""What the checks share: their register, small resources, and calls."""

import time
from collections.abc import Callable
from typing import Any

from tests.emulator.testkit import ROLE, Aws, att, function, ref, template

CHECKS: dict[str, Callable[[Aws, str], None]] = {}
STACK = "AWS::CloudFormation::Stack"


def check(function: Callable[[Aws, str], None]) -> Callable[[Aws, str], None]:
    """Register the check of the patch with the name of the function, which gets a name for its stack."""
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


ECHO = "def handler(event, context):\n    return event\n"


def with_function(aws: Aws, name: str, source: str = ECHO, more: dict | None = None, **properties: Any) -> str:
    """Deploy a function and return its name."""
    resources = {"Role": ROLE, "F": function(aws.code(source), att("Role", "Arn"), **properties), **(more or {})}
    return aws.deployed(name, template(resources, {"F": ref("F")}))["F"]


def summed(aws: Aws, namespace: str, metric: str, **dimensions: str) -> float:
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        StartTime=time.time() - 300,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["Sum"],
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
    )
    return sum(point["Sum"] for point in found["Datapoints"])


def empty(sqs, queue: str) -> bool:
    """Whether a queue's messages are gone, taken and deleted."""
    found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return found["ApproximateNumberOfMessages"] == found["ApproximateNumberOfMessagesNotVisible"] == "0"
