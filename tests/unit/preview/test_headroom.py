"""The picture of docs/capacity.md: a bar for each limit, as long as the load that it admits."""

import re
from dataclasses import replace

from capacity.platform import of_environment
from capacity.usage import usages
from config.environment import load
from preview import headroom

FOUND = usages(of_environment(load(headroom.ENVIRONMENT)))


def widths(text: str) -> list[float]:
    return [float(width) for width in re.findall(r'<rect class="(?:ours|aws)" [^>]*width="([\d.]+)"', text)][
        : len(FOUND)
    ]


def test_the_picture_is_that_of_the_calculation():
    assert headroom.OUTPUT.read_text(encoding="utf-8") == headroom.svg(FOUND), "run: make pictures"


def test_a_limit_that_breaks_later_has_a_longer_bar():
    drawn = widths(headroom.svg(FOUND))
    assert len(drawn) == len(FOUND)
    assert drawn == sorted(drawn)
    assert drawn[0] < drawn[-1]


def test_a_limit_that_breaks_today_or_never_stays_in_the_picture():
    today, never = replace(FOUND[0], breaks_at=FOUND[0].breaks_at / 100), replace(FOUND[0], breaks_at=None)
    assert widths(headroom.svg([today, never]))[:2] == [2, headroom._RIGHT - headroom._LEFT]
