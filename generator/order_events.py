"""The topic that tells what happened to orders, and who may be subscribed by an environment."""

from awacs import sns as sns_actions
from troposphere import Equals, Not, Ref, Sub
from troposphere.sns import SubscriptionResource, Topic, TopicPolicy

from config import names
from generator.policies import policy, tls_only

HAS_EMAIL = "HasEventsEmail"
HAS_QUEUE = "HasEventsQueue"


def conditions() -> dict:
    return {HAS_EMAIL: Not(Equals(Ref("EventsEmail"), "")), HAS_QUEUE: Not(Equals(Ref("EventsQueueArn"), ""))}


def topic() -> Topic:
    """Encrypted at rest, unlike the alerts: events name customers. The AWS managed key does, because
    the only publisher is a role of this account, which that key trusts; services, such as alarms,
    it does not. Subscribers need no right on it: SNS decrypts before it delivers."""
    return Topic(
        "OrderEvents",
        DisplayName=Sub(f"{names.root_stack('${Environment}')} order events"),
        KmsMasterKeyId="alias/aws/sns",
    )


def topic_policy(events: Topic) -> TopicPolicy:
    """Allows nobody anything: who publishes or subscribes needs rights of their own, in this account."""
    return TopicPolicy(
        "OrderEventsPolicy",
        Topics=[Ref(events)],
        PolicyDocument=policy(tls_only(sns_actions.Publish, Ref(events))),
    )


def subscriptions(events: Topic) -> list[SubscriptionResource]:
    return [
        SubscriptionResource(
            "EventsEmailSubscription",
            Condition=HAS_EMAIL,
            TopicArn=Ref(events),
            Protocol="email",
            Endpoint=Ref("EventsEmail"),
        ),
        SubscriptionResource(
            "EventsQueueSubscription",
            Condition=HAS_QUEUE,
            TopicArn=Ref(events),
            Protocol="sqs",
            Endpoint=Ref("EventsQueueArn"),
            # The event itself is the message's body and its attributes are the message's: no
            # envelope to unpack. What is lost, SNS's id, the event's own id replaces.
            RawMessageDelivery=True,
        ),
    ]
