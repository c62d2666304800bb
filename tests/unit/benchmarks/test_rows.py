"""Rows of a benchmark: medians, ratios turn by turn, targets."""

import pytest

from benchmarks import document
from benchmarks.rows import Row, at_least, at_most, from_json, quartiles, row, to_json, unmeasured


def test_a_ratio_is_taken_turn_by_turn():
    # The machine is ten times slower in the second turn: the medians alone would say 2.5.
    compared = row("ours", "orders/s", [200, 20, 200], against=[100, 10, 80])
    assert compared.ratio.median == 2
    assert compared.taken.median == 200


def test_one_value_has_no_spread():
    assert quartiles([3]) == (3, 3, 3)
    assert document.cells(row("calls", "", [3], note="3 PutItem")) == ("calls", "3: 3 PutItem", "", "", "")


@pytest.mark.parametrize(
    "target, met",
    [
        (at_most(2), True),
        (at_most(1.9), False),
        (at_least(3, "ratio"), False),
        (at_least(2, "ratio"), True),
        (None, None),
    ],
)
def test_a_target_bounds_the_median_or_the_ratio(target, met):
    assert row("ours", "s", [2], against=[1], target=target).is_met is met


def test_a_target_is_neither_met_nor_missed_without_its_figure():
    assert row("ours", "orders/s", [2], target=at_least(3, "ratio")).is_met is None
    assert unmeasured("seed", "orders/s", "not here").is_met is None


@pytest.mark.parametrize(
    "each",
    [
        row("ours", "s", [1.5, 2, 3], against=[1, 1, 1], target=at_most(2, "ratio"), note="1 PutItem"),
        unmeasured("seed", "orders/s", "not here"),
    ],
)
def test_a_row_survives_json(each: Row):
    assert from_json(to_json(each)) == each


def test_a_cell_shows_the_spread_and_whether_the_target_is_met():
    cells = document.cells(row("ours", "s", [1, 2, 3], against=[1, 1, 1], target=at_most(1.25, "ratio")))
    assert cells == ("ours", "2 s", "1.50 to 2.50", "2 (1.50 to 2.50)", "≤ 1.25 times: NOT MET")


@pytest.mark.parametrize(
    "value, text", [(1234.5, "1,234"), (33.33, "33.3"), (0.956, "0.96"), (0.0333, "0.033"), (5, "5")]
)
def test_a_number_has_as_many_digits_as_say_something(value, text):
    assert document.number(value) == text
