"""Metrics: how they are kept, and GetMetricData."""

import json
import time

from emulator import metric_math
from emulator.registry import patch


@patch
def metric_data_expressions() -> None:
    """Upstream answers every expression with InternalError. The patch evaluates it for each time at
    which one of the metrics that it refers to has a value, as alarms do for each period."""
    from ministack.services import cloudwatch

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


@patch
def metric_retention() -> None:
    """Whenever CloudWatch is asked for anything, upstream copies every metric without the points of
    more than two weeks ago, and loses what is recorded meanwhile. The patch deletes such points from the
    beginning of each metric, where the oldest stand, and nothing else."""
    from ministack.services import cloudwatch

    def evict():
        cutoff = time.time() - cloudwatch.TWO_WEEKS_SECONDS
        for points in list(cloudwatch._metrics.values()):
            del points[: next((place for place, p in enumerate(points) if p["Timestamp"] >= cutoff), len(points))]

    cloudwatch._evict_old_metrics = evict


def evaluated(expression: str, series: dict[str, dict[float, float]]) -> dict[float, float]:
    """The expression's values by time, ascending; times at which it has none are left out."""
    values = {
        moment: metric_math.evaluate(expression, {name: each.get(moment) for name, each in series.items()})
        for moment in sorted(set().union(*series.values()))
    }
    return {moment: value for moment, value in values.items() if value is not None}
