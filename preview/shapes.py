"""The parts of a dashboard. Times are seconds since the epoch, periods are seconds."""

from dataclasses import dataclass
from typing import NamedTuple

Points = tuple[tuple[float, float], ...]
"""(time, value), by time, each time once."""


class Window(NamedTuple):
    """The time shown, and the default period."""

    start: float
    end: float
    period: int


class Place(NamedTuple):
    """Units of CloudWatch's grid of 24 columns, from 0; without x and y the first free place."""

    x: int | None
    y: int | None
    width: int
    height: int


class Query(NamedTuple):
    """One statistic of one metric, as GetMetricData takes it."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str
    period: int


class Line(NamedTuple):
    """A horizontal annotation."""

    value: float
    label: str


@dataclass(frozen=True)
class Series:
    """A metric (`query`) or metric math (`expression`); `id` is its name in expressions, or ""."""

    label: str
    id: str = ""
    query: Query | None = None
    expression: str = ""
    visible: bool = True


@dataclass(frozen=True)
class Chart:
    """A metric widget: lines, stacked areas or, as `numbers`, single values."""

    place: Place
    title: str
    series: tuple[Series, ...]
    numbers: bool = False
    stacked: bool = False
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Text:
    place: Place
    markdown: str
    bare: bool = False


@dataclass(frozen=True)
class AlarmList:
    place: Place
    title: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Omitted:
    """A widget that is not previewed, and why."""

    place: Place
    title: str
    reason: str


Widget = Chart | Text | AlarmList | Omitted


@dataclass(frozen=True)
class Drawn:
    """A visible series with its data; `said` is its number in the legend, `note` why there is no data."""

    label: str
    color: str
    points: Points
    period: int = 0
    said: str = ""
    note: str = ""
