"""The topic of order events, and the subscribers that an environment configures."""

from awacs import sns as sns_actions
from awacs import xray as xray_actions
from awacs.aws import Allow, Condition, Principal, Statement, StringEquals, StringLike
from troposphere import Equals, GetAtt, If, Not, Ref, Sub
from troposphere.sns import SubscriptionResource, Topic, TopicPolicy
from troposphere.xray import ResourcePolicy

from config import names
from generator.policies import policy, tls_only
from generator.queues import DELIVERY_DLQ

HAS_EMAIL = "HasEventsEmail"
HAS_QUEUE = "HasEventsQueue"
TRACES_DELIVERIES = "TracesDeliveries"


def conditions() -> dict:
    return {
        HAS_EMAIL: Not(Equals(Ref("EventsEmail"), "")),
        HAS_QUEUE: Not(Equals(Ref("EventsQueueArn"), "")),
        TRACES_DELIVERIES: Equals(Ref("TraceDeliveries"), "true"),
    }


def topic() -> Topic:
    """Encrypted at rest, unlike the alerts: events name customers. The AWS managed key suffices: it allows roles of
    this account, such as the publisher's, but no services, such as alarms. Subscribers need no right on it: SNS
    decrypts before delivery."""
    return Topic(
        "OrderEvents",
        DisplayName=Sub(f"{names.root_stack('${Environment}')} order events"),
        KmsMasterKeyId="alias/aws/sns",
        SignatureVersion="2",  # SHA-256; the default is SHA-1
        TracingConfig=If(TRACES_DELIVERIES, "Active", "PassThrough"),
    )


def right_to_trace(events: Topic) -> ResourcePolicy:
    """Without it SNS drops its segments in silence (SNS developer guide, "Active tracing"; the console adds the policy,
    CloudFormation does not). X-Ray allows five such policies per account and region, so previews have none."""
    trace = Statement(
        Sid="TraceDeliveries",
        Effect=Allow,
        Principal=Principal("Service", "sns.amazonaws.com"),
        Action=[xray_actions.PutTraceSegments, xray_actions.GetSamplingRules, xray_actions.GetSamplingTargets],
        Resource=["*"],
        Condition=Condition(
            [
                StringEquals({"aws:SourceAccount": "${AWS::AccountId}"}),
                StringLike({"aws:SourceArn": f"${{{events.title}}}"}),
            ]
        ),
    )
    document = policy(trace).to_json(indent=2, sort_keys=False)
    return ResourcePolicy(
        f"{events.title}Tracing",
        Condition=TRACES_DELIVERIES,
        PolicyName=Sub(f"{names.root_stack('${Environment}')}-order-events"),
        PolicyDocument=Sub(document + "\n"),
    )


def topic_policy(events: Topic) -> TopicPolicy:
    """Allows nothing: publishers and subscribers need an identity policy in this account."""
    return TopicPolicy(
        "OrderEventsPolicy",
        Topics=[Ref(events)],
        PolicyDocument=policy(tls_only(sns_actions.Publish, Ref(events))),
    )


def subscriptions(events: Topic) -> list[SubscriptionResource]:
    """The operator's, of every order. Those of partners come and go without a deployment (operations.partners)."""
    undelivered = {"deadLetterTargetArn": GetAtt(DELIVERY_DLQ.title, "Arn")}
    return [
        SubscriptionResource(
            "EventsEmailSubscription",
            Condition=HAS_EMAIL,
            TopicArn=Ref(events),
            Protocol="email",
            Endpoint=Ref("EventsEmail"),
            RedrivePolicy=undelivered,
        ),
        SubscriptionResource(
            "EventsQueueSubscription",
            Condition=HAS_QUEUE,
            TopicArn=Ref(events),
            Protocol="sqs",
            Endpoint=Ref("EventsQueueArn"),
            # No envelope: the event is the body and has its attributes. The event's id replaces that of SNS.
            RawMessageDelivery=True,
            RedrivePolicy=undelivered,
        ),
    ]
