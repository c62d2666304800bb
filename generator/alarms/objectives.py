"""Service level objectives (SLOs) of the order API, and alarms on the burn rates of their error budgets.

Google's SRE workbook ("Alerting on SLOs", 6: multiwindow, multi-burn-rate alerts): a burn rate of 14.4 uses up 2 % of
a 30-day budget in one hour, one of 6 uses up 5 % in six. The long window shows that the burn matters, the short one, a
twelfth of it, that it continues: the alarm ends soon after the incident. All metrics of an alarm have the same period
(CloudWatch user guide, "Metric math" of alarms), so each window is an alarm, and the pair is a term of the composite
alarm of the path.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from troposphere import Ref, Sub

from generator.alarms.api import metric
from generator.alarms.spec import SYNC, Alarm, Expression, Metric, duration, of_path

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Objective:
    """`bad` is the number of requests that missed it, `bad_percent` their percentage, both as texts of an Expression
    with the metrics in `values`, where `objective` is the percentage that must not miss it. CloudWatch charges for each
    metric that an alarm evaluates: the short windows use `bad_percent` alone."""

    key: str
    title: str
    values: Mapping[str, Metric | Ref]
    bad: str
    bad_percent: str
    missed: str  # what the bad requests did
    remedy: str


@dataclass(frozen=True)
class Burn:
    key: str
    rate: float
    long: int
    short: int


OBJECTIVES = (
    Objective(
        "availability",
        "Availability",
        {
            "failed": metric("5XXError", "Sum"),
            "share": metric("5XXError", "Average"),
            "objective": Ref("SloAvailabilityPercent"),
        },
        "{failed}",
        "100 * {share}",
        "were answered 5XX",
        "read the errors in the access log, then the log of the function that they name.",
    ),
    Objective(
        "latency",
        "Latency",
        # PR(:x) is the percentage of values up to x (CloudWatch user guide, "Statistics definitions"); PutMetricAlarm
        # takes any statistic in a MetricStat, and lists PR(n:m) among the extended ones.
        {
            "requests": metric("Count", "Sum"),
            "within": metric("Latency", Sub("PR(:${LatencyP95Ms})")),
            "objective": Ref("SloLatencyPercent"),
        },
        "{requests} * (100 - {within}) / 100",
        "100 - {within}",
        "took too long",
        "find on the dashboard whether the functions or DynamoDB are slow, or cold starts frequent.",
    ),
)

BURNS = (Burn("fast", 14.4, 1 * HOUR, 5 * MINUTE), Burn("slow", 6, 6 * HOUR, 30 * MINUTE))


def alarms() -> list[Alarm]:
    return [
        _window(objective, burn, seconds)
        for objective in OBJECTIVES
        for burn in BURNS
        for seconds in (burn.long, burn.short)
    ]


def burn_rate(objective: Objective) -> str:
    """Text of the expression of how many times as fast as allowed the budget is used: 1 uses it up exactly."""
    return f"({objective.bad_percent}) / (100 - {{objective}})"


def _window(objective: Objective, burn: Burn, seconds: int) -> Alarm:
    """One of few requests is a large percentage: the long window counts a burn only from some bad requests on.

    At 150 orders an hour, three bad ones are the least that burn the budget of 99.9 % at 14.4 times the allowed rate.
    The short window has fewer requests and only confirms, so it has no such limit.
    """
    rate = burn_rate(objective)
    text = f"IF({objective.bad} >= {{least}}, {rate}, 0)" if seconds == burn.long else rate
    window, other = (duration(each) for each in (seconds, burn.long + burn.short - seconds))
    return Alarm(
        f"{_key(objective, burn)}-{window.replace(' ', '')}",
        of_path(SYNC),
        f"In the last {window} the API used up its error budget for {objective.key} {burn.rate:g} times as fast as "
        f"allowed: too many requests {objective.missed}. Counts only if the alarm over {other} says the same.",
        objective.remedy,
        Expression(text, {**objective.values, "least": Ref("SloLeastBadRequests")}),
        threshold=burn.rate,
        period=seconds,
        periods=1,
        why="without requests no objective is missed",
        together=_key(objective, burn),
    )


def _key(objective: Objective, burn: Burn) -> str:
    return f"slo-{objective.key}-{burn.key}"
