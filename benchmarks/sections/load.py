"""The order API under load, by locust, beside a function that does nothing behind the same emulator."""

import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from benchmarks.deployment import as_root, deployed
from benchmarks.load.local import FLOOR, LOCUST, ORDERS, Load
from benchmarks.load.summary import Step, highest_rate
from benchmarks.measure import SMALLEST, Effort, in_turn
from benchmarks.rows import Row, Target, at_least, at_most, row
from config import environment

FIRST, LAST = 8, 1024  # requests a second
STEADY = 16  # requests a second that both hold, on a slow machine too
STEADY_SECONDS, STEP_SECONDS = 20.0, 6.0
ROUNDS_OF_RATES = 3
WARM_UPS = 10  # at most: until each function has its processes
LIMIT_MS = environment.load("dev").monitoring.latency_p95_ms
CONTESTANTS = (FLOOR, ORDERS)
TARGETS: dict[int, Target] = {50: at_most(6, "ratio"), 99: at_most(LIMIT_MS)}  # of all operations, by percentile
HIGHEST_TARGET = at_least(0.2, "ratio")

Steady = Mapping[str, list[Step]]
"""The steps at a steady rate, by contestant, taken in turn."""


def measure(effort: Effort) -> list[Row]:
    if not LOCUST.exists():
        raise SystemExit("locust is not installed; `make load` installs it")
    # More processes than processors would only wait for each other, and their starts take seconds of all of them.
    os.environ["EMULATOR_LAMBDA_WORKERS"] = str(os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as outputs:
        as_root(outputs)
        load = Load(outputs, Path(directory))
        _warm_up(load)
        seconds = 1 if effort == SMALLEST else STEADY_SECONDS
        steady = in_turn({each: partial(load.step, each, STEADY, seconds) for each in CONTESTANTS}, effort.rounds)
        if effort == SMALLEST:
            return latencies(steady)
        highest = {each: partial(_highest, load, each) for each in CONTESTANTS}
        return latencies(steady) + limits(in_turn(highest, min(effort.rounds, ROUNDS_OF_RATES)))


def _warm_up(load: Load) -> None:
    """Send requests until they are answered as fast as later ones."""
    for contestant in CONTESTANTS:
        for _ in range(WARM_UPS):
            if load.step(contestant, STEADY, STEP_SECONDS).holds(LIMIT_MS):
                break


def _highest(load: Load, contestant: str) -> int:
    """Return the highest rate that holds; each has a second try, after a slow spell of the machine."""
    return highest_rate(
        lambda rate: any(load.step(contestant, rate, STEP_SECONDS).holds(LIMIT_MS) for _ in range(2)), FIRST, LAST
    )


def latencies(steady: Steady) -> list[Row]:
    """Return the rows of the percentiles: of the floor, of all operations, and of each."""
    floor, orders = steady[FLOOR], steady[ORDERS]
    steps = [*floor, *orders]
    if not all(step.operations for step in steps):
        raise SystemExit(f"no good answer: {Counter(sample.error for step in steps for sample in step.samples)}")
    found = [
        row(f"floor, a function that does nothing: p{n}", "ms", [step.percentile(n) for step in floor])
        for n in (50, 95, 99)
    ]
    found += [_against("all operations", orders, floor, n, TARGETS.get(n)) for n in (50, 95, 99)]
    for operation in sorted(set.intersection(*(set(step.operations) for step in orders))):
        found += [_against(operation, orders, floor, n, None, operation) for n in (50, 95)]
    sent = sum(len(step.samples) for step in orders)
    errors, throttled = (sum(getattr(step, name) for step in orders) for name in ("errors", "throttled"))
    return [
        *found,
        row("all operations: throughput", "requests/s", [step.throughput for step in orders]),
        row("all operations: errors", "", [errors], target=at_most(0), note=f"of {sent:,} requests"),
        row("all operations: throttled", "", [throttled], target=at_most(0)),
    ]


def _against(
    what: str, orders: list[Step], floor: list[Step], percent: int, target: Target | None, operation: str | None = None
) -> Row:
    """Return a percentile with its ratio to the floor's."""
    values = [step.percentile(percent, operation) for step in orders]
    return row(f"{what}: p{percent}", "ms", values, against=[step.percentile(percent) for step in floor], target=target)


def limits(highest: Mapping[str, list[float]]) -> list[Row]:
    """Return the rows of the highest rates that are answered in time."""
    if not all(highest[FLOOR]):
        raise SystemExit("the floor is not answered in time at any rate: the machine is too busy")
    what = f"highest rate with p99 ≤ {LIMIT_MS} ms and no error"
    return [
        row(f"{what}: floor", "requests/s", highest[FLOOR]),
        row(f"{what}: all operations", "requests/s", highest[ORDERS], against=highest[FLOOR], target=HIGHEST_TARGET),
    ]
