"""The data of charts: what is asked, what expressions make of it, what is said when there is none."""

import pytest

from preview import series
from preview.shapes import Query
from preview.widgets import WHOLE
from tests.unit.preview.support import COUNT, KITCHEN, START, WINDOW, CloudWatch, chart, drawn, points

M1 = [*COUNT, {"id": "m_1", "stat": "Sum"}]
M2 = [*KITCHEN[:-1], {"id": "m_2", "stat": "Sum"}]


def values(line) -> list[float]:
    return [value for _, value in line.points]


def test_each_metric_is_asked_for_once_and_comes_sorted_by_time():
    cloudwatch = CloudWatch({("Count", "Average"): (1, 2, 3)})
    wanted = series.queries([chart(COUNT), chart(COUNT, title="again")])
    assert series.fetch(cloudwatch, wanted, WINDOW) == {wanted[0]: points(1, 2, 3)}
    (request,) = cloudwatch.requests
    assert (request["StartTime"], request["EndTime"]) == (WINDOW.start, WINDOW.end)
    dimensions = [{"Name": "ApiName", "Value": "orders"}]
    metric = {"Namespace": "AWS/ApiGateway", "MetricName": "Count", "Dimensions": dimensions}
    stat = {"Metric": metric, "Period": 300, "Stat": "Average"}
    assert request["MetricDataQueries"] == [{"Id": "m0", "MetricStat": stat}]


def test_a_long_period_is_asked_for_from_its_own_start_and_the_whole_time_from_the_windows():
    cloudwatch = CloudWatch({})
    series.fetch(cloudwatch, [Query("N", "M", (), "Sum", period) for period in (21600, WHOLE)], WINDOW)
    assert [request["StartTime"] for request in cloudwatch.requests] == [START // 21600 * 21600, START]


def test_hidden_metrics_are_fetched_for_the_expressions_that_need_them_and_not_drawn():
    found = chart([{"expression": "m_1 * 2"}], [*COUNT, {"id": "m_1", "visible": False}])
    assert len(series.queries([found])) == 1
    assert [values(line) for line in drawn(found, (1, 2))] == [[2.0, 4.0]]


def test_an_expression_is_calculated_at_every_time_of_its_metrics():
    rate = drawn(chart([{"expression": "100 * m_1 / SUM([m_1, m_2])"}], M1, M2), (1, 2, 3), (3, 2))[0]
    assert values(rate) == [25.0, 50.0, 100.0]


def test_expressions_may_use_other_expressions():
    rows = [M1, [{"expression": "m_1 * 2", "id": "e_1", "visible": False}], [{"expression": "e_1 + 1"}]]
    assert values(drawn(chart(*rows), (1, 2))[-1]) == [3.0, 5.0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("m_1 + m_2", [5.0]), ("FILL(m_1, 0) + m_2", [5.0, 5.0]), ("m_1 / 0", []), ("m_1 * 1e308", [])],
)
def test_what_has_no_value_has_no_point(expression, expected):
    assert values(drawn(chart([{"expression": expression}], M1, M2), (1,), (4, 5))[0]) == expected


def test_an_expression_without_metrics_is_level():
    (line,) = drawn(chart([{"expression": "5 * 2"}]))
    assert line.points == ((START, 10.0),)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("SEARCH('{AWS/Lambda} Errors', 'Sum')", "not previewed: "),
        ("RATE(m_1)", "unknown function RATE"),
        ("m_1 +", "cannot read"),
        ("[m_1] + 1", "not previewed: "),
        ("m_9 * 2", "unknown metric m_9"),
        ("e_1 + m_1", "e_1 refers to itself"),
    ],
)
@pytest.mark.parametrize("given", [(), (1, 2)])
def test_an_expression_that_cannot_be_evaluated_says_so_with_and_without_data(expression, reason, given):
    line = drawn(chart(M1, [{"expression": expression, "id": "e_1"}]), given)[-1]
    assert line.points == () and reason in line.note


@pytest.mark.parametrize("stat", ["Average", "Sum", "Maximum", "SampleCount", "p50", "p99.9", "p100", "PR(:500)"])
def test_the_usual_statistics_are_asked_for(stat):
    assert len(series.queries([chart([*COUNT, {"stat": stat}])])) == 1


def test_a_statistic_that_the_emulator_would_answer_with_the_average_is_not_asked_for():
    found = chart([*COUNT, {"stat": "tm99"}])
    assert series.queries([found]) == []
    assert drawn(found)[0].note == "not previewed: the emulator has no statistic tm99"


@pytest.mark.parametrize(("stat", "said"), [("Sum", "4.5 s"), ("p95", "3 s")])
def test_a_count_says_its_total_and_anything_else_its_latest_value(stat, said):
    assert drawn(chart(COUNT, title="Time (ms)", stat=stat), (500, 1000, 3000))[0].said == said


def test_a_series_has_the_period_of_its_metrics():
    hidden = [*COUNT, {"id": "m_1", "period": 3600, "visible": False}]
    assert [line.period for line in drawn(chart([{"expression": "m_1"}], hidden, KITCHEN))] == [3600, 300]
