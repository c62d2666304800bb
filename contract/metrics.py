"""Custom metrics: the one list of their names, units and dimensions.

`handlers.telemetry` writes them, alarms and the dashboard read them. CloudWatch does not aggregate over dimensions: a
metric can only be read with exactly the set of dimensions it was written with, so it is written with each set that is
read.

Every dimension has few values, all listed here. Ids of customers or orders are never dimensions: each value makes
another metric, and each metric costs money.
"""

from typing import NamedTuple

from contract.errors import ERRORS
from contract.schemas import STATUSES

NAMESPACE = "FoodDelivery"

# The ingestion paths.
SYNC, ASYNC, IMPORT = PATHS = ("sync", "async", "import")

BY_SERVICE = ("Environment", "service")  # service: the name of the function
BY_PATH = ("Environment", "path")
BY_REASON = ("Environment", "reason")
BY_STATUS = ("Environment", "status")  # the new one

# Dimension -> its values. A function has one Environment and one service.
VALUES: dict[str, tuple[str, ...]] = {"path": PATHS, "reason": tuple(ERRORS), "status": STATUSES}


class CustomMetric(NamedTuple):
    """`unit` is CloudWatch's; `sets` are the sets of dimensions that it is written with."""

    name: str
    unit: str
    sets: tuple[tuple[str, ...], ...] = (BY_SERVICE,)


def _count(name: str, *sets: tuple[str, ...]) -> CustomMetric:
    return CustomMetric(name, "Count", sets or (BY_SERVICE,))


_METRICS = (
    # Orders. OrderStored counts each order once, on every path.
    _count("OrderStored", BY_SERVICE, BY_PATH),
    CustomMetric("OrderValue", "None", (BY_SERVICE, BY_PATH)),
    # From acceptance until the order is stored; for a request, its duration.
    CustomMetric("OrderProcessingLatency", "Milliseconds", (BY_SERVICE, BY_PATH)),
    # The function's value of api-config's maxOrdersPerHour, with every order that it stores: a change in Parameter
    # Store changes the alarm's threshold without a deployment.
    _count("OrdersPerHourCeiling", BY_PATH),
    _count("OrderRejected", BY_SERVICE, BY_REASON),
    _count("OrderStatusChanged", BY_STATUS),
    # Functions.
    _count("OrderCreated"),
    _count("OrderUpdated"),
    _count("OrderQueried"),
    _count("CustomerOrdersQueried"),
    _count("OrderAccepted"),
    _count("OrderDuplicate"),
    _count("OrderRetried"),
    _count("EventsPublished"),
    _count("EventsFailed"),
    _count("BatchSize"),
    CustomMetric("BatchDuration", "Milliseconds"),
    _count("ColdStart"),
    _count("ConfigurationFallback"),
    # Import.
    _count("OrdersProcessed"),
    _count("OrderProcessingErrors"),
    _count("ProcessingFailures"),
    CustomMetric("ProcessingTime", "Milliseconds"),
    CustomMetric("SuccessRate", "Percent"),
)

METRICS: dict[str, CustomMetric] = {metric.name: metric for metric in _METRICS}
