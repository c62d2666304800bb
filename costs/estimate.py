"""A month's cost of an environment at its expected load, from its own templates. Pure.

What is estimated is the steady state: orders expire as fast as they come, logs as fast as they are written. The free
tier is left out, and so is what single incidents cost. Whatever is not known is said in `notes`, never guessed at zero.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from costs import observability, services
from costs.lines import Line, Parts
from costs.load import Load
from costs.prices import table
from costs.tables import ON_DEMAND, PROVISIONED, table_lines, table_notes
from deployer.plan.snapshot import Snapshot
from deployer.plan.symbols import Symbols

ORDERS_PER_DAY = 3500
FREE = (  # beginnings of types that cost nothing themselves
    *("AWS::ApiGateway::", "AWS::ApplicationAutoScaling::", "AWS::CloudFormation::", "AWS::Events::Rule", "AWS::IAM::"),
    *("AWS::KMS::Alias", "AWS::Lambda::", "AWS::Logs::", "AWS::S3::BucketPolicy", "AWS::SNS::", "AWS::SQS::"),
    *("AWS::SSM::Parameter", "AWS::WAFv2::WebACLAssociation", "AWS::XRay::"),
)


@dataclass(frozen=True)
class Estimate:
    """US dollars a month. `region`: where it would run; `prices_of` and `date`: of the price table."""

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
        """What reading and writing the tables costs, however it is paid for; not what they store."""
        return sum((line.usd for line in self.lines if line.throughput), Decimal(0))


@dataclass(frozen=True)
class Alternatives:
    """The same load on demand and on provisioned capacity, everything that hangs on it included.

    `break_even`: orders a day from where on provisioned capacity is the cheaper one; None if it never is.
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
    """`region`: where the tree is or would be; the price table's if not given. Raises ValueError for a negative load."""
    if orders_per_day < 0:
        raise ValueError("orders_per_day is negative")
    load, parts = Load(Decimal(orders_per_day)), Parts.of(tree)
    found = [line for costs in (services.lines, table_lines, observability.lines) for line in costs(parts, load)]
    lines = sorted(_merged(line for line in found if line.quantity), key=lambda line: (line.service, line.what))
    prices = table()
    notes = tuple(_notes(tree, parts, load))
    return Estimate(tuple(lines), orders_per_day, region or prices.region, prices.region, prices.date, notes)


def compare(now: Snapshot, then: Snapshot, orders_per_day: int = ORDERS_PER_DAY, region: str = "") -> CostChange:
    before, after = (estimate(tree, orders_per_day, region) for tree in (now, then))
    return CostChange(before, after, alternatives(then, orders_per_day))


def alternatives(tree: Snapshot, orders_per_day: int = ORDERS_PER_DAY) -> Alternatives | None:
    """None when the templates do not leave the choice to a parameter BillingMode."""
    if "BillingMode" not in tree.template.get("Parameters", {}):
        return None
    one, other = (switched(tree, mode) for mode in (ON_DEMAND, PROVISIONED))
    return Alternatives(estimate(one, orders_per_day), estimate(other, orders_per_day), _break_even(one, other))


def switched(tree: Snapshot, mode: str) -> Snapshot:
    """The tree with the other billing mode, in every stack that is told of it."""
    given = {"BillingMode": mode} if "BillingMode" in tree.template.get("Parameters", {}) else {}
    children = {name: switched(child, mode) for name, child in tree.children.items()}
    return replace(tree, parameters={**tree.parameters, **given}, children=children)


def _break_even(on_demand: Snapshot, provisioned: Snapshot, most: int = 100_000_000) -> int | None:
    """Found by halving: capacity comes in whole units, so it is right to within a few orders."""
    demand, fixed = Parts.of(on_demand), Parts.of(provisioned)

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


def _sum(lines) -> Decimal:
    return sum((line.usd for line in lines), Decimal(0))


def _merged(lines) -> Iterator[Line]:
    """Lines of one price are one line."""
    together: dict[tuple, Line] = {}
    for line in lines:
        key = (line.service, line.what)
        known = together.get(key)
        together[key] = replace(known, quantity=known.quantity + line.quantity) if known else line
    yield from together.values()


def _notes(tree: Snapshot, parts: Parts, load: Load) -> Iterator[str]:
    yield from parts.notes(load)
    yield from table_notes(parts, load)
    kinds = Counter(kind for kind in Symbols(tree).types() if kind not in Parts.TYPES and not kind.startswith(FREE))
    for kind, number in sorted(kinds.items()):
        yield f"{number} {kind}: not in the price table"
