"""The poller that other tests rely on does what AWS documents."""

import pytest

from tests.unit.handlers.stream_poller import StreamPoller, number


def shard(count):
    return [{"eventSourceARN": "arn", "dynamodb": {"SequenceNumber": str(900 + n)}} for n in range(count)]


def failures(*numbers):
    return {"batchItemFailures": [{"itemIdentifier": each} for each in numbers]}


def ranges(poller):
    infos = [each["DDBStreamBatchInfo"] for each in poller.discarded]
    return [(info["startSequenceNumber"], info["endSequenceNumber"], info["batchSize"]) for info in infos]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_success(answer):
    poller = StreamPoller(lambda event, context: answer, batch_size=2)
    poller.run(shard(5))
    assert poller.invocations == [["900", "901"], ["902", "903"], ["904"]]
    assert poller.discarded == []


def test_a_partial_failure_resumes_from_the_lowest_number():
    answers = iter([failures("902", "901"), failures("999999999999999999999"), failures()])
    poller = StreamPoller(lambda event, context: next(answers))
    poller.run(shard(3))
    assert poller.invocations == [["900", "901", "902"], ["901", "902"], ["901", "902"]]


@pytest.mark.parametrize("identifier", [None, "", "unknown"])
def test_a_malformed_answer_is_a_complete_failure_until_the_retries_are_used_up(identifier):
    poller = StreamPoller(lambda event, context: failures(identifier), retries=2)
    poller.run(shard(2))
    assert poller.invocations == [["900", "901"]] * 3
    assert ranges(poller) == [("900", "901", 2)]


def test_a_failing_function_has_its_batch_halved_until_the_poison_is_alone():
    done = []

    def handler(event, context):
        numbers = [number(record) for record in event["Records"]]
        if "902" in numbers:
            raise RuntimeError
        done.extend(numbers)

    poller = StreamPoller(handler, retries=2)
    poller.run(shard(6))
    assert done == ["900", "901", "903", "904", "905"]
    assert ranges(poller) == [("902", "902", 1)]
    assert poller.invocations.count(["902"]) == 3


def test_without_bisecting_a_complete_batch_is_lost():
    def handler(event, context):
        raise RuntimeError

    poller = StreamPoller(handler, retries=1, bisect=False)
    poller.run(shard(3))
    assert ranges(poller) == [("900", "902", 3)]
    assert len(poller.invocations) == 2


def test_a_later_batch_waits_for_an_earlier_one():
    answers = iter([failures("900"), failures("901"), None, None])
    poller = StreamPoller(lambda event, context: next(answers), batch_size=2)
    poller.run(shard(4))
    assert poller.invocations == [["900", "901"], ["900", "901"], ["901"], ["902", "903"]]
