"""Checks of alarms."""

import json
from typing import Any

from tests.emulator.checks.common import check, refused, summed
from tests.emulator.testkit import Aws, att, ref, template, until


def alarm(**properties: Any) -> dict:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "TreatMissingData": "notBreaching",
            **properties,
        },
    }


def watching(namespace: str, metric: str, **dimensions: Any) -> dict:
    return {
        "Namespace": namespace,
        "MetricName": metric,
        "Period": 60,
        "Statistic": "Sum",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }


def put_metric(aws: Aws, namespace: str, metric: str, value: float, **dimensions: str) -> None:
    aws.client("cloudwatch").put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": metric,
                "Value": value,
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            }
        ],
    )


def state(aws: Aws, name: str) -> str:
    return aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]


@check
def alarm_evaluation(aws: Aws, name: str) -> None:
    resources = {
        who: alarm(AlarmName=f"{name}-{who}", **watching(name, "Errors", FunctionName=who)) for who in ("A", "B")
    }
    aws.deployed(name, template(resources))
    put_metric(aws, name, "Errors", 1, FunctionName="A")
    until(lambda: state(aws, f"{name}-A") == "ALARM", 3)
    assert state(aws, f"{name}-B") != "ALARM", "one function's errors rang the other's alarm"


@check
def queue_metrics(aws: Aws, name: str) -> None:
    watched = watching("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=att("Q", "QueueName"))
    aws.deployed(
        name,
        template({"Q": {"Type": "AWS::SQS::Queue"}, "A": alarm(AlarmName=name, **{**watched, "Statistic": "Maximum"})}),
    )
    queue = aws.child(name, "Q")
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="dead letter")
    until(lambda: state(aws, name) == "ALARM", 5)
    aws.client("sqs").receive_message(QueueUrl=queue)
    at = {"QueueName": queue.rsplit("/", 1)[-1]}
    until(lambda: summed(aws, "AWS/SQS", "ApproximateNumberOfMessagesNotVisible", **at) > 0, 5)


@check
def alarm_metric_math(aws: Aws, name: str) -> None:
    """More than 1 % of errors, as metric math."""

    def metric(key: str) -> dict:
        return {
            "Id": key,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": name, "MetricName": key}, "Period": 60, "Stat": "Sum"},
        }

    ratio = {"Id": "ratio", "Expression": "100 * errors / MAX([errors, invocations])"}
    aws.deployed(
        name,
        template({"A": alarm(AlarmName=name, Threshold=1, Metrics=[ratio, metric("errors"), metric("invocations")])}),
    )
    assert len(aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["Metrics"]) == 3
    put_metric(aws, name, "invocations", 1000)
    put_metric(aws, name, "errors", 9)
    until(lambda: state(aws, name) == "OK", 3)
    put_metric(aws, name, "errors", 9)
    until(lambda: state(aws, name) == "ALARM", 3)
    unknown = {"Id": "e", "Expression": "RATE(errors)"}
    reason = "Error in expression 'e': unknown function RATE"
    refused(aws, f"{name}-unknown", {"A": alarm(Metrics=[unknown, metric("errors")])}, reason)


@check
def metric_math_requests(aws: Aws, name: str) -> None:
    """An alarm on an expression that is put by a request, once and again, watches it."""
    metric = {"Namespace": name, "MetricName": "errors"}
    errors = {"Id": "errors", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    settings = {"AlarmName": name, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching"}
    for threshold in (1000, 10):
        aws.client("cloudwatch").put_metric_alarm(
            Metrics=[{"Id": "tenfold", "Expression": "10 * errors"}, errors],
            Threshold=threshold,
            ComparisonOperator="GreaterThanThreshold",
            **settings,
        )
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
    assert [query["Id"] for query in found["Metrics"]] == ["tenfold", "errors"]
    assert "MetricName" not in found
    put_metric(aws, name, "errors", 2)
    until(lambda: state(aws, name) == "ALARM", 3)


@check
def composite_alarms(aws: Aws, name: str) -> None:
    """Of alarms and of another composite alarm, by AND, OR and NOT. It notifies once however many ring, and when all is well."""

    def composite(key: str, rule: str, *after: str, **more: Any) -> dict:
        properties = {"AlarmName": f"{name}-{key}", "AlarmDescription": key, "AlarmRule": rule, **more}
        return {"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": list(after), "Properties": properties}

    singles = {key: alarm(AlarmName=f"{name}-{key}", **watching(name, key)) for key in "ABC"}
    notifies = {"AlarmActions": [ref("T")], "OKActions": [ref("T")]}
    both = composite("both", f'ALARM("{name}-A") AND ALARM({name}-B)', "A", "B")
    rule = f'(ALARM("{name}-both") OR ALARM("{name}-C")) AND NOT INSUFFICIENT_DATA("{name}-A")'
    topic, queue = {"T": {"Type": "AWS::SNS::Topic"}}, {"Q": {"Type": "AWS::SQS::Queue"}}
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = {"Queues": [ref("Q")], "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}}
    subscription = {"TopicArn": ref("T"), "Protocol": "sqs", "Endpoint": att("Q", "Arn"), "RawMessageDelivery": True}
    resources = {
        **singles,
        **topic,
        **queue,
        "QP": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
        "S": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
        "Both": both,
        "Path": composite("path", rule, "Both", "C", **notifies),
    }
    aws.deployed(name, template(resources))
    sqs, inbox = aws.client("sqs"), aws.child(name, "Q")

    def ringing() -> set[str]:
        found = aws.client("cloudwatch").describe_alarms(
            AlarmNamePrefix=f"{name}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue="ALARM"
        )
        names = [each["AlarmName"] for each in found["MetricAlarms"] + found["CompositeAlarms"]]
        return {each.removeprefix(f"{name}-") for each in names}

    def notified() -> list[str]:
        messages = sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"])["NewStateValue"] for message in messages]

    def settle(key: str, wanted: str) -> None:
        """As CloudWatch does when the metric changes, without the wait for a period to end."""
        aws.client("cloudwatch").set_alarm_state(AlarmName=f"{name}-{key}", StateValue=wanted, StateReason="test")

    until(lambda: {state(aws, f"{name}-{key}") for key in "ABC"} == {"OK"}, 3)
    notified()  # OK at the beginning
    put_metric(aws, name, "A", 1)
    until(lambda: ringing() == {"A"}, 3)
    put_metric(aws, name, "B", 1)
    until(lambda: ringing() == {"A", "B", "both", "path"}, 3)
    put_metric(aws, name, "C", 1)
    until(lambda: "C" in ringing(), 3)
    assert notified() == ["ALARM"]
    settle("C", "OK")
    settle("A", "OK")
    assert "OK" in notified()
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"
