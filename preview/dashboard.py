"""Draw the dashboard of an environment as a page, with its metrics."""

import math
from collections.abc import Mapping
from typing import Any

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.errors import Exit, Failure
from deployer.plan.resolve import Scope
from deployer.stacks import reading
from preview import numbers, page, series, widgets
from preview.shapes import AlarmList, Chart, Window

PERIODS = (60, 300, 900, 3600, 21600)
MOST_POINTS = 60
_STACK, _DASHBOARD = "MonitoringStack", "Dashboard"


def draw(cloudwatch, name: str, body: str, source: str, window: Window) -> tuple[str, str]:
    """Return the page of a dashboard's body, and how much of it has data."""
    shown = widgets.normalise(_read(name, body), window)
    charts = [widget for widget in shown if isinstance(widget, Chart)]
    data = series.fetch(cloudwatch, series.queries(charts), window)
    drawn = {chart: series.drawn(chart, data, window) for chart in charts}
    lines = [each for found in drawn.values() for each in found]
    counted = f"{len(shown)} widgets, {sum(bool(each.points) for each in lines)} of {len(lines)} series with data"
    note = (
        f"Metrics of {source}, {numbers.moment(window.start)} to {numbers.moment(window.end)}: {counted}. "
        f"A point is {window.period // 60} min, or what its alarm looks at. Beside a count stands its total, beside "
        "anything else its latest value. What the emulator does not measure has no data."
    )
    return page.page(name, note, shown, drawn, _states(cloudwatch, shown), window), counted


def deployed(cloudwatch, name: str) -> str:
    """Return the body of a deployed dashboard. Raises Failure(PREFLIGHT) if there is none."""
    try:
        return cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    except cloudwatch.exceptions.ClientError as error:
        if "NotFound" not in service_errors.code_of(error):
            raise
        raise Failure(
            Exit.PREFLIGHT, f"there is no dashboard {name}", "deploy an environment with dashboard = true"
        ) from None


def declared(aws: Aws, stack: Mapping[str, Any]) -> str:
    """Return the body that the deployed template declares, also where a condition leaves the dashboard out.

    `stack`: the root's DescribeStacks entry. A name that CloudFormation gives to a resource stays a placeholder.
    """
    arn = reading.nested(aws, stack["StackId"])[_STACK]
    template = reading.template(aws, arn)
    _, partition, _, region, account, _ = arn.split(":", 5)
    pseudo = {"AWS::Partition": partition, "AWS::Region": region, "AWS::AccountId": account}
    scope = Scope(template, reading.parameters_of(reading.describe(aws, arn)) | pseudo)
    found = scope.resolve(template["Resources"][_DASHBOARD]["Properties"]["DashboardBody"])
    return found["Fn::Sub"] if isinstance(found, dict) else found


def window_until(now: float, minutes: float) -> Window:
    """Return a window of whole periods: the shortest period of which at most MOST_POINTS fit."""
    period = next((each for each in PERIODS if minutes * 60 / each <= MOST_POINTS), PERIODS[-1])
    return Window(math.floor((now - minutes * 60) / period) * period, math.ceil(now / 60) * 60, period)


def _states(cloudwatch, shown: tuple) -> dict[str, str]:
    """Return the states of the shown alarms by name, without unknown ones."""
    wanted = sorted({name for widget in shown if isinstance(widget, AlarmList) for name in widget.names})
    kinds = ("MetricAlarm", "CompositeAlarm")
    found: dict[str, str] = {}
    for first in range(0, len(wanted), 50):  # at most 50 names a call
        answer = cloudwatch.describe_alarms(AlarmNames=wanted[first : first + 50], AlarmTypes=[*kinds])
        found |= {alarm["AlarmName"]: alarm["StateValue"] for kind in kinds for alarm in answer.get(f"{kind}s", [])}
    return found


def _read(name: str, body: str) -> list:
    try:
        return widgets.read(body)
    except ValueError as error:
        raise Failure(Exit.FAILED, f"the body of dashboard {name} cannot be read: {error}") from None
