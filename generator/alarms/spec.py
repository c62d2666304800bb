"""What an alarm is, before it is a resource: the monitoring stack and the dashboard read the same.

All text is for Fn::Sub: `${Name}` is a parameter of the monitoring stack.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from contract import metrics
from generator.functions import EVENTS

# An incident on one of them notifies once, by its composite alarm.
SYNC, ASYNC, IMPORT = metrics.PATHS
PATHS = (*metrics.PATHS, EVENTS)

# What missing data means, everywhere but where an alarm says otherwise.
QUIET = "notBreaching"


@dataclass(frozen=True)
class Metric:
    """One metric with its statistic, such as Sum, p95 or PR(:500)."""

    namespace: str
    name: str
    stat: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True)
class Alarm:
    """Rings when `expression` over `watched`, or the one metric in it, is above `threshold`; below it if so said.

    `key` ends its name. `group` is the key of the composite alarm that rings in its stead; an alarm without
    one notifies by itself. `missing` is how missing data count, `why` the reason. `periods` of `period`
    seconds are looked at, of which `datapoints` (all, if None) must breach. It exists under `condition`.
    """

    key: str
    group: str | None
    meaning: str
    remedy: str
    watched: Mapping[str, Metric]  # by the id that the expression uses
    threshold: str | float
    why: str
    expression: str | None = None
    period: int = 300
    periods: int = 2
    datapoints: int | None = None
    below: bool = False
    missing: str = QUIET
    condition: str | None = None

    @property
    def metric(self) -> Metric:
        """The one that it watches without an expression."""
        (metric,) = self.watched.values()
        return metric


@dataclass(frozen=True)
class Composite:
    """Rings when any alarm of its group does, or, if so said, when `every` one does."""

    key: str
    group: str | None
    meaning: str
    remedy: str
    every: bool = False


def own(name: str, stat: str, **dimensions: str) -> Metric:
    """A metric that functions write. Raises KeyError if it is not in contract.metrics."""
    found = {"Environment": "${Environment}", **dimensions}
    if tuple(found) not in metrics.METRICS[name].sets:
        raise KeyError(f"{name} is not written with the dimensions {tuple(found)}")
    return Metric(metrics.NAMESPACE, name, stat, found)


def used_in(expression: str, watched: Mapping[str, Metric]) -> dict[str, Metric]:
    """Those that it names: CloudWatch counts ten metrics to an alarm, used or not."""
    words = set(re.findall(r"\w+", expression))
    return {key: metric for key, metric in watched.items() if key in words}


def of_path(path: str) -> str:
    """Key of the composite alarm of a path."""
    return f"{path}-path"
