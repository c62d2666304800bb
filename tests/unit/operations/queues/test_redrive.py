"""Sending dead letters back loses nothing, whatever ends it: by hand, and by a move of SQS."""

import json
from collections import Counter

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from deployer.aws.waiting import PollingConfig
from deployer.errors import Exit, Failure
from operations.queues import command, redrive
from operations.queues.dead_letters import upload_of
from operations.queues.lookup import Queue
from tests.unit.operations.imports.import_reports import envelope, event

FAST = PollingConfig(0, 0, 0.05)
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793"


# --- by hand ----------------------------------------------------------------------------


def test_all_go_back_with_their_attributes_and_without_their_rejection(world):
    for n in range(23):
        world.put(f"{n}", trace=TRACE, priority="high", rejectionReason="conflict", rejectionDetail="d")
    report = world.run(command.redrive_queue)
    assert report == {"result": "moved", "queue": "OrderQueueDLQ", "moved": 23, "remaining": 0}
    back = world.messages("OrderQueue")
    assert sorted(int(message["Body"]) for message in back) == list(range(23))
    assert all(set(message["MessageAttributes"]) == {"priority"} for message in back)
    traces = [entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"] for entry in world.sent]
    assert traces == [TRACE] * 23  # moto forgets those of a batch
    said = world.said.getvalue()
    assert "23 conflict (rejected permanently)" in said and "return at once" in said
    assert "moved 23 of about 23" in said


def test_binary_attributes_go_along(world):
    attributes = {"b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    world.sqs.send_message(QueueUrl=world.queue("OrderQueueDLQ").url, MessageBody="x", MessageAttributes=attributes)
    world.run(command.redrive_queue)
    assert world.messages("OrderQueue")[0]["MessageAttributes"] == attributes


def test_large_messages_go_one_by_one(world):
    for _ in range(3):
        world.put("x" * 200_000)
    assert world.run(command.redrive_queue)["moved"] == 3
    assert world.calls.count("SendMessageBatch") == 3


def test_messages_that_come_straight_back_are_not_chased(world):
    for n in range(12):
        world.put(str(n))
    send = redrive._send

    def rejected_at_once(sqs, url, messages):
        for message in messages:
            world.put(message["Body"])
        return send(sqs, url, messages)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redrive, "_send", rejected_at_once)
        report = world.run(command.redrive_queue)
    assert (report["moved"], report["remaining"]) == (12, 12)


def partly(sqs, operation, *failing):
    """The client's call, which fails for these Ids on its first, second, ... call."""
    real, rounds = getattr(sqs, operation), [*failing]

    def call(Entries, **arguments):
        bad = rounds.pop(0) if rounds else set()
        good = [entry for entry in Entries if entry["Id"] not in bad]
        answer = real(Entries=good, **arguments) if good else {"Successful": []}
        return answer | {
            "Failed": [{"Id": each, "SenderFault": False, "Code": "InternalError"} for each in sorted(bad)]
        }

    setattr(sqs, operation, call)


def test_what_could_not_be_sent_stays_and_is_visible_again(world):
    for n in range(5):
        world.put(str(n))
    partly(world.sqs, "send_message_batch", {"1", "3"})
    failure = world.refused(command.redrive_queue)
    assert failure.code is Exit.FAILED and "3 messages were moved, but 2 could not be sent and 0" in failure.message
    back, kept = world.bodies("OrderQueue"), world.bodies("OrderQueueDLQ")
    assert back.total() == 3 and back + kept == Counter("01234")


def test_a_failed_deletion_is_tried_again_and_told_if_it_stays(world):
    for n in range(3):
        world.put(str(n))
    partly(world.sqs, "delete_message_batch", {"0"})
    assert world.run(command.redrive_queue)["remaining"] == 0
    world.put("4")
    partly(world.sqs, "delete_message_batch", {"0"}, {"0"})
    failure = world.refused(command.redrive_queue)
    assert "0 could not be sent and 1 not be deleted" in failure.message


@pytest.mark.parametrize("operation", ["ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch"])
def test_an_interruption_loses_nothing(world, operation):
    for n in range(15):
        world.put(str(n))
    queue, source = world.queue("OrderQueueDLQ"), world.queue("OrderQueue")

    def interrupt():
        raise KeyboardInterrupt

    world.during[operation] = lambda: world.during.update({operation: interrupt})
    with pytest.raises(Failure, match="about 10 messages were moved") as failure:
        redrive.run(world.sqs, queue, source, 15, lambda *_: None, FAST)
    assert failure.value.code is Exit.INTERRUPTED
    back, kept = world.bodies("OrderQueue"), world.bodies("OrderQueueDLQ")
    assert set(back | kept) == {str(n) for n in range(15)}
    if operation != "DeleteMessageBatch":
        assert (back.total(), kept.total()) == (10, 5)


def test_an_error_in_the_middle_says_what_was_moved(world):
    for n in range(15):
        world.put(str(n))

    def denied():
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessageBatch")

    world.during["SendMessageBatch"] = lambda: world.during.update(SendMessageBatch=denied)
    failure = world.refused(command.redrive_queue)
    assert failure.code is Exit.PREFLIGHT and "10 messages were moved before" in failure.message
    assert (world.bodies("OrderQueue").total(), world.bodies("OrderQueueDLQ").total()) == (10, 5)


# --- by invoking ------------------------------------------------------------------------


@pytest.fixture
def invoked(world, monkeypatch):
    """The events that Lambda got; it accepts them all."""
    calls = []

    def invoke(FunctionName, InvocationType, Payload):
        assert (FunctionName, InvocationType) == ("orders-import-1:live", "Event")
        calls.append(json.loads(Payload))
        return {"StatusCode": 202}

    monkeypatch.setattr(world.aws.client("lambda"), "invoke", invoke)
    return calls


def test_failed_imports_are_handed_to_the_function_again(world, invoked):
    world.put(envelope("orders/a.csv", continuation={"byte": 7}), "OrderImportDLQ")
    world.put(json.dumps(event("orders/b.csv")), "OrderImportDLQ", RULE_ARN="arn", ERROR_CODE="NO_PERMISSIONS")
    report = world.run(command.redrive_queue, "OrderImportDLQ")
    assert report == {"result": "moved", "queue": "OrderImportDLQ", "moved": 2, "remaining": 0}
    by_key = {each["detail"]["object"]["key"]: each for each in invoked}
    assert by_key == {
        "orders/a.csv": event("orders/a.csv") | {"continuation": {"byte": 7}},
        "orders/b.csv": event("orders/b.csv"),
    }
    assert "Moved      2 to orders-import-1" in world.said.getvalue()


def test_the_question_names_the_function(world, invoked, monkeypatch):
    world.put(envelope(), "OrderImportDLQ")
    asked = []
    monkeypatch.setattr(command, "can_ask", lambda: True)
    monkeypatch.setattr(command, "ask", asked.append)
    assert world.refused(command.redrive_queue, "OrderImportDLQ", yes=False).code is Exit.REFUSED
    assert asked == ["Move about 1 messages from OrderImportDLQ to orders-import-1?"] and invoked == []


def test_what_holds_no_event_stays(world, invoked):
    world.put("no event", "OrderImportDLQ")
    world.put(envelope(), "OrderImportDLQ")
    failure = world.refused(command.redrive_queue, "OrderImportDLQ")
    assert failure.code is Exit.FAILED and "1 messages were moved, but 1 could not be sent" in failure.message
    assert world.bodies("OrderImportDLQ") == Counter(["no event"]) and len(invoked) == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ClientError({"Error": {"Code": "TooMany"}}, "Invoke")])
