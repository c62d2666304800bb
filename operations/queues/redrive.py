"""Messages of a dead-letter queue back to the queue they came from.

SQS does it by itself (a message move task), and we watch. Where the endpoint has no such task, each
message is received, sent, and deleted, in this order: whatever ends it, no message is lost. One that
was sent and not yet deleted is then in both queues, and its second copy does nothing: the worker
recognises orders that it has stored.

Events of a function go back to the function, in the same order: invoked, then deleted.

Either way no more messages are moved than were there at the start, or one that is rejected again at
once would go round for ever.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from deployer.aws import service_errors
from deployer.aws.waiting import PollingConfig
from deployer.errors import Exit, Failure
from deployer.show.bars import OnProgress
from operations.queues.dead_letters import DETAIL, PER_CALL, REASON, event_of, receive, release
from operations.queues.lookup import Queue

HOLD_SECONDS = 60
CALL_BYTES = 262_144
_GOING_ON = ("RUNNING", "CANCELLING")


@dataclass(frozen=True)
class Outcome:
    """`kept` could not be sent and are where they were; `doubled` could not be deleted and are in both queues."""

    moved: int
    kept: int = 0
    doubled: int = 0


def run(
    sqs, dead_letters: Queue, source: Queue, number: int, on_progress: OnProgress, polling: PollingConfig
) -> Outcome:
    """Move `number` messages, or about as many. Raises Failure(FAILED or INTERRUPTED) saying what was moved."""
    try:
        before = _newest(sqs, dead_letters)
    except Exception as error:
        if not service_errors.is_not_implemented(error):
            raise
        return _by_hand(sqs, dead_letters, lambda messages: _send(sqs, source.url, messages), number, on_progress)
    if before.get("Status") in _GOING_ON:
        raise Failure(
            Exit.PREFLIGHT,
            f"{dead_letters.logical_id} is being redriven already: {_moved(before)} messages moved so far",
            "repeat the command when that has ended",
        )
    # The destination is named because messages that the worker sent itself have no origin that SQS
    # knows: without it the task fails on the first of them.
    handle = sqs.start_message_move_task(SourceArn=dead_letters.arn, DestinationArn=source.arn)["TaskHandle"]
    return _watch(sqs, dead_letters, handle, before, number, on_progress, polling)


def invoke(sqs, functions, dead_letters: Queue, function: str, number: int, on_progress: OnProgress) -> Outcome:
    """Hand `number` messages, or about as many, to the function again, one by one. Raises Failure as `run` does."""
    return _by_hand(sqs, dead_letters, lambda messages: _hand(functions, function, messages), number, on_progress, 1)


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
                if task["Status"] not in _GOING_ON:
                    return _ended(queue, task, cancelled)
                if moved > number and not cancelled:
                    cancelled = _cancel(sqs, handle)
            elif time.monotonic() - heard > polling.error_tolerance:
                raise Failure(
                    Exit.FAILED,
                    f"SQS no longer tells how the move goes; {moved} messages were moved by then",
                    f"it goes on by itself; see with --dlq {queue.logical_id} what is left",
                )
            time.sleep(polling.interval)
    except KeyboardInterrupt:
        _cancel(sqs, handle)
        raise _interrupted(queue, moved) from None


def _look(sqs, queue: Queue, handle: str, before: dict) -> dict | None:
    """Our task; None while it is not listed yet, or SQS does not answer. One that has ended has no handle any more."""
    try:
        task = _newest(sqs, queue)
    except Exception as error:
        if not service_errors.is_transient(error):
            raise
        return None
    is_old = before and task.get("StartedTimestamp") == before.get("StartedTimestamp")
    return task if task.get("TaskHandle") == handle or not is_old else None


def _ended(queue: Queue, task: dict, cancelled: bool) -> Outcome:
    if task["Status"] == "COMPLETED" or cancelled:
        return Outcome(_moved(task))
    raise Failure(
        Exit.FAILED,
        f"SQS ended the move after {_moved(task)} messages ({task['Status']}): {task.get('FailureReason') or 'no reason'}",
        f"the others are still in {queue.logical_id}",
    )


def _cancel(sqs, handle: str) -> bool:
    """False when it could not be: it may have ended just now."""
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


def _by_hand(
    sqs, queue: Queue, send: Callable[[list[dict]], list[dict]], number: int, on_progress: OnProgress, at_once=PER_CALL
) -> Outcome:
    """`send` gets up to `at_once` messages and returns those that were taken."""
    moved = doubled = 0
    held: dict[str, str] = {}  # received, and still in the queue
    try:
        while moved + len(held) < number:
            messages = receive(sqs, queue.url, min(at_once, number - moved - len(held)), HOLD_SECONDS)
            new = [message for message in messages if message["MessageId"] not in held]
            held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
            if not new:
                break
            sent = send(new)
            gone = _delete(sqs, queue.url, sent)
            for message in sent:
                del held[message["MessageId"]]
            moved += len(sent)
            doubled += len(sent) - gone
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
    return Outcome(moved, kept=len(held), doubled=doubled)


def _send(sqs, url: str, messages: list[dict]) -> list[dict]:
    """Those that SQS took."""
    entries = [_entry(str(place), message) for place, message in enumerate(messages)]
    together = len(json.dumps(entries, default=repr)) <= CALL_BYTES
    taken: list[dict] = []
    for chunk in [entries] if together else [[entry] for entry in entries]:
        answer = sqs.send_message_batch(QueueUrl=url, Entries=chunk)
        taken += [messages[int(entry["Id"])] for entry in answer.get("Successful", [])]
    return taken


def _hand(functions, function: str, messages: list[dict]) -> list[dict]:
    """Those that Lambda accepted: it will try them as often as any event, and bring back what fails again."""
    return [message for message in messages if _accepted(functions, function, event_of(message["Body"]))]


def _accepted(functions, function: str, event: dict | None) -> bool:
    if event is None:
        return False
    answer = functions.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode())
    return answer["StatusCode"] == 202


def _entry(id_: str, message: dict) -> dict:
    """As it was, without why it was rejected: that is no longer true, or will be said again."""
    attributes = message.get("MessageAttributes", {}).items()
    trace = message.get("Attributes", {}).get("AWSTraceHeader")
    return {
        "Id": id_,
        "MessageBody": message["Body"],
        "MessageAttributes": {name: value for name, value in attributes if name not in (REASON, DETAIL)},
        "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}} if trace else {},
    }


def _delete(sqs, url: str, messages: list[dict]) -> int:
    """How many are gone; what fails is tried once more."""
    left = [{"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]} for place, message in enumerate(messages)]
    for _ in range(2):
        if left:
            failed = {each["Id"] for each in sqs.delete_message_batch(QueueUrl=url, Entries=left).get("Failed", [])}
            left = [entry for entry in left if entry["Id"] in failed]
    return len(messages) - len(left)
