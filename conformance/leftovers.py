"""Find what earlier runs left: by its name's prefix and its tag, and by nothing else. What a stack has goes with it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from conformance import removal
from conformance.account import Account
from conformance.removal import PREFIX, is_ours
from deployer.aws import service_errors

LOG_GROUPS = f"/aws/lambda/{PREFIX}"
Found = Iterator[tuple[str, Callable[[], None]]]


def of_earlier_runs(account: Account) -> dict[str, Callable[[], None]]:
    """Return what is left, with its removal; nothing of a service that the endpoint has not built."""
    found: dict[str, Callable[[], None]] = {}
    for kind in (_stacks, _buckets, _alarms, _subscriptions, _queues, _topics, _tables, _log_groups):
        try:
            found |= kind(account)
        except Exception as error:
            if not service_errors.is_not_implemented(error):
                raise
    return found


def _pages(client: Any, operation: str, key: str, **arguments: Any) -> Iterator[Any]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, ())


def _tags(call: Callable[..., dict], key: str, **arguments: Any) -> list[dict[str, str]]:
    """Return the tags of a resource; none if it is gone."""
    try:
        found = call(**arguments).get(key, [])
    except Exception as error:
        if service_errors.is_missing(error):
            return []
        raise
    return found if isinstance(found, list) else [{"Key": name, "Value": value} for name, value in found.items()]


def _stacks(account: Account) -> Found:
    for each in _pages(account.client("cloudformation"), "describe_stacks", "Stacks"):
        name, is_root = each["StackName"], not each.get("ParentId")
        if name.startswith(PREFIX) and is_root and is_ours(each.get("Tags", ())):
            yield f"stack {name}", partial(removal.stack, account, name)


def _buckets(account: Account) -> Found:
    s3 = account.client("s3")
    for each in s3.list_buckets().get("Buckets", ()):
        name = each["Name"]
        if name.startswith(PREFIX) and is_ours(_tags(s3.get_bucket_tagging, "TagSet", Bucket=name)):
            yield f"bucket {name}", partial(removal.bucket, s3, name)


def _alarms(account: Account) -> Found:
    cloudwatch = account.client("cloudwatch")
    for each in _pages(cloudwatch, "describe_alarms", "MetricAlarms", AlarmNamePrefix=PREFIX):
        if is_ours(_tags(cloudwatch.list_tags_for_resource, "Tags", ResourceARN=each["AlarmArn"])):
            name = each["AlarmName"]
            yield f"alarm {name}", partial(removal.unless_missing, cloudwatch.delete_alarms, AlarmNames=[name])


def _subscriptions(account: Account) -> Found:
    """Subscriptions of queues of probes, which have no tags, to topics that may be the platform's."""
    sns = account.client("sns")
    for each in _pages(sns, "list_subscriptions", "Subscriptions"):
        queue = each["Endpoint"].rpartition(":")[2]
        if each["Protocol"] == "sqs" and queue.startswith(PREFIX):
            arn = each["SubscriptionArn"]
            yield f"subscription of {queue}", partial(removal.unless_missing, sns.unsubscribe, SubscriptionArn=arn)


def _queues(account: Account) -> Found:
    sqs = account.client("sqs")
    for url in _pages(sqs, "list_queues", "QueueUrls", QueueNamePrefix=PREFIX):
        if is_ours(_tags(sqs.list_queue_tags, "Tags", QueueUrl=url)):
            yield f"queue {url.rpartition('/')[2]}", partial(removal.unless_missing, sqs.delete_queue, QueueUrl=url)


def _topics(account: Account) -> Found:
    sns = account.client("sns")
    for each in _pages(sns, "list_topics", "Topics"):
        arn = each["TopicArn"]
        name = arn.rpartition(":")[2]
        if name.startswith(PREFIX) and is_ours(_tags(sns.list_tags_for_resource, "Tags", ResourceArn=arn)):
            yield f"topic {name}", partial(removal.unless_missing, sns.delete_topic, TopicArn=arn)


def _tables(account: Account) -> Found:
    dynamodb = account.client("dynamodb")
    for name in _pages(dynamodb, "list_tables", "TableNames"):
        arn = account.arn("dynamodb", f"table/{name}")
        if name.startswith(PREFIX) and is_ours(_tags(dynamodb.list_tags_of_resource, "Tags", ResourceArn=arn)):
            yield f"table {name}", partial(removal.table, account, name)


def _log_groups(account: Account) -> Found:
    """Lambda makes a function's group, without tags; again, if the function's last lines come late."""
    logs = account.client("logs")
    for each in _pages(logs, "describe_log_groups", "logGroups", logGroupNamePrefix=LOG_GROUPS):
        name = each["logGroupName"]
        yield f"log group {name}", partial(removal.log_group, logs, name)
