"""Many messages to a queue: each accepted or returned, in full calls, several at once, and no call left running."""

import threading
import time
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import clients, queue_batches
from handlers.queue_batches import BatchEntry, Refusal, Undelivered, chunks, send, size_of
from tests.unit.handlers.importing import failure, sqs_failure
from tests.unit.handlers.pipeline import DOWN

ENTRY = {"MessageAttributes": {}, "MessageSystemAttributes": {}}


def entries_of(number, body="x"):
    return [BatchEntry({**ENTRY, "Id": str(n), "MessageBody": body}, n) for n in range(number)]


class Queue:
    """SQS: `answer`, called with the entries of each call, decides; by default it accepts all."""

    def __init__(self, answer=lambda entries: None):
        self.calls, self.taken, self.most = [], [], 0
        self.answer, self._now, self._lock = answer, 0, threading.Lock()

    def send_message_batch(self, QueueUrl, Entries):
        with self._lock:
            self.calls.append(len(Entries))
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            failed = self.answer(Entries) or []
        finally:
            with self._lock:
                self._now -= 1
        lost = {each["Id"] for each in failed}
        self.taken += [entry["Id"] for entry in Entries if entry["Id"] not in lost]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries if entry["Id"] not in lost], "Failed": failed}


def deliver(queue, given_letters, seconds=5.0):
    threads = threading.active_count()
    try:
        return send(queue, "url", given_letters, time.monotonic() + seconds)
    finally:
        assert threading.active_count() == threads


def test_all_are_sent_ten_in_a_call():
    queue = Queue()
    assert deliver(queue, entries_of(35)) == []
    assert sorted(map(int, queue.taken)) == list(range(35))
    assert sorted(queue.calls) == [5, 10, 10, 10]


def test_nothing_to_send_is_no_call():
    queue = Queue()
    assert deliver(queue, []) == [] and queue.calls == []


def test_large_messages_share_no_call():
    queue = Queue()
    deliver(queue, entries_of(5, "x" * 100_000))
    assert sorted(queue.calls) == [1, 2, 2]


@settings(deadline=None)
@given(st.lists(st.integers(0, 300_000), max_size=40))
def test_calls_are_as_full_as_the_limits_allow_and_keep_the_order(sizes):
    found = list(chunks(sizes, lambda size: size))
    assert [size for chunk in found for size in chunk] == sizes
    for chunk in found:
        assert len(chunk) == 1 or (len(chunk) <= 10 and sum(chunk) <= queue_batches.CALL_BYTES)
    for chunk, after in pairwise(found):
        assert len(chunk) == 10 or sum(chunk) + after[0] > queue_batches.CALL_BYTES


def test_the_size_of_a_message_counts_body_names_types_and_values():
    attributes = {"ä": {"DataType": "String", "StringValue": "öö"}, "b": {"DataType": "Binary", "BinaryValue": b"123"}}
    assert size_of({"MessageBody": "äx", "MessageAttributes": attributes}) == 3 + (2 + 6 + 4) + (1 + 6 + 3)


def test_ten_calls_run_at_once_and_no_more():
    together = threading.Barrier(clients.CONNECTIONS, timeout=5)
    queue = Queue(lambda entries: together.wait() and None)
    deliver(queue, entries_of(300))
    assert queue.most == clients.CONNECTIONS == 10


def test_entries_are_drawn_no_faster_than_they_can_be_sent():
    open_, drawn = threading.Event(), []

    def source():
        for entry in entries_of(1_000):
            drawn.append(entry)
            yield entry

    queue = Queue(lambda entries: open_.wait(5) and None)
    sender = threading.Thread(target=send, args=(queue, "url", source(), time.monotonic() + 5))
    sender.start()
    while len(drawn) < 10 * queue_batches.CONCURRENT_CALLS:
        time.sleep(0.001)
    time.sleep(0.05)
    waiting = len(drawn)
    open_.set()
    sender.join()
    assert waiting <= 10 * (queue_batches.CONCURRENT_CALLS + 1) + 1
    assert len(queue.taken) == 1_000


@pytest.mark.parametrize("error", [*DOWN, failure("KmsThrottled")], ids=repr)
def test_a_call_with_a_transient_failure_is_retried(error):
    outages = [error] * 3

    def answer(entries):
        if outages:
            raise outages.pop()

    queue = Queue(answer)
    assert deliver(queue, entries_of(20)) == []
    assert sorted(map(int, queue.taken)) == list(range(20)) and len(queue.calls) == 5


