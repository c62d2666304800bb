"""Event source mappings of queues and of DynamoDB streams."""

import copy
import sys
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from itertools import islice

from ministack.core.concurrency import esm_wake
from ministack.services import dynamodb, lambda_svc, sqs

from emulator.patches.service_metrics import record
from emulator.registry import patch

RECEIVE_LIMIT = 10
PAYLOAD_LIMIT = 6 * 1024 * 1024
RECORD_BYTES = 1024  # estimate of what a record adds to its body


@patch(upstream="receive and delete without scanning the whole queue")
def long_queues() -> None:
    """Look at the beginning of the queue only: with 30,000 messages waiting, upstream delivers 240 a second,
    this patch 4,000."""
    receive, delete = sqs._receive_messages_for_esm, sqs._delete_messages_for_esm

    def receive_first(queue_url, wanted):
        queue = sqs._get_q(queue_url)
        if queue["is_fifo"]:
            return receive(queue_url, wanted)
        wanted = min(int(wanted or 1), RECEIVE_LIMIT)
        with sqs._queues_lock:
            messages = queue["messages"]
            reach = max((index + 1 for index, _ in islice(visible(messages), wanted)), default=0)
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
            messages = queue["messages"]
            received = (index for index, each in enumerate(messages) if each.get("receipt_handle") in handles)
            reach = max((index + 1 for index in islice(received, len(set(handles)))), default=0)
            kept = [message for message in messages[:reach] if message.get("receipt_handle") not in handles]
            # A new list, because others read the old one, in one expression, because a thread may append to it.
            queue["messages"] = kept + messages[reach:]

    sqs._receive_messages_for_esm = receive_first
    sqs._delete_messages_for_esm = delete_first


@patch(upstream="poll again at once when a queue fills while its consumer is busy")
def poller_pause() -> None:
    """Pause 5 ms instead of 50 ms, enough to keep a filling queue from occupying the server. With 50 ms a
    queue is emptied at 300 messages a second for each concurrent batch."""
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.005


@patch(upstream="gather up to BatchSize messages above ten within MaximumBatchingWindowInSeconds")
def event_source_batches() -> None:
    """Leave the messages in the queue, visible, until the batch is complete, the window closes or the payload
    reaches 6 MB. A window with a BatchSize of ten or less is ignored, as upstream does."""
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
            wake_after(window)
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
    """Yield the messages that can be received now, with their indexes."""
    now = time.time()
    return (pair for pair in enumerate(messages) if pair[1].get("visible_at", now) <= now)


def fit(messages: list[dict]) -> int:
    """Return how many of the messages fit into a payload, at least one."""
    total = 0
    for count, message in enumerate(messages):
        total += len(message["body"].encode()) + RECORD_BYTES
        if total > PAYLOAD_LIMIT and count:
            return count
    return len(messages)


def wake_after(seconds: float) -> None:
    """Wake the poller when a batching window closes."""
    timer = threading.Timer(seconds, esm_wake.set)
    timer.daemon = True
    timer.start()


@patch(upstream="retry a stream's batch from the first record in batchItemFailures")
def stream_partial_failures() -> None:
    """Retry a second later. Upstream takes the batch as done and loses the failed records."""
    poll, execute = lambda_svc._poll_dynamodb_streams, lambda_svc._execute_function
    polling: ContextVar[bool] = ContextVar("polling_streams", default=False)

    def poll_noted():
        token = polling.set(True)
        try:
            return poll()
        finally:
            polling.reset(token)

    def execute_checked(func, event, *more, **options):
        result = execute(func, event, *more, **options)
        if not polling.get() or result.get("error"):
            return result
        mapping = reporting(func, event["Records"][0]["eventSourceARN"])
        failed = reported(result.get("body")) if mapping else set()
        if not failed:
            return result
        first = next((r for r in event["Records"] if r["dynamodb"]["SequenceNumber"] in failed), None)
        if first:  # else the whole batch has failed, as on AWS
            table = table_of(mapping)
            index = dynamodb.stream_live_records(table).index(first)
            with lambda_svc._dynamodb_stream_positions_lock:
                lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = dynamodb.stream_start_position(table) + index
        return {**result, "error": True}  # upstream then leaves the position alone

    def reporting(func, stream):
        name = (func.get("config") or func)["FunctionName"]
        for mapping in list(lambda_svc._esms.values()):
            if (mapping["EventSourceArn"], mapping["FunctionName"]) == (stream, name):
                return mapping if "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", []) else None
        return None

    lambda_svc._poll_dynamodb_streams = poll_noted
    lambda_svc._execute_function = execute_checked


