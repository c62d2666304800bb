"""The cost of alarms, dashboards, metrics, logs and traces. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from contract.metrics import METRICS, VALUES
from contract.routes import ROUTES
from costs.lines import BilledResources, Line, number, priced
from costs.load import DAYS, GB, HOURS, Load

# Without a header of API Gateway, Lambda asks X-Ray's default rule (Lambda developer guide, AWS X-Ray: a function's
# sampling rate cannot be configured).
DEFAULT_RATE, DEFAULT_RESERVOIR = Decimal("0.05"), Decimal(1)
KINDS_OF_ERRORS = 6  # that a metric counts each: errors_per_order are of all kinds together
UNTRACED_CALLERS = ("orders_worker", "orders_events", "orders_import")


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
    written = [load.hours_written(Decimal(1)) * load.assumed["refusals_share"]] * len(
        resources.of_type("AWS::Logs::MetricFilter")
    )
    if any(True for _ in resources.functions()):
        written += [
            load.hours_written(rate)
            for name, rates in series(load).items()
            if METRICS[name].alarm or has_dashboard(resources)
            for rate in rates
        ]
    yield priced("metric", sum(written, Decimal(0)))
    detailed = any(setting.get("MetricsEnabled") == "true" for setting in _method_settings(resources))
    if detailed:
        methods = len(resources.of_type("AWS::ApiGateway::Method"))
        rate = load.requests_per_order / max(methods, 1)
        yield priced("method_metric", methods * load.assumed["method_metrics"] * load.hours_written(rate))


def series(load: Load) -> dict[str, list[Decimal]]:
    """Return name -> for each combination of values of its dimensions: how often it is written for one order."""
    assumed, per_file = load.assumed, load.files / load.orders if load.orders else Decimal(0)
    paths = [assumed["sync_share"], assumed["async_share"], per_file]  # a file's orders come in one hour
    changes = [assumed["changes_per_order"] / len(VALUES["status"])] * len(VALUES["status"])
    requests = [assumed[f"{kind}_per_order"] for kind in ("changes", "reads", "lists")]
    of_customers = [Decimal(0) for route in ROUTES if route.scope]  # the assumed orders are those of partners
    errors, premium = assumed["errors_per_order"] / KINDS_OF_ERRORS, assumed["premium_share"]
    partners = assumed["partner_share"]
    callers = [
        1 - partners,
        partners * (1 - premium),
        partners * premium,
        Decimal(0),
    ]  # no customer without a user pool
    return {
        "OrderValue": paths,
        "OrderProcessingLatency": paths,
        "HourlyLimitUsed": [Decimal(1)],
        "OrderRejected": [errors / len(VALUES["reason"])] * len(VALUES["reason"]),
        "OrderStatusChanged": changes,
        "RequestLatency": [assumed["sync_share"], assumed["async_share"], *requests, *of_customers],
        "RequestReceived": [
            sum([assumed["sync_share"], assumed["async_share"], *requests]) * share for share in callers
        ],
        "RequestFailed": [errors],
        "OrderDuplicate": [errors],
        "OrderRetried": [errors],
        "EventsFailed": [errors],
        "ColdStart": [each * assumed["cold_start_share"] for each in load.invocations_per_order.values()],
        "ConfigurationFallback": [errors],
        "OrdersProcessed": [per_file],
        "OrderProcessingErrors": [per_file],
        "ProcessingFailures": [per_file],  # at most one for each
        "ProcessingTime": [per_file],
        "SuccessRate": [per_file],
    }


def has_dashboard(resources: BilledResources) -> bool:
    """Return False if a function has `DASHBOARD_ENABLED` set to "false"."""
    variables = [each.get("Environment", {}).get("Variables", {}) for _, each in resources.functions()]
    return not any(each.get("DASHBOARD_ENABLED") == "false" for each in variables)


def _method_settings(resources: BilledResources) -> list[dict]:
    return [each for stage in resources.of_type("AWS::ApiGateway::Stage") for each in stage.get("MethodSettings", [])]


def _logs(resources: BilledResources, load: Load) -> Iterator[Line]:
    groups = resources.of_type("AWS::Logs::LogGroup")
    if not groups:
        return
    written = load.orders * load.assumed["log_bytes_per_order"]
    if has_dashboard(resources):
        written += load.orders * load.assumed["metric_bytes_per_order"]
    if any(setting.get("DataTraceEnabled") == "true" for setting in _method_settings(resources)):
        written += load.requests * load.assumed["traced_bytes_per_request"]
    days = max(number(group.get("RetentionInDays", 0)) for group in groups)
    yield priced("log_ingest", written / GB)
    yield priced("log_storage", written / DAYS * days * load.assumed["log_compression"] / GB)


def _traces(resources: BilledResources, load: Load) -> Iterator[Line]:
    """A trace begins at the gateway, or at a function that is not invoked by a traced request."""
    recorded = Decimal(0)
    if any(stage.get("TracingEnabled") == "true" for stage in resources.of_type("AWS::ApiGateway::Stage")):
        rules = [each.get("SamplingRule", {}) for each in resources.of_type("AWS::XRay::SamplingRule")]
        rule: dict = next((each for each in rules if each.get("ServiceType") == "AWS::ApiGateway::Stage"), {})
        rate = number(rule.get("FixedRate", DEFAULT_RATE), 1)
        recorded += _sampled(load.requests, rate, number(rule.get("ReservoirSize", DEFAULT_RESERVOIR), 1))
    own = [
        load.invocations(key)
        for key, function in resources.functions()
        if key in UNTRACED_CALLERS and function.get("TracingConfig", {}).get("Mode") == "Active"
    ]
    yield priced("trace", recorded + _sampled(sum(own, Decimal(0)), DEFAULT_RATE, DEFAULT_RESERVOIR))


def _sampled(requests: Decimal, rate: Decimal, reservoir: Decimal) -> Decimal:
    """Return the traces of a month."""
    return sampled(requests / (HOURS * 3600), rate, reservoir) * HOURS * 3600


def sampled(per_second: Decimal, rate: Decimal, reservoir: Decimal) -> Decimal:
    """Return the traces of a second: the first `reservoir` requests, and `rate` of the others."""
    return min(per_second, reservoir) + rate * max(per_second - reservoir, Decimal(0))
