"""The inventory of alarms as resources."""

from typing import Any

from troposphere import AWSObject, If, Join, NoValue, Ref, Sub, cloudwatch
from troposphere.cloudwatch import CompositeAlarm, MetricDataQuery, MetricDimension, MetricStat
from troposphere.sns import Topic

from config import names
from generator import alarms
from generator.alarms.spec import Alarm, Composite, Expression, Metric, substitution
from generator.audit import accepted
from generator.naming import camel
from generator.notices import Page, Stop

# What GetMetricStatistics calls a statistic; all others are extended ones.
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


def resources(topic: Topic) -> list[AWSObject]:
    return [
        *(alarm(each, topic) for each in alarms.inventory()),
        *(_composite(composite, topic) for composite in alarms.composites()),
    ]


def name(spec: Alarm | Composite) -> str:
    return f"{names.root_stack('${Environment}')}-{spec.key}"


def title(spec: Alarm | Composite) -> str:
    return camel(spec.key) + "Alarm"


def description(spec: Alarm | Composite) -> str:
    return f"{spec.meaning} First: {spec.remedy}"


def alarm(spec: Alarm, topic: Topic | None = None) -> cloudwatch.Alarm:
    """Return the resource; without `topic` it notifies nobody."""
    optional: dict[str, Any] = {"Condition": spec.condition} if spec.condition else {}
    if spec.datapoints:
        optional["DatapointsToAlarm"] = spec.datapoints
    return cloudwatch.Alarm(
        title(spec),
        Metadata={"MissingData": spec.why, **_silence(spec)},
        AlarmName=Sub(name(spec)),
        AlarmDescription=description(spec),
        **(_math(spec, spec.watched) if isinstance(spec.watched, Expression) else _single(spec, spec.watched)),
        **optional,
        EvaluationPeriods=spec.periods,
        ComparisonOperator="LessThanThreshold" if spec.below else "GreaterThanThreshold",
        Threshold=spec.threshold,
        TreatMissingData=spec.missing,
        **_actions(spec, topic),
    )


def _composite(composite: Composite, topic: Topic) -> CompositeAlarm:
    """Refers to its alarms: CloudFormation creates them before it and deletes them after it."""
    return CompositeAlarm(
        title(composite),
        **_rollback(composite),
        AlarmName=Sub(name(composite)),
        AlarmDescription=description(composite),
        AlarmRule=Join(" OR ", [_rule(term) for term in terms(composite)]),
        **_actions(composite, topic),
    )


def _rollback(composite: Composite) -> dict:
    """Mark a release's rollback triggers: what wakes a person rolls a release back, what makes a ticket does not.

    Partners' files bring the alarm of imports into ALARM, too, and a file can be imported again.
    """
    if not isinstance(composite.notifies, Page):
        return {}
    return {"Metadata": {names.ROLLBACK_TRIGGER: composite.notifies.because}}


def terms(composite: Composite) -> list[list[Alarm]]:
    """The composite goes into ALARM if all alarms of a term do. A condition is that of the whole term."""
    found: dict[str, list[Alarm]] = {}
    for member in alarms.members(composite):
        found.setdefault(member.together or member.key, []).append(member)
    return [*found.values()]


def _rule(term: list[Alarm]) -> If | Sub:
    rule = " AND ".join(f'ALARM("${{{title(member)}}}")' for member in term)
    text = Sub(f"({rule})" if len(term) > 1 else rule)
    return If(term[0].condition, text, NoValue) if term[0].condition else text


def _actions(spec: Alarm | Composite, topic: Topic | None) -> dict:
    return {} if spec.group or topic is None else {"AlarmActions": [Ref(topic)], "OKActions": [Ref(topic)]}


def _silence(alarm: Alarm) -> dict:
    """Why it has no actions, for the audit."""
    match alarm.notifies:
        case str(group):
            return accepted({"CT.CLOUDWATCH.PR.1": f"{camel(group)}Alarm notifies for it: once for an incident."})
        case Stop():
            return accepted({"CT.CLOUDWATCH.PR.1": "CodeDeploy reads it and stops the release, which is reported."})
    return {}


def _single(alarm: Alarm, metric: Metric) -> dict:
    common = {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": _dimensions(metric),
        "Period": alarm.period,
    }
    if metric.stat in STATISTICS:
        return {**common, "Statistic": metric.stat}
    # CloudWatch calls a p95 of fewer than 10 / (1 - 0.95) = 200 values not significant ("Percentile-based alarms and
    # low data samples"); without such periods the alarm would be silent below 40 requests a minute.
    return {**common, "ExtendedStatistic": metric.stat, "EvaluateLowSampleCountPercentile": "evaluate"}


def _math(alarm: Alarm, expression: Expression) -> dict:
    text = expression.render(substitution)
    queries = [
        MetricDataQuery(
            Id=key,
            ReturnData=False,
            MetricStat=MetricStat(
                Metric=cloudwatch.Metric(
                    Namespace=metric.namespace, MetricName=metric.name, Dimensions=_dimensions(metric)
                ),
                Period=alarm.period,
                Stat=metric.stat,
            ),
        )
        for key, metric in expression.metrics.items()
    ]
    result = MetricDataQuery(
        Id="result", Expression=Sub(text) if expression.parameters else text, Label=alarm.key, ReturnData=True
    )
    return {"Metrics": [result, *queries]}


def _dimensions(metric: Metric) -> list[MetricDimension]:
    return [MetricDimension(Name=name, Value=value) for name, value in metric.dimensions.items()]
