"""Read the alarms of an environment."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config import names
from deployer.aws.session import Aws

OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"


@dataclass(frozen=True)
class Alarm:
    """`state`: OK, ALARM or INSUFFICIENT_DATA; `since`: when it changed; `actions`: whether actions are enabled."""

    name: str
    composite: bool
    state: str
    since: datetime
    reason: str
    description: str
    actions: bool = True


def of_environment(aws: Aws, environment: str) -> list[Alarm]:
    """Return the alarms with the environment's name prefix, composite ones first, then by name."""
    prefix = names.root_stack(environment) + "-"
    pages = (
        aws.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm", "MetricAlarm"])
    )
    found = []
    for page in pages:
        found += [_of(entry, True) for entry in page.get("CompositeAlarms", [])]
        found += [_of(entry, False) for entry in page.get("MetricAlarms", [])]
    return sorted(found, key=lambda alarm: (not alarm.composite, alarm.name))


def _of(entry: Mapping[str, Any], composite: bool) -> Alarm:
    """StateTransitionedTimestamp changes with the state only; StateUpdatedTimestamp with the reason as well."""
    return Alarm(
        entry["AlarmName"],
        composite,
        entry["StateValue"],
        entry.get("StateTransitionedTimestamp") or entry["StateUpdatedTimestamp"],
        entry.get("StateReason", ""),
        entry.get("AlarmDescription", ""),
        entry.get("ActionsEnabled", True),
    )


def counts(alarms: Iterable[Alarm]) -> dict[str, int]:
    """Return the number of alarms in each of the three states."""
    number = Counter(alarm.state for alarm in alarms)
    return {state: number[state] for state in (OK, ALARM, NO_DATA)}
