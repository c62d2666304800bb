"""Numbers as people read them."""

import pytest

from preview import numbers


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "ms", "0 ms"),
        (0.1 + 0.2, "", "0.3"),
        (-12.345, "", "-12.3"),
        (999.96, "", "1k"),
        (1234, "", "1.23k"),
        (4_560_000, "", "4.56M"),
        (0.00002, "", "2e-05"),
        (12.34, "%", "12.3%"),
        (250, "ms", "250 ms"),
        (1500, "ms", "1.5 s"),
        (600, "s", "600 s"),
    ],
)
def test_a_number_is_short_and_has_its_unit(value, unit, text):
    assert numbers.short(value, unit) == text


@pytest.mark.parametrize(
    ("title", "unit"),
    [("Latency (ms)", "ms"), ("Of an hour (% of it)", "%"), ("Age (s)", "s"), ("Orders (all)", ""), ("Orders", "")],
)
def test_the_unit_is_what_the_title_says(title, unit):
    assert numbers.unit_of(title) == unit


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (0, 1)),
        ([0, 0], (0, 1)),
        ([5], (0, 6)),
        ([90, 42], (0, 100)),
        ([-3, 3], (-4, 4)),
        ([-5, -5], (-6, 0)),
        ([1e-320], (0, 1)),
        ([1e15, -1e15], (-1e15, 1e15)),
    ],
)
def test_an_axis_has_zero_on_it_round_ends_and_a_few_ticks(values, expected):
    low, high, step = numbers.bounds(values)
    assert (low, high) == pytest.approx(expected)
    ticks = numbers.ticks(low, high, step)
    labels = [numbers.short(tick) for tick in ticks]
    assert 3 <= len(set(labels)) == len(ticks) <= 7 and 0 in ticks


def test_times_are_round_and_few():
    labels = [label for _, label in numbers.time_ticks(1_700_000_100, 1_700_003_700, 7)]
    assert labels == ["22:20", "22:30", "22:40", "22:50", "23:00", "23:10"]
    assert all("-" in label for _, label in numbers.time_ticks(1_700_000_100, 1_701_000_100, 7))
