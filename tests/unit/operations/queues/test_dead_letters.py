"""Looking into a dead-letter queue takes nothing out, and shows what is in it without baring it."""

import json

import pytest

from operations.queues import command
from operations.queues.dead_letters import event_of, parse, peek, upload_of
from tests.unit.operations.imports.import_reports import envelope, event


def test_looking_takes_nothing_out_and_hides_nothing(world):
    ids = {world.put(json.dumps({"orderId": f"o-{n}"})) for n in range(25)}
    report = world.run(command.show)
    assert {message["messageId"] for message in report["messages"]} == ids
    assert report["more"] == report["inFlight"] == 0
    assert "DeleteMessage" not in world.calls and "DeleteMessageBatch" not in world.calls
    assert {message["MessageId"] for message in world.messages("OrderQueueDLQ")} == ids


def test_whatever_ends_it_what_was_received_is_visible_again(world):
    for n in range(15):
        world.put(str(n))

    def interrupt():
        raise KeyboardInterrupt

    queue = world.queue("OrderQueueDLQ")
    world.during["ReceiveMessage"] = lambda: world.during.update(ReceiveMessage=interrupt)
    with pytest.raises(KeyboardInterrupt):
        peek(world.sqs, queue.url, 50)
    assert len(world.messages("OrderQueueDLQ")) == 15


def test_it_is_bounded_and_says_how_many_more(world, monkeypatch):
    monkeypatch.setattr(command, "SHOWN", 12)
    for n in range(15):
        world.put(str(n))
    report = world.run(command.show)
    assert (len(report["messages"]), report["more"]) == (12, 3)
    assert "about 3 more" in world.said.getvalue()


def test_a_message_received_twice_is_shown_once_and_ends_it(aws):
    message = {"MessageId": "m", "ReceiptHandle": "r1", "Body": "{}", "Attributes": {"SentTimestamp": "0"}}
    for number in "12":
        answer = {"Messages": [message | {"ReceiptHandle": f"r{number}"}]}
        aws.stub("sqs").add_response("receive_message", answer)
    entries = [{"Id": "0", "ReceiptHandle": "r2", "VisibilityTimeout": 0}]
    aws.stub("sqs").add_response(
        "change_message_visibility_batch", {"Successful": [], "Failed": []}, {"QueueUrl": "u", "Entries": entries}
    )
    assert len(peek(aws.client("sqs"), "u", 50)) == 1
    aws.done()


def test_bodies_are_in_the_document_and_not_on_the_terminal(world):
    body = json.dumps({"orderId": "o-1", "customer": "Ada Secret"})
    world.put(body, rejectionReason="invalid_request", rejectionDetail="items: is required")
    report = world.run(command.show)
    said = world.said.getvalue()
    assert "invalid_request: items: is required" in said and "order o-1" in said and f"{len(body)} bytes" in said
    assert "Ada" not in said
    assert report["messages"][0]["body"] == body


def test_a_message_of_several_orders_names_them_with_their_number(world):
    """One that failed five times is moved as a whole."""
    ids = [f"o-{n}" for n in range(25)]
    world.put(json.dumps({"format": 2, "orders": [{"orderId": order_id} for order_id in ids]}))
    world.put(json.dumps({"format": 9, "orders": [{"orderId": "a"}, {"orderId": 7}, 7]}))
    world.put(json.dumps({"format": 2, "orders": [{}, 7]}))
    listed = {message["orderIds"][0]: message for message in world.run(command.show)["messages"]}
    said = world.said.getvalue()
    assert "  25 orders: o-0, o-1, o-2, o-3, o-4 and 20 more" in said
    assert "  3 orders: a and 2 more" in said
    assert "  2 orders: without an id " in said
    assert listed["o-0"]["orderIds"] == ids and listed["o-0"]["orderId"] is None
    assert listed["a"]["orderIds"] == ["a", None, None]


def test_a_message_of_one_order_names_it_in_both_fields(world):
    world.put(json.dumps({"orderId": "o-1"}))
    (message,) = world.run(command.show)["messages"]
    assert (message["orderId"], message["orderIds"]) == ("o-1", ["o-1"])


@pytest.mark.parametrize("orders, named", [([{"orderId": "a", "laterTip": 1}], True), ([{"orderId": "a"}], False)])
def test_a_message_with_an_order_of_a_newer_version_says_so(orders, named):
    shown = parse(
        {
            "MessageId": "m",
            "Body": json.dumps({"format": 2, "orders": [{}, *orders]}),
            "Attributes": {"DeadLetterQueueSourceArn": "arn"},
        }
    )
    assert ("deploy one that can, then redrive" in shown.detail) is named


