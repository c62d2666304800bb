"""What a load needs of each limit, and how much of it there is. At the peak of the day."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from capacity.limits import Limit, assumptions, limits
from capacity.platform import Platform
from costs.estimate import ORDERS_PER_DAY
from costs.load import Load
from costs.observability import sampled

NOW = Decimal(ORDERS_PER_DAY)

_ONE = Load(Decimal(1))  # what one order means, at any load


@dataclass(frozen=True)
class Model:
    platform: Platform
    load: Load
    limits: Mapping[str, Limit] = field(default_factory=limits)
    assumed: Mapping[str, Decimal] = field(default_factory=assumptions)

    def quota(self, key: str) -> Decimal:
        value = self.limits[key].value
        if value is None:
            raise ValueError(f"{key}: this project sets it")
        return value

    def peak(self, per_order: Decimal) -> Decimal:
        """Return what `per_order` for each order is a second, in the peak hours."""
        (_, rate), _ = self.load.rates(per_order)
        return rate

    @property
    def partners(self) -> Decimal:
        return self.load.orders_per_day * self.load.assumed["partner_share"] / self.assumed["orders_per_partner"]

    @property
    def orders(self) -> Decimal:
        """Orders a second."""
        return self.peak(Decimal(1))

    @property
    def requests(self) -> Decimal:
        """Requests a second, preflights included."""
        return self.peak(_ONE.requests_per_order)

    @property
    def changes(self) -> Decimal:
        """Records of the table's stream a second that are announced."""
        return self.peak(_ONE.changes / _ONE.orders)

    @property
    def messages(self) -> Decimal:
        """Messages a second on the order queue."""
        one, imported = self.load.assumed["async_share"], _ONE.import_share
        return self.peak(one + imported / self.platform.orders_per_message)

    @property
    def files(self) -> Decimal:
        """Files a second."""
        return self.peak(_ONE.files / _ONE.orders)

    @property
    def records(self) -> Decimal:
        """Records of a file, if the number of files stays as it is."""
        return self.load.assumed["orders_per_file"] * max(Decimal(1), self.load.orders_per_day / NOW)

    def invocations(self, function: str) -> Decimal:
        """Invocations a second."""
        return self.peak(_ONE.invocations(function) / _ONE.orders)

    def concurrency(self, function: str) -> Decimal:
        """Units of Lambda's concurrency: executions at once, or, of short ones, requests a second by ten."""
        rate = self.invocations(function)
        needed = max(rate * self.load.seconds(function), rate / self.assumed["requests_per_environment"])
        match function:
            case "orders_worker":
                return min(needed, self.platform.worker_concurrency)
            case "orders_events":
                return min(needed, self.assumed["table_shards"] * self.platform.stream_parallelization)
            case _:
                return needed

    @property
    def stream_rate(self) -> Decimal:
        """Records a second that the consumer of the stream announces: a batch of each shard after the other."""
        calls = self.platform.stream_batch / self.assumed["events_per_publish"]
        seconds = (self.load.assumed["orders_events_ms"] + calls * self.assumed["publish_ms"]) / 1000
        at_once = self.assumed["table_shards"] * self.platform.stream_parallelization
        return at_once * self.platform.stream_batch / seconds

    @property
    def drain_rate(self) -> Decimal:
        """Messages a second that orders_worker takes at most."""
        return self.platform.worker_concurrency * self.platform.worker_batch / (self.assumed["full_batch_ms"] / 1000)


Need = tuple[Decimal, Decimal | None]  # demand, available; None: the environment has no such limit


def _api_daily_quota(model: Model) -> Need:
    keyed = _ONE.requests_per_order - model.load.assumed["preflights_per_order"]
    return model.load.orders_per_day * keyed * model.assumed["busiest_key_share"], model.platform.daily_quota


def _firewall_rate(model: Model) -> Need:
    requests = model.requests * model.assumed["busiest_address_share"]
    return requests * model.platform.firewall_seconds, model.platform.firewall_rate


def _account_concurrency(model: Model) -> Need:
    reserved = model.platform.command_reserved
    others = [name for name in model.platform.functions if reserved is None or name != "orders_command"]
    return sum(map(model.concurrency, others), Decimal(0)), model.quota("account_concurrency") - (reserved or 0)


