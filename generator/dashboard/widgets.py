"""Widgets of a CloudWatch dashboard (CloudWatch API reference, "Dashboard body structure").

All text is for Fn::Sub. No text has a line break: JSON would escape it, and the line would be too long to review.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from generator.alarms.spec import Alarm, Expression, Metric, substitution
from generator.dashboard.body import When

COLUMNS = 24
WIDTH, HEIGHT = 8, 6  # three graphs to a row: readable on a laptop
REGION = "${AWS::Region}"
Line: TypeAlias = Sequence[Any]


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


def alarm_status(title: str, arns: list[str | When], width: int, height: int) -> Widget:
    """At most 100 alarms, those that changed their state last first."""
    return Widget("alarm", {"title": title, "alarms": arns, "sortBy": "stateUpdatedTimestamp"}, width, height)


def line(metric: Metric, label: str | None = None, **options) -> Line:
    """A metric in a graph. `options` are its rendering properties, such as id, visible, yAxis."""
    dimensions = [word for name, value in metric.dimensions.items() for word in (name, substitution(value))]
    named = {"label": label} if label else {}
    return metric.namespace, metric.name, *dimensions, {"stat": substitution(metric.stat), **named, **options}


def computed(expression: Expression, label: str, suffix: str = "", **options) -> list[Line]:
    """An expression in a graph and its metrics, hidden. `suffix` makes their ids unique in the graph."""
    text = expression.render(substitution, suffix)
    hidden = [line(metric, id=key + suffix, visible=False, **options) for key, metric in expression.metrics.items()]
    return [[{"expression": text, "label": label, "id": f"result{suffix}", **options}], *hidden]


def lines_of(alarms: Iterable[Alarm], labels: Iterable[str]) -> list[Line]:
    """What alarms watch, with their expression and their period."""
    found: list[Line] = []
    for index, (alarm, label) in enumerate(zip(alarms, labels, strict=True)):
        if isinstance(alarm.watched, Expression):
            found += computed(alarm.watched, label, f"_{index}", period=alarm.period)
        else:
            found.append(line(alarm.watched, label, period=alarm.period))
    return found


def graph(title: str, lines: Sequence[Line], alarms: Iterable[Alarm] = (), **properties) -> Widget:
    """With the thresholds of `alarms` as lines."""
    thresholds = list(dict.fromkeys((alarm.threshold, alarm.below) for alarm in alarms))
    if thresholds:
        drawn = [
            {"label": "alarm below" if below else "alarm above", "value": threshold} for threshold, below in thresholds
        ]
        properties["annotations"] = {"horizontal": drawn}
    properties = {"view": "timeSeries", "stacked": False, "period": 300, **properties}
    return Widget("metric", {"title": title, "region": REGION, **properties, "metrics": lines})


def numbers(title: str, lines: Sequence[Line]) -> Widget:
    """Totals of the time range of the dashboard."""
    return graph(title, lines, view="singleValue", setPeriodToTimeRange=True)
