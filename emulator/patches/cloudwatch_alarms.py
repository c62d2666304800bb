"""CloudWatch alarms: their requests, when they are evaluated, and how."""

import threading
import time
from contextlib import suppress

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from emulator import metric_math
from emulator.registry import patch
from emulator.resources import truth

SINGLE = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")
EVERY_SECONDS = 1.0
IDLE = 19
"""Rest of the alarm clock as a multiple of its work: under load it takes a twentieth of a processor."""
COMPARISONS = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


@patch(upstream="keep Metrics in PutMetricAlarm")
def metric_math_requests() -> None:
    """Without Metrics, an alarm on an expression watches nothing once PutMetricAlarm has changed it."""
    put = cloudwatch._put_metric_alarm

    def put_whole(params, body, is_cbor, is_json=False):
        answer = put(params, body, is_cbor, is_json)
        if answer[0] == 200 and body and body.get("Metrics"):
            alarm = cloudwatch._alarms[body["AlarmName"]]
            # An evaluation at this moment must find one of both.
            alarm["Metrics"] = body["Metrics"]
            for name in SINGLE:
                alarm.pop(name, None)
        return answer

    cloudwatch._put_metric_alarm = put_whole


@patch(upstream="evaluate alarms by dimensions, single periods, DatapointsToAlarm and TreatMissingData")
def alarm_evaluation() -> None:
    """Evaluate each of the last EvaluationPeriods periods on its own, counted back from now.

    Upstream ignores dimensions (the errors of one function put the alarms of all functions into ALARM) and
    takes the whole span for one period."""
    changing = threading.RLock()  # the clock and PutMetricData both evaluate; one of them notifies

    def evaluate(alarm):
        if not alarm.get("Metrics") and not alarm.get("MetricName"):
            return
        state, reason = judge(alarm, time.time())
        with changing:
            old = alarm["StateValue"]
            if state in (None, old):
                return
            alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
            cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
            cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
            cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


@patch(upstream="evaluate alarms on a clock, not only on PutMetricData")
def alarm_clock() -> None:
    """Evaluate all alarms once a second, less often when there are many."""

    def loop():
        worked = 0.0
        while True:
            time.sleep(max(EVERY_SECONDS, IDLE * worked))
            began = time.thread_time()
            with suppress(RuntimeError):  # alarms changed during the evaluation; evaluate them next time
                cloudwatch._evaluate_all_alarms()
            worked = time.thread_time() - began

    threading.Thread(target=loop, name="alarm-clock", daemon=True).start()


@patch(upstream="accept Metrics in AWS::CloudWatch::Alarm and evaluate the expressions")
def alarm_metric_math() -> None:
    """Evaluate arithmetic and comparison with MAX, MIN, SUM, AVG, IF and FILL.

    An expression that cannot be evaluated fails the stack; otherwise the alarm would never leave OK."""
    record_of = provisioners._cw_metric_alarm_record

    def alarm_record(name, props):
        if not props.get("Metrics"):
            return record_of(name, props)
        expressions_of(props)
        alarm = record_of(
            name, {**{k: v for k, v in props.items() if k != "Metrics"}, "MetricName": "-", "Namespace": "-"}
        )
        for key in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
            alarm.pop(key)
        return {**alarm, "Metrics": props["Metrics"]}

    provisioners._cw_metric_alarm_record = alarm_record


def judge(alarm: dict, now: float) -> tuple[str | None, str]:
    """Return an alarm's state and the reason; None to keep its state."""
    periods = int(alarm.get("EvaluationPeriods") or 1)
    needed = int(alarm.get("DatapointsToAlarm") or periods)
    holds = COMPARISONS.get(alarm.get("ComparisonOperator", ""))
    if holds is None:
        return None, ""
    threshold = float(alarm["Threshold"])
    points = [value_in(alarm, now, age) for age in range(periods)]
    missing = alarm.get("TreatMissingData") or "missing"
    if all(point is None for point in points) and missing in ("missing", "ignore"):
        return ("INSUFFICIENT_DATA" if missing == "missing" else None), "no data"
    breaching = sum(missing == "breaching" if point is None else holds(point, threshold) for point in points)
    shown = ", ".join("missing" if point is None else f"{point:g}" for point in points)
    reason = f"Threshold Crossed: {breaching} of the last {periods} datapoints [{shown}] {alarm['ComparisonOperator']} ({threshold:g})"
    return ("ALARM" if breaching >= needed else "OK"), reason


def value_in(alarm: dict, now: float, age: int) -> float | None:
    """Return the alarm's value in its period number ``age``, counted back from now."""
    if not alarm.get("Metrics"):
        return statistic(alarm, alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average", now, age)
    values: dict[str, float | None] = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            metric = {**stat["Metric"], "Period": stat["Period"]}
            values[query["Id"]] = statistic(metric, stat["Stat"], now, age)
    for key, expression in expressions_of(alarm):
        values[key] = metric_math.evaluate(expression, values)
    return next(values[query["Id"]] for query in alarm["Metrics"] if truth(query.get("ReturnData", True)))


def expressions_of(alarm: dict) -> list[tuple[str, str]]:
    """Return an alarm's expressions in order of evaluation. Raise MathError if they cannot be evaluated."""
    metrics = {query["Id"] for query in alarm["Metrics"] if "MetricStat" in query}
    expressions = {query["Id"]: query["Expression"] for query in alarm["Metrics"] if "Expression" in query}
    return [(key, expression) for key, expression, _ in metric_math.in_order(expressions, metrics)]


def statistic(metric: dict, name: str, now: float, age: int) -> float | None:
    """Return a statistic of this metric, dimensions included, in one period."""
    dimensions = {dimension["Name"]: str(dimension["Value"]) for dimension in metric.get("Dimensions") or []}
    points = (
        cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions))) or []
    )
    period = int(metric.get("Period") or 60)
    end = now - age * period
    within = [point for point in list(points) if end - period < point["Timestamp"] <= end + (1 if age == 0 else 0)]
    if not within:
        return None
    return cloudwatch._stat_value(cloudwatch._calc_stats(within), name, within)
