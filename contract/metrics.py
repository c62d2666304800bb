"""Custom metrics: the one list of their names, units and dimensions.

`handlers.telemetry` writes them, alarms and the dashboard read them. CloudWatch does not aggregate over dimensions: a
metric can only be read with exactly the dimensions it was written with, and each combination of their values costs as
much as a metric. So a metric has one set of dimensions, the one that is read.

Every dimension has few values, all listed here. Partners, and ids of customers, orders or keys, are never dimensions.
"""

from typing import NamedTuple

from contract.errors import ERRORS
from contract.partners import TIERS
from contract.routes import ROUTES
from contract.schemas import STATUSES

NAMESPACE = "FoodDelivery"

# The ingestion paths.
SYNC, ASYNC, IMPORT = PATHS = ("sync", "async", "import")

# Who sends a request: the operator, a partner by its tier, or a customer.
OPERATOR, CUSTOMER = "operator", "customer"

BY_ENVIRONMENT = ("Environment",)
BY_SERVICE = ("Environment", "service")  # service: the name of the function
BY_VERSION = ("Environment", "service", "version")  # version: the function's, as published by Lambda
BY_PATH = ("Environment", "path")
BY_OPERATION = ("Environment", "operation")  # of a route
BY_REASON = ("Environment", "reason")
BY_STATUS = ("Environment", "status")  # the new one
BY_TIER = ("Environment", "tier")  # of the caller

# Dimension -> its values. A function has one Environment and one service, and runs one version, or two during a release.
VALUES: dict[str, tuple[str, ...]] = {
    "path": PATHS,
    "operation": tuple(route.operation for route in ROUTES),
    "reason": tuple(ERRORS),
    "status": STATUSES,
    "tier": (OPERATOR, *TIERS, CUSTOMER),
}


class CustomMetric(NamedTuple):
    """`unit` is CloudWatch's. Without `alarm` only the dashboard reads it: an environment without one does not write it."""

    name: str
    unit: str
    dimensions: tuple[str, ...] = BY_SERVICE
    alarm: bool = False


def _count(name: str, dimensions: tuple[str, ...] = BY_SERVICE, alarm: bool = False) -> CustomMetric:
    return CustomMetric(name, "Count", dimensions, alarm)


_METRICS = (
    # Orders. OrderValue has one value for each order stored, on every path: its SampleCount is their number.
    CustomMetric("OrderValue", "None", BY_PATH),
    # From acceptance until the order is stored; for a request, its duration.
    CustomMetric("OrderProcessingLatency", "Milliseconds", BY_PATH),
    # 100 / maxOrdersPerHour of api-config with each order stored: the sum of an hour is the percentage of that limit,
    # which changes in Parameter Store without a deployment.
    CustomMetric("HourlyLimitUsed", "Percent", BY_ENVIRONMENT, alarm=True),
    _count("OrderRejected", BY_REASON),
    _count("OrderStatusChanged", BY_STATUS),
    # Requests that reached a function; SampleCount is their number.
    CustomMetric("RequestLatency", "Milliseconds", BY_OPERATION),
    # Requests that reached a function.
    _count("RequestReceived", BY_TIER),
    # Requests answered 500, which are no errors to Lambda. It stops a release to a version that fails.
    _count("RequestFailed", BY_VERSION, alarm=True),
    # Functions.
    _count("OrderDuplicate"),
    _count("OrderRetried"),
    _count("EventsFailed"),
    _count("ColdStart"),
    _count("ConfigurationFallback", BY_ENVIRONMENT),
    # Import.
    _count("OrdersProcessed"),
    _count("OrderProcessingErrors"),
    _count("ProcessingFailures", alarm=True),
    CustomMetric("ProcessingTime", "Milliseconds"),
    CustomMetric("SuccessRate", "Percent", alarm=True),
)

METRICS: dict[str, CustomMetric] = {metric.name: metric for metric in _METRICS}
