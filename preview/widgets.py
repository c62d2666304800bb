"""Read a dashboard's body into typed widgets."""

import json

from preview.shapes import AlarmList, Chart, Line, Omitted, Place, Query, Series, Text, Widget, Window

WHOLE = 2**32
"""A period that contains all times until 2106: the emulator counts periods from the epoch."""


def read(body: str) -> list:
    """Return the widgets of the body. Raises ValueError if it is not a dashboard's."""
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("widgets"), list):
        raise ValueError("it has no array of widgets")
    return document["widgets"]


def normalise(widgets: list, window: Window) -> tuple[Widget, ...]:
    """Return typed widgets in the body's order. An unreadable one becomes Omitted with the reason."""
    return tuple(_widget(widget if isinstance(widget, dict) else {}, window) for widget in widgets)


def _widget(widget: dict, window: Window) -> Widget:
    place, title = Place(None, None, 6, 6), ""
    try:
        place = Place(*(int(widget[key]) if key in widget else getattr(place, key) for key in Place._fields))
        kind, properties = widget["type"], widget["properties"]
        title = str(properties.get("title", ""))
        if kind == "metric":
            return _chart(place, title, properties, window)
        if kind == "text":
            return Text(place, str(properties["markdown"]), properties.get("background") == "transparent")
        if kind == "alarm":
            return AlarmList(place, title, tuple(arn.split(":", 6)[-1] for arn in properties["alarms"]))
        raise ValueError(f"a widget of type {kind}")
    except KeyError as error:
        return Omitted(place, title, f"{error.args[0]} is missing")
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        return Omitted(place, title, str(error))


def _chart(place: Place, title: str, properties: dict, window: Window) -> Chart:
    view = properties.get("view", "timeSeries")
    if view not in ("timeSeries", "singleValue"):
        raise ValueError(f"the view {view}")
    annotations = properties.get("annotations", {}).get("horizontal", [])
    return Chart(
        place=place,
        title=title,
        series=tuple(_series(row, properties, window) for row in properties["metrics"]),
        numbers=view == "singleValue",
        stacked=bool(properties.get("stacked")),
        lines=tuple(Line(float(each["value"]), str(each.get("label", ""))) for each in annotations),
    )


def _series(row: list, properties: dict, window: Window) -> Series:
    words, options = (row[:-1], row[-1]) if isinstance(row[-1], dict) else (row, {})
    expression = options.get("expression", "")
    query = None if expression else _query(words, options, properties, window)
    return Series(
        label=str(options.get("label") or (query.metric if query else expression)),
        id=str(options.get("id", "")),
        query=query,
        expression=expression,
        visible=bool(options.get("visible", True)),
    )


def _query(words: list, options: dict, properties: dict, window: Window) -> Query:
    """Keep a metric's period, which is an alarm's; replace the widget's, a resolution, by the window's."""
    if "." in words or "..." in words:
        raise ValueError("the shorthand of metrics")
    namespace, metric, *dimensions = words
    period = WHOLE if properties.get("setPeriodToTimeRange") else int(options.get("period", window.period))
    return Query(
        namespace=namespace,
        metric=metric,
        dimensions=tuple(zip(dimensions[::2], dimensions[1::2], strict=True)),
        stat=options.get("stat") or properties.get("stat", "Average"),
        period=period,
    )
