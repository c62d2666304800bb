"""How long a person waits for deploy.py, as whole processes: on the clock, and of that our own processor time.

The difference is what AWS, here the emulator on the same machine, takes to answer.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import ROOT, SMALLEST, Effort
from benchmarks.rows import Row, Target, at_most, row
from deployer.artifacts import lint
from deployer.aws import local
from generator.render import render

BASELINE = "import boto3 + one client"
CLIENT = "import boto3; boto3.client('cloudformation', region_name='us-east-1')"
NOT_CLONED = (".*", "__pycache__", "*.egg-info")
CHANGED = ("contract/errors.py", "There is no such order.", "No order has this id.")


class Seconds(NamedTuple):
    """Of a process and its children: on the clock, and of processor time."""

    clock: float
    processor: float


def measure(effort: Effort) -> list[Row]:
    rounds = min(effort.runs, 3 * effort.rounds)
    with tempfile.TemporaryDirectory() as scratch:
        clones = [_Clone(Path(scratch) / str(number), download=effort != SMALLEST) for number in range(effort.rounds)]
        try:
            first = [clone.deploy("--yes") for clone in clones]
            again = clones[0]
            baseline, nothing = _in_turn(effort.runs, lambda: _timed([sys.executable, "-c", CLIENT]), again.plan)
            changed = [again.deploy_a_change(number) for number in range(rounds)]
        finally:
            for clone in clones:
                clone.stop()
        linted = [_lint(Path(scratch) / f"lint-{number}") for number in range(rounds)]
    return [
        _row(BASELINE, baseline),
        _row("a plan of nothing", nothing, baseline, at_most(3, "ratio")),
        _row("first deployment of a fresh clone, empty caches", first, target=at_most(12)),
        _row("deployment of one changed line", changed, target=at_most(4)),
        _row("cfn-lint of all templates", linted),
    ]


class _Clone:
    """A copy of the checkout with caches and an emulator of its own."""

    def __init__(self, directory: Path, download: bool) -> None:
        self.root = directory / "clone"
        shutil.copytree(ROOT, self.root, ignore=shutil.ignore_patterns(*NOT_CLONED))
        self.environment = {
            **os.environ,
            local.CACHE_VARIABLE: str(directory / "cache"),
            local.STATE_VARIABLE: str(directory / "local"),
        }
        wheels = local.cache_directory(ROOT) / "wheels"
        if not download and wheels.exists():
            shutil.copytree(wheels, directory / "cache" / "wheels")

    def deploy(self, *arguments: str) -> Seconds:
        return self._run("--env", "dev", "--local", *arguments)

    def plan(self) -> Seconds:
        return self.deploy("--plan")

    def deploy_a_change(self, number: int) -> Seconds:
        file, old, new = CHANGED
        (self.root / file).write_text((ROOT / file).read_text().replace(old, f"{new} {number}"))
        return self.deploy("--yes")

    def stop(self) -> None:
        self._run("--local", "--stop")

    def _run(self, *arguments: str) -> Seconds:
        return _timed([sys.executable, "deploy.py", *arguments], self.root, self.environment)


def _lint(cache: Path) -> Seconds:
    """Time cfn-lint as a deployment runs it, without what it remembers."""
    before, started = _processor(), time.perf_counter()
    with lint.started(render(), "us-east-1", cache) as finished:
        finished()
    return Seconds(time.perf_counter() - started, _processor() - before)


def _in_turn(runs: int, *contestants: Callable[[], Seconds]) -> list[list[Seconds]]:
    """Return what each took, measured in turn, so that a slow spell hits all alike."""
    for run in contestants:
        run()  # bytecode and file cache
    taken = [[run() for run in contestants] for _ in range(runs)]
    return [list(each) for each in zip(*taken, strict=True)]


def _timed(command: list[str], directory: Path = ROOT, environment: dict[str, str] | None = None) -> Seconds:
    before, started = _processor(), time.perf_counter()
    subprocess.run(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True
    )
    return Seconds(time.perf_counter() - started, _processor() - before)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(what: str, taken: list[Seconds], baseline: list[Seconds] | None = None, target: Target | None = None) -> Row:
    processor = statistics.median(each.processor for each in taken)
    return row(
        what,
        "s",
        [each.clock for each in taken],
        against=[each.clock for each in baseline] if baseline else None,
        target=target,
        note=f"own processor time {processor:.2f} s",
    )
