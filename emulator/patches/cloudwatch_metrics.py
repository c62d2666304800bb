"""CloudWatch metrics: GetMetricData, statistics, retention."""

import json
import re
import time

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from emulator import metric_math
from emulator.registry import patch

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
PERCENTILE = re.compile(r"p(\d{1,2}(\.\d+)?|100(\.0+)?)")
RANK = re.compile(r"PR\((\d*\.?\d*):(\d*\.?\d*)\)")


@patch(upstream="evaluate expressions in GetMetricData")
def metric_data_expressions() -> None:
    """Evaluate each expression at every time at which one of its metrics has a value."""
    get = cloudwatch._get_metric_data

    def get_with_expressions(params, body, is_cbor, is_json=False):
        queries = (body or {}).get("MetricDataQueries") or []
        expressions = {query["Id"]: query["Expression"] for query in queries if query.get("Expression")}
        if not expressions:
            return get(params, body, is_cbor, is_json)
        metrics = [{**query, "ReturnData": True} for query in queries if query["Id"] not in expressions]
        status, headers, answer = get({}, {**body, "MetricDataQueries": metrics}, False, True)
        if status != 200:
            return status, headers, answer
        series = {
            result["Id"]: dict(zip(result["Timestamps"], result["Values"], strict=True))
            for result in json.loads(answer)["MetricDataResults"]
        }
        try:
            for key, expression, used in metric_math.in_order(expressions, set(series)):
                series[key] = evaluated(expression, {name: series[name] for name in used})
        except metric_math.MathError as error:
            return cloudwatch._error("ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor)
        results = [
            {
                "Id": query["Id"],
                "Label": query.get("Label", query["Id"]),
                "Timestamps": list(series[query["Id"]]),
                "Values": list(series[query["Id"]].values()),
                "StatusCode": "Complete",
            }
            for query in queries
            if query.get("ReturnData", True)
        ]
        if is_cbor:
            return cloudwatch._cbor_ok({"MetricDataResults": [cloudwatch._cbor_metric_data_result(r) for r in results]})
        return cloudwatch._json_ok({"MetricDataResults": results})

    cloudwatch._get_metric_data = get_with_expressions


@patch(upstream="evict old data points without copying every metric on each call")
def metric_retention() -> None:
    """Upstream copies all metrics whenever CloudWatch is called, and loses the points recorded meanwhile. Delete
    points older than two weeks from the beginning of each metric, where the oldest are."""

    def evict():
        cutoff = time.time() - cloudwatch.TWO_WEEKS_SECONDS
        for points in list(cloudwatch._metrics.values()):
            del points[: next((index for index, p in enumerate(points) if p["Timestamp"] >= cutoff), len(points))]

    cloudwatch._evict_old_metrics = evict


def evaluated(expression: str, series: dict[str, dict[float, float]]) -> dict[float, float]:
    """Return the expression's values by time, ascending, without times at which it has none."""
    values = {
        moment: metric_math.evaluate(expression, {name: each.get(moment) for name, each in series.items()})
        for moment in sorted(set().union(*series.values()))
    }
    return {moment: value for moment, value in values.items() if value is not None}


@patch(upstream="implement the statistic PR(low:high)")
def percentile_ranks() -> None:
    """Return the percentage of values above ``low`` and up to ``high`` ("exclusive on the lower bound and
    inclusive on the upper bound", CloudWatch user guide, statistics definitions); either may be missing."""

    other = cloudwatch._stat_value

    def value(stats, name, points=None):
        if not (bounds := RANK.fullmatch(name or "")):
            return other(stats, name, points)
        low, high = (float(bound) if bound else None for bound in bounds.groups())
        samples = cloudwatch._percentile_samples(points or []) or []
        total = sum(count for _, count in samples)
        within = sum(
            count for sample, count in samples if (low is None or sample > low) and (high is None or sample <= high)
        )
        return 100 * within / total if total else None

    cloudwatch._stat_value = value


@patch(upstream="refuse statistics that it does not implement")
def unknown_statistics() -> None:
    """Upstream returns the average. Trimmed means and their like, which AWS has, are refused too."""
    put, get = cloudwatch._put_metric_alarm, cloudwatch._get_metric_data
    record_of = provisioners._cw_metric_alarm_record

    def put_checked(params, body, is_cbor, is_json=False):
        if reason := alarm_refusal(body or {}):
            return cloudwatch._error("ValidationError", reason, 400, use_json=is_json, use_cbor=is_cbor)
        return put(params, body, is_cbor, is_json)

    def get_checked(params, body, is_cbor, is_json=False):
        if reasons := query_refusals("MetricDataQueries", (body or {}).get("MetricDataQueries") or []):
            return cloudwatch._error("ValidationError", "\n".join(reasons), 400, use_json=is_json, use_cbor=is_cbor)
        return get(params, body, is_cbor, is_json)

    def record(name, props):
        if reason := alarm_refusal(props):
            raise ValueError(reason)
        return record_of(name, props)

    cloudwatch._put_metric_alarm = put_checked
    cloudwatch._get_metric_data = get_checked
    provisioners._cw_metric_alarm_record = record


def alarm_refusal(alarm: dict) -> str:
    """Return why an alarm's statistics are refused, "" if they are accepted."""
    basic, extended = alarm.get("Statistic") or BASIC[0], alarm.get("ExtendedStatistic")
    if basic not in BASIC:
        return (
            f"1 validation error detected: Value '{basic}' at 'statistic' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(BASIC)}]"
        )
    if extended and not (PERCENTILE.fullmatch(extended) or is_rank(extended)):
        return f"The value {extended} for parameter ExtendedStatistic is not supported."
    return "\n".join(query_refusals("Metrics", alarm.get("Metrics") or []))


def query_refusals(parameter: str, queries: list[dict]) -> list[str]:
    return [
        f"The value for parameter {parameter}.member.{number}.MetricStat.Stat is not a valid statistic."
        for number, query in enumerate(queries, 1)
        if "MetricStat" in query and not is_known(query["MetricStat"].get("Stat") or "")
    ]


def is_known(statistic: str) -> bool:
    return statistic in BASIC or bool(PERCENTILE.fullmatch(statistic)) or is_rank(statistic)


def is_rank(statistic: str) -> bool:
    bounds = RANK.fullmatch(statistic)
    return bool(bounds) and any(bounds.groups()) and "." not in bounds.groups()
