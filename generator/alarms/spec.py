"""An alarm as data: the monitoring stack, the dashboard and docs/alarms.md follow from it.

Parameters, names of resources and thresholds are troposphere's objects until they are rendered.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import TypeAlias

from troposphere import GetAtt, Ref, Sub

from contract import metrics
from generator.functions import EVENTS
from generator.notices import Page, Stop, Ticket

# An incident on one of them notifies once, by its composite alarm.
SYNC, ASYNC, IMPORT = metrics.PATHS
PATHS = (*metrics.PATHS, EVENTS)

# What missing data means, unless an alarm says otherwise.
QUIET = "notBreaching"

Text: TypeAlias = Ref | GetAtt | Sub | str


@dataclass(frozen=True)
class Metric:
    """One metric with its statistic, such as Sum, p95 or PR(:500)."""

    namespace: str
    name: str
    stat: Sub | str
    dimensions: Mapping[str, Text]


@dataclass(frozen=True)
class Expression:
    """Metric math. `text` has the names of `values` in braces, as str.format; a value that it does not use is ignored."""

    text: str
    values: Mapping[str, Metric | Ref]

    @property
    def metrics(self) -> dict[str, Metric]:
        """By id, those that it uses: CloudWatch counts ten metrics to an alarm, used or not."""
        return {name: value for name, value in self._used().items() if isinstance(value, Metric)}

    @property
    def parameters(self) -> list[Ref]:
        return [value for value in self._used().values() if isinstance(value, Ref)]

    def render(self, parameter: Callable[[Ref], str], suffix: str = "") -> str:
        """With ids for metrics, `suffix` appended, and with `parameter` of each parameter."""
        used = self._used().items()
        return self.text.format(
            **{name: parameter(value) if isinstance(value, Ref) else name + suffix for name, value in used}
        )

    def _used(self) -> dict[str, Metric | Ref]:
        names = {name for _, name, _, _ in Formatter().parse(self.text) if name}
        return {name: value for name, value in self.values.items() if name in names}


@dataclass(frozen=True)
class _Spec:
    """`key` ends its name. It notifies as a page or a ticket, stops a release, or is in the group of the composite alarm,
    given by its key, that notifies for it. It exists under `condition`."""

    key: str
    notifies: Page | Ticket | Stop | str
    meaning: str
    remedy: str
    condition: str | None = field(default=None, kw_only=True)

    @property
    def group(self) -> str | None:
        return self.notifies if isinstance(self.notifies, str) else None


@dataclass(frozen=True)
class Alarm(_Spec):
    """Goes into ALARM if what it watches is above `threshold`, or, if `below`, under it.

    `missing` is how missing data count, `why` the reason. It evaluates `periods` of `period` seconds, of which
    `datapoints` (None: all) must breach. Alarms of a group with the same `together` count only if all are in ALARM.
    """

    watched: Metric | Expression
    threshold: Ref | float
    why: str
    period: int = 300
    periods: int = 2
    datapoints: int | None = None
    below: bool = False
    together: str | None = None
    missing: str = QUIET

    @property
    def metrics(self) -> list[Metric]:
        return [self.watched] if isinstance(self.watched, Metric) else [*self.watched.metrics.values()]


@dataclass(frozen=True)
class Composite(_Spec):
    """Goes into ALARM with any alarm of its group, or with all of those that count only together."""


def own(name: str, stat: str, **dimensions: Text) -> Metric:
    """A metric that functions write. Raises KeyError if it is not in contract.metrics."""
    found: dict[str, Text] = {"Environment": Ref("Environment"), **dimensions}
    if tuple(found) != metrics.METRICS[name].dimensions:
        raise KeyError(f"{name} is not written with the dimensions {tuple(found)}")
    return Metric(metrics.NAMESPACE, name, stat, found)


def listed(names: Iterable[str], each: str = "{}") -> str:
    """An array of metrics for the text of an Expression, such as `[{a}, {b}]`."""
    return f"[{', '.join(each.format(f'{{{name}}}') for name in names)}]"


def duration(seconds: int) -> str:
    return f"{seconds // 3600} h" if seconds >= 3600 else f"{seconds // 60} min"


def of_path(path: str) -> str:
    """Key of the composite alarm of a path."""
    return f"{path}-path"


def substitution(value: Text) -> str:
    """As text for Fn::Sub."""
    match value:
        case Ref():
            return f"${{{value.data['Ref']}}}"
        case GetAtt():
            return f"${{{'.'.join(value.data['Fn::GetAtt'])}}}"
        case Sub():
            return value.data["Fn::Sub"]
    return value
