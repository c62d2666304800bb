"""Queues, topics, subscriptions and tables of a probe's own, made without a stack and removed when the probe ends."""

import json
import secrets
from typing import Any

from conformance.account import Account


def _name(account: Account, purpose: str) -> str:
    return f"{account.mark}-{purpose}-{secrets.token_hex(3)}"


def queue(account: Account, purpose: str, **attributes: str) -> tuple[str, str]:
    """Create a queue to which SNS may send; return its URL and its ARN."""
    sqs = account.client("sqs")
    tags = {tag["Key"]: tag["Value"] for tag in account.tags}
    url = sqs.create_queue(QueueName=_name(account, purpose), Attributes=attributes, tags=tags)["QueueUrl"]
    account.made.callback(sqs.delete_queue, QueueUrl=url)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": ":".join([*arn.replace(":sqs:", ":sns:").split(":")[:5], "*"])}},
    }
    policy = {"Version": "2012-10-17", "Statement": [allow]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, arn


def topic(account: Account, purpose: str, **attributes: str) -> str:
    """Create a topic and return its ARN."""
    sns = account.client("sns")
    arn = sns.create_topic(Name=_name(account, purpose), Attributes=attributes, Tags=account.tags)["TopicArn"]
    account.made.callback(sns.delete_topic, TopicArn=arn)
    return arn


def subscribed(account: Account, topic_arn: str, purpose: str, **attributes: str) -> str:
    """Subscribe a new queue, by default with raw delivery, and return the queue's URL."""
    sns, (url, arn) = account.client("sns"), queue(account, purpose)
    made = sns.subscribe(
        TopicArn=topic_arn,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true", **attributes},
        ReturnSubscriptionArn=True,
    )
    account.made.callback(sns.unsubscribe, SubscriptionArn=made["SubscriptionArn"])
    return url


def table(account: Account, purpose: str, **properties: Any) -> str:
    """Create a table with the key `id`, wait until it is active, and return its name."""
    dynamodb, name = account.client("dynamodb"), _name(account, purpose)
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=account.tags,
        **properties,
    )
    account.made.callback(_delete_table, account, name)
    account.until(lambda: _status(account, name) == "ACTIVE", f"table {name} is active")
    return name


def received(account: Account, url: str) -> list[dict]:
    """Take what a receive returns off a queue: up to ten messages, with their attributes."""
    sqs, taken = account.client("sqs"), []
    found = sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
        WaitTimeSeconds=0 if account.emulated_at else 5,
    )
    for message in found.get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        taken.append(message)
    return taken


def gathered(account: Account, url: str, number: int, what: str, seconds: float = 10) -> list[dict]:
    """Wait for that many messages, and return them in the order of their arrival."""
    found: list[dict] = []

    def enough() -> bool:
        found.extend(received(account, url))
        return len(found) >= number

    account.until(enough, what, seconds)
    return found


def _status(account: Account, name: str) -> str:
    return account.client("dynamodb").describe_table(TableName=name)["Table"]["TableStatus"]


def _delete_table(account: Account, name: str) -> None:
    account.until(lambda: _status(account, name) == "ACTIVE", f"table {name} is active")
    account.client("dynamodb").delete_table(TableName=name)
