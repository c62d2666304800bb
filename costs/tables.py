"""What the table costs: on demand or provisioned, with its indexes, what it stores and its backups. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from costs.lines import Line, Parts, number, priced
from costs.load import GB, HOURS, Load, Units

ON_DEMAND, PROVISIONED = "PAY_PER_REQUEST", "PROVISIONED"
KINDS = ("read", "write")
NOTHING = Units(Decimal(0), Decimal(0))


def table_lines(parts: Parts, load: Load) -> Iterator[Line]:
    """The first table is that of the orders; of another nothing is known but its capacity."""
    for place, (path, table) in enumerate(parts.named("AWS::DynamoDB::Table").items()):
        own = load if place == 0 else Load(Decimal(0), load.of)
        yield from _throughput(parts, path, table, own)
        yield from _storage(parts, table, own)
        if table.get("SSESpecification", {}).get("SSEType") == "KMS":
            yield priced("key_request", _key_requests(own))


def table_notes(parts: Parts, load: Load) -> Iterator[str]:
    """Where the peak wants more than is ever provided."""
    for path, table in list(parts.named("AWS::DynamoDB::Table").items())[:1]:
        for capacity in _capacities(parts, path, table, load):
            if capacity.wanted > capacity.most:
                yield (
                    f"{path}{capacity.index and f'/{capacity.index}'}: the peak takes {capacity.wanted} "
                    f"{capacity.kind.lower()} capacity units, {capacity.most} are the most: it is throttled"
                )


@dataclass(frozen=True)
class Capacity:
    """Provisioned, of the table or an index. `wanted`: units at the peak; `most`: units that there ever are."""

    index: str
    kind: str
    hours: Decimal
    wanted: Decimal
    most: Decimal


def _throughput(parts: Parts, path: str, table: dict, load: Load) -> Iterator[Line]:
    if table.get("BillingMode", PROVISIONED) == ON_DEMAND:  # DynamoDB's own default is PROVISIONED
        units = load.units()
        names = ["", *(each["IndexName"] for each in _indexes(table))]
        reads, writes = (sum((getattr(units.get(name, NOTHING), kind) for name in names), Decimal(0)) for kind in KINDS)
        yield priced("table_read_request", load.orders * reads, throughput=True)
        yield priced("table_write_request", load.orders * writes, throughput=True)
    for each in _capacities(parts, path, table, load):
        yield priced(f"table_{each.kind.lower()}_capacity", each.hours, throughput=True)


def _capacities(parts: Parts, path: str, table: dict, load: Load) -> Iterator[Capacity]:
    """Of the table and of each index, to read and to write; none when paid for on demand."""
    if table.get("BillingMode", PROVISIONED) == ON_DEMAND:
        return
    for name, place in [("", table), *((each["IndexName"], each) for each in _indexes(table))]:
        per_order = load.units().get(name, NOTHING)
        for kind, units in (("Read", per_order.read), ("Write", per_order.write)):
            fixed = number(place.get("ProvisionedThroughput", {}).get(f"{kind}CapacityUnits", 1), 1)
            least, most, utilization = _target(parts, path, name, kind) or (fixed, fixed, Decimal(1))
            wanted = [
                (hours, (rate / utilization).to_integral_value(ROUND_CEILING)) for hours, rate in load.rates(units)
            ]
            hours = sum((hours * min(most, max(least, units)) for hours, units in wanted), Decimal(0)) * HOURS / 24
            yield Capacity(name, kind, hours, max(units for _, units in wanted), most)


def _target(parts: Parts, path: str, index: str, kind: str) -> tuple[Decimal, Decimal, Decimal] | None:
    """(least, most, utilization) that Application Auto Scaling keeps a table or index between; None without."""
    resource = f"table/${{/{path}}}" + (f"/index/{index}" if index else "")
    dimension = f"dynamodb:{'index' if index else 'table'}:{kind}CapacityUnits"
    for name, target in parts.named("AWS::ApplicationAutoScaling::ScalableTarget").items():
        if (target.get("ResourceId"), target.get("ScalableDimension")) == (resource, dimension):
            return number(target["MinCapacity"]), number(target["MaxCapacity"]), _utilization(parts, name)
    return None


def _utilization(parts: Parts, target: str) -> Decimal:
    for policy in parts.each("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if policy.get("ScalingTargetId") == f"${{/{target}}}":
            aim = policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue", 70)
            return number(aim, 70) / 100
    return Decimal(1)  # nothing scales it


def _storage(parts: Parts, table: dict, load: Load) -> Iterator[Line]:
    days = max(
        (
            number(each.get("Environment", {}).get("Variables", {}).get("ORDER_TTL_DAYS", 0))
            for _, each in parts.functions()
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
    """Each function that uses the table asks for its key every five minutes, unless it is called less often."""
    callers = (load.invocations(key) for key in ("orders_command", "orders_query", "orders_worker"))
    return sum((min(calls, load.of["key_requests_per_hour"] * HOURS) for calls in callers), Decimal(0))


def _indexes(table: dict) -> list[dict]:
    return [each for each in table.get("GlobalSecondaryIndexes", []) if isinstance(each, dict) and "IndexName" in each]
