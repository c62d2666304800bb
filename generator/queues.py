"""The queue of accepted orders, and the queues of what failed for good: the one list of those that
the data stack and monitoring are built from.
"""

from dataclasses import dataclass

from awacs import sqs as sqs_actions
from awacs.aws import Allow, ArnEquals, Condition, Principal, Statement, StringEqualsIfExists
from troposphere import GetAtt, Ref, Sub
from troposphere.sqs import Queue, QueuePolicy, RedrivePolicy

from config import names
from config.environment import LONGEST_BATCHING_WINDOW
from generator.audit import accepted
from generator.functions import BY_KEY
from generator.lifecycle import AS_DATA
from generator.outputs import camel
from generator.policies import policy, tls_only

DAY = 24 * 3600
ORDER_QUEUE = "OrderQueue"
# A worker that stays down over a long weekend loses no order, and is noticed within minutes.
ORDER_RETENTION = 4 * DAY
# The most that SQS keeps. A message that SQS moves here keeps its age, so this must be well above
# the source's.
DEAD_LETTER_RETENTION = 14 * DAY
MAX_RECEIVES = 5

# Six times the consumer's timeout, for Lambda's own retries when it is throttled, plus the time
# that a message may wait for its batch: what AWS recommends. Any less, and a message comes back
# while it is still being worked on.
VISIBILITY_TIMEOUT = 6 * BY_KEY["orders_worker"].timeout + LONGEST_BATCHING_WINDOW


ENCRYPTED_BY_SQS = accepted(
    CKV_AWS_27="Encrypted at rest with the key of SQS (SqsManagedSseEnabled); the check knows KMS keys only. On one of "
    "those, Lambda and every other service that sends would need rights."
)


@dataclass(frozen=True)
class DeadLetterQueue:
    """`key` starts the names of its outputs, `alarm` is the name of its alarm.

    `meaning` says what waits in it, `remedy` what to do first. `source` is the queue that SQS
    moves messages from; without one, no queue may choose this one: functions send to it, and so
    does EventBridge for its `rule`.
    """

    title: str
    key: str
    alarm: str
    meaning: str
    remedy: str
    source: str | None = None
    rule: str | None = None  # its name

    @property
    def name_parameter(self) -> str:
        return camel(f"{self.key}_name")


DEAD_LETTER_QUEUES: tuple[DeadLetterQueue, ...] = (
    DeadLetterQueue(
        "OrderProcessingDLQ",
        "dead_letter_queue",
        "dead-letters",
        "An asynchronous invocation failed for good and waits in the dead-letter queue, for 14 days.",
        "read the message and its ErrorMessage attribute, mend the cause, then send it again.",
    ),
    DeadLetterQueue(
        "OrderQueueDLQ",
        "order_queue_dlq",
        "rejected-orders",
        "An accepted order was rejected, or failed five times, and waits in OrderQueueDLQ, for 14 days.",
        "list the queue (deploy.py --dlq) and read the reasons; mend the cause, then --redrive.",
        source=ORDER_QUEUE,
    ),
    DeadLetterQueue(
        "OrderEventsDLQ",
        "order_events_dlq",
        "unannounced-events",
        "Changes of orders could not be announced and wait in OrderEventsDLQ: whole records (reason "
        "unreadable_record), or, after crashes, their place in the table's stream, which keeps them 24 hours.",
        "list the queue (deploy.py --dlq) and read the log of orders-events; mend the cause, then announce them again.",
    ),
    DeadLetterQueue(
        "OrderImportDLQ",
        "order_import_dlq",
        "failed-imports",
        "A file of orders could not be imported, or not to its end, and its event waits in OrderImportDLQ, for 14 days.",
        "list the queue (deploy.py --dlq) and read the file's report, under reports/ in its bucket. A faulty file: "
        "upload a better one. Else mend the cause, then --redrive. What was stored already is not stored twice.",
        rule=names.order_files_rule("${Environment}"),
    ),
)


def dead_letter_queue(entry: DeadLetterQueue) -> Queue:
    allowed = (
        {"redrivePermission": "byQueue", "sourceQueueArns": [Sub(_arn(entry.source))]}
        if entry.source
        else {"redrivePermission": "denyAll"}
    )
    return Queue(
        entry.title,
        **AS_DATA,
        Metadata=ENCRYPTED_BY_SQS,
        MessageRetentionPeriod=DEAD_LETTER_RETENTION,
        RedriveAllowPolicy=allowed,
        SqsManagedSseEnabled=True,
    )


def order_queue(dead_letters: Queue) -> Queue:
    """Its name is spelt out, as CloudFormation would do it and unique to this stack, because its
    dead-letter queue must name it: each taking the other's ARN would be a circle."""
    return Queue(
        ORDER_QUEUE,
        **AS_DATA,
        Metadata=ENCRYPTED_BY_SQS,
        QueueName=Sub(_name(ORDER_QUEUE)),
        VisibilityTimeout=VISIBILITY_TIMEOUT,
        MessageRetentionPeriod=ORDER_RETENTION,
        RedrivePolicy=RedrivePolicy(deadLetterTargetArn=GetAtt(dead_letters, "Arn"), maxReceiveCount=MAX_RECEIVES),
        SqsManagedSseEnabled=True,
    )


def queue_policy(queue: Queue, rule: str | None = None) -> QueuePolicy:
    """Allows nobody anything, but for the EventBridge rule that puts away what it cannot deliver: who
    else sends or receives needs rights of their own, in this account."""
    allowed = [_may_send(queue, rule)] if rule else []
    return QueuePolicy(
        f"{queue.title}Policy",
        Queues=[Ref(queue)],
        PolicyDocument=policy(*allowed, tls_only(sqs_actions.Action("*"), GetAtt(queue, "Arn"))),
    )


def _may_send(queue: Queue, rule: str) -> Statement:
    """The rule's ARN names the account already. The account itself is compared only where it is given:
    EventBridge documents the ARN alone, and what this refuses is lost without a word."""
    arn = f"arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{rule}"
    return Statement(
        Sid="UndeliveredEvents",
        Effect=Allow,
        Principal=Principal("Service", "events.amazonaws.com"),
        Action=[sqs_actions.SendMessage],
        Resource=[GetAtt(queue, "Arn")],
        Condition=Condition(
            [
                ArnEquals({"aws:SourceArn": Sub(arn)}),
                StringEqualsIfExists({"aws:SourceAccount": Ref("AWS::AccountId")}),
            ]
        ),
    )


def _name(title: str) -> str:
    return f"${{AWS::StackName}}-{title}"


def _arn(title: str) -> str:
    return f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{_name(title)}"
