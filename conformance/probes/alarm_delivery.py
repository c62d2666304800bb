"""How alarms change their state and reach a queue: with alarms, topics and queues of the probes' own."""

import json
from typing import Any

from conformance import stackless
from conformance.account import Account
from conformance.probe import deploys, expect
from conformance.waiting import never

PERIOD = 10
"""Seconds: the shortest period of an alarm, for metrics of high resolution."""


def _alarm(account: Account, name: str, **properties: Any) -> None:
    cloudwatch = account.client("cloudwatch")
    account.made.callback(cloudwatch.delete_alarms, AlarmNames=[name])
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        Tags=account.tags,
        **properties,
    )


def _put(account: Account, namespace: str, metric: str, value: float) -> None:
    data = {"MetricName": metric, "Value": value, "StorageResolution": 1}
    account.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[data])


def _state(account: Account, name: str) -> str:
    return account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


def _query(namespace: str, metric: str) -> dict:
    watched = {"Metric": {"Namespace": namespace, "MetricName": metric}, "Period": PERIOD, "Stat": "Sum"}
    return {"Id": metric, "ReturnData": False, "MetricStat": watched}


@deploys("generator/alarms/table.py", "generator/alarm_resources.py")
def fill_in_a_sum_leaves_alarm(account: Account, name: str) -> None:
    """An alarm on SUM of filled metrics, one of which never exists, goes into ALARM and back to OK without new data."""
    total = {"Id": "total", "Expression": "SUM([FILL(seen, 0), FILL(never, 0)])"}
    _alarm(account, name, Metrics=[total, _query(name, "seen"), _query(name, "never")])
    account.until(lambda: _state(account, name) == "OK", "OK before any data")
    _put(account, name, "seen", 1)
    account.until(lambda: _state(account, name) == "ALARM", "ALARM after a value of 1", 5)
    account.until(lambda: _state(account, name) == "OK", "OK when the value is older than the period", PERIOD + 3)


@deploys("generator/alarms/spec.py", "generator/alarm_resources.py")
def an_alarm_returns_to_ok_without_data(account: Account, name: str) -> None:
    """An alarm that treats missing data as not breaching is OK without any, goes into ALARM with a value, and back."""
    _alarm(
        account,
        name,
        Namespace=name,
        MetricName="seen",
        Statistic="Sum",
        Period=PERIOD,
        TreatMissingData="notBreaching",
    )
    account.until(lambda: _state(account, name) == "OK", "OK before any data")
    _put(account, name, "seen", 1)
    account.until(lambda: _state(account, name) == "ALARM", "ALARM after a value of 1", 5)
    account.until(lambda: _state(account, name) == "OK", "OK when the value is older than the period", PERIOD + 3)


def _notified(account: Account, name: str, **topic: str) -> str:
    """Have an alarm notify a queue through a topic with these attributes; return the queue's URL."""
    arn = stackless.topic(account, "alerts", **topic)
    url = stackless.subscribed(account, arn, "inbox")
    _alarm(account, name, Namespace=name, MetricName="none", Statistic="Sum", Period=60, AlarmActions=[arn])
    account.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="conformance")
    return url


@deploys("generator/monitoring.py", "docs/monitoring.md")
def an_alarm_reaches_a_queue_through_a_topic(account: Account, name: str) -> None:
    """An alarm that goes into ALARM notifies its topic, and a subscribed queue gets it as JSON."""
    url = _notified(account, name)
    message = json.loads(stackless.gathered(account, url, 1, "the alarm's notification is in the queue", 5)[0]["Body"])
    expect((message["AlarmName"], message["NewStateValue"]), (name, "ALARM"), "AlarmName and NewStateValue")


@deploys("generator/monitoring.py", "generator/audit.py")
def an_alarm_does_not_pass_the_aws_managed_key(account: Account, name: str) -> None:
    """CloudWatch cannot publish to a topic under alias/aws/sns: the notification vanishes, so AlertsTopic has no key."""
    url = _notified(account, name, KmsMasterKeyId="alias/aws/sns")
    never(account, lambda: len(stackless.received(account, url)), "no notification")


@deploys("generator/order_events.py")
def a_principal_of_the_account_publishes_under_the_aws_managed_key(account: Account, name: str) -> None:
    """A topic under alias/aws/sns takes messages of this account's principals, and delivers them decrypted."""
    arn = stackless.topic(account, "events", KmsMasterKeyId="alias/aws/sns")
    url = stackless.subscribed(account, arn, "subscriber")
    account.client("sns").publish(TopicArn=arn, Message="order")
    found = stackless.gathered(account, url, 1, "the message is in the queue", 5)
    expect([message["Body"] for message in found], ["order"], "messages")
