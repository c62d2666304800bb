"""Measuring on a machine that others use too: contestants in turn, so that a slow spell hits all alike."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Effort(NamedTuple):
    """How much is measured. The figures of the docs come from the default."""

    runs: int = 15
    """Of each timed process."""
    rounds: int = 5
    """Of each rate."""
    fraction: float = 1.0
    """Of the orders that a rate or a file has."""

    def orders(self, usual: int) -> int:
        return max(10, round(usual * self.fraction))


SMALLEST = Effort(runs=1, rounds=1, fraction=0.001)
"""To see that everything can be measured."""


def in_turn(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Measure every contestant once in each round."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            taken[name].append(measure())
    return taken


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


def processes(codes: Mapping[str, str], runs: int, environment: dict[str, str] | None = None) -> dict[str, list[float]]:
    """Seconds of a new process for each piece of code, in turn; once before, for bytecode and the file cache."""
    contestants = {name: lambda code=code: python(code, environment) for name, code in codes.items()}
    in_turn(contestants, 1)
    return in_turn(contestants, runs)
