"""The machine while a section is measured: how busy it is, and how much of that is not the measurement."""

import ctypes
import os
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

BUSY = 0.1
"""Share of the processors that others may take before the times of a section are not to be quoted."""

_STAT = Path("/proc/stat")
_SET_CHILD_SUBREAPER = 36  # prctl(2)


@dataclass(frozen=True)
class MachineLoad:
    """Load average before and after; `others`: the share of the processors that other processes took meanwhile.

    `others` is None where the system does not say (no /proc/stat).
    """

    before: float
    after: float
    others: float | None
    seconds: float

    @property
    def is_busy(self) -> bool:
        """Without a share, judge by the load before: the load after is the measurement's own."""
        return self.others > BUSY if self.others is not None else self.before > BUSY * (os.cpu_count() or 1)

    def __str__(self) -> str:
        others = "unknown" if self.others is None else f"{self.others:.0%}"
        return f"load {self.before:.1f} before, {self.after:.1f} after; others took {others} of the CPU"


def description() -> str:
    return f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, {platform.system()}"


def adopt_orphans() -> None:
    """Make orphans of descendants children of this process: what a detached emulator takes is counted as its own.

    On Linux only: elsewhere `others` is unknown anyway.
    """
    if _STAT.exists():
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def watch(measure: Callable[[], T]) -> tuple[T, MachineLoad]:
    """Call `measure`; every process that it starts has to be waited for when it returns."""
    before, started, taken, own = os.getloadavg()[0], time.monotonic(), _processors(), _own()
    result = measure()
    seconds, own = time.monotonic() - started, _own() - own
    others = None
    if taken and (now := _processors()):
        busy, total = (after - first for first, after in zip(taken, now, strict=True))
        others = max(0.0, busy - own) / total if total else 0.0
    return result, MachineLoad(before, os.getloadavg()[0], others, seconds)


def _own() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _processors() -> tuple[float, float] | None:
    """Seconds that all processors were busy, and that passed on all of them."""
    if not _STAT.exists():
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal; what guests take is in user already.
    times = [int(ticks) for ticks in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    second = os.sysconf("SC_CLK_TCK")
    return (sum(times) - times[3] - times[4]) / second, sum(times) / second
