"""How a queue's messages come to a function: quickly however many wait, and in large batches."""

import threading
import time
from collections.abc import Iterator
from itertools import islice

from emulator.registry import patch

RECEIVE_LIMIT = 10
PAYLOAD_LIMIT = 6 * 1024 * 1024
RECORD_BYTES = 1024  # what a record is taken to add to its body


@patch
def long_queues() -> None:
    """Upstream looks at every message of a queue, several times, to receive ten and to delete
    them: of thirty thousand that wait it delivers some 240 a second. AWS does not slow down.
    The patch has upstream's code look at the beginning of the queue only, as far as ten
    messages that can be received reach (some 4,000 a second)."""
    from ministack.services import sqs

    receive, delete = sqs._receive_messages_for_esm, sqs._delete_messages_for_esm

    def receive_first(queue_url, wanted):
        queue = sqs._get_q(queue_url)
        if queue["is_fifo"]:
            return receive(queue_url, wanted)
        wanted = min(int(wanted or 1), RECEIVE_LIMIT)
        with sqs._queues_lock:
            messages = queue["messages"]
            reach = max((place + 1 for place, _ in islice(visible(messages), wanted)), default=0)
            first = {**queue, "messages": messages[:reach]}
            sqs._expire_retained(first)
            sqs._dlq_sweep(first)
            received = sqs._collect_msgs(first, wanted, int(queue["attributes"].get("VisibilityTimeout", "30")))
            if len(first["messages"]) < reach:
                queue["messages"] = first["messages"] + messages[reach:]
            return received

    def delete_first(queue_url, handles):
        queue = sqs._get_q(queue_url)
        if queue["is_fifo"]:
            return delete(queue_url, handles)
        with sqs._queues_lock:
            messages, reach, left = queue["messages"], 0, set(handles)
            for place, message in enumerate(messages):  # what was received stands at the beginning
                if message.get("receipt_handle") in left:
                    left.remove(message["receipt_handle"])
                    reach = place + 1
                    if not left:
                        break
            kept = [message for message in messages[:reach] if message.get("receipt_handle") not in handles]
            # A list of its own, as upstream's, since others read the old one; and made in one
            # expression, which no thread that appends to the old one can come between.
            queue["messages"] = kept + messages[reach:]

    sqs._receive_messages_for_esm = receive_first
    sqs._delete_messages_for_esm = delete_first


@patch
def poller_pause() -> None:
    """Upstream's poller, woken when it finds nothing to do (as while all of a mapping's
    concurrency is taken), sleeps 50 ms whatever comes in that time, so that a queue that is being
    filled is emptied at some 300 messages a second for each concurrent batch. AWS does not
    pause. The patch leaves 5 ms, enough to keep a filling queue from holding up the server."""
    from ministack.services import lambda_svc

    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.005


@patch
def event_source_batches() -> None:
    """Upstream never gives a function more than ten messages. AWS gathers up to BatchSize above
    ten, for MaximumBatchingWindowInSeconds from the first one or until they fill a payload of
    6 MB. Here they stay in the queue, visible, until the batch is complete. A window with a
    BatchSize of ten or less is ignored, as upstream does: no batch waits for it."""
    from ministack.core.concurrency import esm_wake
    from ministack.services import lambda_svc, sqs

    receive = sqs._receive_messages_for_esm
    since: dict[str, float] = {}

    def gather(queue_url, size):
        queue, size = sqs._get_q(queue_url), int(size)
        if size <= RECEIVE_LIMIT or queue["is_fifo"]:
            return receive(queue_url, size)
        waiting = [message for _, message in islice(visible(queue["messages"]), size)]
        if not waiting:
            since.pop(queue_url, None)
            return []
        fitting = fit(waiting)
        window = window_of(queue["attributes"]["QueueArn"])
        if queue_url not in since:
            since[queue_url] = time.monotonic()
            alarm_clock(window, esm_wake.set)
        if fitting == len(waiting) < size and time.monotonic() < since[queue_url] + window:
            return []
        del since[queue_url]
        batch: list[dict] = []
        while len(batch) < fitting and (more := receive(queue_url, min(fitting - len(batch), RECEIVE_LIMIT))):
            batch += more
        return batch

    def window_of(queue):
        windows = (
            m.get("MaximumBatchingWindowInSeconds") for m in lambda_svc._esms.values() if m["EventSourceArn"] == queue
        )
        return float(next(windows, 0) or 0)

    sqs._receive_messages_for_esm = gather


def visible(messages: list[dict]) -> Iterator[tuple[int, dict]]:
    """Those that can be received now, with their places."""
    now = time.time()
    return (pair for pair in enumerate(messages) if pair[1].get("visible_at", now) <= now)


def fit(messages: list[dict]) -> int:
    """How many of the messages, at least one, make a payload that is not too large."""
    total = 0
    for count, message in enumerate(messages):
        total += len(message["body"].encode()) + RECORD_BYTES
        if total > PAYLOAD_LIMIT and count:
            return count
    return len(messages)


def alarm_clock(seconds: float, ring) -> None:
    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
