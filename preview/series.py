"""Fetch the data of charts: GetMetricData for metrics, arithmetic on it for expressions.

The emulator answers every expression with an error, and an unknown statistic with the average. So this module
evaluates expressions, as the emulator's alarms do, and does not request unknown statistics.
"""

import math
import re
from collections.abc import Iterable, Mapping

from emulator import metric_math
from preview.numbers import short, unit_of
from preview.shapes import Chart, Drawn, Points, Query, Series, Window
from preview.widgets import WHOLE

PALETTE = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
    *("#6baed6", "#ffbb78", "#74c476", "#ff9896", "#b39ddb", "#c49c94", "#f7b6d2", "#a6a6a6", "#dbdb8d", "#9edae5"),
)
LARGEST = 1e15
"""Larger values are left out: no metric is that large, and drawing them overflows."""

_STATISTIC = re.compile(r"Average|Sum|Minimum|Maximum|SampleCount|p\d{1,2}(\.\d+)?|p100|PR\([\d.]*:[\d.]*\)")
_UNREADABLE = (ValueError, TypeError, IndexError, AttributeError, ArithmeticError)
"""Raised by metric_math for unknown functions, and by Python for invalid arithmetic."""


def queries(charts: Iterable[Chart]) -> list[Query]:
    """Return every metric that the charts need, once, in their order."""
    wanted = (series.query for chart in charts for series in chart.series)
    return list(dict.fromkeys(query for query in wanted if query and _STATISTIC.fullmatch(query.stat)))


def fetch(cloudwatch, wanted: Iterable[Query], window: Window) -> dict[Query, Points]:
    """Return the points of each query, from the start of the period in which the window starts."""
    by_period: dict[int, list[Query]] = {}
    for query in wanted:
        by_period.setdefault(query.period, []).append(query)
    found: dict[Query, dict[float, float]] = {}
    for period, asked in by_period.items():
        request = {
            "StartTime": window.start if period == WHOLE else window.start // period * period,
            "EndTime": window.end,
            "MetricDataQueries": [_as_request(f"m{place}", query) for place, query in enumerate(asked)],
        }
        for page in cloudwatch.get_paginator("get_metric_data").paginate(**request):
            for result in page["MetricDataResults"]:
                times = (time.timestamp() for time in result["Timestamps"])
                values = zip(times, result["Values"], strict=True)
                found.setdefault(asked[int(result["Id"][1:])], {}).update(values)
    return {query: _sorted(values) for query, values in found.items()}


def _as_request(identity: str, query: Query) -> dict:
    metric = {
        "Namespace": query.namespace,
        "MetricName": query.metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in query.dimensions],
    }
    return {"Id": identity, "MetricStat": {"Metric": metric, "Period": query.period, "Stat": query.stat}}


def _sorted(values: Mapping[float, float]) -> Points:
    return tuple((time, float(value)) for time, value in sorted(values.items()) if abs(value) <= LARGEST)


def drawn(chart: Chart, data: Mapping[Query, Points], window: Window) -> tuple[Drawn, ...]:
    """Return the chart's visible series with their data, in its order."""
    known = {series.id: series for series in chart.series if series.id}
    visible = [series for series in chart.series if series.visible]
    found = []
    for place, series in enumerate(visible):
        points: Points = ()
        note = ""
        try:
            points = _points(series, known, data, window, ())
        except _UNREADABLE as error:
            note = f"not previewed: {error}"
        said = _said(chart, series, points) if points else ""
        found.append(
            Drawn(series.label, PALETTE[place % len(PALETTE)], points, _period(series, known, window), said, note)
        )
    return tuple(found)


def _said(chart: Chart, series: Series, points: Points) -> str:
    """Return the total of a count, else the latest value."""
    counted = series.query and series.query.stat in ("Sum", "SampleCount")
    value = math.fsum(value for _, value in points) if counted else points[-1][1]
    return short(value, unit_of(chart.title))


def _period(series: Series, known: Mapping[str, Series], window: Window) -> int:
    queries = [series.query, *(known[name].query for name in _names(series, known))]
    return max((query.period for query in queries if query), default=window.period)


def _names(series: Series, known: Mapping[str, Series]) -> list[str]:
    return [name for name in dict.fromkeys(re.findall(r"[a-z]\w*", series.expression)) if name in known]


def _points(
    series: Series, known: Mapping[str, Series], data: Mapping[Query, Points], window: Window, above: tuple[str, ...]
) -> Points:
    if series.query:
        if not _STATISTIC.fullmatch(series.query.stat):
            raise ValueError(f"the emulator has no statistic {series.query.stat}")
        return data.get(series.query, ())
    if series.id and series.id in above:
        raise ValueError(f"{series.id} refers to itself")
    names = _names(series, known)
    values = {name: dict(_points(known[name], known, data, window, (*above, series.id))) for name in names}
    # Once with no data at all: what cannot be evaluated says so even while there is none.
    constant = metric_math.evaluate(series.expression, dict.fromkeys(names))
    if not names:
        return () if constant is None else ((window.start, constant),)
    times = sorted({time for points in values.values() for time in points})
    results = (
        (time, metric_math.evaluate(series.expression, {name: points.get(time) for name, points in values.items()}))
        for time in times
    )
    return _sorted({time: value for time, value in results if isinstance(value, int | float)})
