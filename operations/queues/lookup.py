"""Find the queues of a deployed environment, and how they relate: sources and dead-letter queues."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.stacks import outputs, reading

QUEUE = "AWS::SQS::Queue"


@dataclass(frozen=True)
class Queue:
    """A queue as SQS describes it. Its counts are approximate."""

    logical_id: str
    url: str
    attributes: Mapping[str, str]

    @property
    def arn(self) -> str:
        return self.attributes["QueueArn"]

    @property
    def waiting(self) -> int:
        return int(self.attributes["ApproximateNumberOfMessages"])

    @property
    def in_flight(self) -> int:
        return int(self.attributes["ApproximateNumberOfMessagesNotVisible"])

    @property
    def dead_letter_target(self) -> str | None:
        """ARN of this queue's dead-letter queue."""
        return json.loads(self.attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")


def of_stack(aws: Aws, stack: Mapping) -> dict[str, Queue]:
    """Return every queue of a DescribeStacks entry and its nested stacks, by logical id."""
    return {logical_id: read(aws, logical_id, url) for logical_id, url in _urls(aws, stack["StackId"])}


def _urls(aws: Aws, stack: str) -> Iterator[tuple[str, str]]:
    """Yield logical id and URL (a queue's physical id), nested stacks included."""
    for resource in reading.resources(aws, stack):
        if resource["ResourceType"] == QUEUE:
            yield resource["LogicalResourceId"], resource["PhysicalResourceId"]
        elif resource["ResourceType"] == reading.STACK:
            yield from _urls(aws, resource["PhysicalResourceId"])


def read(aws: Aws, logical_id: str, url: str) -> Queue:
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return Queue(logical_id, url, {str(name): value for name, value in attributes.items()})


def dead_letter_queue(queues: Mapping[str, Queue], name: str) -> Queue:
    """Return the dead-letter queue of that name, case-insensitive. Raises Failure(USAGE) listing all.

    A source queue is refused: receiving from it would count as a delivery attempt.
    """
    known = {each.lower(): queue for each, queue in queues.items() if not queue.dead_letter_target}
    if name.lower() in known:
        return known[name.lower()]
    ordinary = next((each for each in queues if each.lower() == name.lower()), None)
    raise Failure(
        Exit.USAGE,
        f"{ordinary} is not a dead-letter queue" if ordinary else f"there is no queue {name!r} in this environment",
        "its dead-letter queues: " + (", ".join(sorted(queue.logical_id for queue in known.values())) or "none"),
    )


def function_of(stack: Mapping, dead_letters: Queue) -> str | None:
    """Return the function whose failed events this queue holds; None if it has none."""
    from generator.functions import FUNCTIONS
    from generator.triggers import RuleTrigger

    names = {
        each.trigger.dead_letters.title: f"{each.title}Function"
        for each in FUNCTIONS
        if isinstance(each.trigger, RuleTrigger)
    }
    return outputs.of_stack(stack).get(names.get(dead_letters.logical_id, ""))


def source_of(queues: Mapping[str, Queue], dead_letters: Queue) -> Queue:
    """Return the queue whose RedrivePolicy names this one. Raises Failure(USAGE) if it is a function's.

    (ListDeadLetterSourceQueues returns the same; the emulator lacks it.)
    """
    for queue in queues.values():
        if queue.dead_letter_target == dead_letters.arn:
            return queue
    from generator.queues import DELIVERY_DLQ

    of_topic = dead_letters.logical_id == DELIVERY_DLQ.title
    why = (
        "SNS cannot deliver to one subscriber again"
        if of_topic
        else "it receives failed events of a function, not messages of a queue"
    )
    raise Failure(
        Exit.USAGE,
        f"{dead_letters.logical_id} cannot be redriven: {why}",
        f"what to do: {remedy(dead_letters.logical_id)}",
    )


def remedy(logical_id: str) -> str:
    """Return what to do first about messages of a dead-letter queue."""
    from generator.functions import DEAD_LETTER_QUEUES

    remedies = {entry.title: entry.remedy for entry in DEAD_LETTER_QUEUES}
    return remedies.get(logical_id, "read it with --dlq, fix the cause, and repeat what failed.")
