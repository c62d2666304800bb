"""Alarms of the orders table and its indexes. All paths need it, so each alarm notifies on its own.

DynamoDB writes no data point if there is nothing to count, and CloudWatch may ignore TreatMissingData for its
namespace: PutMetricAlarm's reference says that it always does, the user guide ("Configuring how CloudWatch alarms
treat missing data") that it does by default. An alarm would stay in ALARM after its last bad minute. So expressions
count missing data as 0, by FILL. FILL also fills the latest periods if data come late, and an alarm that needs all of
its data points might never go into ALARM (CloudWatch user guide, "Using math expressions with CloudWatch metrics",
FILL). DynamoDB's data come up to a few minutes late (its developer guide, "DynamoDB metrics and dimensions"), so these
alarms evaluate three minutes more than they need.
"""

from collections.abc import Mapping

from troposphere import Ref

from contract.shards import PROCESSED_DATE_INDEX
from generator.alarms.spec import Alarm, Expression, Metric, Text, listed
from generator.functions import FUNCTIONS
from generator.notices import Page, Ticket
from generator.resources import INDEXES, ORDERS_TABLE

IS_PROVISIONED = "IsProvisioned"
DIRECTIONS = ("Read", "Write")
CAPACITY_PERIOD = 300
FILLED = "FILL({}, 0)"

COUNTED_AS_ZERO = "DynamoDB writes no data if there is nothing to count, so the expression fills in 0"

# The table, and each index, as dimensions. The table's metrics do not include those of its indexes.
PARTS: dict[str, dict[str, Text]] = {
    "table": {"TableName": Ref("OrdersTableName")},
    **{name: {"TableName": Ref("OrdersTableName"), "GlobalSecondaryIndexName": name} for name in INDEXES},
}


def metric(name: str, stat: str, part: str = "table", **dimensions: str) -> Metric:
    return Metric("AWS/DynamoDB", name, stat, {**PARTS[part], **dimensions})


def operations() -> list[str]:
    """The operations that functions call on the table, by their rights: IAM authorizes some as the actions in them."""
    actions = {
        action.action
        for function in FUNCTIONS
        for right in function.rights
        if ORDERS_TABLE in right.Resource
        for action in right.Action
    }
    if "PutItem" in actions:
        actions.add("TransactWriteItems")
    return sorted("BatchExecuteStatement" if action == "PartiQLInsert" else action for action in actions)


def alarms() -> list[Alarm]:
    return [throttles(), system_errors(), *(consumption(direction) for direction in DIRECTIONS)]


def throttles() -> Alarm:
    watched = {
        f"{direction.lower()}{index}": metric(f"{direction}ThrottleEvents", "Sum", part)
        for index, part in enumerate(PARTS)
        for direction in DIRECTIONS
        if (direction, part) != ("Read", PROCESSED_DATE_INDEX)  # no function reads it
    }
    return _bad_minutes(
        "table-throttles",
        "DynamoDB throttled reads or writes of the orders table or one of its indexes, in two of five minutes.",
        "find on the dashboard which of them. On demand: look for a customer or day far busier than the rest (a hot "
        "partition). Provisioned: raise max_capacity.",
        watched,
    )


def system_errors() -> Alarm:
    watched = {
        operation[0].lower() + operation[1:]: metric("SystemErrors", "Sum", Operation=operation)
        for operation in operations()
    }
    return _bad_minutes(
        "table-system-errors",
        "DynamoDB failed (HTTP 500) on requests for the orders table, in two of five minutes.",
        "check the AWS Health dashboard of the region. Clients get 503 and may repeat; queued orders wait.",
        watched,
    )


def _bad_minutes(key: str, meaning: str, remedy: str, watched: Mapping[str, Metric]) -> Alarm:
    return Alarm(
        key,
        Page("every path needs the table"),
        meaning,
        remedy,
        Expression(f"SUM({listed(watched, FILLED)})", watched),
        period=60,
        # The SDK retries: one bad minute may affect no client.
        periods=5,
        datapoints=2,
        threshold=0,
        why=COUNTED_AS_ZERO,
    )


def consumption(direction: str) -> Alarm:
    """The busiest of table and indexes. Units are per second, their consumption is a sum over the period."""
    watched: dict[str, Metric] = {}
    shares = []
    for index, part in enumerate(PARTS):
        watched[f"used{index}"] = metric(f"Consumed{direction}CapacityUnits", "Sum", part)
        watched[f"provided{index}"] = metric(f"Provisioned{direction}CapacityUnits", "Maximum", part)
        shares.append(f"100 * FILL({{used{index}}}, 0) / ({CAPACITY_PERIOD} * {{provided{index}}})")
    return Alarm(
        f"table-{direction.lower()}-capacity",
        Ticket("a warning: `table-throttles` notifies if requests are throttled"),
        f"The orders table or one of its indexes has used more of its provisioned {direction.lower()} capacity than "
        "allowed, for 15 minutes: scaling does not keep up.",
        "if it is at max_capacity, raise that, or change to PAY_PER_REQUEST.",
        Expression(f"MAX([{', '.join(shares)}])", watched),
        period=CAPACITY_PERIOD,
        periods=4,
        datapoints=3,
        threshold=Ref("ConsumedCapacityPercent"),
        why=COUNTED_AS_ZERO,
        condition=IS_PROVISIONED,
    )
