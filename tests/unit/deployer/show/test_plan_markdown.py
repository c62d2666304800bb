"""The plan as a comment: within GitHub's limit, escaped, dangers first."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deployer.plan import publishing
from deployer.plan.changes import Action, Change, Difference, Plan
from deployer.show import plan_markdown
from tests.unit.deployer.plan import test_real_plans as real
from tests.unit.deployer.show import plan_reports

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


def written(report) -> str:
    return plan_markdown.as_markdown(report)


@pytest.mark.parametrize("name", plan_reports.ALL)
def test_it_fits_into_a_comment_and_every_block_is_closed(name):
    text = written(plan_reports.ALL[name]())
    assert len(text) <= plan_markdown.LIMIT
    assert text.count("<details") == text.count("</details>")
    tokens = MARKDOWN.parse(text)
    html = [token.content.strip() for token in tokens if token.type == "html_block"]
    assert len([block for block in html if block == "</details>"]) == text.count("</details>")


def test_changes_that_do_not_fit_are_counted():
    report = plan_reports.rewritten()
    text = written(report)
    rows = [token for token in MARKDOWN.parse(text) if token.type == "tr_open"]
    shown = len(rows) - text.count("| | Resource | Type | Change |") - text.count("| publish |")
    [more] = re.findall(r"… and (\d+) more resources change", text)
    assert shown + int(more) == len(publishing.others(report.plan.changes))
    assert len(text) > plan_markdown.LIMIT * 0.8


def test_published_functions_are_one_row():
    text = written(plan_reports.report(real.plan(FunctionsKey="functions-2.zip")))
    [row] = [line for line in text.splitlines() if line.endswith("| publish |")]
    assert "a new version of OrdersCommand, " in row and "OrdersCommandVersion" not in text
    assert "… and" not in text and text.count("| modify |") == 6


def test_dangers_precede_the_stacks():
    text = written(plan_reports.sort_key())
    assert text.startswith("### Plan for dev: ")
    assert 0 < text.index("> [!WARNING]") < text.index("DataStack/OrdersTable") < text.index("<details")
    assert text.index("<details") < text.index(
        '- KeySchema[KeyType=RANGE].AttributeName  (forces a replacement): "timestamp"'
    )


def test_properties_are_lines_of_a_diff():
    text = written(plan_reports.report(plan_reports.MIXED))
    assert "- Value: (hidden)\n+ Value: (hidden)" in text
    assert "! Path\n" in text and '- DependsOn: "A"\n' in text
    assert "| ? | Role | AWS::IAM::Role | may replace |" in text
    assert "| + | 20 | AWS::SQS::Queue |" in text


ROUGH = st.text(st.sampled_from("`|<>*_[]()\\&#~-+!a \n"), min_size=1, max_size=12)


@settings(deadline=None)
@given(ROUGH, ROUGH, ROUGH)
def test_nothing_in_a_plan_is_markup(name, before, after):
    change = Change(("Data",), name, name, Action.MODIFY, (Difference((name,), before, after),))
    tokens = MARKDOWN.parse(written(plan_reports.report(Plan((change,)))))
    kinds = [token.type for token in tokens]
    assert kinds.count("table_open") == kinds.count("fence") == kinds.count("heading_open") == 1
    assert [token.content.strip() for token in tokens if token.type == "html_block"][-1] == "</details>"
    cells = [token for before, token in pairwise(tokens) if before.type == "td_open"]
    assert len(cells) == 4
    plain = "".join(child.content for child in cells[1].children)
    assert plain.split() == name.split()
