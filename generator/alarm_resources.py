"""The inventory of alarms as resources."""

import re

from troposphere import AWSObject, GetAtt, If, Join, NoValue, Ref, Sub, cloudwatch
from troposphere.cloudwatch import CompositeAlarm, MetricDataQuery, MetricDimension, MetricStat
from troposphere.sns import Topic

from config import names
from generator import alarms
from generator.alarms.spec import Alarm, Composite, Metric
from generator.outputs import camel

# What GetMetricStatistics calls a statistic; all others are extended ones.
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


def resources(topic: Topic) -> list[AWSObject]:
    return [
        *(_alarm(alarm, topic) for alarm in alarms.inventory()),
        *(_composite(composite, topic) for composite in alarms.composites()),
    ]


def name(spec: Alarm | Composite) -> str:
    return f"{names.root_stack('${Environment}')}-{spec.key}"


def title(spec: Alarm | Composite) -> str:
    return camel(spec.key.replace("-", "_")) + "Alarm"


def description(spec: Alarm | Composite) -> str:
    return f"{spec.meaning} First: {spec.remedy}"


def text(value: str):
    """Text for Fn::Sub, as the plainest that says the same."""
    if match := re.fullmatch(r"\$\{([\w:]+)\}", value):
        return Ref(match[1])
    if match := re.fullmatch(r"\$\{(\w+)\.(\w+)\}", value):
        return GetAtt(match[1], match[2])
    return Sub(value) if "${" in value else value


def _alarm(alarm: Alarm, topic: Topic) -> cloudwatch.Alarm:
    optional = {"Condition": alarm.condition} if alarm.condition else {}
    if alarm.datapoints:
        optional["DatapointsToAlarm"] = alarm.datapoints
    return cloudwatch.Alarm(
        title(alarm),
        Metadata={"MissingData": alarm.why},
        AlarmName=Sub(name(alarm)),
        AlarmDescription=description(alarm),
        **(_math(alarm) if alarm.expression else _single(alarm)),
        **optional,
        EvaluationPeriods=alarm.periods,
        ComparisonOperator="LessThanThreshold" if alarm.below else "GreaterThanThreshold",
        Threshold=text(alarm.threshold) if isinstance(alarm.threshold, str) else alarm.threshold,
        TreatMissingData=alarm.missing,
        **_actions(alarm, topic),
    )


def _composite(composite: Composite, topic: Topic) -> CompositeAlarm:
    """Refers to its alarms, so that they are made before it and removed after it."""
    rules = []
    for member in alarms.members(composite):
        rule = Sub(f'ALARM("${{{title(member)}}}")')
        condition = getattr(member, "condition", None)
        rules.append(If(condition, rule, NoValue) if condition else rule)
    return CompositeAlarm(
        title(composite),
        AlarmName=Sub(name(composite)),
        AlarmDescription=description(composite),
        AlarmRule=Join(" AND " if composite.every else " OR ", rules),
        **_actions(composite, topic),
    )


def _actions(spec: Alarm | Composite, topic: Topic) -> dict:
    return {} if spec.group else {"AlarmActions": [Ref(topic)], "OKActions": [Ref(topic)]}


def _single(alarm: Alarm) -> dict:
    metric = alarm.metric
    common = {
        "Namespace": metric.namespace,
        "MetricName": metric.name,
        "Dimensions": _dimensions(metric),
        "Period": alarm.period,
    }
    if metric.stat in STATISTICS:
        return {**common, "Statistic": metric.stat}
    # A p95 of fewer than 10 / (1 - 0.95) = 200 values is not significant, says CloudWatch ("Percentile-based
    # alarms and low data samples"); to ignore such periods would silence the alarm below 40 requests a minute.
    return {**common, "ExtendedStatistic": metric.stat, "EvaluateLowSampleCountPercentile": "evaluate"}


def _math(alarm: Alarm) -> dict:
    queries = [
        MetricDataQuery(
            Id=key,
            ReturnData=False,
            MetricStat=MetricStat(
                Metric=cloudwatch.Metric(
                    Namespace=metric.namespace, MetricName=metric.name, Dimensions=_dimensions(metric)
                ),
                Period=alarm.period,
                Stat=text(metric.stat),
            ),
        )
        for key, metric in alarm.watched.items()
    ]
    result = MetricDataQuery(Id="result", Expression=text(alarm.expression), Label=alarm.key, ReturnData=True)
    return {"Metrics": [result, *queries]}


def _dimensions(metric: Metric) -> list[MetricDimension]:
    return [MetricDimension(Name=name, Value=text(value)) for name, value in metric.dimensions.items()]
