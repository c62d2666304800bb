"""Custom metrics: the one list of their names, units and dimensions.

`handlers.telemetry` writes them, alarms and the dashboard read them. CloudWatch does not add
up what is written with dimensions: a metric is found under exactly the set that it was
written with, so each set that is read is written as a separate EMF document.

Every dimension has few values, all of them listed here. A customer's or an order's id is
never one: each value makes a metric of its own, which is paid for.
"""

from dataclasses import dataclass

from contract.errors import ERRORS
from contract.schemas import STATUSES

NAMESPACE = "FoodDelivery"

# The ingestion paths.
SYNC, ASYNC, IMPORT = PATHS = ("sync", "async", "import")

BY_SERVICE = ("Environment", "service")  # service: the name of the function
BY_PATH = ("Environment", "path")
BY_REASON = ("Environment", "reason")
BY_STATUS = ("Environment", "status")  # the new one

# Dimension -> its values. Of Environment and service a function has one each, for life.
VALUES: dict[str, tuple[str, ...]] = {"path": PATHS, "reason": tuple(ERRORS), "status": STATUSES}


@dataclass(frozen=True)
class CustomMetric:
    """`unit` is CloudWatch's; `sets` are the sets of dimensions it is written with, each apart."""

    name: str
    unit: str
    sets: tuple[tuple[str, ...], ...] = (BY_SERVICE,)


def _count(name: str, *sets: tuple[str, ...]) -> CustomMetric:
    return CustomMetric(name, "Count", sets or (BY_SERVICE,))


_METRICS = (
    # Orders. What is stored counts once per order, whoever stores it.
    _count("OrderStored", BY_SERVICE, BY_PATH),
    CustomMetric("OrderValue", "None", (BY_SERVICE, BY_PATH)),
    # From the first edge that accepted the order until it is stored; of a request, its duration.
    CustomMetric("OrderProcessingLatency", "Milliseconds", (BY_SERVICE, BY_PATH)),
    # api-config's maxOrdersPerHour as the function knows it, beside every order that it stores: a change in
    # Parameter Store moves the alarm without a deployment.
    _count("OrdersPerHourCeiling", BY_PATH),
    _count("OrderRejected", BY_SERVICE, BY_REASON),
    _count("OrderStatusChanged", BY_STATUS),
    # What functions did.
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
    # Import of files.
    _count("OrdersProcessed"),
    _count("OrderProcessingErrors"),
    _count("ProcessingFailures"),
    CustomMetric("ProcessingTime", "Milliseconds"),
    CustomMetric("SuccessRate", "Percent"),
)

METRICS: dict[str, CustomMetric] = {metric.name: metric for metric in _METRICS}
