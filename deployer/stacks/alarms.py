"""CloudWatch alarms and their states, as values."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.aws.session import Aws

OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

_CHILD = re.compile(r'\bALARM\(\s*"?([^")]+?)"?\s*\)')


@dataclass(frozen=True)
class Alarm:
    """`state`: OK, ALARM or INSUFFICIENT_DATA; `since`: when it changed; `actions`: whether actions are enabled.

    `metric`: what it measures, such as `AWS/Lambda Errors`. `functions`: the Lambda functions that it measures.
    `children`: alarms whose ALARM brings a composite one into ALARM.
    """

    name: str
    composite: bool
    state: str
    since: datetime
    reason: str
    description: str
    actions: bool = True
    metric: str = ""
    functions: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


def named(aws: Aws, names: Iterable[str]) -> list[Alarm]:
    """Return the alarms with these names that exist, at most 100."""
    wanted = list(names)[:100]
    if not wanted:
        return []
    return parsed(
        aws.client("cloudwatch").describe_alarms(
            AlarmNames=wanted, AlarmTypes=["CompositeAlarm", "MetricAlarm"], MaxRecords=100
        )
    )


def parsed(answer: Mapping[str, Any]) -> list[Alarm]:
    """Convert an answer of DescribeAlarms."""
    composite = [_of(entry, True) for entry in answer.get("CompositeAlarms", [])]
    return composite + [_of(entry, False) for entry in answer.get("MetricAlarms", [])]


def _of(entry: Mapping[str, Any], composite: bool) -> Alarm:
    """StateTransitionedTimestamp changes with the state only; StateUpdatedTimestamp with the reason as well."""
    metrics = [each["MetricStat"]["Metric"] for each in entry.get("Metrics", []) if "MetricStat" in each] or [entry]
    measured = [f"{each.get('Namespace')} {each['MetricName']}" for each in metrics if each.get("MetricName")]
    dimensions = [dimension for each in metrics for dimension in each.get("Dimensions", [])]
    functions = [each["Value"] for each in dimensions if each["Name"] == "FunctionName"]
    return Alarm(
        entry["AlarmName"],
        composite,
        entry["StateValue"],
        entry.get("StateTransitionedTimestamp") or entry["StateUpdatedTimestamp"],
        entry.get("StateReason", ""),
        entry.get("AlarmDescription", ""),
        entry.get("ActionsEnabled", True),
        ", ".join(dict.fromkeys(measured)),
        tuple(dict.fromkeys(functions)),
        tuple(_CHILD.findall(entry.get("AlarmRule", ""))),
    )
