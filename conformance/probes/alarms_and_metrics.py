"""What CloudWatch makes of log lines, requests and metrics of the deployed environment."""

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from config import names
from conformance.environment import Environment
from conformance.probe import expect, holds, reads, writes
from contract import metrics

MINUTE = 60
LATE = 5
"""Seconds locally; times the wait factor five minutes, by which CloudWatch's metrics may be late."""


class _Metric:
    """A metric of the hour before the probe, and since."""

    def __init__(self, environment: Environment, namespace: str, **dimensions: str):
        self.environment, self.namespace, self.since = environment, namespace, time.time() - 60 * MINUTE
        self.dimensions = [{"Name": key, "Value": value} for key, value in dimensions.items()]

    def total(self, name: str, statistic: str = "Sum") -> float:
        found = self.environment.client("cloudwatch").get_metric_statistics(
            Namespace=self.namespace,
            MetricName=name,
            Dimensions=self.dimensions,
            StartTime=self.since,
            EndTime=time.time() + MINUTE,
            Period=MINUTE,
            Statistics=[statistic],
        )
        return sum(point[statistic] for point in found["Datapoints"])

    def rises(self, name: str, above: float, statistic: str = "Sum") -> None:
        """Wait until the metric's total is above a value."""
        what = f"{statistic} of {name} rises above {above:.0f}"
        self.environment.account.until(lambda: self.total(name, statistic) > above, what, LATE)


@writes("handlers/emf.py", "handlers/telemetry.py", "contract/metrics.py")
def emf_lines_become_metrics(environment: Environment) -> None:
    """A log line in the embedded metric format becomes a metric with exactly the dimensions that it names."""
    metric = _Metric(environment, metrics.NAMESPACE, Environment=environment.settings.name)
    before = metric.total("HourlyLimitUsed", "SampleCount")
    environment.place()
    metric.rises("HourlyLimitUsed", before, "SampleCount")


@reads("contract/metrics.py", "generator/alarms", "generator/dashboard")
def custom_metrics_have_the_dimensions_of_the_contract(environment: Environment) -> None:
    """Metrics of log lines exist with the one set of dimensions that alarms and graphs read, and no other."""
    pages = environment.client("cloudwatch").get_paginator("list_metrics").paginate(Namespace=metrics.NAMESPACE)
    found = [metric for page in pages for metric in page["Metrics"]]
    environment.needs(found, "no custom metric has been written yet")
    others = {
        (metric["MetricName"], tuple(sorted(dimension["Name"] for dimension in metric["Dimensions"])))
        for metric in found
    } - {(metric.name, tuple(sorted(metric.dimensions))) for metric in metrics.METRICS.values()}
    expect(others, set(), "metrics that the contract does not know")


@reads("generator/alarms/api.py", "generator/dashboard")
def requests_are_counted_by_api_and_stage(environment: Environment) -> None:
    """AWS/ApiGateway has Count and Latency with the dimensions ApiName and Stage."""
    api = environment.client("apigateway").get_rest_api(restApiId=environment.outputs["ApiId"])
    metric = _Metric(environment, "AWS/ApiGateway", ApiName=api["name"], Stage=environment.outputs["StageName"])
    before = {"Count": metric.total("Count"), "Latency": metric.total("Latency", "SampleCount")}
    environment.call("GET", "/orders/fd-absent")
    metric.rises("Count", before["Count"])
    metric.rises("Latency", before["Latency"], "SampleCount")


@reads("generator/alarms/functions.py", "generator/alarms/spec.py")
def errors_of_functions_are_0_or_1(environment: Environment) -> None:
    """AWS/Lambda has one sample of Errors for each invocation, so that its average is a fraction."""
    metric = _Metric(environment, "AWS/Lambda", FunctionName=environment.outputs["OrdersQueryFunction"])
    before = metric.total("Errors", "SampleCount")
    environment.call("GET", "/orders/fd-absent")  # no error, and a sample all the same
    metric.rises("Errors", before, "SampleCount")


@reads("generator/alarms", "generator/alarm_resources.py")
def an_alarm_without_data_is_ok(environment: Environment) -> None:
    """Alarms that treat missing data as not breaching are OK without any, not INSUFFICIENT_DATA."""
    prefix = names.root_stack(environment.settings.name) + "-"

    def unsettled() -> list[str]:
        pages = environment.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        found = [alarm for page in pages for alarm in page["MetricAlarms"]]
        holds(found, f"alarms whose names begin with {prefix}", found)
        filled = [alarm for alarm in found if alarm.get("TreatMissingData") == "notBreaching"]
        return [alarm["AlarmName"] for alarm in filled if alarm["StateValue"] == "INSUFFICIENT_DATA"]

    environment.account.until(lambda: not unsettled(), "no such alarm has INSUFFICIENT_DATA", LATE)


@reads("generator/dashboard")
def every_graph_of_the_dashboard_is_computed(environment: Environment) -> None:
    """CloudWatch computes each expression of the dashboard, with metrics that do not exist yet, too."""
    environment.needs(environment.settings.monitoring.dashboard, "this environment has no dashboard")
    cloudwatch = environment.client("cloudwatch")
    body = cloudwatch.get_dashboard(DashboardName=names.root_stack(environment.settings.name))["DashboardBody"]
    graphs = [queries for widget in json.loads(body)["widgets"] if (queries := _queries(widget["properties"]))]
    holds(graphs, "graphs with metrics", graphs)
    expect([fault for queries in graphs for fault in _faults(cloudwatch, queries)], [], "faults that CloudWatch finds")


def _faults(cloudwatch: Any, queries: list[dict[str, Any]]) -> list[str]:
    """Return what CloudWatch says against the metrics of a graph."""
    now = time.time()
    try:
        found = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=now - 3600, EndTime=now)
    except ClientError as error:
        return [str(error)]
    answers = [found, *found["MetricDataResults"]]
    return [str(message) for answer in answers for message in answer.get("Messages", ())]


def _queries(properties: dict) -> list[dict[str, Any]]:
    """Return a widget's metrics as GetMetricData takes them: `.` and `...` stand for the row above."""
    queries: list[dict[str, Any]] = []
    above: list[str] = []
    for number, row in enumerate(properties.get("metrics", ())):
        *words, options = row if isinstance(row[-1], dict) else [*row, {}]
        name = options.get("id", f"unnamed{number}")
        if "expression" in options:
            queries.append({"Id": name, "Expression": options["expression"]})
            continue
        if "..." in words:
            at = words.index("...")
            words[at : at + 1] = above[at : at + 1 + len(above) - len(words)]
        words = [above[index] if word == "." else word for index, word in enumerate(words)]
        namespace, metric, *pairs = above = words
        dimensions = [{"Name": key, "Value": value} for key, value in zip(pairs[::2], pairs[1::2], strict=True)]
        stat = options.get("stat", properties.get("stat", "Average"))
        watched = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
        queries.append({"Id": name, "MetricStat": {"Metric": watched, "Period": 300, "Stat": stat}})
    return queries
