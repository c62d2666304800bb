"""The queues of the inventory as resources of the data stack."""

from typing import NamedTuple

from awacs import sqs as sqs_actions
from awacs.aws import Allow, ArnEquals, Condition, Principal, Statement, StringEqualsIfExists
from troposphere import AWSObject, GetAtt, Ref, Sub, sqs
from troposphere.sqs import QueuePolicy, RedrivePolicy

from config.constraints import LONGEST_BATCHING_WINDOW
from generator.audit import accepted
from generator.functions import CONSUMERS, DEAD_LETTER_QUEUES, FUNCTIONS, QUEUES
from generator.lifecycle import AS_DATA
from generator.policies import policy, tls_only
from generator.queues import DELIVERY_DLQ, DeadLetterQueue, Queue
from generator.triggers import RuleTrigger

DAY = 24 * 3600
# A consumer that fails throughout a long weekend loses no message; its alarms notify within minutes.
RETENTION = 4 * DAY
# The maximum of SQS. SQS keeps the age of a message that it moves here, so this must be well above the source's.
DEAD_LETTER_RETENTION = 14 * DAY
MAX_RECEIVES = 5

ENCRYPTED_BY_SQS = {
    "CKV_AWS_27": "Encrypted at rest with the key of SQS (SqsManagedSseEnabled); the check knows KMS keys only. On one of "
    "those, Lambda and every other service that sends would need rights."
}
LAST_STOP = {
    "CT.SQS.PR.1": "Failures end here: Lambda, EventBridge or SNS sends them and no function reads them, so no message is "
    "received too often. The rule knows a dead-letter queue by the queues that may redrive to it; here none may."
}


class Sender(NamedTuple):
    """A service that sends by itself, under no role."""

    service: str
    arn: Ref | Sub


def resources() -> list[AWSObject]:
    dead_letters = {entry: _dead_letter_queue(entry) for entry in DEAD_LETTER_QUEUES}
    queues = [_queue(entry, dead_letters[entry.dead_letters]) for entry in QUEUES]
    policies = [_policy(built, _sender_of(entry)) for entry, built in dead_letters.items()]
    return [*dead_letters.values(), *queues, *policies, *(_policy(queue) for queue in queues)]


def outputs() -> dict[str, Ref | GetAtt]:
    """Output name -> value, of every queue."""
    found: dict[str, Ref | GetAtt] = {}
    for entry in (*QUEUES, *DEAD_LETTER_QUEUES):
        found[f"{entry.prefix}Arn"] = GetAtt(entry.title, "Arn")
        found[f"{entry.prefix}Name"] = GetAtt(entry.title, "QueueName")
        found[f"{entry.prefix}Url"] = Ref(entry.title)
    return found


def _dead_letter_queue(entry: DeadLetterQueue) -> sqs.Queue:
    """Only the queue that it belongs to may move messages here."""
    prefix = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
    sources = [Sub(prefix + _name(queue)) for queue in QUEUES if queue.dead_letters is entry]
    allowed = {"redrivePermission": "byQueue", "sourceQueueArns": sources}
    return sqs.Queue(
        entry.title,
        **AS_DATA,
        Metadata=accepted(ENCRYPTED_BY_SQS if sources else ENCRYPTED_BY_SQS | LAST_STOP),
        MessageRetentionPeriod=DEAD_LETTER_RETENTION,
        RedriveAllowPolicy=allowed if sources else {"redrivePermission": "denyAll"},
        SqsManagedSseEnabled=True,
    )


def _queue(entry: Queue, dead_letters: sqs.Queue) -> sqs.Queue:
    """Spells out its name, as CloudFormation would make it and unique to this stack: its dead-letter queue names
    it, and two queues that refer to each other's ARN would be a cycle."""
    return sqs.Queue(
        entry.title,
        **AS_DATA,
        Metadata=accepted(ENCRYPTED_BY_SQS),
        QueueName=Sub(_name(entry)),
        VisibilityTimeout=_visibility_timeout(entry),
        MessageRetentionPeriod=RETENTION,
        RedrivePolicy=RedrivePolicy(deadLetterTargetArn=GetAtt(dead_letters, "Arn"), maxReceiveCount=MAX_RECEIVES),
        SqsManagedSseEnabled=True,
    )


def _visibility_timeout(entry: Queue) -> int:
    """Six times the consumer's timeout, for Lambda's own retries when it is throttled, plus the longest wait for a
    batch (Lambda developer guide, "Using Lambda with Amazon SQS"). With less, a message reappears while a function
    still processes it."""
    return 6 * CONSUMERS[entry].timeout + LONGEST_BATCHING_WINDOW


def _policy(queue: sqs.Queue, sender: Sender | None = None) -> QueuePolicy:
    """Allows only the EventBridge rule or the topic that sends what it cannot deliver. Everyone else who sends or
    receives needs an identity policy in this account."""
    allowed = [_may_send(queue, sender)] if sender else []
    return QueuePolicy(
        f"{queue.title}Policy",
        Queues=[Ref(queue)],
        PolicyDocument=policy(*allowed, tls_only(sqs_actions.Action("*"), GetAtt(queue, "Arn"))),
    )


def _sender_of(entry: DeadLetterQueue) -> Sender | None:
    """The service that leaves here what it cannot deliver, and its rule or topic."""
    if entry is DELIVERY_DLQ:
        return Sender("sns", Ref("OrderEvents"))
    rules = (function.trigger for function in FUNCTIONS if isinstance(function.trigger, RuleTrigger))
    names = (rule.name for rule in rules if rule.dead_letters is entry)
    arn = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/"
    return next((Sender("events", Sub(arn + name)) for name in names), None)


def _may_send(queue: sqs.Queue, sender: Sender) -> Statement:
    """The sender's ARN includes the account. The condition on the account itself applies only if the request has one:
    EventBridge and SNS document the ARN alone, and lose in silence what this policy refuses."""
    return Statement(
        Sid="UndeliveredEvents",
        Effect=Allow,
        Principal=Principal("Service", f"{sender.service}.amazonaws.com"),
        Action=[sqs_actions.SendMessage],
        Resource=[GetAtt(queue, "Arn")],
        Condition=Condition(
            [
                ArnEquals({"aws:SourceArn": sender.arn}),
                StringEqualsIfExists({"aws:SourceAccount": Ref("AWS::AccountId")}),
            ]
        ),
    )


def _name(entry: Queue) -> str:
    return f"${{AWS::StackName}}-{entry.title}"