def _settings_reads(model: Model) -> Need:
    readers = model.platform.settings_readers
    cold = sum(map(model.invocations, readers), Decimal(0)) * model.load.assumed["cold_start_share"]
    warm = sum(map(model.concurrency, readers), Decimal(0)) / model.assumed["settings_cache_seconds"]
    return cold + warm, model.quota("settings_reads")


def _worker_concurrency(model: Model) -> Need:
    return model.messages / model.drain_rate * model.platform.worker_concurrency, model.platform.worker_concurrency


def _table_writes(model: Model) -> Need:
    if model.platform.provisioned_writes is not None:
        return Decimal(0), None
    needed = max(model.peak(units.write) for units in model.load.units().values())
    return needed, max(model.platform.warm_writes or Decimal(0), model.quota("table_writes"))


def _table_reads(model: Model) -> Need:
    if model.platform.provisioned_writes is not None:
        return Decimal(0), None
    needed = max(model.peak(units.read) for units in model.load.units().values())
    return needed, max(model.platform.warm_reads or Decimal(0), model.quota("table_reads"))


def _date_partition(model: Model) -> Need:
    needed = model.peak(model.load.units()["processedDateIndex"].write) / model.platform.date_shards
    return needed, model.quota("date_partition")


def _customer_partition(model: Model) -> Need:
    needed = model.peak(model.load.units()["customerIdIndex"].write) * model.assumed["busiest_customer_share"]
    return needed, model.quota("customer_partition")


def _file_seconds(model: Model) -> Need:
    available = model.platform.import_invocations * (model.platform.import_seconds - model.assumed["reserve_seconds"])
    return model.records / model.assumed["importer_records_per_second"], available


def _trace_segments(model: Model) -> Need:
    traces = sampled(model.requests, model.platform.trace_rate, model.platform.trace_reservoir)
    return traces * model.assumed["segments_per_trace"], model.quota("trace_segments")


def _against_quota(key: str, demand: Callable[[Model], Decimal]) -> Callable[[Model], Need]:
    return lambda model: (demand(model), model.quota(key))


NEEDS: Mapping[str, Callable[[Model], Need]] = {
    "api_rate": lambda model: (model.requests, model.platform.rate_limit),
    "api_daily_quota": _api_daily_quota,
    "firewall_rate": _firewall_rate,
    "command_concurrency": lambda model: (model.concurrency("orders_command"), model.platform.command_reserved),
    "account_concurrency": _account_concurrency,
    "settings_reads": _settings_reads,
    "worker_concurrency": _worker_concurrency,
    "table_writes": _table_writes,
    "table_reads": _table_reads,
    "provisioned_writes": lambda model: (model.peak(model.load.units()[""].write), model.platform.provisioned_writes),
    "date_partition": _date_partition,
    "customer_partition": _customer_partition,
    "stream_consumer": lambda model: (model.changes, model.stream_rate),
    "file_lines": lambda model: (model.records, model.platform.csv_lines),
    "file_seconds": _file_seconds,
    "trace_segments": _trace_segments,
} | {
    key: _against_quota(key, demand)
    for key, demand in {
        "api_keys": lambda model: model.partners * model.assumed["keys_per_partner"],
        "api_account_rate": lambda model: model.requests,
        "new_account_concurrency": lambda model: sum(map(model.concurrency, model.platform.functions), Decimal(0)),
        "scaling_rate": lambda model: max(map(model.concurrency, model.platform.functions)),
        "queue_pollers": lambda model: _worker_concurrency(model)[0],
        "queue_in_flight": lambda model: model.messages * model.platform.visibility_seconds,
        "table_write_quota": lambda model: max(model.peak(each.write) for each in model.load.units().values()),
        "topic_messages": lambda model: model.changes,
        "event_invocations": lambda model: model.files,
        "bucket_writes": lambda model: 2 * model.files,
        "log_writes": lambda model: sum(map(model.invocations, model.platform.functions), Decimal(0)),
    }.items()
}
"""Key of limits.toml -> what it takes."""