def test_an_empty_queue_says_so(world):
    assert world.run(command.show)["messages"] == []
    assert "OrderQueueDLQ is empty" in world.said.getvalue()


def test_messages_in_flight_are_noted(world):
    world.put("{}")
    world.sqs.receive_message(QueueUrl=world.queue("OrderQueueDLQ").url)
    assert world.run(command.show)["inFlight"] == 1
    assert "1 message in flight" in world.said.getvalue()


STREAM_ENVELOPE = {
    "requestContext": {"requestId": "r-1", "condition": "RetryAttemptsExhausted"},
    "responseContext": {"statusCode": 200, "functionError": "Unhandled"},
    "DDBStreamBatchInfo": {
        "shardId": "shardId-1",
        "startSequenceNumber": "100",
        "endSequenceNumber": "102",
        "batchSize": 3,
    },
}
TEXT = {"DataType": "String"}


@pytest.mark.parametrize(
    "attributes, body, system, reason, detail",
    [
        ({"rejectionReason": "conflict", "rejectionDetail": "d"}, "not JSON", {}, "conflict", "d"),
        (
            {},
            '{"format": 9}',
            {"DeadLetterQueueSourceArn": "arn"},
            "received too often",
            "the local version cannot read it (format: is newer than 2, the newest that this version reads):"
            " deploy one that can, then redrive",
        ),
        ({"RequestID": "r-1", "ErrorMessage": "boom"}, "[]", {}, "invocation failed", "boom, request r-1"),
        (
            {},
            json.dumps(STREAM_ENVELOPE),
            {},
            "RetryAttemptsExhausted",
            "Unhandled, request r-1, records 3, shard shardId-1, from 100, to 102",
        ),
        (
            {},
            '{"requestContext": {"condition": "RetriesExhausted"}, "responsePayload": {"errorMessage": "boom"}}',
            {},
            "RetriesExhausted",
            "boom",
        ),
        (
            {},
            envelope(),
            {},
            "RetriesExhausted",
            "orders/a.csv (123 bytes), QueueUnavailable: boom, request r-1",
        ),
        (
            {"RULE_ARN": "a", "TARGET_ARN": "b", "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not allowed"},
            json.dumps(event()),
            {},
            "NO_PERMISSIONS",
            "orders/a.csv (123 bytes), not allowed",
        ),
        (
            {"RULE_ARN": "a", "EXHAUSTED_RETRY_CONDITION": "MaximumEventAgeInSeconds"},
            "{}",
            {},
            "not delivered",
            "MaximumEventAgeInSeconds",
        ),
        (
            {},
            "{}",
            {"DeadLetterQueueSourceArn": "arn"},
            "received too often",
            "its consumer failed each time; see the log",
        ),
        ({}, '{"requestContext": 1, "orderId": 2}', {}, "no reason given", ""),
    ],
)
def test_the_reason_is_found_wherever_it_is_said(attributes, body, system, reason, detail):
    given = {name: TEXT | {"StringValue": value} for name, value in attributes.items()}
    shown = parse({"MessageId": "m", "Body": body, "Attributes": system, "MessageAttributes": given})
    assert (shown.reason, shown.detail, shown.orders) == (reason, detail, (None,))
    assert shown.rejected is ("rejectionReason" in attributes)


def test_what_a_sender_wrote_cannot_drive_the_terminal():
    given = {"rejectionReason": TEXT | {"StringValue": "\x1b[2J" + "x" * 1000}}
    shown = parse({"MessageId": "m", "Body": '{"orderId": "\\u001b]0;x"}', "MessageAttributes": given})
    assert shown.reason.startswith("?[2Jxxx") and len(shown.reason) == 301
    assert shown.orders == ("?]0;x",)


def test_the_event_that_failed_is_found_in_either_shape():
    assert event_of(envelope(continuation={"byte": 7})) == event() | {"continuation": {"byte": 7}}
    assert event_of(json.dumps(event())) == event()
    assert upload_of(envelope("orders/é", "v2")) == {"key": "orders/é", "size": 123, "version-id": "v2"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{}",
        '{"requestPayload": null}',
        '{"requestPayload": [1]}',
        '{"detail": "x"}',
        '{"detail": {"object": 1}}',
    ],
)
def test_what_is_no_uploads_event_is_told_apart(body):
    assert upload_of(body) == {}
    assert (event_of(body) is None) is ("object" not in body)
