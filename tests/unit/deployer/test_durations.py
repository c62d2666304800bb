"""Parsing and formatting durations."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("1h30m", 5400), ("0.5h", 1800), (" 5M ", 300)],
)
def test_a_duration_is_numbers_with_their_units(text, seconds):
    assert durations.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "10 m", "1w", "5m,", "0s", "99999999d", "1e3s", "inf"])
def test_anything_else_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"is not a duration|must be more than 0s"):
        durations.seconds(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (3700, "1 h 1 min"),
        (86400, "1 d"),
        (86400 + 300, "1 d"),
        (2 * 86400 + 4 * 3600 + 59, "2 d 4 h"),
    ],
)
def test_a_duration_is_formatted_with_its_two_largest_units(seconds, words):
    assert durations.words(timedelta(seconds=seconds)) == words


@given(st.integers(1, 59), st.sampled_from("smhd"))
def test_what_is_written_is_what_is_read(number, unit):
    length = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert durations.seconds(f"{number}{unit}") == number * length
