"""Demand beside limit: how much of each limit a load takes, and the load at which it breaks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from capacity.demand import NEEDS, NOW, Model
from capacity.limits import Limit, limits
from capacity.platform import Platform
from costs.load import Load

MOST = Decimal(10) ** 12
"""Orders a day up to which a limit is tried."""


@dataclass(frozen=True)
class Usage:
    """`breaks_at`: orders a day from which the demand exceeds what is available; None beyond any load."""

    limit: Limit
    demand: Decimal
    available: Decimal
    breaks_at: Decimal | None

    @property
    def utilization(self) -> Decimal:
        return self.demand / self.available


@dataclass(frozen=True)
class Stage:
    """Orders a second that one stage of the import takes, at most."""

    name: str
    orders: Decimal
    turn: str


def usages(platform: Platform, orders_per_day: Decimal = NOW, known: Mapping[str, Limit] | None = None) -> list[Usage]:
    """Return the usage of each limit that the environment has; the one that breaks first comes first."""
    if orders_per_day < 0:
        raise ValueError("orders_per_day is negative")
    model = Model(platform, Load(orders_per_day), known or limits())
    found = []
    for key, limit in model.limits.items():
        demand, available = NEEDS[key](model)
        if available is not None:
            found.append(Usage(limit, demand, available, _breaks_at(key, model)))
    return sorted(found, key=lambda usage: usage.breaks_at or MOST)


def stages(platform: Platform) -> list[Stage]:
    """Return how fast a file is stored by each stage, the slowest first."""
    model = Model(platform, Load(NOW))
    assumed, load = model.assumed, model.load.assumed
    writes = max(platform.warm_writes or Decimal(0), model.quota("table_writes"))
    if platform.provisioned_writes is not None:
        writes = platform.provisioned_writes
    found = [
        Stage("orders_import reads a file", assumed["importer_records_per_second"], "upload several files"),
        Stage(
            "orders_worker takes messages",
            model.drain_rate * platform.orders_per_message,
            "pipeline.maximum_concurrency, pipeline.batch_size",
        ),
        Stage("the table takes orders and claims", writes / load["claimed_insert_units"], "data.warm_writes"),
        Stage(
            "processedDateIndex takes orders of one day",
            model.quota("date_partition") * platform.date_shards / load["index_insert_units"],
            "PROCESSED_DATE_SHARDS",
        ),
        Stage(
            "customerIdIndex takes orders of one customer",
            model.quota("customer_partition") / load["index_insert_units"],
            "a customerId for each customer",
        ),
        Stage("orders_events announces them", model.stream_rate, "ParallelizationFactor"),
    ]
    return sorted(found, key=lambda stage: stage.orders)


def _breaks_at(key: str, model: Model) -> Decimal | None:
    """Find the load by bisection, to within one in ten thousand: a demand never falls when the load grows."""

    def breaks(orders: Decimal) -> bool:
        demand, available = NEEDS[key](replace(model, load=Load(orders, model.load.assumed)))
        return available is not None and demand > available

    low, high = Decimal(0), Decimal(1)
    while not breaks(high):
        low, high = high, high * 2
        if high > MOST:
            return None
    while high - low > max(high / 10_000, Decimal("0.01")):
        middle = (low + high) / 2
        low, high = (low, middle) if breaks(middle) else (middle, high)
    return high
