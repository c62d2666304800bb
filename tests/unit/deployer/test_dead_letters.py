"""Looking into a dead-letter queue takes nothing out; sending back loses nothing, whatever ends it."""

import io
import json
from collections import Counter

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from deployer import cli, connection, dead_letters, queue_commands, queues, redrive, session
from deployer.dead_letters import letter, peek
from deployer.errors import Exit, Failure
from deployer.execution import Pace
from deployer.pipeline import Options
from deployer.queues import Queue
from deployer.ui import Ui

FAST = Pace(0, 0, 0.05)
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793"
DATA = {
    "Resources": {
        "OrderQueueDLQ": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "OrderEventsDLQ": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "OrderQueue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["OrderQueueDLQ", "Arn"]},
                    "maxReceiveCount": 5,
                }
            },
        },
    }
}
ROOT = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "DataStack": {
            "Type": "AWS::CloudFormation::Stack",
            "Properties": {"TemplateURL": "https://templates.s3.amazonaws.com/data"},
        },
    }
}


class World:
    """An environment in memory. What `during[operation]` holds is called once, before that call is answered."""

    def __init__(self, aws):
        self.aws, self.sqs, self.said = aws, aws.client("sqs"), io.StringIO()
        self.calls, self.during, self.sent = [], {}, []
        self.sqs.meta.events.register("provide-client-params.sqs", self._record)
        self.sqs.list_message_move_tasks = self._unknown

    def deploy(self):
        boto3.client("s3").create_bucket(Bucket="templates")
        boto3.client("s3").put_object(Bucket="templates", Key="data", Body=json.dumps(DATA))
        boto3.client("cloudformation").create_stack(StackName="food-delivery-dev", TemplateBody=json.dumps(ROOT))

    def _record(self, model, params, **_):
        self.calls.append(model.name)
        self.sent += params["Entries"] if model.name == "SendMessageBatch" else []
        self.during.pop(model.name, lambda: None)()

    @staticmethod
    def _unknown(**_):
        raise ClientError({"Error": {"Code": "InvalidAction", "Message": "not valid"}}, "ListMessageMoveTasks")

    def queue(self, name):
        return queues.of_environment(self.aws, session_environment())[name]

    def put(self, body, name="OrderQueueDLQ", trace=None, **attributes):
        system = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}} if trace else {}
        values = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        url = self.queue(name).url
        return self.sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageAttributes=values, MessageSystemAttributes=system
        )["MessageId"]

    def messages(self, name):
        found = []
        while batch := self.sqs.receive_message(
            QueueUrl=self.queue(name).url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            found += batch
        return found

    def bodies(self, name):
        return Counter(message["Body"] for message in self.messages(name))

    def run(self, command, name="OrderQueueDLQ", **options):
        options = Options(**{"env": "dev", "yes": True} | options)
        return command(name, options, Ui(self.said, interactive=False), None)

    def refused(self, command, name="OrderQueueDLQ", **options):
        with pytest.raises(Failure) as failure:
            self.run(command, name, **options)
        assert "\n" not in failure.value.message
        return failure.value


def session_environment():
    from config.environment import load

    return load("dev")


@pytest.fixture
def bare(dev, monkeypatch):
    with mock_aws():
        aws = session.connect(dev)
        aws.local = True  # for its short pauses
        monkeypatch.setattr(connection, "connect", lambda *arguments: aws)
        receive = dead_letters.receive

        def impatient(sqs, url, most, hold):
            """moto really waits."""
            return receive(_Impatient(sqs), url, most, hold)

        monkeypatch.setattr(dead_letters, "receive", impatient)
        monkeypatch.setattr(redrive, "receive", impatient)
        yield World(aws)


class _Impatient:
    def __init__(self, sqs):
        self.sqs = sqs

    def receive_message(self, WaitTimeSeconds, **arguments):
        assert WaitTimeSeconds
        return self.sqs.receive_message(**arguments)


@pytest.fixture
def world(bare):
    bare.deploy()
    return bare


# --- which queue --------------------------------------------------------------------------------------


def test_queues_are_found_through_nested_stacks(world):
    found = queues.of_environment(world.aws, session_environment())
    assert set(found) == {"OrderQueue", "OrderQueueDLQ", "OrderEventsDLQ"}
    assert queues.source_of(found, found["OrderQueueDLQ"]).logical_id == "OrderQueue"


def test_not_deployed_is_told_with_the_place_that_was_looked_at(bare):
    failure = bare.refused(queue_commands.show)
    assert failure.code is Exit.PREFLIGHT
    assert "dev is not deployed in account 123456789012, us-east-1" in failure.message


def test_an_unknown_queue_names_the_known_ones(world):
    failure = world.refused(queue_commands.show, "Orders")
    assert failure.code is Exit.USAGE and "'Orders'" in failure.message
    assert failure.hint == "its dead-letter queues: OrderEventsDLQ, OrderQueueDLQ"


def test_case_does_not_matter(world):
    assert world.run(queue_commands.show, "orderqueuedlq")["queue"] == "OrderQueueDLQ"


@pytest.mark.parametrize("command", [queue_commands.show, queue_commands.send_back])
def test_a_queue_in_use_is_not_received_from(world, command):
    world.put("{}", "OrderQueue")
    failure = world.refused(command, "OrderQueue")
    assert failure.code is Exit.USAGE and "OrderQueue is no dead-letter queue" in failure.message
    assert "ReceiveMessage" not in world.calls


def test_a_queue_that_functions_send_to_says_what_to_do_instead(world):
    world.put("{}", "OrderEventsDLQ")
    failure = world.refused(queue_commands.send_back, "OrderEventsDLQ")
    assert failure.code is Exit.USAGE and "cannot be redriven" in failure.message
    assert "read the log of orders-events" in failure.hint
    assert "ReceiveMessage" not in world.calls


# --- looking --------------------------------------------------------------------------------------------


def test_looking_takes_nothing_out_and_hides_nothing(world):
    ids = {world.put(json.dumps({"orderId": f"o-{n}"})) for n in range(25)}
    report = world.run(queue_commands.show)
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
    monkeypatch.setattr(queue_commands, "SHOWN", 12)
    for n in range(15):
        world.put(str(n))
    report = world.run(queue_commands.show)
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
    report = world.run(queue_commands.show)
    said = world.said.getvalue()
    assert "invalid_request: items: is required" in said and "order o-1" in said and f"{len(body)} bytes" in said
    assert "Ada" not in said
    assert report["messages"][0]["body"] == body


def test_an_empty_queue_says_so(world):
    assert world.run(queue_commands.show)["messages"] == []
    assert "OrderQueueDLQ is empty" in world.said.getvalue()


def test_messages_in_flight_are_noted(world):
    world.put("{}")
    world.sqs.receive_message(QueueUrl=world.queue("OrderQueueDLQ").url)
    assert world.run(queue_commands.show)["inFlight"] == 1
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
    shown = letter({"MessageId": "m", "Body": body, "Attributes": system, "MessageAttributes": given})
    assert (shown.reason, shown.detail, shown.order_id) == (reason, detail, None)
    assert shown.rejected is ("rejectionReason" in attributes)


def test_what_a_sender_wrote_cannot_drive_the_terminal():
    given = {"rejectionReason": TEXT | {"StringValue": "\x1b[2J" + "x" * 1000}}
    shown = letter({"MessageId": "m", "Body": '{"orderId": "\\u001b]0;x"}', "MessageAttributes": given})
    assert shown.reason.startswith("?[2Jxxx") and len(shown.reason) == 301
    assert shown.order_id == "?]0;x"


# --- sending back, by hand ----------------------------------------------------------------------------


def test_all_go_back_with_their_attributes_and_without_their_rejection(world):
    for n in range(23):
        world.put(f"{n}", trace=TRACE, priority="high", rejectionReason="conflict", rejectionDetail="d")
    report = world.run(queue_commands.send_back)
    assert report == {"result": "moved", "queue": "OrderQueueDLQ", "moved": 23, "remaining": 0}
    back = world.messages("OrderQueue")
    assert sorted(int(message["Body"]) for message in back) == list(range(23))
    assert all(set(message["MessageAttributes"]) == {"priority"} for message in back)
    traces = [entry["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"] for entry in world.sent]
    assert traces == [TRACE] * 23  # moto forgets those of a batch
    said = world.said.getvalue()
    assert "23 conflict (rejected for good)" in said and "comes straight back" in said
    assert "moved 23 of about 23" in said


def test_binary_attributes_go_along(world):
    attributes = {"b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    world.sqs.send_message(QueueUrl=world.queue("OrderQueueDLQ").url, MessageBody="x", MessageAttributes=attributes)
    world.run(queue_commands.send_back)
    assert world.messages("OrderQueue")[0]["MessageAttributes"] == attributes


def test_large_messages_go_one_by_one(world):
    for _ in range(3):
        world.put("x" * 200_000)
    assert world.run(queue_commands.send_back)["moved"] == 3
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
        report = world.run(queue_commands.send_back)
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
    failure = world.refused(queue_commands.send_back)
    assert failure.code is Exit.FAILED and "3 messages were moved, but 2 could not be sent and 0" in failure.message
    back, kept = world.bodies("OrderQueue"), world.bodies("OrderQueueDLQ")
    assert back.total() == 3 and back + kept == Counter("01234")


def test_a_failed_deletion_is_tried_again_and_told_if_it_stays(world):
    for n in range(3):
        world.put(str(n))
    partly(world.sqs, "delete_message_batch", {"0"})
    assert world.run(queue_commands.send_back)["remaining"] == 0
    world.put("4")
    partly(world.sqs, "delete_message_batch", {"0"}, {"0"})
    failure = world.refused(queue_commands.send_back)
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
    failure = world.refused(queue_commands.send_back)
    assert failure.code is Exit.PREFLIGHT and "10 messages were moved before" in failure.message
    assert (world.bodies("OrderQueue").total(), world.bodies("OrderQueueDLQ").total()) == (10, 5)


# --- asking -------------------------------------------------------------------------------------------


def test_nobody_to_ask_is_refused_before_anything(world):
    world.put("{}")
    world.calls.clear()
    assert world.refused(queue_commands.send_back, yes=False).code is Exit.REFUSED
    assert world.calls == []


@pytest.mark.parametrize("answer", [True, False])
def test_the_answer_decides_and_the_question_has_the_number(world, monkeypatch, answer):
    world.put("{}")
    asked = []
    monkeypatch.setattr(queue_commands, "can_ask", lambda: True)
    monkeypatch.setattr(queue_commands, "ask", lambda question: asked.append(question) or answer)
    if answer:
        assert world.run(queue_commands.send_back, yes=False)["moved"] == 1
    else:
        assert world.refused(queue_commands.send_back, yes=False).code is Exit.REFUSED
        assert "SendMessageBatch" not in world.calls
    assert asked == ["Move about 1 messages from OrderQueueDLQ to OrderQueue?"]


def test_an_empty_queue_is_not_asked_about(world, monkeypatch):
    monkeypatch.setattr(queue_commands, "can_ask", lambda: True)
    monkeypatch.setattr(queue_commands, "ask", lambda question: pytest.fail("asked"))
    assert world.run(queue_commands.send_back, yes=False)["moved"] == 0


# --- sending back, by SQS -----------------------------------------------------------------------------

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
    with pytest.raises(Failure, match="no longer tells") as failure:
        redrive.run(sqs, DLQ, SOURCE, 8, lambda *_: None, FAST)
    assert failure.value.code is Exit.FAILED and "goes on by itself" in failure.value.hint


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


# --- the command line -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--dlq", "Q", "--redrive", "Q"],
        ["--dlq", "Q", "--plan"],
        ["--redrive", "Q", "--allow-replace", "X"],
        ["--dlq", "Q", "--local", "--stop"],
        ["--redrive", "Q", "--outputs-file", "f"],
    ],
)
def test_what_does_not_go_together_is_refused(capsys, arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(["--env", "dev", *arguments])
    assert end.value.code == Exit.USAGE
    assert "do not go together" in capsys.readouterr().err


def test_the_document_is_alone_on_stdout(world, capsys):
    world.put('{"orderId": "o-1"}')
    assert cli.main(["--env", "dev", "--dlq", "OrderQueueDLQ", "--output", "json"]) == Exit.OK
    said = capsys.readouterr()
    assert json.loads(said.out)["messages"][0]["orderId"] == "o-1"
    assert "holds 1 message" in said.err


def test_redrive_from_the_command_line(world, capsys):
    world.put("{}")
    assert cli.main(["--env", "dev", "--redrive", "OrderQueueDLQ", "--yes"]) == Exit.OK
    assert "Moved      1 to OrderQueue; about 0 are in OrderQueueDLQ" in capsys.readouterr().out
