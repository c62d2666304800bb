"""Widgets of a CloudWatch dashboard, as its JSON wants them (CloudWatch API reference, "Dashboard body structure").

All text is for Fn::Sub. No text has a line break: in JSON it would be an escape, on one line that nobody can review.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from generator.alarms.spec import Alarm, Metric

COLUMNS = 24
WIDTH, HEIGHT = 8, 6  # three graphs to a row: readable on a laptop
REGION = "${AWS::Region}"


@dataclass(frozen=True)
class Widget:
    type: str
    properties: dict
    width: int = WIDTH
    height: int = HEIGHT


def heading(text: str) -> Widget:
    return Widget("text", {"markdown": f"## {text}", "background": "transparent"}, COLUMNS, 1)


def paragraph(text: str, width: int = WIDTH, height: int = 3) -> Widget:
    return Widget("text", {"markdown": text}, width, height)


def alarm_status(title: str, arns: list[str], width: int, height: int) -> Widget:
    """At most 100 alarms, what is red first."""
    return Widget("alarm", {"title": title, "alarms": arns, "sortBy": "stateUpdatedTimestamp"}, width, height)


def line(metric: Metric, label: str | None = None, **options) -> list:
    """A metric in a graph. `options`: as of its rendering properties, such as id, visible, yAxis."""
    dimensions = [word for dimension in metric.dimensions.items() for word in dimension]
    named = {"label": label} if label else {}
    return [metric.namespace, metric.name, *dimensions, {"stat": metric.stat, **named, **options}]


def computed(expression: str, label: str, watched: dict[str, Metric], suffix: str = "", **options) -> list[list]:
    """An expression in a graph and the metrics it needs, hidden. `suffix` keeps ids of several ones apart."""
    renamed = re.sub(rf"\b({'|'.join(watched)})\b", rf"\g<1>{suffix}", expression)
    hidden = [line(metric, id=key + suffix, visible=False, **options) for key, metric in watched.items()]
    return [[{"expression": renamed, "label": label, "id": f"result{suffix}", **options}], *hidden]


def lines_of(alarms: Iterable[Alarm], labels: Iterable[str]) -> list[list]:
    """What alarms watch, as they do: with their expression and their period."""
    found = []
    for place, (alarm, label) in enumerate(zip(alarms, labels, strict=True)):
        if alarm.expression:
            found += computed(alarm.expression, label, dict(alarm.watched), f"_{place}", period=alarm.period)
        else:
            found.append(line(alarm.metric, label, period=alarm.period))
    return found


def graph(title: str, lines: list[list], alarms: Iterable[Alarm] = (), **properties) -> Widget:
    """`alarms`: those whose thresholds are drawn."""
    thresholds = list(dict.fromkeys((alarm.threshold, alarm.below) for alarm in alarms))
    if thresholds:
        drawn = [
            {"label": "alarm below" if below else "alarm above", "value": threshold} for threshold, below in thresholds
        ]
        properties["annotations"] = {"horizontal": drawn}
    properties = {"view": "timeSeries", "stacked": False, "period": 300, **properties}
    return Widget("metric", {"title": title, "region": REGION, **properties, "metrics": lines})


def numbers(title: str, lines: list[list]) -> Widget:
    """Over the whole time that the dashboard shows."""
    return graph(title, lines, view="singleValue", setPeriodToTimeRange=True)
