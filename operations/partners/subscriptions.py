"""The subscriptions of the OrderEvents topic: whose they are, and what a partner's must be like.

A partner's subscription has a filter policy for exactly this partner, from its first moment: SNS gets it with the
subscription. Everything else is the operator's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from deployer.aws.session import Aws
from operations.partners.endpoints import SQS, Endpoint, without_query

ATTRIBUTE = "partner"
"""Message attribute of the events (handlers.orders_events)."""

PENDING = "PendingConfirmation"
"""In place of the ARN of a subscription that its endpoint has not confirmed: SNS shows nothing else of it."""

DELETED = "Deleted"
"""In place of the ARN of one that has ended, which SNS goes on to list for days (seen by others, not documented)."""

FILTER, SCOPE, REDRIVE, RAW = "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "RawMessageDelivery"
_JSON = (FILTER, REDRIVE)


def wanted(partner: str, protocol: str, dead_letters: str) -> dict[str, str]:
    """Return the attributes of a partner's subscription. `dead_letters`: ARN of the queue of undelivered events.

    A queue gets the event itself; an HTTPS endpoint its envelope, which has the signature.
    """
    return {
        FILTER: json.dumps({ATTRIBUTE: [partner]}),
        SCOPE: "MessageAttributes",
        REDRIVE: json.dumps({"deadLetterTargetArn": dead_letters}),
        RAW: "true" if protocol == SQS else "false",
    }


@dataclass(frozen=True)
class Subscription:
    """As SNS describes it. `attributes`: {} while it is pending and SNS has not said its ARN."""

    arn: str
    protocol: str
    endpoint: str
    owner: str
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def pending(self) -> bool:
        return self.arn == PENDING or self.attributes.get(PENDING) == "true"

    @property
    def shown_endpoint(self) -> str:
        return without_query(self.endpoint)

    @property
    def filter(self) -> dict:
        return _object(self.attributes.get(FILTER))

    @property
    def redrive(self) -> dict:
        return _object(self.attributes.get(REDRIVE))

    @property
    def raw(self) -> bool:
        return self.attributes.get(RAW, "").lower() == "true"

    @property
    def partner(self) -> str | None:
        """The partner whose events alone it gets; None for any other filter, and without one."""
        match self.filter.get(ATTRIBUTE):
            case [str(name)]:
                return name
        return None

    def differences(self, attributes: Mapping[str, str]) -> dict[str, str]:
        """Return those of `attributes` that it has otherwise."""
        return {name: value for name, value in attributes.items() if not self._has(name, value)}

    def _has(self, name: str, value: str) -> bool:
        present = self.attributes.get(name) or ("MessageAttributes" if name == SCOPE else "")
        return _object(present) == _object(value) if name in _JSON else present.lower() == value.lower()


def read_all(aws: Aws, topic: str) -> list[Subscription]:
    """Return the topic's subscriptions, with the attributes of those that are confirmed."""
    pages = aws.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [_listed(each) for page in pages for each in page.get("Subscriptions", ())]
    return [each for each in (_described(aws, each) for each in found if each.arn != DELETED) if each]


def find(found: list[Subscription], endpoint: Endpoint) -> Subscription | None:
    """Return the subscription of an endpoint: a topic has one at most."""
    same = (each for each in found if (each.protocol, each.endpoint) == (endpoint.protocol, endpoint.value))
    return next(same, None)


def create(aws: Aws, topic: str, endpoint: Endpoint, attributes: Mapping[str, str]) -> Subscription:
    """Subscribe the endpoint, with its filter in the same call. SNS repeats the request for confirmation if it is pending.

    Raises InvalidParameterException if a subscription of the endpoint has other attributes.
    """
    arn = aws.client("sns").subscribe(
        TopicArn=topic,
        Protocol=endpoint.protocol,
        Endpoint=endpoint.value,
        Attributes=dict(attributes),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    made = Subscription(arn, endpoint.protocol, endpoint.value, "")
    return _described(aws, made) or made


def correct(aws: Aws, subscription: Subscription, attributes: Mapping[str, str]) -> None:
    for name, value in attributes.items():
        aws.client("sns").set_subscription_attributes(
            SubscriptionArn=subscription.arn, AttributeName=name, AttributeValue=value
        )


def delete(aws: Aws, subscription: Subscription) -> None:
    aws.client("sns").unsubscribe(SubscriptionArn=subscription.arn)


def _listed(entry: Mapping) -> Subscription:
    return Subscription(entry["SubscriptionArn"], entry["Protocol"], entry["Endpoint"], entry.get("Owner", ""))


def _described(aws: Aws, listed: Subscription) -> Subscription | None:
    """Return it with its attributes; None if it has gone since it was listed."""
    if not listed.arn.startswith("arn:"):
        return listed
    sns = aws.client("sns")
    try:
        found = aws.client("sns").get_subscription_attributes(SubscriptionArn=listed.arn)["Attributes"]
    except sns.exceptions.NotFoundException:
        return None
    return Subscription(listed.arn, listed.protocol, listed.endpoint, found.get("Owner", listed.owner), found)


def _object(text: str | None) -> dict:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
