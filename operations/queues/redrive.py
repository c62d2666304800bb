"""Move messages of a dead-letter queue back to their source.

SQS moves them with a message move task. Without that API (the emulator), each message is received, sent
and deleted, in this order, so an interruption loses none; a message in both queues is stored once, because the
worker recognises stored orders. Events of a function are invoked again, then deleted.

At most as many messages are moved as there were at the start: one that is rejected again at once would
otherwise cycle forever.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from config import names
from deployer.aws import service_errors, waiting
from deployer.aws.session import Aws
from deployer.aws.waiting import PollingConfig
from deployer.errors import Exit, Failure
from deployer.show.bars import OnProgress
from operations.queues import lookup
from operations.queues.dead_letters import DETAIL, PER_CALL, REASON, event_of, receive, release
from operations.queues.lookup import Queue

VISIBILITY_TIMEOUT = 60
CALL_BYTES = 262_144
_RUNNING = ("RUNNING", "CANCELLING")


@dataclass(frozen=True)
class Outcome:
    """`kept`: not sent, still in the queue; `duplicated`: sent but not deleted, so in both queues."""

    moved: int
    kept: int = 0
    duplicated: int = 0


def destination(
    aws: Aws, stack: Mapping, known: Mapping[str, Queue], queue: Queue
) -> tuple[str, Callable[[int, OnProgress], Outcome]]:
    """Return the name of the messages' source, and the function that moves them there."""
    if function := lookup.function_of(stack, queue):
        return function, partial(invoke, aws.client("sqs"), aws.client("lambda"), queue, function)
    source = lookup.source_of(known, queue)
    polling = waiting.polling(aws)
    return source.logical_id, partial(run, aws.client("sqs"), queue, source, polling=polling)


def run(
    sqs, dead_letters: Queue, source: Queue, number: int, on_progress: OnProgress, polling: PollingConfig
) -> Outcome:
    """Move `number` messages, or about as many. Raises Failure(FAILED or INTERRUPTED) saying what was moved."""
    try:
        before = _newest(sqs, dead_letters)
    except Exception as error:
        if not service_errors.is_not_implemented(error):
            raise
        return _move(sqs, dead_letters, lambda messages: _send(sqs, source.url, messages), number, on_progress)
    if before.get("Status") in _RUNNING:
        raise Failure(
            Exit.PREFLIGHT,
            f"{dead_letters.logical_id} is being redriven already: {_moved(before)} messages moved so far",
            "run the command again when that has ended",
        )
    # The destination is named because messages that the worker sent itself have no origin that SQS
    # knows: without it the task fails on the first of them.
    handle = sqs.start_message_move_task(SourceArn=dead_letters.arn, DestinationArn=source.arn)["TaskHandle"]
    return _watch(sqs, dead_letters, handle, before, number, on_progress, polling)


def invoke(sqs, functions, dead_letters: Queue, function: str, number: int, on_progress: OnProgress) -> Outcome:
    """Invoke the function again with about `number` messages, one by one. Raises Failure as `run` does."""
    return _move(sqs, dead_letters, lambda messages: _invoke(functions, function, messages), number, on_progress, 1)


def _newest(sqs, queue: Queue) -> dict:
    return next(iter(sqs.list_message_move_tasks(SourceArn=queue.arn, MaxResults=1).get("Results", [])), {})


def _moved(task: dict) -> int:
    return task.get("ApproximateNumberOfMessagesMoved", 0)


def _watch(
    sqs, queue: Queue, handle: str, before: dict, number: int, on_progress: OnProgress, polling: PollingConfig
) -> Outcome:
    moved, cancelled, heard = 0, False, time.monotonic()
    try:
        while True:
            task = _look(sqs, queue, handle, before)
            if task:
                heard = time.monotonic()
                moved, number = _moved(task), max(number, task.get("ApproximateNumberOfMessagesToMove", 0))
                on_progress(moved, number)
                if task["Status"] not in _RUNNING:
                    return _outcome_of(queue, task, cancelled)
                if moved > number and not cancelled:
                    cancelled = _cancel(sqs, handle)
            elif time.monotonic() - heard > polling.error_tolerance:
                raise Failure(
                    Exit.FAILED,
                    f"SQS stopped reporting on the move after {moved} messages",
                    f"the move continues; check with --dlq {queue.logical_id}",
                )
            time.sleep(polling.interval)
    except KeyboardInterrupt:
        _cancel(sqs, handle)
        raise _interrupted(queue, moved) from None


