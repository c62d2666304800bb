"""When CloudWatch's alarms go into ALARM, and what they send."""

import json
from functools import partial
from typing import Any

from conformance.account import Account
from conformance.measures import alarm, described, put_metric, reaches, state, summed, watching
from conformance.probe import deploys, expect, holds
from conformance.resources import att, queue, ref, template
from conformance.small_stacks import admits, refused, with_function

ALARMS = "generator/alarm_resources.py"
METRICS = {"alarm_metric": 3, "metric": 3}
ACTIVE = 16
"""Seconds locally, minutes on AWS: metrics of a queue that has just become active are up to 15 minutes late."""


@deploys(ALARMS, uses=METRICS)
def alarm_evaluation(account: Account, name: str) -> None:
    """An alarm watches the metric with exactly its dimensions, and leaves others with the same name alone."""
    resources = {
        who: alarm(AlarmName=f"{name}-{who}", **watching(name, "Errors", FunctionName=who)) for who in ("A", "B")
    }
    account.deployed(name, template(resources))
    put_metric(account, name, "Errors", 1, FunctionName="A")
    reaches(account, f"{name}-A", "ALARM")
    holds(state(account, f"{name}-B") != "ALARM", "B's alarm does not watch A's errors", "ALARM")


@deploys(ALARMS, uses=METRICS)
def alarm_clock(account: Account, name: str) -> None:
    """An alarm on a metric that AWS writes is evaluated without PutMetricData."""
    made = with_function(account, name, "def handler(event, context):\n    raise ValueError()\n")
    watched = watching("AWS/Lambda", "Errors", FunctionName=made)
    account.deployed(f"{name}-alarm", template({"A": alarm(AlarmName=name, **watched)}))
    account.invoke(made)
    reaches(account, name, "ALARM", 5)


@deploys("generator/alarms/queues.py", uses=METRICS)
def queue_metrics(account: Account, name: str) -> None:
    """SQS writes the number of visible and of invisible messages by queue name, and an alarm sees them."""
    watched = watching("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=att("Q", "QueueName"))
    resources = {"Q": queue(), "A": alarm(AlarmName=name, **{**watched, "Statistic": "Maximum"})}
    account.deployed(name, template(resources))
    url = account.child(name, "Q")
    account.client("sqs").send_message(QueueUrl=url, MessageBody="dead letter")
    reaches(account, name, "ALARM", ACTIVE)
    account.client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=600)
    at = {"QueueName": url.rsplit("/", 1)[-1]}
    invisible = "ApproximateNumberOfMessagesNotVisible"
    account.until(lambda: summed(account, "AWS/SQS", invisible, **at) > 0, f"{invisible} is above 0")


@deploys(ALARMS, "generator/alarms/spec.py", uses=METRICS)
def alarm_metric_math(account: Account, name: str) -> None:
    """An alarm on an expression of two metrics that it does not return fires above 1 % of errors, not below."""

    def metric(key: str) -> dict:
        watched = {"Metric": {"Namespace": name, "MetricName": key}, "Period": 60, "Stat": "Sum"}
        return {"Id": key, "ReturnData": False, "MetricStat": watched}

    ratio = {"Id": "ratio", "Expression": "100 * errors / MAX([errors, invocations])"}
    metrics = [ratio, metric("errors"), metric("invocations")]
    account.deployed(name, template({"A": alarm(AlarmName=name, Threshold=1, Metrics=metrics)}))
    found = described(account, name)
    expect(len(found.get("Metrics", ())), 3, "metrics of the alarm")
    put_metric(account, name, "invocations", 1000)
    put_metric(account, name, "errors", 9)
    reaches(account, name, "OK")
    put_metric(account, name, "errors", 9)
    reaches(account, name, "ALARM")
    unknown = {"Id": "e", "Expression": "NOSUCH(errors)"}
    refused(account, f"{name}-unknown", {"A": alarm(Metrics=[unknown, metric("errors")])}, "expression 'e'")


