"""What each lever of the bill saves: what the month would cost more without it. Pure.

docs/cost.md has the table, with what each costs in sight; a test holds the table to these figures.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from costs.estimate import ORDERS_PER_DAY, estimate
from costs.lines import BilledResources, Line, priced
from costs.load import GB, Load
from costs.observability import has_dashboard, series
from deployer.plan.snapshot import Snapshot

# Lever -> the parameters that an environment without it has.
SETTINGS: Mapping[str, Mapping[str, str]] = {
    "method_metrics = false": {"MethodMetrics": "true"},
    "trace_rate = 0.05, trace_reservoir = 0": {"TraceReservoir": "1"},  # as X-Ray's default rule
    "trace_events = false": {"TraceEvents": "true"},
    "dashboard = false": {"DashboardEnabled": "true"},
    "data_trace = false": {"DataTrace": "true"},
}
COMPOSITES = 4  # one for each pair of windows, besides those of the paths
ALARM_METRICS = 13  # Invocations beside Errors, Count beside 5XXError in the short windows, orders and limit by path
LOG_BYTES = 3100  # of an order: fields that nobody queries, and the metrics below in its EMF lines


def saved(tree: Snapshot) -> dict[str, Decimal]:
    """Return lever -> US dollars a month at today's load, 0 where the environment does not pull it."""
    now = estimate(tree).total
    found = {lever: estimate(with_parameters(tree, without)).total - now for lever, without in SETTINGS.items()}
    structure = _structure(Load(Decimal(ORDERS_PER_DAY)), has_dashboard(BilledResources.of(tree)))
    return found | {lever: line.usd for lever, line in structure}


def with_parameters(tree: Snapshot, given: Mapping[str, str]) -> Snapshot:
    """Set parameters in every stack that has them."""
    own = {name: value for name, value in given.items() if name in tree.template.get("Parameters", {})}
    children = {name: with_parameters(child, given) for name, child in tree.children.items()}
    return replace(tree, parameters={**tree.parameters, **own}, children=children)


def _structure(load: Load, dashboard: bool) -> Iterator[tuple[str, Line]]:
    """Yield the levers that are no settings, with what an environment without them would pay for."""
    yield "SLO windows are terms of sync-path", priced("alarm_composite", COMPOSITES)
    yield "alarms evaluate fewer metrics", priced("alarm_metric", ALARM_METRICS)
    hours = sum((load.hours_written(rate) for rate in _unread(load, dashboard)), Decimal(0))
    instead = ["HourlyLimitUsed", *(["RequestLatency"] if dashboard else [])]
    written = sum((load.hours_written(rate) for name in instead for rate in series(load)[name]), Decimal(0))
    yield "a metric has one set of dimensions", priced("metric", hours - written)
    yield "fewer log fields", priced("log_ingest", load.orders * LOG_BYTES / GB)


def _unread(load: Load, dashboard: bool) -> list[Decimal]:
    """Return how often, for one order, each series would be written that no alarm and no graph needs."""
    assumed, paths = load.assumed, series(load)["OrderValue"]
    sync, later, errors = assumed["sync_share"], assumed["async_share"], assumed["errors_per_order"]
    reads, lists, changes = (assumed[f"{kind}_per_order"] for kind in ("reads", "lists", "changes"))
    for_alarms = [*paths, *paths]  # orders stored, and maxOrdersPerHour
    by_service = [sync, later, sync, later]  # orders stored, and their value
    by_service += [sync + changes, reads + lists, later, later]  # latency
    by_service += [sync, changes, reads, lists, later]  # orders created, updated, queried, listed, accepted
    by_service += [errors] * 4  # orders rejected
    by_service += [1 + changes, later, 1 + changes, later, 1 + changes]  # events published; size, duration of batches
    return for_alarms + (by_service if dashboard else [])
