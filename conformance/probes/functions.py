"""What Lambda does with functions, their logs and their metrics."""

from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from conformance import limits
from conformance.account import Account
from conformance.measures import counted, summed
from conformance.probe import CannotTry, Differs, deploys, expect, holds
from conformance.resources import (
    ECHO,
    READ_STREAM,
    RECEIVE,
    att,
    function,
    mapping,
    queue,
    ref,
    role,
    table,
    template,
)
from conformance.small_stacks import received, refused, with_function

FUNCTIONS = "generator/functions.py"
SOURCES = "generator/event_sources.py"
STREAM = {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
MAY_STREAM = [(READ_STREAM, "*")]
UNRESERVED = 100
SLOW = """
import boto3, time
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=event["queue"], MessageBody="begun")
    time.sleep(4)
    return "as it began"
"""


@deploys(FUNCTIONS, "deployer/preflight/concurrency.py")
def function_reserved_concurrency(account: Account, name: str) -> None:
    """ReservedConcurrentExecutions is applied; with 0 an invocation is refused with TooManyRequestsException."""
    free = account.client("lambda").get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    if free < UNRESERVED + 3:
        raise CannotTry(f"{free} executions are unreserved in this account, and {UNRESERVED} have to stay")
    made = with_function(account, name, ReservedConcurrentExecutions=3)
    found = account.client("lambda").get_function_concurrency(FunctionName=made)
    expect(found.get("ReservedConcurrentExecutions"), 3, "reserved concurrency")
    with_function(account, name, ReservedConcurrentExecutions=0)
    try:
        account.client("lambda").invoke(FunctionName=made)
    except ClientError as error:
        expect(error.response["Error"]["Code"], "TooManyRequestsException", "refusal")
    else:
        raise Differs("no execution with 0 reserved", "the function ran")


@deploys("generator/triggers.py", "handlers/dead_letters.py")
def function_dead_letters(account: Account, name: str) -> None:
    """An event that a function fails for good goes to its DeadLetterConfig's queue."""
    once = {"FunctionName": ref("F"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 0}
    made = with_function(
        account,
        name,
        "def handler(event, context):\n    raise ValueError(event)\n",
        {"Q": queue(), "Once": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": once}},
        [("sqs:SendMessage", att("Q", "Arn"))],
        DeadLetterConfig={"TargetArn": att("Q", "Arn")},
    )
    account.client("lambda").invoke(FunctionName=made, InvocationType="Event", Payload=b'"lost?"')
    body = received(account, account.child(name, "Q"), 4)["Body"]
    holds("lost?" in body, "the dead letter is the event", body)


@deploys(FUNCTIONS, "generator/compute.py")
def function_mistakes(account: Account, name: str) -> None:
    """A function whose role or code does not exist fails the stack."""
    code, absent = account.code(ECHO), account.arn("iam", "role/absent")
    absent = absent.replace(f":{account.aws.region}:", "::")
    refused(account, name + "-role", {"F": function(code, absent)}, "cannot be assumed by Lambda")
    nowhere = {"S3Bucket": code["S3Bucket"], "S3Key": "absent.zip"}
    refused(account, name + "-code", {"Role": role(), "F": function(nowhere, att("Role", "Arn"))}, "NoSuchKey")


@deploys("deployer/stacks/function_code.py", "operations/development/local_code.py")
def calls_outlive_updates(account: Account, name: str) -> None:
    """A call that runs while its function's code is updated ends with the code that it began with; the next has the new."""
    made = with_function(account, name, SLOW, {"Q": queue()}, [("sqs:SendMessage", att("Q", "Arn"))], Timeout=60)
    url = account.child(name, "Q")
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(account.invoke, made, {"queue": url})
        received(account, url)
        account.client("lambda").update_function_code(FunctionName=made, **account.code(ECHO))
        account.client("lambda").get_waiter("function_updated_v2").wait(FunctionName=made)
        expect(call.result(), "as it began", "answer of the call")
    expect(account.invoke(made, "new"), "new", "answer of the next call")


@deploys(SOURCES)
def event_source_numbers(account: Account, name: str) -> None:
    """A mapping whose numbers come from parameters delivers, and still does after an update."""
    source = "def handler(event, context):\n    print('GOT', event['Records'][0]['body'])\n"
    numbers = {"BatchSize": ref("Batch"), "ScalingConfig": {"MaximumConcurrency": ref("Most")}}
    resources = {
        "Role": role((RECEIVE, att("Q", "Arn"))),
        "F": function(account.code(source), att("Role", "Arn")),
        "Q": queue(),
        "M": mapping(att("Q", "Arn"), **numbers),
    }
    outputs = {key: ref(key) for key in "FMQ"}
    document = template(resources, outputs, Parameters={key: {"Type": "Number"} for key in ("Batch", "Most")})
    for batch, most in ((5, 2), (4, 3)):
        made = account.deployed(name, document, {"Batch": str(batch), "Most": str(most)})
        found = account.client("lambda").get_event_source_mapping(UUID=made["M"])
        expect((found["BatchSize"], found["ScalingConfig"]), (batch, {"MaximumConcurrency": most}), "mapping")
        account.client("sqs").send_message(QueueUrl=made["Q"], MessageBody=str(most))
        printed(account, made["F"], f"GOT {most}\n")


def printed(account: Account, function: str, text: str, seconds: float = 8) -> None:
    """Wait until a function has printed the text."""

    def found() -> bool:
        return text in "\n".join([*account.messages(f"/aws/lambda/{function}"), ""])

    account.until(found, f"the function prints {text.strip()}", seconds)


def read_stream(account: Account, function: str, table_name: str, **more: object) -> None:
    """Map a table's stream, from its beginning, to a function until the end of the probe."""
    arn = account.client("dynamodb").describe_table(TableName=table_name)["Table"]["LatestStreamArn"]
    functions = account.client("lambda")
    made = functions.create_event_source_mapping(
        FunctionName=function, EventSourceArn=arn, StartingPosition="TRIM_HORIZON", **more
    )
    account.made.callback(functions.delete_event_source_mapping, UUID=made["UUID"])


@deploys("handlers/orders_events.py", SOURCES)
def stream_partial_failures(account: Account, name: str) -> None:
    """A stream's batch is retried from the first record in batchItemFailures."""
    source = """
TRIED = []
def handler(event, context):
    numbers = {r["dynamodb"]["Keys"]["id"]["S"]: r["dynamodb"]["SequenceNumber"] for r in event["Records"]}
    TRIED.append("".join(numbers))
    print("TRIED", TRIED)
    return {"batchItemFailures": [{"itemIdentifier": numbers[i]} for i in "cb"] if len(TRIED) == 1 else []}
"""
    # One partition key, so that one shard has all records in their order.
    keys = [{"AttributeName": "all", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}]
    types = [{"AttributeName": key, "AttributeType": "S"} for key in ("all", "id")]
    source_table = table(KeySchema=keys, AttributeDefinitions=types, **STREAM)
    made = with_function(account, name, source, {"T": source_table}, MAY_STREAM)
    for key in "abc":
        item = {"all": {"S": "1"}, "id": {"S": key}}
        account.client("dynamodb").put_item(TableName=account.child(name, "T"), Item=item)
    read_stream(account, made, account.child(name, "T"), FunctionResponseTypes=["ReportBatchItemFailures"])
    printed(account, made, "TRIED ['abc', 'bc']\n")


@deploys(SOURCES)
def streams_apart(account: Account, name: str) -> None:
    """A function gets a message from its queue while it is busy with its stream."""
    source = """
import time
def handler(event, context):
    began = time.time()
    if event["Records"][0]["eventSource"] == "aws:dynamodb":
        time.sleep(3)
    print(event["Records"][0]["eventSource"], began, time.time())
"""
    resources = {
        "T": table(**STREAM),
        "Q": queue(),
        "FromQ": mapping(att("Q", "Arn"), BatchSize=1),
        "FromT": mapping(att("T", "StreamArn"), StartingPosition="TRIM_HORIZON"),
    }
    made = with_function(account, name, source, resources, [*MAY_STREAM, (RECEIVE, att("Q", "Arn"))])
    account.client("dynamodb").put_item(TableName=account.child(name, "T"), Item={"id": {"S": "a"}})
    limits.pause(1)  # locally it is busy now
    account.client("sqs").send_message(QueueUrl=account.child(name, "Q"), MessageBody="order")

    def ran() -> dict[str, list[float]] | None:
        lines = [line.split() for line in account.messages(f"/aws/lambda/{made}") if line.startswith("aws:")]
        found = {source: [float(each) for each in times] for source, *times in lines}
        return found if len(found) == 2 else None

    runs = account.until(ran, "both invocations end", 12)
    holds(runs["aws:sqs"][0] < runs["aws:dynamodb"][1], "the message does not wait for the stream", runs)


@deploys(FUNCTIONS, "deployer/artifacts/packaging.py")
def function_processes(account: Account, name: str) -> None:
    """A function sees its layer and no other packages, names its log group, and keeps its process after an exception."""
    source = """
import os, sys
COUNT = 0
def handler(event, context):
    global COUNT
    COUNT += 1
    if event == "raise":
        raise KeyError("order")
    try:
        import pytest
    except ImportError:
        pytest = None
    import shared
    return {"count": COUNT, "shared": shared.WHO, "pytest": bool(pytest), "env": sorted(os.environ), "group": context.log_group_name}
"""
    content = account.code("WHO = 'layer'", "python/shared.py")
    layer = {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}
    made = with_function(account, name, source, {"L": layer}, Layers=[ref("L")])
    first = account.invoke(made)
    expect(first.get("shared"), "layer", "module of the layer")
    expect(first["pytest"], False, "the function sees pytest")
    holds("STATE_DIR" not in first["env"], "the environment is the function's own", first["env"])
    expect(first["group"], f"/aws/lambda/{made}", "log group")
    failed = account.invoke(made, "raise")
    expect((failed["errorType"], failed["errorMessage"]), ("KeyError", "'order'"), "error")
    holds("app.py" in failed["stackTrace"][-1], "the trace names the file", failed["stackTrace"])
    expect(account.invoke(made)["count"], 3, "invocations in one process")


@deploys("handlers/emf.py", uses={"metric": 2})
def embedded_metrics(account: Account, name: str) -> None:
    """A line in the embedded metric format becomes a metric for each set of dimensions; a list counts all its values."""
    source = f"""
import json, time
def handler(event, context):
    metrics = [{{"Name": "Orders", "Unit": "Count"}}]
    directive = {{"Namespace": "{name}", "Dimensions": [["service"], ["service", "channel"]], "Metrics": metrics}}
    envelope = {{"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
    print(json.dumps({{"_aws": envelope, "service": "orders", "channel": "web", "Orders": [2, 3]}}))
"""
    account.invoke(with_function(account, name, source))
    counted(account, name, "Orders", {"service": "orders"}, 5)

    def listed() -> list[int]:
        found = account.client("cloudwatch").list_metrics(Namespace=name)["Metrics"]
        return sorted(len(metric["Dimensions"]) for metric in found)

    account.until(lambda: len(listed()) >= 2, "two metrics are listed", 16)  # CloudWatch lists them within 15 minutes
    expect(listed(), [1, 2], "dimensions of the metrics")


@deploys("generator/alarms/functions.py")
def lambda_metrics(account: Account, name: str) -> None:
    """AWS/Lambda counts invocations that come from a queue, and their concurrency."""
    more = {"Q": queue(), "M": mapping(att("Q", "Arn"))}
    made = with_function(account, name, more=more, may=[(RECEIVE, att("Q", "Arn"))])
    account.client("sqs").send_message(QueueUrl=account.child(name, "Q"), MessageBody="{}")
    counted(account, "AWS/Lambda", "Invocations", {"FunctionName": made}, 1)
    most = "ConcurrentExecutions"
    account.until(lambda: summed(account, "AWS/Lambda", most, "Maximum", FunctionName=made) == 1, f"{most} is 1")
