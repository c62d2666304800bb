"""Service level objectives of the order API, and alarms on how fast they burn their error budgets.

Google's SRE workbook ("Alerting on SLOs", 6: multiwindow, multi-burn-rate alerts): a burn of 14.4 uses up
2 % of a 30-day budget in one hour, one of 6 uses up 5 % in six. The long window says that it matters, the
short one, a twelfth of it, that it still goes on: the alarm ends soon after the trouble does. All metrics of
an alarm have the same period (CloudWatch user guide, "Metric math" of alarms), so each window is an alarm
of its own and the pair is a composite.
"""

from dataclasses import dataclass

from generator.alarms.api import metric
from generator.alarms.spec import SYNC, Alarm, Composite, Metric, of_path, used_in

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Objective:
    """`bad` is how many requests broke it, `bad_percent` their share, over the ids of `watched`; `share` the
    percentage that must not."""

    key: str
    title: str
    watched: dict[str, Metric]
    bad: str
    bad_percent: str
    share: str
    broken: str  # what the bad requests did
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
        {"requests": metric("Count", "Sum"), "failed": metric("5XXError", "Sum")},
        "failed",
        "100 * failed / requests",
        "${SloAvailabilityPercent}",
        "were answered 5XX",
        "the errors of the access log, then the log of the function they name.",
    ),
    Objective(
        "latency",
        "Latency",
        # PR(:x) is the percentage of values up to x (CloudWatch user guide, "Statistics definitions"); PutMetricAlarm
        # takes any statistic in a MetricStat, and lists PR(n:m) among the extended ones.
        {"requests": metric("Count", "Sum"), "within": metric("Latency", "PR(:${LatencyP95Ms})")},
        "requests * (100 - within) / 100",
        "100 - within",
        "${SloLatencyPercent}",
        "took too long",
        "on the dashboard, whether the functions or DynamoDB are slow, and cold starts.",
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


def composites() -> list[Composite]:
    return [
        Composite(
            _key(objective, burn),
            of_path(SYNC),
            f"The API uses up its error budget for {objective.key} {burn.rate:g} times as fast as it may: "
            f"too many requests {objective.broken}, in the last {_said(burn.long)} and still in the last {_said(burn.short)}.",
            objective.remedy,
            every=True,
        )
        for objective in OBJECTIVES
        for burn in BURNS
    ]


def burn_rate(objective: Objective) -> str:
    """How many times faster than it may the budget is used: 1 would use it up exactly."""
    return f"({objective.bad_percent}) / (100 - {objective.share})"


def _window(objective: Objective, burn: Burn, seconds: int) -> Alarm:
    """Few requests make large percentages: the long window wants some bad requests before it believes in a burn.

    At 150 orders an hour, the least that breaks 99.9 % 14.4 times over is three of them. The short window has
    fewer requests still and only confirms, so it takes what there is.
    """
    rate = burn_rate(objective)
    guarded = f"IF({objective.bad} >= ${{SloLeastBadRequests}}, {rate}, 0)"
    expression = guarded if seconds == burn.long else rate
    return Alarm(
        f"{_key(objective, burn)}-{_said(seconds).replace(' ', '')}",
        _key(objective, burn),
        f"In the last {_said(seconds)} too many requests {objective.broken}. Rings only together with its other window.",
        objective.remedy,
        used_in(expression, objective.watched),
        expression=expression,
        threshold=burn.rate,
        period=seconds,
        periods=1,
        why="without requests no promise is broken",
    )


def _key(objective: Objective, burn: Burn) -> str:
    return f"slo-{objective.key}-{burn.key}"


def _said(seconds: int) -> str:
    return f"{seconds // HOUR} h" if seconds >= HOUR else f"{seconds // MINUTE} min"
