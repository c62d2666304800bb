"""`--clean` finds what a killed run left, of every kind that probes make, and nothing else: moto's services."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from config.environment import load
from conformance import leftovers, stackless
from conformance.account import Account
from deployer.aws import session


@pytest.fixture
def account(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(Account, "emulated_at", "http://127.0.0.1:1")
    with mock_aws():
        yield Account(session.connect(load("dev")), "conformance-0123abcd", 1)


def _alarm(account: Account, name: str, **more: Any) -> None:
    threshold = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    watched = {"Namespace": "n", "MetricName": "m", "Period": 60, "Statistic": "Sum"}
    account.client("cloudwatch").put_metric_alarm(AlarmName=name, **threshold, **watched, **more)


def _made_by_a_killed_run(account: Account) -> None:
    account.create_bucket(f"{account.mark}-artifacts")
    stackless.subscribed(account, account.client("sns").create_topic(Name="order-events")["TopicArn"], "subscriber")
    stackless.topic(account, "topic")
    stackless.table(account, "table")
    _alarm(account, f"{account.mark}-alarm", Tags=account.tags)
    account.client("logs").create_log_group(logGroupName=f"/aws/lambda/{account.mark}-function")


def _made_by_others(account: Account) -> None:
    """Names like those of probes without their tag, and other names."""
    account.client("s3").create_bucket(Bucket="conformance-of-somebody")
    account.client("sqs").create_queue(QueueName="conformance-of-somebody")
    account.client("sns").create_topic(Name="conformance-of-somebody")
    _alarm(account, "conformance-of-somebody")
    account.client("logs").create_log_group(logGroupName="/aws/lambda/orders")


def test_everything_that_a_killed_run_left_is_found_and_removed(account):
    _made_by_others(account)
    assert leftovers.of_earlier_runs(account) == {}
    _made_by_a_killed_run(account)
    found = leftovers.of_earlier_runs(account)
    kinds = ["alarm", "bucket", "log group", "queue", "subscription of", "table", "topic"]
    assert sorted(each.rpartition(" ")[0] for each in found) == kinds
    for remove in found.values():
        remove()
        remove()  # somebody else was faster
    assert leftovers.of_earlier_runs(account) == {}
    assert account.client("sns").list_subscriptions()["Subscriptions"] == []


def test_a_service_that_an_endpoint_has_not_built_has_nothing_left(account, monkeypatch):
    def not_built(_: Account):
        answer: Any = {"Error": {"Code": "501"}, "ResponseMetadata": {"HTTPStatusCode": 501}}
        raise ClientError(answer, "DescribeAlarms")
        yield

    monkeypatch.setattr(leftovers, "_alarms", not_built)
    account.client("logs").create_log_group(logGroupName=f"/aws/lambda/{account.mark}-function")
    assert list(leftovers.of_earlier_runs(account)) == [f"log group /aws/lambda/{account.mark}-function"]
