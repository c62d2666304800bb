"""The queues as data: those that functions consume, and the dead-letter queues.

A queue exists because a function consumes it (`QueueTrigger` in generator.functions), a dead-letter queue because
a queue, a function or the topic's subscriptions name it. Resources, outputs, rights, alarms, graphs and docs/alarms.md follow from that.
"""

from dataclasses import dataclass, field

from troposphere import Ref

from generator.notices import Page, Ticket

AGE_LIMIT, DEPTH_LIMIT = Ref("QueueAgeSeconds"), Ref("QueueDepth")
KEPT = Ticket("its messages are kept for 14 days")


@dataclass(frozen=True)
class _Queue:
    """`title` is its logical id, `contents` completes "the queue of ...". The other stacks get its outputs `arn`,
    `name` and `url` as parameters."""

    title: str
    contents: str
    outputs: str | None = field(default=None, kw_only=True)  # starts their names, if not the title

    @property
    def prefix(self) -> str:
        return self.outputs or self.title.replace("DLQ", "Dlq")

    @property
    def arn(self) -> Ref:
        return Ref(f"{self.prefix}Arn")

    @property
    def name(self) -> Ref:
        return Ref(f"{self.prefix}Name")

    @property
    def url(self) -> Ref:
        return Ref(f"{self.prefix}Url")


@dataclass(frozen=True)
class DeadLetterQueue(_Queue):
    """`alarm` is the key of its alarm, `meaning` what a message in it means, if `contents` does not say it, `remedy`
    what to do first, `notice` how soon."""

    alarm: str
    meaning: str = ""
    remedy: str = "list the queue (deploy.py --dlq) and read the reasons; fix the cause, then --redrive."
    notice: Page | Ticket = KEPT


@dataclass(frozen=True)
class Queue(_Queue):
    """Alarms have limits on the age of its oldest message, in seconds, and on its depth, in messages."""

    dead_letters: DeadLetterQueue
    age_limit: Ref | int = AGE_LIMIT
    depth_limit: Ref | int = DEPTH_LIMIT


PROCESSING_DLQ = DeadLetterQueue(
    "OrderProcessingDLQ",
    "failed asynchronous invocations",
    outputs="DeadLetterQueue",
    alarm="dead-letters",
    meaning="An asynchronous invocation failed after all retries. Its event waits in OrderProcessingDLQ, for 14 days.",
    remedy="read the message and its ErrorMessage attribute, fix the cause, then send the message again.",
    notice=Ticket("kept for 14 days; nothing in the platform invokes `orders-command` asynchronously"),
)
ORDER_QUEUE = Queue(
    "OrderQueue",
    "accepted orders",
    dead_letters=DeadLetterQueue(
        "OrderQueueDLQ",
        "orders that could not be stored",
        alarm="rejected-orders",
        meaning="An accepted order was rejected, or a message of up to 25 failed five times, and waits in OrderQueueDLQ, for "
        "14 days.",
        notice=Ticket("kept for 14 days, with the reason; but an order is waiting"),
    ),
)
EVENTS_DLQ = DeadLetterQueue(
    "OrderEventsDLQ",
    "changes that could not be announced",
    alarm="unannounced-events",
    meaning="Changes of orders could not be announced and wait in OrderEventsDLQ: complete records (reason "
    "unreadable_record), or, after crashes, their position in the table's stream, which keeps them for 24 hours.",
    remedy="list the queue (deploy.py --dlq) and read the log of orders-events; fix the cause, then announce the "
    "changes again.",
    notice=Page(
        "some messages point to records of the stream, which keeps them for 24 hours, up to six of them already gone"
    ),
)
IMPORT_DLQ = DeadLetterQueue(
    "OrderImportDLQ",
    "files that could not be imported",
    alarm="failed-imports",
    meaning="The import of a file failed or did not reach its end, and its event waits in OrderImportDLQ, for 14 days.",
    remedy="list the queue (deploy.py --dlq) and read the file's report, under reports/ in its bucket. If the file is "
    "faulty, upload a corrected one. Otherwise fix the cause, then --redrive. No order is stored twice.",
    notice=Ticket("kept for 14 days; inform the partner"),
)
DELIVERY_DLQ = DeadLetterQueue(
    "OrderEventsDeliveryDLQ",
    "events that a subscriber did not take",
    alarm="undelivered-events",
    meaning="SNS gave up delivering events of orders to a subscriber, and they wait in OrderEventsDeliveryDLQ, for 14 days.",
    remedy="list the queue (deploy.py --dlq): each message names its partner, whose endpoint (--partner-subscriptions) is "
    "down or refuses the topic. Inform the partner. SNS cannot deliver again: hand over the events (--dlq … --output json) "
    "or have the partner read its orders by the API, then purge the queue.",
    notice=Ticket("kept for 14 days; the orders are safe, and the API has them"),
)
"""Of all subscriptions of OrderEvents, those that operators add for partners included."""
