"""The queues of a deployed environment, by logical id, and what each is to the others."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployer.errors import Exit, Failure
from deployer.stacks import outputs, reading

QUEUE = "AWS::SQS::Queue"


@dataclass(frozen=True)
class Queue:
    """A queue as SQS described it. The numbers are approximate: SQS itself knows them no better."""

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
        """The ARN that SQS moves this queue's failures to."""
        return json.loads(self.attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")


def of_stack(aws, stack: Mapping) -> dict[str, Queue]:
    """Every queue of the stack, a DescribeStacks entry, and of its nested stacks."""
    return {logical_id: read(aws, logical_id, url) for logical_id, url in _urls(aws, stack["StackId"])}


def _urls(aws, stack: str) -> Iterator[tuple[str, str]]:
    """Logical id and URL, which is what a queue's physical id is; nested stacks included."""
    for resource in reading.resources(aws, stack):
        if resource["ResourceType"] == QUEUE:
            yield resource["LogicalResourceId"], resource["PhysicalResourceId"]
        elif resource["ResourceType"] == reading.STACK:
            yield from _urls(aws, resource["PhysicalResourceId"])


def read(aws, logical_id: str, url: str) -> Queue:
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return Queue(logical_id, url, attributes)


def dead_letter_queue(queues: Mapping[str, Queue], name: str) -> Queue:
    """The one that is meant, in whatever case; Failure(USAGE) names those that there are.

    A queue with a dead-letter queue of its own is none: receiving from it to look would count as an
    attempt to process, and bring its messages nearer to being given up.
    """
    known = {each.lower(): queue for each, queue in queues.items() if not queue.dead_letter_target}
    if name.lower() in known:
        return known[name.lower()]
    ordinary = next((each for each in queues if each.lower() == name.lower()), None)
    raise Failure(
        Exit.USAGE,
        f"{ordinary} is no dead-letter queue" if ordinary else f"there is no queue {name!r} in this environment",
        "its dead-letter queues: " + (", ".join(sorted(queue.logical_id for queue in known.values())) or "none"),
    )


def function_of(stack: Mapping, dead_letters: Queue) -> str | None:
    """The function that takes this queue's messages back, as events; None when there is no such function."""
    from generator.functions import FUNCTIONS
    from generator.triggers import RuleTrigger

    names = {
        each.dead_letters.title: f"{each.title}Function" for each in FUNCTIONS if isinstance(each.trigger, RuleTrigger)
    }
    return outputs.of_stack(stack).get(names.get(dead_letters.logical_id, ""))


def source_of(queues: Mapping[str, Queue], dead_letters: Queue) -> Queue:
    """The queue whose failures SQS moves here, by its RedrivePolicy.

    (ListDeadLetterSourceQueues would say the same; the emulator lacks it, and these are read already.)
    Failure(USAGE) for a queue that functions send to: what waits there is no message of any queue.
    """
    for queue in queues.values():
        if queue.dead_letter_target == dead_letters.arn:
            return queue
    raise Failure(
        Exit.USAGE,
        f"{dead_letters.logical_id} cannot be redriven: no queue's messages end there, a function's failures do",
        f"what to do: {_remedy(dead_letters.logical_id)}",
    )


def _remedy(logical_id: str) -> str:
    from generator.functions import DEAD_LETTER_QUEUES

    remedies = {entry.title: entry.remedy for entry in DEAD_LETTER_QUEUES}
    return remedies.get(logical_id, "read it with --dlq, mend the cause, and repeat what failed.")
