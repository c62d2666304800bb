"""What invokes a function besides the routes of the API, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import Ref

from generator.queues import DeadLetterQueue, Queue


@dataclass(frozen=True)
class QueueTrigger:
    """Batches of `queue`. `max_concurrency` bounds the function: reserved concurrency would not slow down the
    pollers, whose throttled receives count, and good messages would end in the dead-letter queue."""

    queue: Queue
    batch_size: Ref | int
    batching_window: Ref | int  # in seconds, at most config.constraints.LONGEST_BATCHING_WINDOW
    max_concurrency: Ref | int

    @property
    def title(self) -> str:
        return self.queue.title

    @property
    def dead_letters(self) -> DeadLetterQueue:
        return self.queue.dead_letters


@dataclass(frozen=True)
class StreamTrigger:
    """Records of a DynamoDB stream, given by its ARN, that match `pattern`. `title` starts the mapping's logical id,
    `alarm` is the key of the alarm on the age of the oldest record, `age_limit` its limit in seconds. Lambda sends to
    `dead_letters` the position of records that it cannot process."""

    title: str
    stream: Ref
    pattern: Mapping[str, Any]
    dead_letters: DeadLetterQueue
    alarm: str
    age_limit: Ref | int


@dataclass(frozen=True)
class RuleTrigger:
    """Events that match the EventBridge rule. `title` is the rule's logical id, `name` its physical name, as text
    for Fn::Sub. EventBridge and Lambda send to `dead_letters` the events that fail."""

    title: str
    name: str
    description: str
    pattern: Mapping[str, Any]
    dead_letters: DeadLetterQueue


Trigger = QueueTrigger | StreamTrigger | RuleTrigger