def test_only_what_lambda_accepted_is_deleted_whatever_ends_it(world, monkeypatch, error):
    for n in range(5):
        world.put(envelope(f"orders/{n}.csv"), "OrderImportDLQ")
    accepted = []

    def invoke(Payload, **_):
        if len(accepted) == 2:
            raise error
        accepted.append(json.loads(Payload)["detail"]["object"]["key"])
        return {"StatusCode": 202}

    monkeypatch.setattr(world.aws.client("lambda"), "invoke", invoke)
    assert "2 messages were moved" in world.refused(command.redrive_queue, "OrderImportDLQ").message
    left = {upload_of(body)["key"] for body in world.bodies("OrderImportDLQ")}
    assert len(left) == 3 and left.isdisjoint(accepted)


# --- by SQS -----------------------------------------------------------------------------

DLQ = Queue("OrderQueueDLQ", "https://sqs/dlq", {"QueueArn": "arn:aws:sqs:us-east-1:1:dlq"})
SOURCE = Queue("OrderQueue", "https://sqs/orders", {"QueueArn": "arn:aws:sqs:us-east-1:1:orders"})
OLD = {"Status": "COMPLETED", "StartedTimestamp": 1, "ApproximateNumberOfMessagesMoved": 99}


def task(status, moved=0, total=8, **more):
    handle = {"TaskHandle": "h"} if status == "RUNNING" else {}
    return {
        "Status": status,
        "StartedTimestamp": 2,
        "ApproximateNumberOfMessagesMoved": moved,
        "ApproximateNumberOfMessagesToMove": total,
        **handle,
        **more,
    }


