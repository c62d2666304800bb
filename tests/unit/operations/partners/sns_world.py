"""A topic in memory, as the commands for subscriptions meet it."""

import io
import json
from types import SimpleNamespace

from botocore.exceptions import ClientError

from deployer.aws.sent import Sent

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:order-events"
DEAD_LETTERS = f"arn:aws:sqs:us-east-1:{ACCOUNT}:undelivered"
STACK = {
    "StackName": "food-delivery-dev",
    "StackStatus": "CREATE_COMPLETE",
    "Outputs": [
        {"OutputKey": "OrderEventsTopicArn", "OutputValue": TOPIC},
        {"OutputKey": "OrderEventsDeliveryDlqUrl", "OutputValue": f"https://sqs.example/{ACCOUNT}/undelivered"},
        {"OutputKey": "OrderQueueUrl", "OutputValue": f"https://sqs.example/{ACCOUNT}/orders"},
    ],
}


class Refused(ClientError):
    def __init__(self, code: str, message: str, operation: str):
        super().__init__({"Error": {"Code": code, "Message": message}}, operation)


class Invalid(Refused):
    pass


class TooMany(Refused):
    pass


class Missing(Refused):
    pass


class Sns:
    """A topic of SNS. `writes`: what was asked for, in order. `refuses`: an error that Subscribe raises."""

    exceptions = SimpleNamespace(
        InvalidParameterException=Invalid,
        SubscriptionLimitExceededException=TooMany,
        FilterPolicyLimitExceededException=TooMany,
        NotFoundException=Missing,
    )

    def __init__(self):
        self.known: dict[str, dict] = {}
        self.ended: list[tuple[str, str]] = []
        self.writes: list[tuple] = []
        self.refuses: Exception | None = None

    def subscribe(self, TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn):
        assert (TopicArn, ReturnSubscriptionArn) == (TOPIC, True)
        self.writes.append(("subscribe", Protocol, Endpoint, Attributes))
        if self.refuses:
            raise self.refuses
        for arn, each in self.known.items():
            if (each["Protocol"], each["Endpoint"]) == (Protocol, Endpoint):
                if any(each.get(name) != value for name, value in Attributes.items()):
                    raise Invalid(
                        "InvalidParameter",
                        f"Subscription {Endpoint} already exists with different attributes",
                        "Subscribe",
                    )
                return {"SubscriptionArn": arn}
        return {"SubscriptionArn": self.add(Protocol, Endpoint, **Attributes)}

    def add(self, protocol, endpoint, **attributes) -> str:
        arn = f"{TOPIC}:{len(self.known) + 1}"
        pending = protocol == "https" or (protocol == "sqs" and endpoint.split(":")[4] != ACCOUNT)
        own = {
            "Protocol": protocol,
            "Endpoint": endpoint,
            "PendingConfirmation": str(pending).lower(),
            "Owner": ACCOUNT,
        }
        self.known[arn] = own | attributes
        return arn

    def confirm(self, arn: str) -> None:
        self.known[arn]["PendingConfirmation"] = "false"

    def get_paginator(self, operation):
        assert operation == "list_subscriptions_by_topic"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, TopicArn):
        for protocol, endpoint in self.ended:
            gone = {"SubscriptionArn": "Deleted", "Protocol": protocol, "Endpoint": endpoint, "Owner": ACCOUNT}
            yield {"Subscriptions": [gone]}
        for arn, each in self.known.items():
            shown = "PendingConfirmation" if each["PendingConfirmation"] == "true" else arn
            yield {
                "Subscriptions": [{"SubscriptionArn": shown, **{k: each[k] for k in ("Protocol", "Endpoint", "Owner")}}]
            }

    def get_subscription_attributes(self, SubscriptionArn):
        if SubscriptionArn not in self.known:
            raise Missing("NotFound", "no", "GetSubscriptionAttributes")
        return {"Attributes": dict(self.known[SubscriptionArn])}

    def set_subscription_attributes(self, SubscriptionArn, AttributeName, AttributeValue):
        self.writes.append(("set", SubscriptionArn, AttributeName, AttributeValue))
        self.known[SubscriptionArn][AttributeName] = AttributeValue

    @staticmethod
    def get_caller_identity():
        return {"Arn": f"arn:aws:iam::{ACCOUNT}:user/night"}

    def unsubscribe(self, SubscriptionArn):
        self.writes.append(("unsubscribe", SubscriptionArn))
        del self.known[SubscriptionArn]


class Partners:
    """The commands, at a topic."""

    def __init__(self, monkeypatch):
        from deployer import connection
        from operations.partners import keys, records, subscriptions_command

        self.sns, self.said, self.command = Sns(), io.StringIO(), subscriptions_command
        self.aws = SimpleNamespace(
            client=lambda service: self.sns,
            on_this_machine=False,
            local=False,
            endpoint_url=None,
            elsewhere="",
            region="us-east-1",
            sent=Sent(),
        )
        monkeypatch.setattr(connection, "deployed", lambda *_: (self.aws, STACK))
        self.known = {"acme", "globex"}  # partners with an API key
        self.recorded: list[tuple] = []
        monkeypatch.setattr(
            keys, "of_environment", lambda aws, environment: [SimpleNamespace(partner=each) for each in self.known]
        )
        monkeypatch.setattr(records, "write", lambda aws, who, *change: self.recorded.append(change))

    def run(self, name, partner="", endpoint="", **options):
        from deployer.options import Options
        from deployer.show.ui import Ui

        options = Options(env="dev", partner=partner, endpoint=endpoint, **{"yes": True, **options})
        report = getattr(self.command, name)(options, Ui(self.said, interactive=False), None)
        json.dumps(report)
        return report
