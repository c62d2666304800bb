"""Timing whole processes on a machine that others use too: in turn, medians, ratios."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Effort(NamedTuple):
    """How much is measured. The figures of the docs come from the default."""

    runs: int = 15
    """Of each timed process."""
    rounds: int = 3
    """Of each rate."""
    fraction: float = 1.0
    """Of the orders that a rate or a file has."""

    def orders(self, usual: int) -> int:
        return max(10, round(usual * self.fraction))


SMALLEST = Effort(runs=1, rounds=1, fraction=0.001)
"""To see that everything can be measured."""


def python(code: str, environment: dict[str, str] | None = None) -> float:
    """Seconds that a new Python process takes for `code`, start of the process included."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def medians(contestants: dict[str, str], runs: int, environment: dict[str, str] | None = None) -> dict[str, float]:
    """Median seconds of each piece of code, taken in turn so that a slow spell hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for code in contestants.values():
        python(code, environment)  # bytecode and file cache
    for _ in range(runs):
        for name, code in contestants.items():
            times[name].append(python(code, environment))
    return {name: statistics.median(values) for name, values in times.items()}


def rates(contestants: dict[str, Callable[[], float]], rounds: int, seed: str, targets: dict[str, str]) -> list[dict]:
    """A row for each contestant: its median of orders per second, taken in turn, and the ratio to the seed's.

    Without the contestant `seed` (its code is not here) a row says so, and there are no ratios.
    """
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, rate in contestants.items():
            taken[name].append(rate())
    medians = {name: statistics.median(values) for name, values in taken.items()}
    rows = [
        {
            "what": name,
            "median": f"{value:.0f} orders/s",
            "ratio": f"{value / medians[seed]:.2f}" if seed in medians else "",
            "target": targets.get(name, ""),
        }
        for name, value in medians.items()
    ]
    if seed in medians:
        return rows
    return [{"what": seed, "median": "not measured", "ratio": "", "target": "the seeds are not here"}, *rows]
