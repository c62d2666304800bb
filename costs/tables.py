"""The cost of the table and its indexes: capacity in both billing modes, storage and backups. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from costs.lines import BilledResources, Line, number, priced
from costs.load import GB, HOURS, Load, Units

ON_DEMAND, PROVISIONED = "PAY_PER_REQUEST", "PROVISIONED"
KINDS = ("read", "write")
NOTHING = Units(Decimal(0), Decimal(0))


def table_lines(resources: BilledResources, load: Load) -> Iterator[Line]:
    """The first table is that of the orders; for others, only the capacity is known."""
    for position, (path, table) in enumerate(resources.by_path("AWS::DynamoDB::Table").items()):
        own = load if position == 0 else Load(Decimal(0), load.assumed)
        yield from _throughput(resources, path, table, own)
        yield from _storage(resources, table, own)
        if table.get("SSESpecification", {}).get("SSEType") == "KMS":
            yield priced("key_request", _key_requests(own))


def table_notes(resources: BilledResources, load: Load) -> Iterator[str]:
    """Yield a note for each table or index whose peak exceeds its maximum capacity."""
    for path, table in list(resources.by_path("AWS::DynamoDB::Table").items())[:1]:
        for capacity in _capacities(resources, path, table, load):
            if capacity.peak > capacity.maximum:
                yield (
                    f"{path}{capacity.index and f'/{capacity.index}'}: the peak needs {capacity.peak} "
                    f"{capacity.kind.lower()} capacity units, the maximum is {capacity.maximum}: requests are throttled"
                )


def warm_notes(resources: BilledResources) -> Iterator[str]:
    for path, table in resources.by_path("AWS::DynamoDB::Table").items():
        if any("WarmThroughput" in each for each in (table, *_indexes(table))):
            yield f"{path}: raising its warm throughput is charged once, which this month does not include"


@dataclass(frozen=True)
class Capacity:
    """Provisioned capacity of the table or an index. `peak`: units needed at the peak. `maximum`: units available."""

    index: str
    kind: str
    hours: Decimal
    peak: Decimal
    maximum: Decimal


def _throughput(resources: BilledResources, path: str, table: dict, load: Load) -> Iterator[Line]:
    if table.get("BillingMode", PROVISIONED) == ON_DEMAND:  # DynamoDB's own default is PROVISIONED
        units = load.units()
        names = ["", *(each["IndexName"] for each in _indexes(table))]
        reads, writes = (sum((getattr(units.get(name, NOTHING), kind) for name in names), Decimal(0)) for kind in KINDS)
        yield priced("table_read_request", load.orders * reads, throughput=True)
        yield priced("table_write_request", load.orders * writes, throughput=True)
    for each in _capacities(resources, path, table, load):
        yield priced(f"table_{each.kind.lower()}_capacity", each.hours, throughput=True)


def _capacities(resources: BilledResources, path: str, table: dict, load: Load) -> Iterator[Capacity]:
    """Yield read and write capacity of the table and each index; none in on-demand mode."""
    if table.get("BillingMode", PROVISIONED) == ON_DEMAND:
        return
    for name, resource in [("", table), *((each["IndexName"], each) for each in _indexes(table))]:
        per_order = load.units().get(name, NOTHING)
        for kind, units in (("Read", per_order.read), ("Write", per_order.write)):
            fixed = number(resource.get("ProvisionedThroughput", {}).get(f"{kind}CapacityUnits", 1), 1)
            least, maximum, utilization = _target(resources, path, name, kind) or (fixed, fixed, Decimal(1))
            needed = [
                (hours, (rate / utilization).to_integral_value(ROUND_CEILING)) for hours, rate in load.rates(units)
            ]
            hours = sum((hours * min(maximum, max(least, units)) for hours, units in needed), Decimal(0)) * HOURS / 24
            yield Capacity(name, kind, hours, max(units for _, units in needed), maximum)


def _target(resources: BilledResources, path: str, index: str, kind: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """Return (minimum, maximum, utilization) of Application Auto Scaling for a table or index; None without it."""
    resource = f"table/${{/{path}}}" + (f"/index/{index}" if index else "")
    dimension = f"dynamodb:{'index' if index else 'table'}:{kind}CapacityUnits"
    for name, target in resources.by_path("AWS::ApplicationAutoScaling::ScalableTarget").items():
        if (target.get("ResourceId"), target.get("ScalableDimension")) == (resource, dimension):
            return number(target["MinCapacity"]), number(target["MaxCapacity"]), _utilization(resources, name)
    return None


def _utilization(resources: BilledResources, target: str) -> Decimal:
    for policy in resources.of_type("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if policy.get("ScalingTargetId") == f"${{/{target}}}":
            target_value = policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue", 70)
            return number(target_value, 70) / 100
    return Decimal(1)  # no scaling policy


def _storage(resources: BilledResources, table: dict, load: Load) -> Iterator[Line]:
    days = max(
        (
            number(each.get("Environment", {}).get("Variables", {}).get("ORDER_TTL_DAYS", 0))
            for _, each in resources.functions()
        ),
        default=Decimal(0),
    )
    sizes = load.bytes_stored_per_order()
    orders = load.orders_per_day * days
    everything = sum(sizes.get(name, Decimal(0)) for name in ["", *(each["IndexName"] for each in _indexes(table))])
    yield priced("table_storage", orders * everything / GB)
    if table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") == "true":
        yield priced("table_recovery", orders * sizes[""] / GB)  # of the table, not of its global indexes


def _key_requests(load: Load) -> Decimal:
    """Each function that uses the table requests its key every five minutes, or at each invocation if those are rarer."""
    callers = (load.invocations(key) for key in ("orders_command", "orders_query", "orders_worker"))
    return sum((min(calls, load.assumed["key_requests_per_hour"] * HOURS) for calls in callers), Decimal(0))


def _indexes(table: dict) -> list[dict]:
    return [each for each in table.get("GlobalSecondaryIndexes", []) if isinstance(each, dict) and "IndexName" in each]