def _look(sqs, queue: Queue, handle: str, before: dict) -> dict | None:
    """Return our task, which loses its handle when it ends; None while it is not listed or SQS does not answer."""
    try:
        task = _newest(sqs, queue)
    except Exception as error:
        if not service_errors.is_transient(error):
            raise
        return None
    is_old = before and task.get("StartedTimestamp") == before.get("StartedTimestamp")
    return task if task.get("TaskHandle") == handle or not is_old else None


def _outcome_of(queue: Queue, task: dict, cancelled: bool) -> Outcome:
    if task["Status"] == "COMPLETED" or cancelled:
        return Outcome(_moved(task))
    raise Failure(
        Exit.FAILED,
        f"SQS ended the move after {_moved(task)} messages ({task['Status']}): {task.get('FailureReason') or 'no reason'}",
        f"the others are still in {queue.logical_id}",
    )


def _cancel(sqs, handle: str) -> bool:
    """Return False if it could not be cancelled, for example because it has just ended."""
    try:
        sqs.cancel_message_move_task(TaskHandle=handle)
    except Exception as error:
        if not service_errors.reason(error):
            raise
        return False
    return True


def _interrupted(queue: Queue, moved: int) -> Failure:
    return Failure(
        Exit.INTERRUPTED,
        f"interrupted; about {moved} messages were moved, the others are still in {queue.logical_id}",
        "run this command again to move the rest",
    )


def _move(
    sqs, queue: Queue, send: Callable[[list[dict]], list[dict]], number: int, on_progress: OnProgress, at_once=PER_CALL
) -> Outcome:
    """`send` gets up to `at_once` messages and returns those that were accepted."""
    moved = duplicated = 0
    held: dict[str, str] = {}  # received, and still in the queue
    try:
        while moved + len(held) < number:
            messages = receive(sqs, queue.url, min(at_once, number - moved - len(held)), VISIBILITY_TIMEOUT)
            new = [message for message in messages if message["MessageId"] not in held]
            held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            if not new:
                break
            sent = send(new)
            gone = _delete(sqs, queue.url, sent)
            for message in sent:
                del held[message["MessageId"]]
            moved += len(sent)
            duplicated += len(sent) - gone
            on_progress(moved, number)
    except KeyboardInterrupt:
        raise _interrupted(queue, moved) from None
    except Exception as error:
        cause = service_errors.explain(error)
        if cause is None:
            raise
        raise Failure(cause.code, f"{cause.message}; {moved} messages were moved before", cause.hint) from error
    finally:
        release(sqs, queue.url, held.values())
    return Outcome(moved, kept=len(held), duplicated=duplicated)


def _send(sqs, url: str, messages: list[dict]) -> list[dict]:
    """Return the messages that SQS accepted."""
    entries = [_entry(str(index), message) for index, message in enumerate(messages)]
    together = len(json.dumps(entries, default=repr)) <= CALL_BYTES
    accepted: list[dict] = []
    for chunk in [entries] if together else [[entry] for entry in entries]:
        answer = sqs.send_message_batch(QueueUrl=url, Entries=chunk)
        accepted += [messages[int(entry["Id"])] for entry in answer.get("Successful", [])]
    return accepted


def _invoke(functions, function: str, messages: list[dict]) -> list[dict]:
    """Return the messages that Lambda accepted as events; what fails again comes back to the queue."""
    return [message for message in messages if _accepted(functions, function, event_of(message["Body"]))]


def _accepted(functions, function: str, event: dict | None) -> bool:
    if event is None:
        return False
    answer = functions.invoke(
        FunctionName=names.live(function), InvocationType="Event", Payload=json.dumps(event).encode()
    )
    return answer["StatusCode"] == 202


def _entry(id_: str, message: dict) -> dict:
    """Return the message as a batch entry, without its rejection reason."""
    attributes = message.get("MessageAttributes", {}).items()
    trace = message.get("Attributes", {}).get("AWSTraceHeader")
    return {
        "Id": id_,
        "MessageBody": message["Body"],
        "MessageAttributes": {name: value for name, value in attributes if name not in (REASON, DETAIL)},
        "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}} if trace else {},
    }


def _delete(sqs, url: str, messages: list[dict]) -> int:
    """Delete the messages, retrying once; return how many are deleted."""
    left = [{"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]} for index, message in enumerate(messages)]
    for _ in range(2):
        if left:
            failed = {each["Id"] for each in sqs.delete_message_batch(QueueUrl=url, Entries=left).get("Failed", [])}
            left = [entry for entry in left if entry["Id"] in failed]
    return len(messages) - len(left)
