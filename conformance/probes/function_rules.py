"""How Lambda runs a function: its runtime, its limits, its log and its rights, on small stacks of the probes' own."""

from typing import Any

from conformance.account import Account
from conformance.probe import CannotTry, deploys, expect, holds
from conformance.resources import att, bucket, function, queue, ref, role, template

WHO = """
import platform, sys
def handler(event, context):
    return {"machine": platform.machine(), "python": "%d.%d" % sys.version_info[:2], "boto3": bool(__import__("boto3"))}
"""
GREEDY = """
def handler(event, context):
    return len(bytes(range(256)) * (1 << 20))  # 256 MB
"""
LINES = """
import datetime, json
def handler(event, context):
    now = datetime.datetime.now(datetime.timezone.utc)
    for level in ("INFO", "WARNING"):
        for mark, timestamp in (("rfc3339", now.isoformat()), ("other", now.strftime("%d %b %Y"))):
            print(json.dumps({"level": level, "mark": mark + level, "timestamp": timestamp}), flush=True)
    print(json.dumps({"_aws": {"Timestamp": 0, "CloudWatchMetrics": []}, "mark": "emf"}), flush=True)
"""
MISSING = """
import boto3, os
from botocore.exceptions import ClientError
def tried(call, key="absent", **arguments):
    try:
        call(Bucket=os.environ["BUCKET"], Key=key, **arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return 200
def handler(event, context):
    s3 = boto3.client("s3")
    return {"stored": tried(s3.get_object, "stored"), "get": tried(s3.get_object), "put": tried(s3.put_object, Body=b"")}
"""


def _function(
    account: Account, name: str, source: str, *rights: Any, more: dict | None = None, **properties: Any
) -> str:
    resources = {
        "Role": role(*rights),
        "F": function(account.code(source), att("Role", "Arn"), **properties),
        **(more or {}),
    }
    return account.deployed(name, template(resources, {"F": ref("F")}))["F"]


@deploys("generator/functions.py", "deployer/artifacts/wheels.py")
def a_function_runs_on_its_architecture_and_runtime(account: Account, name: str) -> None:
    """A function of arm64 and python3.13 runs on both, and can import boto3."""
    made = _function(account, name, WHO, Architectures=["arm64"])
    expect(account.invoke(made), {"machine": "aarch64", "python": "3.13", "boto3": True}, "machine, Python, boto3")


@deploys("generator/functions.py")
def a_function_ends_at_its_memory_limit(account: Account, name: str) -> None:
    """Lambda ends a function that needs more memory than it has, with an error that is no Python exception."""
    made = _function(account, name, GREEDY, MemorySize=128, Timeout=15)
    answer = account.invoke(made)
    holds(
        isinstance(answer, dict) and answer.get("errorType", "").startswith("Runtime."),
        "an errorType that begins with Runtime.",
        answer,
    )


@deploys("config/sections.py", "handlers/telemetry.py", "generator/functions.py")
def a_log_level_drops_lines_by_their_level(account: Account, name: str) -> None:
    """With ApplicationLogLevel WARN Lambda drops INFO lines, lines without an RFC 3339 time, and metrics in EMF."""
    # Lambda developer guide, "Log-level filtering": without a level or an RFC 3339 timestamp a line counts as INFO.
    made = _function(account, name, LINES, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN"})
    account.invoke(made)
    group = f"/aws/lambda/{made}"
    account.until(lambda: "rfc3339WARNING" in "".join(account.messages(group)), "the warning is in the log")
    logged = "".join(account.messages(group))
    kept = [mark for mark in ("rfc3339INFO", "otherINFO", "rfc3339WARNING", "otherWARNING", '"emf"') if mark in logged]
    expect(kept, ["rfc3339WARNING"], "lines in the log")


@deploys("handlers/uploads.py", "generator/policies.py")
def a_missing_object_is_403_without_list_bucket(account: Account, name: str) -> None:
    """Who may read objects but not list the bucket gets 403 for an object that is not there, not 404."""
    read = ("s3:GetObject", {"Fn::Sub": "${B.Arn}/*"})
    where = {"Variables": {"BUCKET": ref("B")}}
    made = _function(account, name, MISSING, read, more={"B": bucket()}, Environment=where, Timeout=15)
    account.client("s3").put_object(Bucket=account.child(name, "B"), Key="stored", Body=b"")

    def may_read() -> dict | None:
        seen = account.invoke(made)
        return seen if seen["stored"] == 200 else None

    seen = account.until(may_read, "the function may read objects")
    if seen["put"] == 200:
        raise CannotTry("permissions are not enforced here")
    expect((seen["get"], seen["put"]), (403, 403), "status of GET and of PUT, which is not allowed")


@deploys("generator/event_sources.py", "generator/policies.py")
def an_event_source_needs_rights_of_the_function(account: Account, name: str) -> None:
    """Lambda refuses to read a queue for a function whose role may not receive from it: the stack fails."""
    mapped = {"FunctionName": ref("F"), "EventSourceArn": att("Q", "Arn")}
    resources = {
        "Role": role(),
        "F": function(account.code(WHO), att("Role", "Arn")),
        "Q": queue(),
        "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapped},
    }
    found = account.deploy(name, template(resources))
    reasons = " ".join(account.failures(found["StackId"]))
    holds(
        found["StackStatus"] == "ROLLBACK_COMPLETE" and "ReceiveMessage" in reasons,
        "a failure that names ReceiveMessage",
        found["StackStatus"],
    )
