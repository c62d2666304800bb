"""Dead letters: show them with their reasons, and redrive them, as --dlq and --redrive do."""

import threading
from collections.abc import Mapping

from console.deployment import Deployment
from deployer.errors import Exit, Failure
from operations.queues import dead_letters, lookup, redrive
from operations.queues.command import SHOWN
from operations.queues.dead_letters import DeadLetter
from operations.queues.lookup import Queue

_one_at_a_time = threading.Lock()
"""Who receives messages hides them from others for a moment."""


def listed(deployment: Deployment, name: str) -> dict:
    """Return the messages without their bodies: they hold personal data."""
    messages = [{**message.as_json(), "rejected": message.rejected} for message in _messages(deployment, name)]
    for message in messages:
        del message["body"]
    return {"messages": messages}


def body(deployment: Deployment, name: str, message_id: str) -> dict:
    """Return the body of one message. Raises Failure(USAGE) if it is no longer there."""
    for message in _messages(deployment, name):
        if message.message_id == message_id:
            return {"body": message.body}
    raise Failure(Exit.USAGE, "the message is no longer in the queue", "list the queue again")


def remedy(deployment: Deployment, queues: Mapping[str, Queue], queue: Queue) -> str:
    """Return what to do about messages that cannot be redriven, "" for those that can."""
    sources = {each.dead_letter_target for each in queues.values()}
    can_be = queue.arn in sources or lookup.function_of(deployment.stack, queue)
    return "" if can_be else lookup.remedy(queue.logical_id)


def move_back(deployment: Deployment, name: str) -> dict:
    """Move the messages to where they came from, at most as many as there are now."""
    with _one_at_a_time:
        known = lookup.of_stack(deployment.aws, deployment.stack)
        queue = lookup.dead_letter_queue(known, name)
        source, move = redrive.destination(deployment.aws, deployment.stack, known, queue)
        outcome = move(queue.waiting, lambda moved, number: None)
    return {"to": source, "moved": outcome.moved, "kept": outcome.kept, "duplicated": outcome.duplicated}


def _messages(deployment: Deployment, name: str) -> list[DeadLetter]:
    with _one_at_a_time:
        return dead_letters.peek(deployment.aws.client("sqs"), _queue(deployment, name).url, SHOWN)


def _queue(deployment: Deployment, name: str) -> Queue:
    return lookup.dead_letter_queue(deployment.queues, name)
