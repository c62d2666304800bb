"""Convert orders a day to calls, units and bytes. Pure.

All values are Decimals per month, unless their name says otherwise. The assumptions are in `load.toml`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from costs.prices import assumptions

HOURS = Decimal(730)  # of a month, as in AWS's calculator
DAYS = HOURS / 24
GB = Decimal(10**9)


@dataclass(frozen=True)
class Units:
    """Capacity units that one order consumes of the table or of one index."""

    read: Decimal
    write: Decimal


@dataclass(frozen=True)
class Load:
    orders_per_day: Decimal
    assumed: Mapping[str, Decimal] = field(default_factory=assumptions)

    @property
    def orders(self) -> Decimal:
        return self.orders_per_day * DAYS

    @property
    def import_share(self) -> Decimal:
        return 1 - self.assumed["sync_share"] - self.assumed["async_share"]

    @property
    def requests_per_order(self) -> Decimal:
        assumed = self.assumed
        placed = assumed["sync_share"] + assumed["async_share"]
        later = assumed["reads_per_order"] + assumed["lists_per_order"] + assumed["changes_per_order"]
        return placed + later + assumed["preflights_per_order"]

    @property
    def requests(self) -> Decimal:
        return self.orders * self.requests_per_order

    @property
    def files(self) -> Decimal:
        return self.orders * self.import_share / self.assumed["orders_per_file"]

    @property
    def changes(self) -> Decimal:
        """Return the number of records in the table's stream: orders created, and status changes."""
        return self.orders * (1 + self.assumed["changes_per_order"])

    def knows(self, function: str) -> bool:
        """Return True if the invocations of the function with this key can be estimated."""
        return function in self.invocations_per_order

    def invocations(self, function: str) -> Decimal:
        """Return the invocations of a function by its key, such as orders_command. Raises KeyError if unknown."""
        return self.orders * self.invocations_per_order[function]

    @property
    def invocations_per_order(self) -> Mapping[str, Decimal]:
        """By the function's key."""
        assumed = self.assumed
        return {
            "orders_command": assumed["sync_share"] + assumed["changes_per_order"],
            "orders_query": assumed["reads_per_order"] + assumed["lists_per_order"],
            "orders_intake": assumed["async_share"],
            "orders_worker": assumed["async_share"] / assumed["worker_batch_queue"] + self.import_batches_per_order,
            "orders_events": (1 + assumed["changes_per_order"]) / assumed["events_batch"],
            "orders_import": self.import_share / assumed["orders_per_file"],
        }

    @property
    def import_batches_per_order(self) -> Decimal:
        """Return the batches in which the worker stores a file's orders."""
        return self.import_share / min(self.assumed["worker_batch_import"], self.assumed["orders_per_file"])

    def seconds(self, function: str) -> Decimal:
        """Return the mean duration of an invocation, including cold starts."""
        return (
            self.assumed[f"{function}_ms"] + self.assumed["cold_start_share"] * self.assumed["cold_start_ms"]
        ) / 1000

    def units(self) -> dict[str, Units]:
        """Return index name ("" for the table) -> units for each order. An order with a claim is a transaction."""
        assumed = self.assumed
        claimed = (
            assumed["sync_share"] * assumed["idempotency_key_share"]
            + assumed["async_share"] * assumed["own_id_share"]
            + self.import_share
        )
        table_writes = claimed * assumed["claimed_insert_units"] + (1 - claimed) * assumed["plain_insert_units"]
        changes = assumed["changes_per_order"] * assumed["change_units"]
        # An id given here has the order's key in it; a change of any other order reads it first.
        given_here = assumed["sync_share"] + assumed["async_share"] * (1 - assumed["own_id_share"])
        looked_up = assumed["changes_per_order"] * (1 - given_here)
        lists, index_writes = (
            assumed["lists_per_order"] * assumed["list_units"],
            assumed["index_insert_units"] + changes,
        )
        partners = assumed["partner_share"]
        reads = (assumed["reads_per_order"] + looked_up) * assumed["read_units"]
        return {
            "": Units(reads, table_writes + changes),
            "customerIdIndex": Units(lists * (1 - partners), index_writes),
            "partnerCustomerIndex": Units(lists * partners, index_writes * partners),
            "processedDateIndex": Units(Decimal(0), self.import_share * assumed["index_insert_units"]),
        }

    def rates(self, units_per_order: Decimal) -> list[tuple[Decimal, Decimal]]:
        """Return (hours of the day, units per second) for the peak and for the rest of the day."""
        mean = self.orders_per_day * units_per_order / (24 * 3600)
        hours, factor = self.assumed["peak_hours"], self.assumed["peak_factor"]
        return [(hours, mean * factor), (24 - hours, mean * (24 - hours * factor) / (24 - hours))]

    def bytes_stored_per_order(self) -> dict[str, Decimal]:
        """Return index name ("" for the table) -> bytes; claims are in the table."""
        assumed = self.assumed
        entry = assumed["item_bytes"] + assumed["index_entry_bytes"]
        claims = (
            assumed["sync_share"] * assumed["idempotency_key_share"] + assumed["async_share"] * assumed["own_id_share"]
        )
        claimed = (claims + self.import_share) * (assumed["claim_bytes"] + assumed["index_entry_bytes"])
        small = self.import_share * (assumed["claim_bytes"] + assumed["index_entry_bytes"])
        by_partner = assumed["partner_share"] * entry
        return {
            "": entry + claimed,
            "customerIdIndex": entry,
            "partnerCustomerIndex": by_partner,
            "processedDateIndex": small,
        }

    def hours_written(self, times_per_order: Decimal) -> Decimal:
        """Return the share of hours in which a metric is written; 1 is every hour."""
        return min(Decimal(1), self.orders_per_day * times_per_order / 24)
