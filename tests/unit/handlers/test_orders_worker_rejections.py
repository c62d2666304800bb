"""Messages that the worker rejects, over moto: unchanged in the dead-letter queue with a reason, or received again."""

import pytest
from botocore.exceptions import ClientError

from tests.unit.handlers.pipeline import DOWN, message, record


def test_a_rejected_message_keeps_its_body_and_attributes(pipeline):
    own = {"priority": "high", "source": "pipeline", "correlationId": "request-1", "binary": b"\x00\xff"}
    assert pipeline.work_on([record(" {not json} ", own)]) == []
    (dead_letter,) = pipeline.dead_letters()
    assert dead_letter["Body"] == " {not json} "
    values = {
        name: each.get("StringValue", each.get("BinaryValue"))
        for name, each in dead_letter["MessageAttributes"].items()
    }
    assert values == {**own, "rejectionReason": "invalid_request", "rejectionDetail": "body: must be valid JSON"}


def test_a_rejected_message_keeps_its_trace(pipeline, monkeypatch):
    sent = []
    monkeypatch.setattr(pipeline.sqs, "send_message_batch", lambda **request: sent.append(request) or {})
    pipeline.work("{")
    (entry,) = sent[0]["Entries"]
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    assert entry["MessageSystemAttributes"] == {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}


def test_a_message_put_back_and_rejected_again_has_its_latest_reason(pipeline):
    attributes = {f"a{n}": "x" for n in range(7)} | {"rejectionReason": "old", "rejectionDetail": "old", "z": "x"}
    pipeline.work_on([record("{", attributes)])
    (dead_letter,) = pipeline.dead_letters()
    assert dead_letter["MessageAttributes"]["rejectionReason"]["StringValue"] == "invalid_request"
    assert len(dead_letter["MessageAttributes"]) == 10


def test_reasons_are_short_and_repeat_no_value(pipeline):
    secret = "Planted-Value-7c1"
    pipeline.work(message("ORD-1", items=[{"productId": f"{secret} x", "quantity": 0}] * 100))
    (dead_letter,) = pipeline.dead_letters()
    detail = dead_letter["MessageAttributes"]["rejectionDetail"]["StringValue"]
    assert len(detail) == 256 and secret not in detail


@pytest.mark.parametrize("failure", [*DOWN[:3], ClientError({"Error": {"Code": "AccessDenied"}}, "x")], ids=repr)
def test_a_message_that_the_dead_letter_queue_refuses_is_retried(pipeline, monkeypatch, failure):
    tries = []

    def fail(**request):
        tries.append(len(request["Entries"]))
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.sqs, "send_message_batch", fail)
        assert pipeline.work(message("ORD-1"), *["{"] * 25) == list(range(1, 26))
    assert set(pipeline.orders()) == {"ORD-1"}
    assert tries[0] == 10 and (len(tries) == 1 or tries[3:] == [1] * 25)


def test_entries_that_the_dead_letter_queue_refuses_are_tried_again(pipeline, monkeypatch):
    real = pipeline.sqs.send_message_batch

    def one_refused(**request):
        kept = [entry for entry in request["Entries"] if entry["MessageBody"] != "{2"]
        answer = real(QueueUrl=request["QueueUrl"], Entries=kept)
        refused = [entry for entry in request["Entries"] if entry not in kept]
        return {
            **answer,
            "Failed": [{"Id": each["Id"], "SenderFault": False, "Code": "InternalError"} for each in refused],
        }

    monkeypatch.setattr(pipeline.sqs, "send_message_batch", one_refused)
    assert pipeline.work("{0", "{1", "{2", "{3") == [2]
    assert len(pipeline.reasons()) == 3


def test_one_message_that_cannot_be_sent_does_not_block_the_others(pipeline, monkeypatch):
    real = pipeline.sqs.send_message_batch

    def picky(**request):
        if any(entry["MessageBody"] == "{2" for entry in request["Entries"]):
            raise ClientError({"Error": {"Code": "InvalidParameterValue"}}, "SendMessageBatch")
        return real(**request)

    monkeypatch.setattr(pipeline.sqs, "send_message_batch", picky)
    assert pipeline.work("{0", "{1", "{2", "{3") == [2]
    assert len(pipeline.reasons()) == 3


def test_large_messages_share_no_call_and_one_too_large_for_its_reason_stays(pipeline, monkeypatch):
    sent = []

    def send(**request):
        sizes = [len(entry["MessageBody"]) for entry in request["Entries"]]
        assert sum(sizes) < 1_048_576
        sent.append(sizes)
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    monkeypatch.setattr(pipeline.sqs, "send_message_batch", send)
    sizes = [1_048_576, 1_000_000, 200_000, 200_000, 30_000, 10]
    assert pipeline.work(*["{" * size for size in sizes]) == [0]
    assert sent == [[1_000_000], [200_000], [200_000, 30_000, 10]]
