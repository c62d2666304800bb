"""Read the alarms of an environment."""

from collections import Counter
from collections.abc import Iterable

from config import names
from deployer.aws.session import Aws
from deployer.stacks import alarms
from deployer.stacks.alarms import ALARM, NO_DATA, OK, Alarm


def of_environment(aws: Aws, environment: str) -> list[Alarm]:
    """Return the alarms with the environment's name prefix, composite ones first, then by name."""
    prefix = names.root_stack(environment) + "-"
    pages = (
        aws.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=prefix, AlarmTypes=["CompositeAlarm", "MetricAlarm"])
    )
    found = [alarm for page in pages for alarm in alarms.parsed(page)]
    return sorted(found, key=lambda alarm: (not alarm.composite, alarm.name))


def counts(found: Iterable[Alarm]) -> dict[str, int]:
    """Return the number of alarms in each of the three states."""
    number = Counter(alarm.state for alarm in found)
    return {state: number[state] for state in (OK, ALARM, NO_DATA)}
