"""The cost of alarms, dashboards, metrics, logs and traces. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from contract.metrics import BY_PATH, BY_REASON, BY_SERVICE, BY_STATUS, METRICS, VALUES
from costs.lines import BilledResources, Line, number, priced
from costs.load import DAYS, GB, Load

# Number of functions that write a metric, each with its own dimension; 1 for other metrics.
WRITERS = {"ColdStart": 6, "ConfigurationFallback": 5, "OrderStored": 2, "OrderValue": 2, "OrderProcessingLatency": 2}
WRITERS |= {"OrderRejected": 4, "OrderDuplicate": 2, "BatchSize": 2, "BatchDuration": 2}
# Written only after an error.
OF_ERRORS: tuple[str, ...] = (
    "OrderRejected",
    "OrderDuplicate",
    "OrderRetried",
    "EventsFailed",
    "ConfigurationFallback",
)
OF_ERRORS += ("OrderProcessingErrors", "ProcessingFailures")
OF_IMPORTS = ("OrdersProcessed", "ProcessingTime", "SuccessRate")


def lines(resources: BilledResources, load: Load) -> Iterator[Line]:
    for costs in (_alarms, _metrics, _logs, _traces):
        yield from costs(resources, load)


def _alarms(resources: BilledResources, load: Load) -> Iterator[Line]:
    for alarm in resources.of_type("AWS::CloudWatch::Alarm"):
        watched = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]
        fast = any(number(each.get("Period", 60), 60) < 60 for each in watched)
        yield priced("alarm_metric_fast" if fast else "alarm_metric", len(watched))
    yield priced("alarm_composite", len(resources.of_type("AWS::CloudWatch::CompositeAlarm")))
    yield priced("dashboard", len(resources.of_type("AWS::CloudWatch::Dashboard")))
    policies = resources.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    yield priced("alarm_metric", len(policies) * load.assumed["alarms_per_scaling_policy"])


def _metrics(resources: BilledResources, load: Load) -> Iterator[Line]:
    """A metric is charged for each hour in which it is written."""
    if any(True for _ in resources.functions()):
        yield priced("metric", sum((load.hours_written(rate) * count for count, rate in _series(load)), Decimal(0)))
    detailed = any(
        setting.get("MetricsEnabled") == "true"
        for stage in resources.of_type("AWS::ApiGateway::Stage")
        for setting in stage.get("MethodSettings", [])
    )
    if detailed:
        methods = len(resources.of_type("AWS::ApiGateway::Method"))
        rate = load.requests_per_order / max(methods, 1)
        yield priced("method_metric", methods * load.assumed["method_metrics"] * load.hours_written(rate))


def _series(load: Load) -> Iterator[tuple[int, Decimal]]:
    """Yield (number of metrics, writes of each for one order) of contract.metrics."""
    assumed = load.assumed
    shares = {"sync": assumed["sync_share"], "async": assumed["async_share"], "import": load.import_share}
    for metric in METRICS.values():
        for names in metric.sets:
            if names == BY_PATH:
                yield from ((1, shares[path]) for path in VALUES["path"])
            elif names == BY_STATUS:
                yield len(VALUES["status"]), assumed["changes_per_order"] / len(VALUES["status"])
            elif names == BY_REASON:
                yield len(VALUES["reason"]), assumed["errors_per_order"] / len(VALUES["reason"])
            elif names == BY_SERVICE:
                yield WRITERS.get(metric.name, 1), _times(metric.name, load)


def _times(metric: str, load: Load) -> Decimal:
    """Return how often one function writes the metric for one order."""
    if metric in OF_ERRORS:
        return load.assumed["errors_per_order"]
    if metric in OF_IMPORTS:
        return load.import_share / load.assumed["orders_per_file"]
    return load.assumed["cold_start_share"] if metric == "ColdStart" else load.assumed["async_share"]


def _logs(resources: BilledResources, load: Load) -> Iterator[Line]:
    groups = resources.of_type("AWS::Logs::LogGroup")
    if not groups:
        return
    written = load.orders * load.assumed["log_bytes_per_order"]
    settings = (
        each for stage in resources.of_type("AWS::ApiGateway::Stage") for each in stage.get("MethodSettings", [])
    )
    if any(setting.get("DataTraceEnabled") == "true" for setting in settings):
        written += load.requests * load.assumed["traced_bytes_per_request"]
    days = max(number(group.get("RetentionInDays", 0)) for group in groups)
    yield priced("log_ingest", written / GB)
    yield priced("log_storage", written / DAYS * days * load.assumed["log_compression"] / GB)


def _traces(resources: BilledResources, load: Load) -> Iterator[Line]:
    """A trace begins at the gateway, or at a function that is not invoked by a traced request."""
    entries = Decimal(0)
    if any(stage.get("TracingEnabled") == "true" for stage in resources.of_type("AWS::ApiGateway::Stage")):
        entries += load.requests
    for key, function in resources.functions():
        if key in ("orders_worker", "orders_events", "orders_import"):
            active = function.get("TracingConfig", {}).get("Mode") == "Active"
            entries += load.invocations(key) if active else 0
    yield priced("trace", load.traces(entries))