@deploys(ALARMS, uses=METRICS)
def metric_math_requests(account: Account, name: str) -> None:
    """PutMetricAlarm with an expression makes an alarm that watches it; putting it again replaces it."""
    cloudwatch = account.client("cloudwatch")
    account.made.callback(cloudwatch.delete_alarms, AlarmNames=[name])
    metric = {"Namespace": name, "MetricName": "errors"}
    errors = {"Id": "errors", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    for threshold in (1000, 10):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Metrics=[{"Id": "tenfold", "Expression": "10 * errors"}, errors],
            Threshold=threshold,
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            TreatMissingData="notBreaching",
            Tags=account.tags,
        )
    found = described(account, name)
    expect([query["Id"] for query in found.get("Metrics", ())], ["tenfold", "errors"], "metrics of the alarm")
    expect("MetricName" in found, False, "the alarm has a metric besides its expression")
    put_metric(account, name, "errors", 2)
    reaches(account, name, "ALARM")


@deploys("generator/alarm_resources.py", uses={"alarm_metric": 3, "alarm_composite": 2, "metric": 3})
def composite_alarms(account: Account, name: str) -> None:
    """A composite alarm of alarms and composite alarms, by AND, OR and NOT, notifies once however many fire."""
    account.deployed(name, template(_composites(name)))
    cloudwatch, sent = account.client("cloudwatch"), list[str]()

    def firing(wanted: set[str]) -> bool:
        kinds = ["MetricAlarm", "CompositeAlarm"]
        found = cloudwatch.describe_alarms(AlarmNamePrefix=f"{name}-", AlarmTypes=kinds, StateValue="ALARM")
        names = [each["AlarmName"] for each in found["MetricAlarms"] + found["CompositeAlarms"]]
        return {each.removeprefix(f"{name}-") for each in names} == wanted

    def notified(wanted: str) -> bool:
        sqs, inbox = account.client("sqs"), account.child(name, "Q")
        wait = 0 if account.emulated_at else 5  # a short poll may miss messages
        found = sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10, WaitTimeSeconds=wait)
        for message in found.get("Messages", []):
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
            sent.append(json.loads(message["Body"])["NewStateValue"])
        return wanted in sent

    account.until(lambda: {state(account, f"{name}-{key}") for key in "ABC"} == {"OK"}, "all alarms are OK", 3)
    for key, fire in (("A", {"A"}), ("B", {"A", "B", "both", "path"}), ("C", {"A", "B", "both", "path", "C"})):
        put_metric(account, name, key, 1)
        account.until(partial(firing, fire), f"{sorted(fire)} are in ALARM", 3)
    account.until(lambda: notified("ALARM"), "the composite alarm notifies", 3)
    notified("")
    expect(sent.count("ALARM"), 1, "notifications of ALARM")  # OK may come at the beginning
    sent.clear()
    for key in ("C", "A"):
        put_metric(account, name, key, 0)
    account.until(lambda: notified("OK"), "the composite alarm notifies when all is well", 12)
    expect(account.delete(name)["StackStatus"], "DELETE_COMPLETE", "deletion of the alarms")


def _composites(name: str) -> dict:
    """Three alarms, a composite of two of them, and one of that and the third, which notifies a queue."""

    def composite(key: str, rule: str, *after: str, **more: Any) -> dict:
        properties = {"AlarmName": f"{name}-{key}", "AlarmDescription": key, "AlarmRule": rule, **more}
        return {"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": list(after), "Properties": properties}

    # In ALARM until all of them are, and until a value of 0.
    lasting = {"Period": 300, "EvaluationPeriods": 2, "DatapointsToAlarm": 1, "Statistic": "Minimum"}
    singles = {key: alarm(AlarmName=f"{name}-{key}", **{**watching(name, key), **lasting}) for key in "ABC"}
    rule = f'(ALARM("{name}-both") OR ALARM("{name}-C")) AND NOT INSUFFICIENT_DATA("{name}-A")'
    subscription = {"TopicArn": ref("T"), "Protocol": "sqs", "Endpoint": att("Q", "Arn"), "RawMessageDelivery": True}
    return {
        **singles,
        "T": {"Type": "AWS::SNS::Topic"},
        "Q": queue(),
        "Policy": admits("sns.amazonaws.com", "Q"),
        "S": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
        "Both": composite("both", f'ALARM("{name}-A") AND ALARM({name}-B)', "A", "B"),
        "Path": composite("path", rule, "Both", "C", AlarmActions=[ref("T")], OKActions=[ref("T")]),
    }