@pytest.mark.parametrize(
    "code, sender",
    [
        ("InternalError", False),
        ("ServiceUnavailable", False),
        ("RequestThrottled", True),
        ("KMS.ThrottlingException", True),
        ("AccessDenied", True),
        ("KmsDisabled", True),
    ],
)
def test_only_the_entries_that_failed_are_sent_again(code, sender):
    seen = []

    def answer(entries):
        seen.append([entry["Id"] for entry in entries])
        return [sqs_failure(entry, code, sender) for entry in entries if entry["Id"] in "37"] if len(seen) < 3 else []

    queue = Queue(answer)
    assert deliver(queue, entries_of(10)) == []
    assert [len(each) for each in seen] == [10, 2, 2] and sorted(queue.taken) == list("0123456789")


def test_an_entry_missing_in_the_response_is_not_taken_for_sent():
    queue, answers = Queue(), [{}, {"Successful": [{"Id": "0"}]}]
    real = queue.send_message_batch
    queue.send_message_batch = lambda **request: answers.pop(0) if answers else real(**request)
    assert deliver(queue, entries_of(2)) == []
    assert queue.taken == ["1"]


def test_an_entry_refused_by_sqs_is_returned_with_the_reason_and_the_rest_is_sent():
    def answer(entries):
        return [sqs_failure(entry, "InvalidMessageContents", True) for entry in entries if int(entry["Id"]) % 10 == 3]

    queue = Queue(answer)
    assert sorted(deliver(queue, entries_of(30))) == [Refusal(n, "InvalidMessageContents") for n in (3, 13, 23)]
    assert len(queue.taken) == 27 and len(queue.calls) == 3


@pytest.mark.parametrize("answer", ["failed entries", "failed calls"])
def test_entries_not_sent_by_the_deadline_are_raised(answer):
    error = EndpointConnectionError(endpoint_url="x")

    def never(entries):
        if answer == "failed calls":
            raise error
        return [sqs_failure(entry) for entry in entries]

    started = time.monotonic()
    with pytest.raises(Undelivered) as raised:
        deliver(Queue(never), entries_of(500), seconds=0.3)
    assert time.monotonic() - started < 2
    assert raised.value.__cause__ is (error if answer == "failed calls" else None)


def test_a_permanent_failure_is_raised_at_once_and_the_rest_is_not_sent():
    def answer(entries):
        raise failure("AccessDenied")

    queue = Queue(answer)
    with pytest.raises(ClientError):
        deliver(queue, entries_of(1_000), seconds=60)
    assert len(queue.calls) <= queue_batches.CONCURRENT_CALLS + clients.CONNECTIONS


def test_an_exception_of_the_source_is_raised_without_waiting_for_retries():
    tried = threading.Event()

    def source():
        yield from entries_of(15)
        assert tried.wait(5)
        raise LookupError

    def answer(entries):
        tried.set()
        raise ReadTimeoutError(endpoint_url="x")

    started = time.monotonic()
    with pytest.raises(LookupError):
        deliver(Queue(answer), source(), seconds=20)
    assert time.monotonic() - started < 5


def test_calls_not_yet_running_when_the_source_raises_are_not_sent():
    under_way, go_on = threading.Barrier(clients.CONNECTIONS + 1, timeout=5), threading.Event()

    def source():
        yield from entries_of(155)
        under_way.wait()
        threading.Timer(0.1, go_on.set).start()
        raise LookupError

    def answer(entries):
        if len(queue.calls) <= clients.CONNECTIONS:
            under_way.wait()
        go_on.wait(5)

    queue = Queue(answer)
    with pytest.raises(LookupError):
        send(queue, "url", source(), time.monotonic() + 5)
    assert len(queue.calls) == clients.CONNECTIONS


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 120), st.randoms(use_true_random=False))
def test_every_entry_is_either_sent_or_refused_once(number, chance):
    troubles = 30

    def answer(entries):
        nonlocal troubles
        troubles -= 1
        kind = chance.random()
        if troubles > 0 and kind < 0.3:
            raise failure("ThrottlingException")
        return [
            sqs_failure(entry, "InvalidMessageContents", True) if int(entry["Id"]) % 7 == 0 else sqs_failure(entry)
            for entry in entries
            if int(entry["Id"]) % 7 == 0 or (troubles > 0 and chance.random() < 0.3)
        ]

    queue = Queue(answer)
    refused = deliver(queue, entries_of(number), seconds=600)
    assert sorted(refusal.origin for refusal in refused) == [n for n in range(number) if n % 7 == 0]
    assert sorted(map(int, queue.taken)) == [n for n in range(number) if n % 7]
