"""The queues as data: those that functions consume, and those that keep what failed for good.

A queue exists because a function consumes it (`QueueTrigger` in generator.functions), a dead-letter queue because
a queue or a function names it. Resources, outputs, rights, alarms, graphs and docs/alarms.md follow from that.
"""

from dataclasses import dataclass

from troposphere import Ref

AGE_LIMIT, DEPTH_LIMIT = Ref("QueueAgeSeconds"), Ref("QueueDepth")


@dataclass(frozen=True)
class _Queue:
    """`title` is its logical id, `prefix` starts its outputs, `contents` completes "the queue of ...".

    The properties are for the other stacks, which get these outputs as parameters.
    """

    title: str
    prefix: str
    contents: str

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
    """`alarm` is the key of its alarm, `meaning` what a message in it means, `remedy` what to do first."""

    alarm: str
    meaning: str
    remedy: str


@dataclass(frozen=True)
class Queue(_Queue):
    """`key` starts the keys of its alarms: on the age of its oldest message in seconds, and on its depth."""

    key: str
    dead_letters: DeadLetterQueue
    age_limit: Ref | int = AGE_LIMIT
    depth_limit: Ref | int = DEPTH_LIMIT


PROCESSING_DLQ = DeadLetterQueue(
    "OrderProcessingDLQ",
    "DeadLetterQueue",
    "failed asynchronous invocations",
    alarm="dead-letters",
    meaning="An asynchronous invocation failed for good and waits in OrderProcessingDLQ, for 14 days.",
    remedy="read the message and its ErrorMessage attribute, fix the cause, then send the message again.",
)
ORDER_QUEUE = Queue(
    "OrderQueue",
    "OrderQueue",
    "accepted orders",
    key="order-queue",
    dead_letters=DeadLetterQueue(
        "OrderQueueDLQ",
        "OrderQueueDlq",
        "orders that could not be stored",
        alarm="rejected-orders",
        meaning="An accepted order was rejected, or failed five times, and waits in OrderQueueDLQ, for 14 days.",
        remedy="list the queue (deploy.py --dlq) and read the reasons; fix the cause, then --redrive.",
    ),
)
EVENTS_DLQ = DeadLetterQueue(
    "OrderEventsDLQ",
    "OrderEventsDlq",
    "changes that could not be announced",
    alarm="unannounced-events",
    meaning="Changes of orders could not be announced and wait in OrderEventsDLQ: complete records (reason "
    "unreadable_record), or, after crashes, their position in the table's stream, which keeps them for 24 hours.",
    remedy="list the queue (deploy.py --dlq) and read the log of orders-events; fix the cause, then announce the "
    "changes again.",
)
IMPORT_DLQ = DeadLetterQueue(
    "OrderImportDLQ",
    "OrderImportDlq",
    "files that could not be imported",
    alarm="failed-imports",
    meaning="The import of a file failed or did not reach its end, and its event waits in OrderImportDLQ, for 14 days.",
    remedy="list the queue (deploy.py --dlq) and read the file's report, under reports/ in its bucket. If the file is "
    "faulty, upload a corrected one. Otherwise fix the cause, then --redrive. No order is stored twice.",
)