def move(aws, *answers, number=8):
    """Run against these answers of ListMessageMoveTasks, the first from before the start; what was shown."""
    stub, shown = aws.stub("sqs"), []
    for place, answer in enumerate(answers):
        if isinstance(answer, dict):
            stub.add_response(
                "list_message_move_tasks",
                {"Results": [answer] if answer else []},
                {"SourceArn": DLQ.arn, "MaxResults": 1},
            )
        elif answer == "cancel":
            stub.add_response("cancel_message_move_task", {}, {"TaskHandle": "h"})
        else:
            stub.add_client_error("list_message_move_tasks", answer, "words", 500)
        if place == 0:
            stub.add_response(
                "start_message_move_task", {"TaskHandle": "h"}, {"SourceArn": DLQ.arn, "DestinationArn": SOURCE.arn}
            )

    def on_progress(moved, of):
        shown.append((moved, of))

    return redrive.run(aws.client("sqs"), DLQ, SOURCE, number, on_progress, FAST), shown


def test_a_move_is_followed_to_its_end_and_an_older_one_is_not_taken_for_it(aws):
    outcome, shown = move(aws, OLD, OLD, task("RUNNING", 3), task("RUNNING", 6), task("COMPLETED", 8))
    assert outcome == redrive.Outcome(8) and shown == [(3, 8), (6, 8), (8, 8)]
    aws.done()


def test_a_move_without_a_start_time_is_known_by_its_handle(aws):
    running = {"Status": "RUNNING", "TaskHandle": "h"}
    assert move(aws, {}, {}, running, {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 8})[0].moved == 8


def test_a_servers_bad_moment_is_put_up_with(aws):
    assert move(aws, {}, "InternalError", task("COMPLETED", 8))[0].moved == 8


def test_silence_for_good_says_that_the_move_goes_on(aws, monkeypatch):
    sqs = aws.client("sqs")
    answers = iter([{}])

    def silent(queue_client, queue):
        for answer in answers:
            return answer
        raise EndpointConnectionError(endpoint_url="https://sqs")

    monkeypatch.setattr(redrive, "_newest", silent)
    aws.stub("sqs").add_response("start_message_move_task", {"TaskHandle": "h"})
    with pytest.raises(Failure, match="stopped reporting") as failure:
        redrive.run(sqs, DLQ, SOURCE, 8, lambda *_: None, FAST)
    assert failure.value.code is Exit.FAILED and "the move continues" in failure.value.hint


@pytest.mark.parametrize(
    "status, reason, said",
    [("FAILED", "AccessDenied", r"after 3 messages \(FAILED\): AccessDenied"), ("CANCELLED", None, "CANCELLED")],
)
def test_a_move_that_ends_early_says_why_and_how_far_it_came(aws, status, reason, said):
    more = {"FailureReason": reason} if reason else {}
    with pytest.raises(Failure, match=said) as failure:
        move(aws, {}, task("RUNNING", 1), task(status, 3, **more))
    assert failure.value.code is Exit.FAILED


def test_a_move_that_chases_its_own_messages_is_ended(aws):
    answers = [{}, task("RUNNING", 8), task("RUNNING", 9), "cancel", task("CANCELLING", 10), task("CANCELLED", 10)]
    assert move(aws, *answers)[0].moved == 10
    aws.done()


def test_one_move_at_a_time(aws):
    with pytest.raises(Failure, match="being redriven already: 3") as failure:
        move(aws, task("RUNNING", 3))
    assert failure.value.code is Exit.PREFLIGHT


def test_an_interruption_ends_the_move(aws):
    stub = aws.stub("sqs")
    stub.add_response("list_message_move_tasks", {"Results": []})
    stub.add_response("start_message_move_task", {"TaskHandle": "h"})
    stub.add_response("list_message_move_tasks", {"Results": [task("RUNNING", 3)]})
    stub.add_response("cancel_message_move_task", {}, {"TaskHandle": "h"})

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(Failure, match="about 3 messages were moved") as failure:
        redrive.run(aws.client("sqs"), DLQ, SOURCE, 8, interrupt, FAST)
    assert failure.value.code is Exit.INTERRUPTED
    aws.done()


def test_a_missing_permission_is_no_missing_operation(aws):
    aws.stub("sqs").add_client_error("list_message_move_tasks", "AccessDenied", "no", 403)
    with pytest.raises(ClientError):
        redrive.run(aws.client("sqs"), DLQ, SOURCE, 8, lambda *_: None, FAST)
