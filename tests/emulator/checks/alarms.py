"""Checks of alarms."""

from typing import Any

from tests.emulator.checks.common import check, with_function
from tests.emulator.testkit import Aws, att, template, until


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
def alarm_clock(aws: Aws, name: str) -> None:
    """An alarm on a metric of AWS's own rings although nobody calls PutMetricData."""
    made = with_function(aws, name, "def handler(event, context):\n    raise ValueError()\n")
    resources = {"A": alarm(AlarmName=name, **watching("AWS/Lambda", "Errors", FunctionName=made))}
    aws.deployed(f"{name}-alarm", template(resources))
    aws.invoke(made)
    until(lambda: state(aws, name) == "ALARM", 3)


@check
def queue_metrics(aws: Aws, name: str) -> None:
    watched = watching("AWS/SQS", "ApproximateNumberOfMessagesVisible", QueueName=att("Q", "QueueName"))
    aws.deployed(
        name,
        template({"Q": {"Type": "AWS::SQS::Queue"}, "A": alarm(AlarmName=name, **{**watched, "Statistic": "Maximum"})}),
    )
    aws.client("sqs").send_message(QueueUrl=aws.child(name, "Q"), MessageBody="dead letter")
    until(lambda: state(aws, name) == "ALARM", 5)


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


@check
def composite_alarms(aws: Aws, name: str) -> None:
    single = alarm(AlarmName=f"{name}-a", **watching(name, "Errors"))
    both = {
        "Type": "AWS::CloudWatch::CompositeAlarm",
        "DependsOn": "A",
        "Properties": {"AlarmName": name, "AlarmRule": f'ALARM("{name}-a")'},
    }
    aws.deployed(name, template({"A": single, "C": both}))
    assert aws.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"
