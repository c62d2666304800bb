"""What a run costs: estimated from the price table before it starts. Pure."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from conformance.probe import Kind, Probe, in_lanes
from costs.lines import Line, priced

HOURS_A_MONTH = 730
HOURLY = {
    *("alarm_metric", "alarm_metric_fast", "alarm_composite", "metric", "method_metric"),
    *("firewall", "firewall_rule", "key"),
}
"""Prices of a month that are charged by the hour."""

REQUESTS: dict[Kind, dict[str, int]] = {
    Kind.READS: {"api_request": 10, "lambda_request": 10, "bucket_read": 20},
    Kind.WRITES: {
        "api_request": 200,
        "lambda_request": 500,
        "table_write_request": 2_000,
        "queue_request": 2_000,
        "bucket_write": 100,
    },
    Kind.DEPLOYS: {
        "api_request": 20,
        "lambda_request": 50,
        "table_write_request": 50,
        "queue_request": 1_000,
        "bucket_write": 20,
    },
}
"""What one probe of a kind uses at most, by names of costs/prices.toml."""

MINUTES = {Kind.READS: Decimal("0.2"), Kind.WRITES: Decimal(3), Kind.DEPLOYS: Decimal(4)}
"""How long a probe of a kind takes on AWS: CloudFormation's minutes, and those in which metrics arrive."""


def lines(probes: Iterable[Probe]) -> list[Line]:
    """Return what the probes are charged for; what lasts, for one hour."""
    used: Counter[str] = Counter()
    for probe in probes:
        used.update(REQUESTS[probe.kind])
        used.update(probe.uses)
    return [priced(name, Decimal(number) / (HOURS_A_MONTH if name in HOURLY else 1)) for name, number in used.items()]


def usd(probes: Iterable[Probe]) -> Decimal:
    return sum((line.usd for line in lines(probes)), Decimal(0))


def minutes(probes: Iterable[Probe], jobs: int) -> int:
    """Return the minutes on AWS, rounded up: the probes of a lane run one after the other."""
    lanes = [sum((MINUTES[probe.kind] for probe in lane), Decimal(0)) for lane in in_lanes(probes)]
    return int(max(*lanes, sum(lanes, Decimal(0)) / jobs, Decimal(0))) + 1
