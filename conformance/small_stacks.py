"""Small stacks of probes, and what their functions and queues have got."""

import json
from typing import Any

from conformance import limits
from conformance.account import Account
from conformance.probe import expect, holds
from conformance.resources import ECHO, att, function, ref, role, template


def refused(account: Account, stack: str, resources: dict, reason: str) -> None:
    """Expect that the stack fails for this reason, and is rolled back."""
    found = account.deploy(stack, template(resources))
    expect(found["StackStatus"], "ROLLBACK_COMPLETE", "a stack that cannot be made")
    failures = account.failures(found["StackId"])
    holds(any(reason.lower() in failure.lower() for failure in failures), f"it fails: {reason}", failures)


def with_function(
    account: Account, name: str, source: str = ECHO, more: dict | None = None, may: Any = (), **properties: Any
) -> str:
    """Deploy the function F beside `more` resources, and return its name. `may`: its role's actions and resources."""
    made = function(account.code(source), att("Role", "Arn"), **properties)
    resources = {"Role": role(*may), "F": made, **(more or {})}
    return account.deployed(name, template(resources, {"F": ref("F")}))["F"]


def calls_of(account: Account, function: str) -> list[Any]:
    """Return what a function was called with, as it printed it: CALL and JSON."""
    lines = "\n".join(account.messages(f"/aws/lambda/{function}")).splitlines()
    return [json.loads(line[5:]) for line in lines if line.startswith("CALL ")]


def received(account: Account, queue: str, seconds: float = 8) -> dict:
    """Wait for the next message of a queue."""
    options = {"QueueUrl": queue, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 1}
    sqs = account.client("sqs")
    return account.until(lambda: sqs.receive_message(**options).get("Messages"), "a message arrives", seconds)[0]


def admits(service: str, *queues: str) -> dict:
    """Let a service send to queues of the stack."""
    arns = [att(queue, "Arn") for queue in queues]
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arns}
    document = {"Version": "2012-10-17", "Statement": [allowed]}
    properties = {"Queues": [ref(queue) for queue in queues], "PolicyDocument": document}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}


def uploads_are_announced(account: Account) -> None:
    """Wait until a new bucket sends events to EventBridge, which on AWS takes minutes, and nothing says when."""
    if not account.emulated_at:
        limits.pause(330)
