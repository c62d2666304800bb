"""Build the page: a header, and a card for each widget on CloudWatch's grid. The file loads no other."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markdown_it import MarkdownIt

from preview import drawing
from preview.elements import add, element, markup, printable
from preview.shapes import AlarmList, Chart, Drawn, Omitted, Text, Widget, Window

# As in style.css: a drawing has the shape of the free part of its card, whose size follows from its place.
COLUMN, ROW, GAP = (1248 - 23 * 8) / 24, 42, 8
PADDING, TITLE, LEGEND_ROW, CHARACTER = (24, 18), 22, 18, 6.6

STATES = ("ALARM", "INSUFFICIENT_DATA", "OK")
_STYLE = (Path(__file__).parent / "style.css").read_text()
_NOTHING_LOADED = "default-src 'none'; style-src 'unsafe-inline'"


class _Markdown(MarkdownIt):
    def validateLink(self, url: str) -> bool:
        return url.startswith(("https://", "#"))


_MARKDOWN = _Markdown("commonmark", {"html": False, "xhtmlOut": True}).disable("image")


def page(
    name: str,
    note: str,
    widgets: Sequence[Widget],
    charts: Mapping[Chart, Sequence[Drawn]],
    states: Mapping[str, str],
    window: Window,
) -> str:
    """Return the page as HTML. `charts` has the series of each Chart in `widgets`, `states` each alarm's state by name."""
    root = element("html", lang="en")
    head = add(root, "head")
    add(head, "meta", charset="utf-8")
    add(head, "meta", http_equiv="Content-Security-Policy", content=_NOTHING_LOADED)
    add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    add(head, "title", name)
    add(head, "style", f"\n{_STYLE}")
    body = add(root, "body")
    add(body, "header", note)
    main = add(body, "main", "\n")
    for widget in widgets:
        card = _card(widget)
        if isinstance(widget, Chart) and widget.numbers:
            _numbers(card, charts[widget])
        elif isinstance(widget, Chart):
            _chart(card, widget, charts[widget], window)
        elif isinstance(widget, Text):
            card.append(_text(widget.markdown))
        elif isinstance(widget, AlarmList):
            _alarms(card, widget, states, f"{name}-")
        elif isinstance(widget, Omitted):
            add(card, "p", f"not previewed: {widget.reason}", class_="quiet")
        card.tail = "\n"
        main.append(card)
    return f"<!doctype html>\n{markup(root)}\n"


def _card(widget: Widget) -> Element:
    x, y, width, height = widget.place
    row, column = ("auto" if start is None else start + 1 for start in (y, x))
    style = f"grid-area: {row} / {column} / span {height} / span {width}"
    card = element("section", class_="bare" if isinstance(widget, Text) and widget.bare else "card", style=style)
    if title := getattr(widget, "title", ""):
        add(card, "h2", title, title=title)
    return card


def _text(text: str) -> Element:
    # Well-formed, with its four entities only: the parser escapes everything else.
    return ElementTree.fromstring(f'<div class="markdown">{_MARKDOWN.render(printable(text))}</div>')  # noqa: S314


def _chart(card: Element, chart: Chart, series: Sequence[Drawn], window: Window) -> None:
    width = chart.place.width * (COLUMN + GAP) - GAP - PADDING[0]
    height: float = chart.place.height * (ROW + GAP) - GAP - PADDING[1] - (TITLE if chart.title else 0)
    entries = [(each.color, each.label, each.said or each.note) for each in series if each.said or each.note]
    if empty := [each.label for each in series if not each.said and not each.note]:
        entries.append(("none", f"no data: {', '.join(empty)}", ""))
    height -= min(_rows(entries, width) * LEGEND_ROW, height * 0.45)
    card.append(drawing.time_series(chart, series, window, max(width, 150.0), max(height, 60.0)))
    legend = add(card, "ul", class_="legend")
    for color, label, said in entries:
        item = add(legend, "li", class_="quiet" if color == "none" else "")
        if color != "none":
            add(item, "i", style=f"background: {color}")
        add(item, "span", label, title=label)
        add(item, "b", said, title=said)


def _rows(entries: list[tuple[str, str, str]], width: float) -> int:
    """Estimate the rows of the legend, by the characters of its entries."""
    rows, used = 1, 0.0
    for _, label, said in entries:
        needed = min((len(label) + len(said)) * CHARACTER + 21, width)
        if used and used + needed > width:
            rows, used = rows + 1, 0.0
        used += needed + 14
    return rows


def _numbers(card: Element, series: Sequence[Drawn]) -> None:
    values = add(card, "div", class_="values")
    for each in series:
        item = add(values, "div")
        add(item, "b", each.said or each.note or "no data", class_="" if each.said else "quiet")
        add(item, "span", each.label, class_="quiet")


def _alarms(card: Element, widget: AlarmList, states: Mapping[str, str], prefix: str) -> None:
    """List the alarms, those in ALARM first, without the prefix that all names share."""
    listed = add(card, "ul", class_="alarms")
    order = {state: place for place, state in enumerate(STATES)}
    for name in sorted(widget.names, key=lambda name: order.get(states.get(name, ""), 0)):
        state = states.get(name, "no such alarm")
        item = add(listed, "li", class_=state.replace(" ", "-"))
        add(item, "span", name.removeprefix(prefix), title=name)
        add(item, "b", state.replace("_", " ").lower() if state != "OK" else state)
