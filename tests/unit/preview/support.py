"""Dashboards for the tests, and a CloudWatch that answers from a table."""

import json
from datetime import UTC, datetime
from html.parser import HTMLParser

from preview import page, series, widgets
from preview.shapes import Chart, Omitted, Window

START = 1_700_000_100  # a multiple of 300
WINDOW = Window(START, START + 3600, 300)
COUNT = ["AWS/ApiGateway", "Count", "ApiName", "orders"]
KITCHEN = [*COUNT[:-1], "kitchen", {"label": "kitchen"}]
VOID = {"meta", "br", "hr"}


def metric(*rows, **properties) -> dict:
    return {"type": "metric", "properties": {"metrics": list(rows), "title": "chart", **properties}}


def normalise(*found):
    return widgets.normalise(widgets.read(json.dumps({"widgets": list(found)})), WINDOW)


def chart(*rows, **properties) -> Chart:
    (found,) = normalise(metric(*rows, **properties))
    assert isinstance(found, Chart), found
    return found


def omitted(widget) -> Omitted:
    (found,) = normalise(widget)
    assert isinstance(found, Omitted), found
    return found


def points(*values: float) -> tuple:
    """Five minutes apart, from the window's start."""
    return tuple((START + 300.0 * place, float(value)) for place, value in enumerate(values))


def drawn(found: Chart, *values_of_each):
    """The chart's lines, its queries answered with these values in their order."""
    data = dict(zip(series.queries([found]), (points(*values) for values in values_of_each), strict=False))
    return series.drawn(found, data, WINDOW)


def rendered(*found, values=(), states=None) -> str:
    """The page of a dashboard of which every metric has these values."""
    shown = normalise(*found)
    charts = [each for each in shown if isinstance(each, Chart)]
    data = {query: points(*values) for query in series.queries(charts)}
    lines = {each: series.drawn(each, data, WINDOW) for each in charts}
    return page.page("orders-dev", "a note", shown, lines, states or {}, WINDOW)


class Tree(HTMLParser):
    """Every element of a page with its attributes, and its text; refuses what is not closed."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] != ["style"] and data.strip():
            self.texts.append(data.strip())

    def all(self, tag: str) -> list[dict]:
        return [attributes for found, attributes in self.elements if found == tag]


class CloudWatch:
    """Answers get_metric_data, a query to a page, and remembers what it was asked."""

    def __init__(self, values: dict):
        self.values = values  # (metric name, statistic) -> values, newest first as AWS may answer
        self.requests: list[dict] = []

    def get_paginator(self, name):
        assert name == "get_metric_data"
        return self

    def paginate(self, **request):
        self.requests.append(request)
        for query in request["MetricDataQueries"]:
            stat = query["MetricStat"]
            found = points(*self.values.get((stat["Metric"]["MetricName"], stat["Stat"]), ()))[::-1]
            times = [datetime.fromtimestamp(time, UTC) for time, _ in found]
            yield {"MetricDataResults": [{"Id": query["Id"], "Timestamps": times, "Values": [v for _, v in found]}]}
