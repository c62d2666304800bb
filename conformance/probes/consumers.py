"""How Lambda reads queues and streams, and what SQS does with messages that fail: on small stacks of the probes' own."""

import json
from typing import Any

from conformance import limits, stackless
from conformance.account import Account
from conformance.probe import deploys, expect, holds
from conformance.refusals import refusal
from conformance.resources import (
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

CALL = """
import json, time
def log(**what):
    print("CALL " + json.dumps(what), flush=True)
"""

PARTIAL = (
    CALL
    + """
def handler(event, context):
    log(bodies=sorted(r["body"] for r in event["Records"]),
         receives={r["body"]: int(r["attributes"]["ApproximateReceiveCount"]) for r in event["Records"]})
    failed = [r["messageId"] for r in event["Records"]
              if r["body"] == "bad" and r["attributes"]["ApproximateReceiveCount"] == "1"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""
)
SLOW = (
    CALL
    + """
def handler(event, context):
    began = time.time()
    time.sleep(1)
    for r in event["Records"]:
        log(began=began, ended=time.time(), receives=int(r["attributes"]["ApproximateReceiveCount"]))
"""
)
POISONED = (
    CALL
    + """
def handler(event, context):
    keys = {r["dynamodb"]["Keys"]["id"]["S"]: r["dynamodb"]["SequenceNumber"] for r in event["Records"]}
    log(keys=keys)
    if "poison" in keys:
        raise ValueError("poison")
"""
)
REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def calls(account: Account, name: str) -> list[dict]:
    """Return what a function of CALL has logged."""
    lines = "\n".join(account.messages(f"/aws/lambda/{name}")).splitlines()
    return [json.loads(line.split("CALL ", 1)[1]) for line in lines if "CALL {" in line]


def _consumer(account: Account, name: str, source: str, queued: dict, mapped: dict, **properties: Any) -> tuple:
    """Deploy a queue Q and its consumer F; return the URL of the queue and the name of the function."""
    resources = {
        "Q": queue(**queued),
        "Role": role((RECEIVE, att("Q", "Arn"))),
        "F": function(account.code(source), att("Role", "Arn"), **properties),
        "M": mapping(att("Q", "Arn"), **mapped),
    }
    made = account.deployed(name, template(resources, {"Q": ref("Q"), "F": ref("F")}))
    return made["Q"], made["F"]


def _send(account: Account, url: str, *bodies: str) -> None:
    entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(bodies)]
    account.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)


@deploys("handlers/queue_batches.py", "handlers/orders_worker.py", "generator/event_sources.py")
def a_partial_batch_is_redelivered_alone(account: Account, name: str) -> None:
    """Of a batch only the messages that batchItemFailures names come again; the others are deleted."""
    url, made = _consumer(account, name, PARTIAL, {"VisibilityTimeout": 6}, {"BatchSize": 10, **REPORTS}, Timeout=3)
    _send(account, url, "good", "bad", "fine")

    def twice() -> list[dict] | None:
        found = calls(account, made)
        return found if any(call["receives"].get("bad") == 2 for call in found) else None

    found = account.until(twice, "the failed message is delivered a second time", 10)
    handled = sorted(body for call in found for body in call["bodies"])
    expect(handled, ["bad", "bad", "fine", "good"], "messages of all calls")


@deploys("generator/event_sources.py", "generator/triggers.py", "config/constraints.py")
def a_bounded_consumer_receives_no_message_twice(account: Account, name: str) -> None:
    """MaximumConcurrency bounds the consumer before messages are received: none waits invisibly, each comes once."""
    bound = {"BatchSize": 1, "ScalingConfig": {"MaximumConcurrency": 2}}
    url, made = _consumer(account, name, SLOW, {"VisibilityTimeout": 30}, bound)
    _send(account, url, *"abcdef")

    def done() -> list[dict] | None:
        found = calls(account, made)
        return found if len(found) >= 6 else None

    found = account.until(done, "six messages are handled", 15)
    together = max(sum(other["began"] <= call["began"] < other["ended"] for other in found) for call in found)
    holds(together <= 2, "at most 2 invocations at the same time", together)
    expect([call["receives"] for call in found], [1] * 6, "receives of each message")


@deploys("generator/queue_resources.py", "config/constraints.py")
def a_visibility_below_the_timeout_is_refused(account: Account, name: str) -> None:
    """Lambda refuses a queue whose messages become visible again before the function's timeout: the stack fails."""
    resources = {
        "Q": queue(VisibilityTimeout=5),
        "Role": role((RECEIVE, att("Q", "Arn"))),
        "F": function(account.code(SLOW), att("Role", "Arn"), Timeout=10),
        "M": mapping(att("Q", "Arn")),
    }
    found = account.deploy(name, template(resources))
    expect(found["StackStatus"], "ROLLBACK_COMPLETE", "status of the stack")
    reasons = " ".join(account.failures(found["StackId"])).lower()
    holds("visibility timeout" in reasons, "a failure that names the visibility timeout", reasons)


@deploys("generator/event_sources.py", "handlers/orders_events.py", "operations/queues/dead_letters.py")
def a_failing_batch_of_a_stream_is_halved(account: Account, name: str) -> None:
    """Lambda bisects a batch that crashes the function; the on-failure destination gets the position of the one record."""
    events = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 100,
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 2,
        "DestinationConfig": {"OnFailure": {"Destination": att("Q", "Arn")}},
        **REPORTS,
    }
    resources = {
        "T": table(StreamSpecification={"StreamViewType": "NEW_AND_OLD_IMAGES"}),
        "Q": queue(),
        "Role": role((READ_STREAM, "*"), ("sqs:SendMessage", att("Q", "Arn"))),
        "F": function(account.code(POISONED), att("Role", "Arn")),
        "M": mapping(att("T", "StreamArn"), **events),
    }
    made = account.deployed(name, template(resources, {n: ref(n) for n in "TQF"}))
    for key in ("a", "b", "poison", "c"):
        account.client("dynamodb").put_item(TableName=made["T"], Item={"id": {"S": key}})
    message = stackless.gathered(account, made["Q"], 1, "the on-failure destination has a message", 8)[0]
    about = json.loads(message["Body"])["DDBStreamBatchInfo"]
    found = calls(account, made["F"])
    position = next(call["keys"]["poison"] for call in found if "poison" in call["keys"])
    seen = (about["startSequenceNumber"], about["endSequenceNumber"], about["batchSize"])
    expect(seen, (position, position, 1), "first and last position and size of the failed batch")
    good = {key for call in found if "poison" not in call["keys"] for key in call["keys"]}
    account.until(lambda: good | _handled(account, made["F"]) >= {"a", "b", "c"}, "the other records are handled")


def _handled(account: Account, function_name: str) -> set[str]:
    return {key for call in calls(account, function_name) if "poison" not in call["keys"] for key in call["keys"]}


@deploys("operations/queues/redrive.py")
def a_move_task_moves_messages_to_a_named_queue(account: Account, name: str) -> None:
    """StartMessageMoveTask with a destination moves also messages that were sent to the dead-letter queue directly."""
    sqs = account.client("sqs")
    dead_url, dead_arn = stackless.queue(account, "dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5})
    url, arn = stackless.queue(account, "source", RedrivePolicy=redrive)
    _send(account, dead_url, "a", "b")
    if not account.emulated_at:
        limits.pause(60)  # until then SQS may not know it as a dead-letter queue
    sqs.start_message_move_task(SourceArn=dead_arn, DestinationArn=arn)
    moved = stackless.gathered(account, url, 2, "both messages are in the source queue")
    expect(sorted(message["Body"] for message in moved), ["a", "b"], "messages moved")
    tasks = sqs.list_message_move_tasks(SourceArn=dead_arn)["Results"]
    holds(tasks and tasks[0]["Status"] in ("RUNNING", "COMPLETED"), "a task that runs or is complete", tasks)


@deploys("handlers/queue_batches.py", "handlers/dead_letters.py")
def a_message_has_at_most_a_mebibyte(account: Account, name: str) -> None:
    """SQS takes a message of 1 MiB, attributes included, and refuses a byte more, in a batch for all its messages."""
    url, _ = stackless.queue(account, "sizes")
    sqs, text = account.client("sqs"), "x" * (1 << 20)
    sqs.send_message(QueueUrl=url, MessageBody=text)
    half = text[: 1 << 19]
    batch = [{"Id": "a", "MessageBody": half}, {"Id": "b", "MessageBody": half + "x"}]
    for call, arguments in (
        (sqs.send_message, {"MessageBody": text + "x"}),
        (sqs.send_message_batch, {"Entries": batch}),
    ):
        refusal(call, QueueUrl=url, **arguments)


@deploys("handlers/orders_events.py")
def a_publish_batch_has_at_most_ten_events(account: Account, name: str) -> None:
    """SNS takes ten entries in a PublishBatch, and refuses eleven."""
    arn, sns = stackless.topic(account, "events"), account.client("sns")
    entries = [{"Id": str(number), "Message": "order"} for number in range(11)]
    published = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries[:10])
    expect(len(published["Successful"]), 10, "entries published of ten")
    refusal(sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=entries)


@deploys("generator/queue_resources.py", "operations/queues/dead_letters.py")
def a_dead_letter_keeps_its_age(account: Account, name: str) -> None:
    """A message that was received too often is in the dead-letter queue, with the time at which it was first sent."""
    dead_url, dead_arn = stackless.queue(account, "dead")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url, _ = stackless.queue(account, "source", RedrivePolicy=redrive, VisibilityTimeout="1")
    _send(account, url, "late")
    sqs, sent = account.client("sqs"), []

    def dead() -> list[dict]:
        options: dict[str, Any] = {"MessageSystemAttributeNames": ["All"]}
        sent.extend(sqs.receive_message(QueueUrl=url, **options).get("Messages", []))
        return sqs.receive_message(QueueUrl=dead_url, **options).get("Messages", [])

    letter = account.until(dead, "the message is in the dead-letter queue", 5)[0]
    expect(len(sent), 1, "receives before")
    expect(letter["Attributes"]["SentTimestamp"], sent[0]["Attributes"]["SentTimestamp"], "SentTimestamp")


ANSWERS = """
def handler(event, context):
    if event == "raise":
        raise ValueError(event)
    return {"statusCode": 500}
"""


@deploys("handlers/orders_import.py", "generator/event_sources.py")
def an_asynchronous_answer_of_500_is_a_success(account: Account, name: str) -> None:
    """A function that returns an error was successful for Lambda; one that raises is retried, then a dead letter."""
    to = {"OnFailure": {"Destination": att("Q", "Arn")}}
    config = {"FunctionName": ref("F"), "Qualifier": "$LATEST", "MaximumRetryAttempts": 0, "DestinationConfig": to}
    resources = {
        "Q": queue(),
        "Role": role(("sqs:SendMessage", att("Q", "Arn"))),
        "F": function(account.code(ANSWERS), att("Role", "Arn")),
        "C": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": config},
    }
    made = account.deployed(name, template(resources, {n: ref(n) for n in "FQ"}))
    for event in ("return", "raise"):
        payload = json.dumps(event).encode()
        account.client("lambda").invoke(FunctionName=made["F"], InvocationType="Event", Payload=payload)
    failed = stackless.gathered(account, made["Q"], 1, "the on-failure destination has a message", 5)
    failed += stackless.received(account, made["Q"])
    expect([json.loads(each["Body"])["requestPayload"] for each in failed], ["raise"], "events that failed")
