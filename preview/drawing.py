"""Draw time series as SVG: lines or stacked areas, over a y axis, with the thresholds of alarms."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from preview import numbers
from preview.elements import add, element, number
from preview.shapes import Chart, Drawn, Line, Points, Window

LEFT, TOP, RIGHT, BOTTOM = 48.0, 12.0, 16.0, 20.0
"""Pixels around the frame, for the labels of the y axis, of a line at its top, and of times."""


class Frame(NamedTuple):
    """The inside of the axes in pixels, and the times and values it shows."""

    right: float
    bottom: float
    window: Window
    low: float
    high: float

    def x(self, time: float) -> float:
        return LEFT + self._within(time, self.window.start, self.window.end) * (self.right - LEFT)

    def y(self, value: float) -> float:
        return self.bottom - self._within(value, self.low, self.high) * (self.bottom - TOP)

    @staticmethod
    def _within(value: float, low: float, high: float) -> float:
        """Clamp to the edge: a long period starts before the window."""
        return min(max((value - low) / (high - low), 0.0), 1.0)


def time_series(chart: Chart, series: Sequence[Drawn], window: Window, width: float, height: float) -> Element:
    """Return the drawing; `width` and `height` in pixels. Thresholds lie under the data, their labels over it."""
    unit = numbers.unit_of(chart.title)
    shown = [each for each in series if each.points]
    edges = _stacked(shown) if chart.stacked else [each.points for each in shown]
    values = [value for points in edges for _, value in points] + [line.value for line in chart.lines]
    low, high, step = numbers.bounds(values)
    frame = Frame(width - RIGHT, height - BOTTOM, window, low, high)
    box = f"0 0 {number(width)} {number(height)}"
    root = element("svg", class_="plot", viewBox=box, role="img", aria_label=chart.title or "chart")
    _axes(root, frame, numbers.ticks(low, high, step) if values else [], unit)
    for line in chart.lines:
        y = frame.y(line.value)
        add(root, "line", class_="threshold", x1=LEFT, y1=y, x2=frame.right, y2=y)
    if chart.stacked:
        _areas(root, frame, shown, edges)
    for each, points in zip(shown, edges, strict=True):
        _curve(root, frame, each, points, unit)
    for line in chart.lines:
        _label(root, frame, line, unit)
    if not shown:
        middle = (LEFT + frame.right) / 2
        add(root, "text", "no data", class_="empty", x=middle, y=(TOP + frame.bottom) / 2, text_anchor="middle")
    return root


def _axes(root: Element, frame: Frame, values: list[float], unit: str) -> None:
    for value in values:
        y = frame.y(value)
        add(root, "line", class_="grid", x1=LEFT, x2=frame.right, y1=y, y2=y)
        add(root, "text", numbers.short(value, unit), class_="tick", x=LEFT - 6, y=y + 3.5, text_anchor="end")
    for time, label in numbers.time_ticks(frame.window.start, frame.window.end, int((frame.right - LEFT) // 60)):
        x = frame.x(time)
        add(root, "line", class_="grid", x1=x, x2=x, y1=frame.bottom, y2=frame.bottom + 4)
        add(root, "text", label, class_="tick", x=x, y=frame.bottom + 15, text_anchor="middle")


def _label(root: Element, frame: Frame, line: Line, unit: str) -> None:
    """Write the label at the line's right end, above it if there is room."""
    y = frame.y(line.value)
    said = f"{line.label} {numbers.short(line.value, unit)}".strip()
    y = y + 12 if y < TOP + 8 else y - 4
    add(root, "text", said, class_="note", x=frame.right - 4, y=y, text_anchor="end")


def _stacked(series: Sequence[Drawn]) -> list[Points]:
    """The upper edge of each series on top of those before it; where one has no point it has no height."""
    times = sorted({time for each in series for time, _ in each.points})
    edge, edges = dict.fromkeys(times, 0.0), []
    for each in series:
        at = dict(each.points)
        edge = {time: edge[time] + at.get(time, 0.0) for time in times}
        edges.append(tuple(edge.items()))
    return edges


def _areas(root: Element, frame: Frame, series: Sequence[Drawn], edges: Sequence[Points]) -> None:
    below: Points = tuple((time, 0.0) for time, _ in edges[0]) if edges else ()
    for each, points in zip(series, edges, strict=True):
        places = _places(frame, [*points, *reversed(below)])
        add(root, "polygon", class_="area", points=places, fill=each.color)
        below = points


def _curve(root: Element, frame: Frame, series: Drawn, points: Points, unit: str) -> None:
    """As CloudWatch: neighbours are joined, over gaps as well. A single value lasts for its period."""
    if len(points) == 1:
        points = (*points, (points[0][0] + series.period, points[0][1]))
    curve = add(root, "polyline", class_="curve", points=_places(frame, points), stroke=series.color)
    add(curve, "title", series.label)
    dots, heights = add(root, "g", fill=series.color), dict(points)
    for time, value in series.points:
        dot = add(dots, "circle", cx=frame.x(time), cy=frame.y(heights[time]), r=2)
        at = numbers.moment(time, "%H:%M")
        add(dot, "title", f"{series.label}: {numbers.short(value, unit)}, {at}")


def _places(frame: Frame, points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{number(frame.x(time))},{number(frame.y(value))}" for time, value in points)
