"""The pages of the browser tests fail for what a person would not see."""

import pytest

from tests.e2e import browser as chromium

WRONG = {
    "console": "<script>console.error('lost')</script>",
    "script": "<script>missing()</script>",
    "another host": "<img src='https://example.com/picture.png'>",
    "request": "<img src='http://127.0.0.1:9/picture.png'>",
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_problem_of_a_page_is_seen(browser, kind, tmp_path):
    problems: list[str] = []
    with chromium.watched(browser, problems) as page:
        (tmp_path / "page.html").write_text(WRONG[kind])
        page.goto((tmp_path / "page.html").as_uri(), wait_until="networkidle")
    assert any(problem.startswith(kind) for problem in problems)


def test_what_makes_a_page_scroll_sideways_is_named(page):
    page.set_viewport_size(chromium.NARROW)
    page.set_content("<p>narrow</p>")
    assert chromium.overflowing(page) == []
    page.set_content("<p id=wide style='width: 400px'>wide</p>")
    assert any('id="wide"' in each for each in chromium.overflowing(page))
