"""CloudWatch alarms: what they watch, and when they are looked at."""

import threading
import time
from contextlib import suppress

from emulator import metric_math
from emulator.registry import mend

EVERY_SECONDS = 1.0
COMPARISONS = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


@mend
def alarm_evaluation() -> None:
    """Upstream ignores an alarm's dimensions (one function's errors ring every function's
    alarm), periods (it takes the whole span for one), DatapointsToAlarm and missing data.
    The mend evaluates each of the last EvaluationPeriods periods by itself, counted back
    from now, and honours TreatMissingData."""
    from ministack.services import cloudwatch

    def evaluate(alarm):
        if not alarm.get("Metrics") and not alarm.get("MetricName"):
            return
        state, reason = judge(alarm, time.time())
        old = alarm["StateValue"]
        if state in (None, old):
            return
        alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old, state, reason)
        cloudwatch._dispatch_alarm_actions(alarm, old, state, reason)
        cloudwatch._evaluate_parent_alarms(alarm)

    cloudwatch._evaluate_alarm = evaluate


@mend
def alarm_clock() -> None:
    """Upstream looks at alarms only when somebody calls PutMetricData. CloudWatch looks at
    them all the time; so does the mend, once a second."""
    from ministack.services import cloudwatch

    def loop():
        while True:
            time.sleep(EVERY_SECONDS)
            with suppress(RuntimeError):  # alarms changed while they were looked at; next time
                cloudwatch._evaluate_all_alarms()

    threading.Thread(target=loop, name="alarm-clock", daemon=True).start()


@mend
def queue_metrics() -> None:
    """Upstream has no AWS/SQS metrics, so an alarm on a dead-letter queue can never ring.
    The mend records the number and the age of waiting messages for the queues that some
    alarm watches, once a second."""
    from ministack.services import cloudwatch, sqs

    def record():
        now = time.time()
        watched = {
            dimension["Value"]
            for alarm in list(cloudwatch._alarms.values())
            for metric in metrics_of(alarm)
            if metric["Namespace"] == "AWS/SQS"
            for dimension in metric["Dimensions"]
        }
        for url, queue in list(sqs._queues.items()):
            name = url.rsplit("/", 1)[-1]
            if name in watched:
                waiting = [m for m in queue["messages"] if m.get("visible_at", 0) <= now]
                oldest = min((m.get("sent_at", now) for m in queue["messages"]), default=now)
                at = {"QueueName": name}
                cloudwatch.record_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", len(waiting), "Count", at)
                cloudwatch.record_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", now - oldest, "Seconds", at)

    def loop():
        while True:
            time.sleep(EVERY_SECONDS)
            with suppress(RuntimeError):  # queues changed while they were counted; next time
                record()

    threading.Thread(target=loop, name="queue-metrics", daemon=True).start()


@mend
def alarm_metric_math() -> None:
    """Upstream refuses an alarm with Metrics (metric math). The mend keeps it, shows it in
    DescribeAlarms and evaluates plain arithmetic with MAX, MIN, SUM, AVG, IF and FILL."""
    from ministack.services.cloudformation import provisioners

    record_of = provisioners._cw_metric_alarm_record

    def record(name, props):
        if not props.get("Metrics"):
            return record_of(name, props)
        alarm = record_of(
            name, {**{k: v for k, v in props.items() if k != "Metrics"}, "MetricName": "-", "Namespace": "-"}
        )
        for key in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions"):
            alarm.pop(key)
        return {**alarm, "Metrics": props["Metrics"]}

    provisioners._cw_metric_alarm_record = record


def judge(alarm: dict, now: float) -> tuple[str | None, str]:
    """The state that an alarm's metrics call for, and why; None to leave it as it is."""
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
    """The alarm's value in its period number ``age``, counted back from now."""
    if not alarm.get("Metrics"):
        return statistic(alarm, alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average", now, age)
    values: dict[str, float | None] = {}
    queries = sorted(alarm["Metrics"], key=lambda query: "Expression" in query)
    result = None
    for query in queries:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            metric = {**stat["Metric"], "Period": stat["Period"]}
            values[query["Id"]] = statistic(metric, stat["Stat"], now, age)
        else:
            try:
                values[query["Id"]] = metric_math.evaluate(query["Expression"], values)
            except metric_math.MathError:
                values[query["Id"]] = None
        if query.get("ReturnData", True) in (True, "true"):
            result = values[query["Id"]]
    return result


def statistic(metric: dict, name: str, now: float, age: int) -> float | None:
    """A statistic of exactly this metric, dimensions included, in one period."""
    from ministack.services import cloudwatch

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


def metrics_of(alarm: dict) -> list[dict]:
    """The metrics that an alarm looks at."""
    if alarm.get("Metrics"):
        found = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    else:
        found = [alarm] if alarm.get("Namespace") else []
    return [{"Namespace": metric["Namespace"], "Dimensions": metric.get("Dimensions") or []} for metric in found]
