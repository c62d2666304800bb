"""SQS: queues whose messages are hidden while they are processed, come in any order, and may come twice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.simulation.world import World

DELAYS = (0, 900, 20_000, 200_000)  # ms until a message can be received
DUPLICATE_AFTER = (0, 1, 40, 3_000)  # ms after which a message that was received is received again; 0: not


def marks_text(marks: frozenset[str]) -> str:
    """Return a name that does not depend on what else happens: choices have it in their keys."""
    first = min(marks, default="no order")
    return first if len(marks) < 2 else f"{first} and {len(marks) - 1} more"


@dataclass
class Message:
    name: str
    body: str
    attributes: dict[str, dict]
    sent_at: float
    visible_at: float
    receives: int = 0
    marks: frozenset[str] = field(default_factory=frozenset)

    def record(self, now: float) -> dict:
        """Return the record of Lambda's event."""
        lists: dict = {"stringListValues": [], "binaryListValues": []}
        return {
            "messageId": self.name,
            "receiptHandle": self.name,
            "body": self.body,
            "attributes": {"ApproximateReceiveCount": str(self.receives), "SentTimestamp": str(int(self.sent_at))},
            "messageAttributes": {
                name: {"stringValue": sent["StringValue"], "dataType": sent["DataType"], **lists}
                for name, sent in self.attributes.items()
            },
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
            "awsRegion": "us-east-1",
        }


class Queue:
    """`on_visible` is called when a message may be received. With `dead_letters` the redrive policy moves messages."""

    def __init__(
        self, world: "World", name: str, visibility_ms: float, max_receives: int, dead_letters: "Queue | None" = None
    ) -> None:
        self.world, self.name = world, name
        self.visibility_ms, self.max_receives, self.dead_letters = visibility_ms, max_receives, dead_letters
        self.messages: dict[str, Message] = {}
        self.on_visible: Callable[[], None] = lambda: None

    def send(self, body: str, attributes: dict[str, dict]) -> Message:
        marks = self.world.marks_in(body)
        name = self.world.unique(f"message of {marks_text(marks)}")
        delay = DELAYS[self.world.choices.number("delay", name, len(DELAYS))]
        now = self.world.scheduler.now
        message = Message(name, body, attributes, now, now + delay, marks=marks)
        self._add(message)
        self.world.checker.sent(self, message)
        return message

    def _add(self, message: Message) -> None:
        self.messages[message.name] = message
        self.world.history.add(self.name, f"has the {message.name}")
        self.world.scheduler.at(message.visible_at - self.world.scheduler.now, self.on_visible)

    def receive(self, most: int) -> list[Message]:
        """Receive visible messages. One received too often goes to the dead-letter queue instead."""
        now, choices = self.world.scheduler.now, self.world.choices
        visible = [each for each in self.messages.values() if each.visible_at <= now]
        if visible:
            first = choices.number("reorder", f"{self.name} at {visible[0].name}", len(visible) + 1)
            visible = visible[first:] + visible[:first] if first < len(visible) else visible[::-1]
            most -= choices.number("batch size", f"from {visible[0].name}", most)
        visible = visible[:most]
        received = []
        for message in visible:
            message.receives += 1
            if self.dead_letters is not None and message.receives > self.max_receives:
                self.move(message, self.dead_letters)
                continue
            again = choices.number("duplicate", message.name, len(DUPLICATE_AFTER))
            hidden_for = DUPLICATE_AFTER[again] or self.visibility_ms
            message.visible_at = now + hidden_for
            self.world.scheduler.at(hidden_for, self.on_visible)
            received.append(message)
        return received

    def move(self, message: Message, target: "Queue") -> None:
        """Move a message, as the redrive policy and a move task do: unchanged, and sent when it was sent first."""
        del self.messages[message.name]
        self.world.history.add(self.name, f"moves the {message.name} to {target.name}")
        message.receives, message.visible_at = 0, self.world.scheduler.now
        target._add(message)

    def delete(self, message: Message) -> None:
        if self.messages.pop(message.name, None) is not None:
            self.world.history.add(self.name, f"deletes the {message.name}")
            self.world.checker.message_deleted(self, message)


class Sqs:
    """The operations on all queues, by URL."""

    def __init__(self, world: "World", queues: dict[str, Queue]) -> None:
        self.world, self.queues = world, queues
        self.operations = {"send_message": self.send_message, "send_message_batch": self.send_message_batch}

    def send_message(self, *, QueueUrl: str, MessageBody: str, **options: Any) -> dict:
        message = self.queues[QueueUrl].send(MessageBody, options.get("MessageAttributes", {}))
        return {"MessageId": message.name}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict]) -> dict:
        queue = self.queues[QueueUrl]
        return accept_each(
            self.world, Entries, lambda entry: queue.send(entry["MessageBody"], entry.get("MessageAttributes", {}))
        )


def accept_each(world: "World", entries: list[dict], accept: Callable[[dict], object]) -> dict:
    """Accept the entries of a batch; one of them may fail alone, by no fault of its sender."""
    failed = world.strike("entry failed", len(entries))
    sent, failures = [], []
    for index, entry in enumerate(entries):
        if index == failed:
            failures.append({"Id": entry["Id"], "SenderFault": False, "Code": "InternalError"})
        else:
            accept(entry)
            sent.append({"Id": entry["Id"]})
    return {"Successful": sent, "Failed": failures}
