"""Metrics and alarms of probes."""

import time
from typing import Any

from conformance.account import Account
from conformance.probe import Differs


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


def put_metric(account: Account, namespace: str, metric: str, value: float, **dimensions: str) -> None:
    at = [{"Name": key, "Value": each} for key, each in dimensions.items()]
    data = [{"MetricName": metric, "Value": value, "Dimensions": at}]
    account.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)


def described(account: Account, name: str) -> dict[str, Any]:
    """Return the DescribeAlarms entry of an alarm."""
    found = account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    if not found:
        raise Differs(f"alarm {name} exists", "no such alarm")
    return found[0]


def state(account: Account, name: str) -> str:
    return described(account, name)["StateValue"]


def reaches(account: Account, name: str, wanted: str, seconds: float = 5) -> None:
    """Wait until the alarm is in the state."""
    account.until(lambda: state(account, name) == wanted, f"alarm {name} goes into {wanted}", seconds)


def summed(account: Account, namespace: str, metric: str, statistic: str = "Sum", **dimensions: str) -> float:
    """Return a metric's statistic of the last five minutes."""
    found = account.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        StartTime=time.time() - max(300, 60 * account.wait_factor),
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=[statistic],
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
    )
    return sum(point[statistic] for point in found["Datapoints"])


def counted(
    account: Account, namespace: str, metric: str, where: dict[str, str], expected: float, seconds: float = 5
) -> None:
    """Wait until the sum of a metric is the expected one."""
    seen: list[float] = []

    def reached() -> bool:
        seen[:] = [summed(account, namespace, metric, **where)]
        return seen == [expected]

    try:
        account.until(reached, metric, seconds)
    except Differs:
        raise Differs(expected, seen[0], f"{namespace} {metric}") from None
