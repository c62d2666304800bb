"""How orders become calls: what a month of so many orders a day asks of each part. Pure.

Everything is a Decimal per month, unless its name says otherwise. The figures behind it are `load.toml`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from costs.prices import assumptions

HOURS = Decimal(730)  # of a month, as AWS's own calculator has it
DAYS = HOURS / 24
GB = Decimal(10**9)


@dataclass(frozen=True)
class Units:
    """Capacity units that one order takes of the table or of one index, over its life."""

    read: Decimal
    write: Decimal


@dataclass(frozen=True)
class Load:
    orders_per_day: Decimal
    of: Mapping[str, Decimal] = field(default_factory=assumptions)

    @property
    def orders(self) -> Decimal:
        return self.orders_per_day * DAYS

    @property
    def import_share(self) -> Decimal:
        return 1 - self.of["sync_share"] - self.of["async_share"]

    @property
    def requests_per_order(self) -> Decimal:
        of = self.of
        placed = of["sync_share"] + of["async_share"]
        later = of["reads_per_order"] + of["lists_per_order"] + of["changes_per_order"]
        return placed + later + of["preflights_per_order"]

    @property
    def requests(self) -> Decimal:
        return self.orders * self.requests_per_order

    @property
    def files(self) -> Decimal:
        return self.orders * self.import_share / self.of["orders_per_file"]

    @property
    def changes(self) -> Decimal:
        """Of orders, as the table's stream tells them: made, and each new status."""
        return self.orders * (1 + self.of["changes_per_order"])

    def invocations(self, function: str) -> Decimal | None:
        """Of the function of this key, such as orders_command; None for one that nothing is known of."""
        of, orders = self.of, self.orders
        known = {
            "orders_command": orders * (of["sync_share"] + of["changes_per_order"]),
            "orders_query": orders * (of["reads_per_order"] + of["lists_per_order"]),
            "orders_intake": orders * of["async_share"],
            "orders_worker": orders
            * (of["async_share"] / of["worker_batch_queue"] + self.import_share / of["worker_batch_import"]),
            "orders_events": self.changes / of["events_batch"],
            "orders_import": self.files,
        }
        return known.get(function)

    def seconds(self, function: str) -> Decimal:
        """Mean of an invocation, cold starts included."""
        return (self.of[f"{function}_ms"] + self.of["cold_start_share"] * self.of["cold_start_ms"]) / 1000

    def units(self) -> dict[str, Units]:
        """Index name ("" the table) -> what an order takes of it. Whatever is claimed costs a transaction."""
        of = self.of
        claimed = (
            of["sync_share"] * of["idempotency_key_share"] + of["async_share"] * of["own_id_share"] + self.import_share
        )
        table_writes = claimed * of["claimed_insert_units"] + (1 - claimed) * of["plain_insert_units"]
        changes = of["changes_per_order"] * of["change_units"]
        looked_up = of["changes_per_order"] * (1 - of["known_timestamp_share"])
        reads = (of["reads_per_order"] + looked_up) * of["read_units"]
        return {
            "": Units(reads, table_writes + changes),
            "customerIdIndex": Units(of["lists_per_order"] * of["list_units"], of["index_insert_units"] + changes),
            "processedDateIndex": Units(Decimal(0), self.import_share * of["index_insert_units"]),
        }

    def rates(self, units_per_order: Decimal) -> list[tuple[Decimal, Decimal]]:
        """(hours of the day, units per second then): the peak and the rest."""
        mean = self.orders_per_day * units_per_order / (24 * 3600)
        hours, factor = self.of["peak_hours"], self.of["peak_factor"]
        return [(hours, mean * factor), (24 - hours, mean * (24 - hours * factor) / (24 - hours))]

    def bytes_stored_per_order(self) -> dict[str, Decimal]:
        """Index name ("" the table) -> bytes; the claims are the table's."""
        of = self.of
        entry = of["item_bytes"] + of["index_entry_bytes"]
        claims = of["sync_share"] * of["idempotency_key_share"] + of["async_share"] * of["own_id_share"]
        claimed = (claims + self.import_share) * (of["claim_bytes"] + of["index_entry_bytes"])
        small = self.import_share * (of["claim_bytes"] + of["index_entry_bytes"])
        return {"": entry + claimed, "customerIdIndex": entry, "processedDateIndex": small}

    def traces(self, entries: Decimal) -> Decimal:
        """Recorded of so many that could be: the first of each second and 5 % of the others, X-Ray's own rule."""
        per_second = entries / (HOURS * 3600)
        recorded = min(per_second, Decimal(1)) + Decimal("0.05") * max(per_second - 1, Decimal(0))
        return recorded * HOURS * 3600

    def hours_written(self, times_per_order: Decimal) -> Decimal:
        """The share of the month's hours in which something is written that happens so often; 1 is every hour."""
        return min(Decimal(1), self.orders_per_day * times_per_order / 24)
