"""Deploying when there is nothing to deploy, as whole processes: on the clock, and of that our own processor time.

The difference is what AWS, here the emulator on the same machine, takes to answer.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.deployment import deployed
from benchmarks.measure import ROOT, Effort

PLAN = ("--env", "dev", "--local", "--plan")


def measure(effort: Effort) -> list[dict]:
    with tempfile.TemporaryDirectory() as scratch, deployed(Path(scratch)):
        environment = {**os.environ, "FOOD_DELIVERY_LOCAL_DIR": str(Path(scratch) / "local")}
        _plan(environment)  # bytecode and file cache
        taken = [_plan(environment) for _ in range(effort.runs)]
    clock, processor = (statistics.median(values) for values in zip(*taken, strict=True))
    return [
        {"what": "a plan of nothing, own time", "median": f"{processor:.2f} s", "ratio": "", "target": "< 2 s"},
        {"what": "a plan of nothing, on the clock", "median": f"{clock:.2f} s", "ratio": "", "target": ""},
    ]


def _plan(environment: dict[str, str]) -> tuple[float, float]:
    """Seconds on the clock, and of processor time."""
    before, started = _processor(), time.perf_counter()
    subprocess.run(
        [sys.executable, "deploy.py", *PLAN], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - started, _processor() - before


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
