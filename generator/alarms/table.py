"""Alarms of the orders table and its indexes. All paths need it, so they notify by themselves.

DynamoDB writes no data point where there is nothing to count, and CloudWatch may ignore TreatMissingData for its
namespace: PutMetricAlarm's reference says that it always does, the user guide ("Configuring how CloudWatch alarms
treat missing data") that it does by default. An alarm that is left in ALARM by the last bad minute would stay there.
So expressions count what is missing as 0, by FILL. Where data come late the latest periods are filled, too, and an
alarm that needs all of its data points might never ring (CloudWatch user guide, "Using math expressions with
CloudWatch metrics", FILL). DynamoDB's come up to a few minutes late (its developer guide, "DynamoDB metrics and
dimensions"), so these alarms look three minutes further back than they need to.
"""

from generator.alarms.spec import Alarm, Metric
from generator.functions import FUNCTIONS
from generator.resources import INDEXES, ORDERS_TABLE

IS_PROVISIONED = "IsProvisioned"
DIRECTIONS = ("Read", "Write")
CAPACITY_PERIOD = 300

COUNTED_AS_ZERO = "DynamoDB writes nothing where there is nothing to count, so the expression itself fills in 0"

# The table, and each index, as dimensions. The table's metrics do not include those of its indexes.
PARTS: dict[str, dict[str, str]] = {
    "table": {"TableName": "${OrdersTableName}"},
    **{name: {"TableName": "${OrdersTableName}", "GlobalSecondaryIndexName": name} for name in INDEXES},
}


def metric(name: str, stat: str, part: str = "table", **dimensions: str) -> Metric:
    return Metric("AWS/DynamoDB", name, stat, {**PARTS[part], **dimensions})


def operations() -> list[str]:
    """What functions call the table with, by their rights. A transaction is authorized as the actions it is made of."""
    actions = {
        action.action
        for function in FUNCTIONS
        for right in function.rights
        if ORDERS_TABLE in right.Resource
        for action in right.Action
    }
    return sorted(actions | ({"TransactWriteItems"} if "PutItem" in actions else set()))


def alarms() -> list[Alarm]:
    return [throttles(), system_errors(), *(consumption(direction) for direction in DIRECTIONS)]


def throttles() -> Alarm:
    watched = {
        f"{direction.lower()}{place}": metric(f"{direction}ThrottleEvents", "Sum", part)
        for place, part in enumerate(PARTS)
        for direction in DIRECTIONS
    }
    return Alarm(
        "table-throttles",
        None,
        "DynamoDB refused reads or writes of the orders table or one of its indexes, and not only for a moment.",
        "which of them, on the dashboard. On demand: is one customer or day far busier than the rest (a hot "
        "partition)? Provisioned: raise max_capacity.",
        watched,
        expression=_sum(watched),
        period=60,
        # The SDK repeats what was refused: one minute may pass unnoticed by anyone.
        periods=5,
        datapoints=2,
        threshold=0,
        why=COUNTED_AS_ZERO,
    )


def system_errors() -> Alarm:
    watched = {
        operation[0].lower() + operation[1:]: metric("SystemErrors", "Sum", Operation=operation)
        for operation in operations()
    }
    return Alarm(
        "table-system-errors",
        None,
        "DynamoDB itself failed (HTTP 500) on requests for the orders table, and not only for a moment.",
        "the AWS Health dashboard of the region. Clients get 503 and may repeat; queued orders wait.",
        watched,
        expression=_sum(watched),
        period=60,
        periods=5,
        datapoints=2,
        threshold=0,
        why=COUNTED_AS_ZERO,
    )


def consumption(direction: str) -> Alarm:
    """The busiest of table and indexes. Units are per second, their consumption is a sum over the period."""
    watched: dict[str, Metric] = {}
    shares = []
    for place, part in enumerate(PARTS):
        watched[f"used{place}"] = metric(f"Consumed{direction}CapacityUnits", "Sum", part)
        watched[f"provided{place}"] = metric(f"Provisioned{direction}CapacityUnits", "Maximum", part)
        shares.append(f"100 * {_filled(f'used{place}')} / ({CAPACITY_PERIOD} * provided{place})")
    return Alarm(
        f"table-{direction.lower()}-capacity",
        None,
        f"The orders table or one of its indexes has used more of its provisioned {direction.lower()} capacity than "
        "is safe, for a quarter of an hour: scaling does not keep up.",
        "whether it is at max_capacity already; then raise that, or change to PAY_PER_REQUEST.",
        watched,
        expression=f"MAX([{', '.join(shares)}])",
        period=CAPACITY_PERIOD,
        periods=4,
        datapoints=3,
        threshold="${ConsumedCapacityPercent}",
        why=COUNTED_AS_ZERO,
        condition=IS_PROVISIONED,
    )


def _sum(watched: dict[str, Metric]) -> str:
    return f"SUM([{', '.join(map(_filled, watched))}])"


def _filled(key: str) -> str:
    return f"FILL({key}, 0)"
