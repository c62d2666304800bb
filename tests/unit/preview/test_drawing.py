"""Charts as SVG: their structure, and values that are awkward to draw."""

import re

import pytest

from preview import drawing
from preview.elements import markup
from tests.unit.preview.support import COUNT, KITCHEN, START, WINDOW, chart, drawn

AWKWARD = {
    "empty": ((), ()),
    "one point": ((3,), ()),
    "constant": ((5, 5, 5), (5, 5, 5)),
    "zero": ((0, 0), (0, 0)),
    "huge": ((1e308, -1e15), (2**360, 1e15)),
    "tiny": ((5e-324, 0), (1e-320, 1e-9)),
    "negative": ((-3, -1), (-2, 4)),
    "many": (tuple(range(13)) * 20, (1,) * 260),
}


def drawing_of(found, *values):
    return drawing.time_series(found, drawn(found, *values), WINDOW, 600.0, 240.0)


def of_class(root, name: str) -> list:
    return [each for each in root.iter() if each.get("class") == name]


def places(shape) -> list[tuple[float, ...]]:
    return [tuple(map(float, place.split(","))) for place in shape.get("points").split()]


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("values", AWKWARD.values(), ids=AWKWARD)
def test_awkward_values_are_drawn_soundly(values, stacked):
    root = drawing_of(chart(COUNT, KITCHEN, stacked=stacked), *values)
    for each in root.iter():
        lengths = [each.get(name) for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy") if name in each.attrib]
        assert all(-1 <= float(length) <= 601 for length in lengths), each.attrib
    assert not re.search(r"\b(nan|inf|none)\b", markup(root), re.IGNORECASE)


def test_a_series_is_a_line_with_a_dot_for_each_point():
    root = drawing_of(chart(COUNT, KITCHEN), (1, 3))
    (curve,) = of_class(root, "curve")
    (x1, y1), (x2, y2) = places(curve)
    assert x1 < x2 and y1 > y2
    assert [each.text for each in root.iter("title")] == ["Count", "Count: 1, 22:15", "Count: 3, 22:20"]


def test_a_single_value_lasts_for_its_period():
    (curve,) = of_class(drawing_of(chart([*COUNT, {"period": 21600}]), (7,)), "curve")
    assert [x for x, _ in places(curve)] == [drawing.LEFT, 600 - drawing.RIGHT]


def test_a_chart_without_data_says_so_and_has_no_values_on_its_axis():
    root = drawing_of(chart(COUNT))
    assert [each.text for each in of_class(root, "empty")] == ["no data"]
    assert all(":" in each.text for each in of_class(root, "tick"))


def test_stacked_areas_lie_on_top_of_each_other_and_have_no_gap_where_a_point_is_missing():
    root = drawing_of(chart(COUNT, KITCHEN, stacked=True), (1, 1, 1), (2,))
    first, second = map(places, of_class(root, "area"))
    assert first[:3] == second[3:][::-1]
    assert len(list(root.iter("circle"))) == 4
    assert len(of_class(drawing_of(chart(COUNT, KITCHEN, stacked=True), (1, 1)), "area")) == 1


def test_a_threshold_is_a_level_line_with_label_and_value_and_lies_in_the_drawing():
    root = drawing_of(
        chart(COUNT, title="(ms)", annotations={"horizontal": [{"value": 500, "label": "limit"}]}), (1, 2)
    )
    (line,) = of_class(root, "threshold")
    assert line.get("y1") == line.get("y2") and float(line.get("y1")) >= drawing.TOP
    assert [each.text for each in of_class(root, "note")] == ["limit 500 ms"]


def test_what_lies_outside_the_window_is_put_on_its_edge():
    assert drawing.Frame(100.0, 100.0, WINDOW, 0.0, 1.0).x(START - 5) == drawing.LEFT
