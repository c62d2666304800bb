"""Estimate an environment's monthly cost at its expected load, from its templates. Pure.

The estimate is for the steady state: orders expire as fast as they arrive, logs as fast as they are written. It excludes
the free tier and incidents. Resources that cannot be estimated are listed in `notes`, never counted as zero.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from costs import observability, services
from costs.lines import BilledResources, Line
from costs.load import Load
from costs.prices import table
from costs.tables import ON_DEMAND, PROVISIONED, table_lines, table_notes, warm_notes
from deployer.plan.snapshot import Snapshot
from deployer.plan.symbols import Symbols

ORDERS_PER_DAY = 3500
FREE = (  # prefixes of types without a charge of their own
    *("AWS::ApiGateway::", "AWS::ApplicationAutoScaling::", "AWS::CloudFormation::", "AWS::Events::Rule", "AWS::IAM::"),
    "AWS::CodeDeploy::",  # without a charge for Lambda
    *("AWS::KMS::Alias", "AWS::Lambda::", "AWS::Logs::", "AWS::S3::BucketPolicy", "AWS::SNS::", "AWS::SQS::"),
    *("AWS::SSM::Parameter", "AWS::WAFv2::WebACLAssociation", "AWS::XRay::"),
)


@dataclass(frozen=True)
class Estimate:
    """US dollars a month. `region`: of the environment. `prices_of`, `date`: region and date of the price table."""

    lines: tuple[Line, ...]
    orders_per_day: int
    region: str
    prices_of: str
    date: str
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> Decimal:
        return sum((line.usd for line in self.lines), Decimal(0))

    @property
    def throughput(self) -> Decimal:
        """Return the cost of reading and writing the tables in either billing mode, without storage."""
        return sum((line.usd for line in self.lines if line.throughput), Decimal(0))


@dataclass(frozen=True)
class Alternatives:
    """The same load with on-demand and with provisioned capacity, including scaling alarms.

    `break_even`: orders a day from which provisioned capacity is cheaper; None if it never is.
    """

    on_demand: Estimate
    provisioned: Estimate
    break_even: int | None


@dataclass(frozen=True)
class CostChange:
    before: Estimate
    after: Estimate
    alternatives: Alternatives | None

    @property
    def difference(self) -> Decimal:
        return self.after.total - self.before.total


def estimate(tree: Snapshot, orders_per_day: int = ORDERS_PER_DAY, region: str = "") -> Estimate:
    """Estimate a tree. `region`: of the environment, default the price table's. Raises ValueError for a negative load."""
    if orders_per_day < 0:
        raise ValueError("orders_per_day is negative")
    load, resources = Load(Decimal(orders_per_day)), BilledResources.of(tree)
    found = [line for costs in (services.lines, table_lines, observability.lines) for line in costs(resources, load)]
    lines = sorted(_merged(line for line in found if line.quantity), key=lambda line: (line.service, line.what))
    prices = table()
    notes = tuple(_notes(tree, resources, load))
    return Estimate(tuple(lines), orders_per_day, region or prices.region, prices.region, prices.date, notes)


def compare(now: Snapshot, then: Snapshot, orders_per_day: int = ORDERS_PER_DAY, region: str = "") -> CostChange:
    """Estimate two trees, and both billing modes of the second."""
    before, after = (estimate(tree, orders_per_day, region) for tree in (now, then))
    return CostChange(before, after, alternatives(then, orders_per_day))


def alternatives(tree: Snapshot, orders_per_day: int = ORDERS_PER_DAY) -> Alternatives | None:
    """Estimate both billing modes; None if the root has no parameter BillingMode."""
    if "BillingMode" not in tree.template.get("Parameters", {}):
        return None
    one, other = (switched(tree, mode) for mode in (ON_DEMAND, PROVISIONED))
    return Alternatives(estimate(one, orders_per_day), estimate(other, orders_per_day), _break_even(one, other))


def switched(tree: Snapshot, mode: str) -> Snapshot:
    """Set the billing mode in every stack with a parameter BillingMode."""
    given = {"BillingMode": mode} if "BillingMode" in tree.template.get("Parameters", {}) else {}
    children = {name: switched(child, mode) for name, child in tree.children.items()}
    return replace(tree, parameters={**tree.parameters, **given}, children=children)


def _break_even(on_demand: Snapshot, provisioned: Snapshot, most: int = 100_000_000) -> int | None:
    """Find the break-even by bisection; capacity has whole units, so it is exact to within a few orders."""
    demand, fixed = BilledResources.of(on_demand), BilledResources.of(provisioned)

    def cheaper(orders: int) -> bool:
        load = Load(Decimal(orders))
        return _sum(table_lines(fixed, load)) <= _sum(table_lines(demand, load))

    def throttled(orders: int) -> bool:
        return any(table_notes(fixed, Load(Decimal(orders))))

    low, high = 0, 1
    while not (cheaper(high) or throttled(high)) and high < most:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if cheaper(middle) or throttled(middle) else (middle, high)
    return high if cheaper(high) else None


def _sum(lines: Iterable[Line]) -> Decimal:
    return sum((line.usd for line in lines), Decimal(0))


def _merged(lines: Iterable[Line]) -> Iterator[Line]:
    """Merge lines with the same price."""
    together: dict[tuple, Line] = {}
    for line in lines:
        key = (line.service, line.what)
        known = together.get(key)
        together[key] = replace(known, quantity=known.quantity + line.quantity) if known else line
    yield from together.values()


def _notes(tree: Snapshot, resources: BilledResources, load: Load) -> Iterator[str]:
    yield from resources.notes(load)
    yield from table_notes(resources, load)
    yield from warm_notes(resources)
    kinds = Counter(
        kind for kind in Symbols(tree).types() if kind not in BilledResources.TYPES and not kind.startswith(FREE)
    )
    for kind, number in sorted(kinds.items()):
        yield f"{number} {kind}: not in the price table"
