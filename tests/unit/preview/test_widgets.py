"""A dashboard's body as typed widgets: defaults, and every mistake."""

import pytest

from deployer.plan import cfn_yaml
from generator.render import render
from preview import widgets
from preview.shapes import AlarmList, Chart, Line, Place, Text
from tests.unit.preview.support import COUNT, KITCHEN, chart, drawn, metric, normalise, omitted
from tests.unit.templates.given import parameters
from tests.unit.templates.support import evaluate

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:too-many"


def test_a_metrics_own_options_win_over_the_widgets_and_those_over_the_defaults():
    first, second = chart([*COUNT, {"stat": "p99", "label": "slow"}], COUNT, stat="Sum").series
    assert (first.query.stat, first.label) == ("p99", "slow")
    assert (second.query.stat, second.label) == ("Sum", "Count")
    assert second.query.dimensions == (("ApiName", "orders"),)
    assert chart(COUNT).series[0].query.stat == "Average"


def test_an_alarms_period_stays_and_the_widgets_fits_the_window():
    alarm, other = chart([*COUNT, {"period": 21600}], COUNT, period=60).series
    assert (alarm.query.period, other.query.period) == (21600, 300)


def test_one_value_for_the_whole_time_is_one_period():
    found = chart([*COUNT, {"period": 300}], view="singleValue", setPeriodToTimeRange=True)
    assert found.numbers and found.series[0].query.period == widgets.WHOLE


def test_expressions_keep_ids_and_hidden_metrics_stay_for_them():
    rate, hidden = chart([{"expression": "m_1 / 2", "id": "e_1"}], [*COUNT, {"id": "m_1", "visible": False}]).series
    assert (rate.id, rate.expression, rate.label, rate.query, rate.visible) == ("e_1", "m_1 / 2", "m_1 / 2", None, True)
    assert (hidden.id, hidden.visible) == ("m_1", False)


def test_thresholds_and_stacks_are_read():
    found = chart(COUNT, KITCHEN, stacked=True, annotations={"horizontal": [{"value": 5, "label": "alarm above"}]})
    assert found.stacked and found.lines == (Line(5.0, "alarm above"),)


def test_text_and_alarm_widgets_are_read():
    text, heading, alarm = normalise(
        {"type": "text", "properties": {"markdown": "# hello"}},
        {"type": "text", "properties": {"markdown": "## Orders", "background": "transparent"}},
        {"type": "alarm", "x": 8, "y": 3, "width": 16, "height": 10, "properties": {"title": "Red", "alarms": [ARN]}},
    )
    assert text == Text(Place(None, None, 6, 6), "# hello")
    assert heading.bare
    assert alarm == AlarmList(Place(8, 3, 16, 10), "Red", ("too-many",))


@pytest.mark.parametrize(
    ("widget", "reason"),
    [
        ({"type": "log", "properties": {"title": "chart"}}, "a widget of type log"),
        (metric(COUNT, view="pie"), "the view pie"),
        (metric(COUNT, ["...", "kitchen"]), "the shorthand of metrics"),
        ({"type": "metric", "properties": {"title": "chart"}}, "metrics is missing"),
        (metric(COUNT, annotations={"horizontal": [{"label": "limit"}]}), "value is missing"),
    ],
)
def test_what_is_not_previewed_keeps_its_title_and_says_why(widget, reason):
    found = omitted(widget)
    assert (found.title, found.reason) == ("chart", reason)


@pytest.mark.parametrize(
    "broken",
    [
        metric(["N"]),
        metric(["N", "A", "D"]),
        metric([]),
        metric("N"),
        metric([*COUNT, {"period": "often"}]),
        metric(COUNT, annotations=[]),
        metric(COUNT, annotations={"horizontal": [[{"value": 1}, {"value": 2}]]}),
        {**metric(COUNT), "width": "wide"},
        {"type": "alarm", "properties": {"alarms": [5]}},
        {"type": "text"},
        {"properties": {}},
        "widget",
    ],
)
def test_a_widget_that_cannot_be_read_says_so_and_leaves_the_others_alone(broken):
    assert omitted(broken).reason
    assert isinstance(normalise(broken, metric(COUNT))[1], Chart)


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"widgets": {}}'])
def test_a_body_that_is_no_dashboard_is_refused(body):
    with pytest.raises(ValueError):
        widgets.read(body)


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_all_of_our_own_dashboard_is_previewed(env):
    monitoring = cfn_yaml.load(render()["monitoring"])
    board = evaluate(monitoring, monitoring["Resources"]["Dashboard"]["Properties"], parameters(env))
    found = normalise(*widgets.read(board["DashboardBody"]))
    assert len(found) > 40 and {type(each) for each in found} == {Chart, Text, AlarmList}
    assert {line.note for each in found if isinstance(each, Chart) for line in drawn(each)} == {""}
