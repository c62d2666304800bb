"""Queues, as SQS returns them, and topics, as SNS does."""

from collections.abc import Mapping
from typing import Any

from conformance.declared.deployed import Client, Declared, tags


def queue(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("sqs").get_queue_attributes(QueueUrl=resource.id, AttributeNames=["All"])["Attributes"]
    return {
        **found,
        "Arn": found["QueueArn"],
        "QueueName": found["QueueArn"].rpartition(":")[2],
        "Tags": tags(client("sqs").list_queue_tags, "Tags", QueueUrl=resource.id),
    }


def queue_policy(client: Client, resource: Declared) -> Mapping[str, Any]:
    (url,) = resource.properties["Queues"]
    found = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    return {"Queues": [url], "PolicyDocument": found.get("Attributes", {}).get("Policy")}


def topic(client: Client, resource: Declared) -> Mapping[str, Any]:
    found = client("sns").get_topic_attributes(TopicArn=resource.id)["Attributes"]
    return {
        **found,
        "TopicName": resource.id.rpartition(":")[2],
        "Tags": tags(client("sns").list_tags_for_resource, "Tags", ResourceArn=resource.id),
    }


def topic_policy(client: Client, resource: Declared) -> Mapping[str, Any]:
    (topic,) = resource.properties["Topics"]
    found = client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    return {"Topics": [topic], "PolicyDocument": found.get("Policy")}


def subscription(client: Client, resource: Declared) -> Mapping[str, Any]:
    return client("sns").get_subscription_attributes(SubscriptionArn=resource.id)["Attributes"]
