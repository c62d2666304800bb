"""The whole page: structure, grid, escaping, and that it loads nothing."""

import re

import pytest

from preview import page
from tests.unit.preview.support import COUNT, KITCHEN, Tree, metric, rendered

HOSTILE = "<script>alert(1)</script>\"' onload=x & \x00\ud800"
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:orders-dev-too-many"
EVERYTHING = [
    metric(COUNT, KITCHEN),
    metric(COUNT, stacked=True),
    metric(COUNT, view="singleValue"),
    {"type": "text", "properties": {"markdown": "# Title"}},
    {"type": "alarm", "properties": {"title": "alarms", "alarms": [ARN.replace("too", "so"), ARN]}},
    {"type": "log", "properties": {"title": "log"}},
]
STATES = {"orders-dev-too-many": "ALARM", "orders-dev-so-many": "OK"}


def test_every_widget_is_a_card_on_the_grid():
    placed = {"x": 12, "y": 6, "width": 12, "height": 4}
    cards = Tree(rendered({**metric(COUNT), **placed}, *EVERYTHING, values=(1, 2), states=STATES)).all("section")
    assert len(cards) == 1 + len(EVERYTHING)
    assert cards[0]["style"] == "grid-area: 7 / 13 / span 4 / span 12"
    assert cards[1]["style"] == "grid-area: auto / auto / span 6 / span 6"


def test_the_page_loads_nothing_and_runs_nothing():
    text = rendered(*EVERYTHING, values=(1, 2), states=STATES)
    tree = Tree(text)
    assert not {"script", "link", "img", "iframe", "object", "embed", "image", "use"} & {
        tag for tag, _ in tree.elements
    }
    names = {name for _, attributes in tree.elements for name in attributes}
    assert not {"src", "href", "srcset", "data"} & names
    assert "url(" not in text and "@import" not in text and "http:" not in text
    policy = next(each for each in tree.all("meta") if "http-equiv" in each)
    assert policy["content"].startswith("default-src 'none'")


@pytest.mark.parametrize("values", [(), (3,), (5, 5, 5), (1e308, -1e15)])
def test_the_page_is_well_formed_for_any_data_and_has_no_nan(values):
    text = rendered(*EVERYTHING, values=values, states=STATES)
    Tree(text)
    assert not re.search(r"\b(nan|inf|infinity)\b", text, re.IGNORECASE)


@pytest.mark.parametrize("values", [(), (1, 2)])
@pytest.mark.parametrize("view", ["timeSeries", "singleValue", HOSTILE])
def test_text_of_the_dashboard_cannot_become_markup(view, values):
    annotations = {"horizontal": [{"value": 1, "label": HOSTILE}]}
    text = rendered(
        metric([*COUNT, {"label": HOSTILE}], title=HOSTILE, view=view, annotations=annotations),
        {"type": "text", "properties": {"markdown": HOSTILE + "\n\n<b onclick=x>bold</b>\n\n`<i>`"}},
        {"type": "alarm", "properties": {"title": HOSTILE, "alarms": [HOSTILE]}},
        {"type": HOSTILE, "properties": {"title": HOSTILE}},
        values=values,
    )
    tree = Tree(text)
    assert not {"script", "i"} & {tag for tag, attributes in tree.elements if not attributes.get("style")}
    assert not [name for _, attributes in tree.elements for name in attributes if name.startswith("on")]
    assert "\x00" not in text and text.encode()
    assert any("<script>alert(1)</script>" in each for each in tree.texts)


def test_the_legend_has_what_has_data_and_names_the_rest():
    assert "1.5 s" in Tree(rendered(metric(COUNT, title="(ms)"), values=(1, 1500))).texts
    texts = Tree(rendered(metric(COUNT, KITCHEN))).texts
    assert "no data: Count, kitchen" in texts
    assert any("unknown metric" in text for text in Tree(rendered(metric([{"expression": "m9"}]))).texts)


def test_a_single_value_is_shown_or_its_absence():
    widget = metric(COUNT, view="singleValue")
    assert "12.3k" in Tree(rendered(widget, values=(12_345,))).texts
    assert "no data" in Tree(rendered(widget)).texts


def test_alarms_have_their_states_what_is_red_first_without_the_common_prefix():
    widget = {"type": "alarm", "properties": {"alarms": [ARN.replace("too", "so"), ARN, "lost"]}}
    texts = Tree(rendered(widget, states=STATES)).texts
    assert texts[-6:] == ["too-many", "alarm", "lost", "no such alarm", "so-many", "OK"]


def test_what_is_not_previewed_shows_its_title_and_says_so():
    assert Tree(rendered(EVERYTHING[-1])).texts[-2:] == ["log", "not previewed: a widget of type log"]


def test_cards_are_as_large_as_the_style_says():
    style = rendered()
    assert f"grid-auto-rows: {page.ROW}px" in style and f"gap: {page.GAP}px" in style


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html;base64,PHN2Zz4=", "//example.org/x"])
def test_only_links_to_the_web_are_links(address):
    markdown = f"[x]({address}) <a href='{address}'>x</a> ![x](https://example.org/x.png) [y](https://example.org)"
    tree = Tree(rendered({"type": "text", "properties": {"markdown": markdown}}))
    assert [each["href"] for each in tree.all("a")] == ["https://example.org/x.png", "https://example.org"]
    assert not tree.all("img")