@patch(upstream="poll streams and queues independently")
def streams_apart() -> None:
    """Poll streams in a separate thread: a slow consumer of one must not hold up the consumers of the other."""
    poll = lambda_svc._poll_dynamodb_streams
    polling = threading.Lock()

    def poll_all():
        try:
            while poll():
                pass
        finally:
            polling.release()

    def poll_apart():
        if polling.acquire(blocking=False):
            threading.Thread(target=poll_all, name="streams", daemon=True).start()
        return False  # the poller of queues need not hurry

    lambda_svc._poll_dynamodb_streams = poll_apart


@patch(upstream="save the unread records of streams with the positions of their mappings")
def streams_persist() -> None:
    """Upstream saves the positions only: after a restart a mapping skips as many new records as it had read."""
    get_state, load = lambda_svc.get_state, lambda_svc.load_persisted_state

    def state_with_streams():
        state = get_state()
        records, starts = type(dynamodb._stream_records)(), type(dynamodb._stream_trimmed)()
        for (account, region, mapping_id), position in state["dynamodb_stream_positions"].all_items():
            mapping = lambda_svc._esms.get_scoped(account, region, mapping_id)
            if mapping:
                at = (account, region, table_of(mapping))
                starts.set_scoped(*at, min(position, starts.get_scoped(*at, sys.maxsize)))
        for (account, region, table), position in list(starts.all_items()):
            live = {"account_id": account, "region": region}
            start = max(position, dynamodb.stream_start_position(table, **live))
            unread = dynamodb.stream_records_since(table, start, sys.maxsize, **live)
            starts.set_scoped(account, region, table, start)
            records.set_scoped(account, region, table, copy.deepcopy(unread))
        return {**state, "stream_records": records, "stream_starts": starts}

    def load_with_streams(data):
        dynamodb._stream_records.update(data.get("stream_records", {}))
        dynamodb._stream_trimmed.update(data.get("stream_starts", {}))
        load(data)

    lambda_svc.get_state = state_with_streams
    lambda_svc.load_persisted_state = load_with_streams


def table_of(mapping: dict) -> str:
    """Return the table of a mapping's stream, whose ARN ends in ``table/NAME/stream/LABEL``."""
    return mapping["EventSourceArn"].split("/")[1]


def reported(body: object) -> set[str]:
    """Return the sequence numbers that a function reports as failed."""
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    return {str(failure.get("itemIdentifier")) for failure in failures or []}


@patch(upstream="record IteratorAge")
def stream_age_metrics() -> None:
    """Record the age of a batch's last record at every attempt. A test event without a time has no age."""
    execute = lambda_svc._execute_function

    def execute_noted(func, event, *more, **options):
        last = event["Records"][-1] if isinstance(event, dict) and event.get("Records") else {}
        made_at = last.get("dynamodb", {}).get("ApproximateCreationDateTime") if isinstance(last, dict) else None
        if made_at is not None:
            age = max(0.0, time.time() - float(made_at))
            name = (func.get("config") or func)["FunctionName"]
            record("AWS/Lambda", "IteratorAge", age * 1000, "Milliseconds", {"FunctionName": name})
        return execute(func, event, *more, **options)

    lambda_svc._execute_function = execute_noted
