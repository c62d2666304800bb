"""What watching costs: alarms, dashboards, metrics, logs and traces. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from contract.metrics import BY_PATH, BY_REASON, BY_SERVICE, BY_STATUS, METRICS, VALUES
from costs.lines import Line, Parts, number, priced
from costs.load import DAYS, GB, Load

# Metrics that several functions write, each under its own name; any other is one function's.
WRITERS = {"ColdStart": 6, "ConfigurationFallback": 5, "OrderStored": 2, "OrderValue": 2, "OrderProcessingLatency": 2}
WRITERS |= {"OrderRejected": 4, "OrderDuplicate": 2, "BatchSize": 2, "BatchDuration": 2}
# Written only when something went wrong.
OF_ERRORS = ("OrderRejected", "OrderDuplicate", "OrderRetried", "EventsFailed", "ConfigurationFallback")
OF_ERRORS += ("OrderProcessingErrors", "ProcessingFailures")
OF_IMPORTS = ("OrdersProcessed", "ProcessingTime", "SuccessRate")


def lines(parts: Parts, load: Load) -> Iterator[Line]:
    for costs in (_alarms, _metrics, _logs, _traces):
        yield from costs(parts, load)


def _alarms(parts: Parts, load: Load) -> Iterator[Line]:
    for alarm in parts.each("AWS::CloudWatch::Alarm"):
        watched = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]
        fast = any(number(each.get("Period", 60), 60) < 60 for each in watched)
        yield priced("alarm_metric_fast" if fast else "alarm_metric", len(watched))
    yield priced("alarm_composite", len(parts.each("AWS::CloudWatch::CompositeAlarm")))
    yield priced("dashboard", len(parts.each("AWS::CloudWatch::Dashboard")))
    policies = parts.each("AWS::ApplicationAutoScaling::ScalingPolicy")
    yield priced("alarm_metric", len(policies) * load.of["alarms_per_scaling_policy"])


def _metrics(parts: Parts, load: Load) -> Iterator[Line]:
    """A metric is paid for by the hour in which it is written."""
    if any(True for _ in parts.functions()):
        yield priced("metric", sum((load.hours_written(rate) * count for count, rate in _series(load)), Decimal(0)))
    detailed = any(
        setting.get("MetricsEnabled") == "true"
        for stage in parts.each("AWS::ApiGateway::Stage")
        for setting in stage.get("MethodSettings", [])
    )
    if detailed:
        methods = len(parts.each("AWS::ApiGateway::Method"))
        rate = load.requests_per_order / max(methods, 1)
        yield priced("method_metric", methods * load.of["method_metrics"] * load.hours_written(rate))


def _series(load: Load) -> Iterator[tuple[int, Decimal]]:
    """(how many metrics, how often an order has each written) of contract.metrics."""
    of = load.of
    shares = {"sync": of["sync_share"], "async": of["async_share"], "import": load.import_share}
    for metric in METRICS.values():
        for names in metric.sets:
            if names == BY_PATH:
                yield from ((1, shares[path]) for path in VALUES["path"])
            elif names == BY_STATUS:
                yield len(VALUES["status"]), of["changes_per_order"] / len(VALUES["status"])
            elif names == BY_REASON:
                yield len(VALUES["reason"]), of["errors_per_order"] / len(VALUES["reason"])
            elif names == BY_SERVICE:
                yield WRITERS.get(metric.name, 1), _times(metric.name, load)


def _times(metric: str, load: Load) -> Decimal:
    """Of one function, in an order's life."""
    if metric in OF_ERRORS:
        return load.of["errors_per_order"]
    if metric in OF_IMPORTS:
        return load.import_share / load.of["orders_per_file"]
    return load.of["cold_start_share"] if metric == "ColdStart" else load.of["async_share"]


def _logs(parts: Parts, load: Load) -> Iterator[Line]:
    groups = parts.each("AWS::Logs::LogGroup")
    if not groups:
        return
    written = load.orders * load.of["log_bytes_per_order"]
    settings = (each for stage in parts.each("AWS::ApiGateway::Stage") for each in stage.get("MethodSettings", []))
    if any(setting.get("DataTraceEnabled") == "true" for setting in settings):
        written += load.requests * load.of["traced_bytes_per_request"]
    days = max(number(group.get("RetentionInDays", 0)) for group in groups)
    yield priced("log_ingest", written / GB)
    yield priced("log_storage", written / DAYS * days * load.of["log_compression"] / GB)


def _traces(parts: Parts, load: Load) -> Iterator[Line]:
    """Where a trace begins: at the gateway, or at a function that no traced request invokes."""
    entries = Decimal(0)
    if any(stage.get("TracingEnabled") == "true" for stage in parts.each("AWS::ApiGateway::Stage")):
        entries += load.requests
    for key, function in parts.functions():
        if key in ("orders_worker", "orders_events", "orders_import"):
            active = function.get("TracingConfig", {}).get("Mode") == "Active"
            entries += load.invocations(key) if active else 0
    yield priced("trace", load.traces(entries))
