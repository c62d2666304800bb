"""Permissions and cost are in every view, if computed."""

import io
import json
import re

import pytest
from markdown_it import MarkdownIt

import costs
from deployer.plan import compare, permissions
from deployer.plan.snapshot import Snapshot
from deployer.show import permissions_view, plan_json, plan_markdown, plan_text
from deployer.show.plan_report import PlanReport
from deployer.show.ui import Ui
from tests.unit.deployer.plan import test_real_plans as real
from tests.unit.deployer.plan import trees
from tests.unit.deployer.show import plan_reports


@pytest.fixture(scope="module")
def report() -> PlanReport:
    def allow_more(bundle):
        role = bundle.children["ComputeStack"]["Resources"]["OrdersQueryRole"]["Properties"]
        role["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"].append("dynamodb:Scan")

    now = real.deployed()
    then = trees.real("dev", allow_more, now, LogRetentionDays="30")
    sections = {"permissions": permissions.diff(now, then), "cost": costs.compare(now, then, 3500, "eu-west-1")}
    return plan_reports.report(compare.make(now, then), **sections)


def test_on_the_terminal(report):
    stream = io.StringIO()
    plan_text.show(Ui(stream, False), report)
    assert "dynamodb:Scan" in stream.getvalue() and "orders a day" in stream.getvalue()


def test_a_first_deployment_is_a_line_each_for_resources_permissions_and_cost():
    now, then = Snapshot(), trees.real("dev")
    first = plan_reports.report(
        compare.make(now, then),
        permissions=permissions.diff(now, then),
        cost=costs.compare(now, then, 3500, "us-east-1"),
    )
    stream = io.StringIO()
    plan_text.show_first(Ui(stream, False), first)
    resources, granted, cost = stream.getvalue().splitlines()
    assert re.fullmatch(r"food-delivery-dev: \d{3} resources to create in 5 stacks; --plan lists them", resources)
    assert granted == permissions_view.summary(first.permissions)
    assert cost.startswith("cost of a month at 3,500 orders a day") and cost.endswith(
        f": ${first.cost.after.total:,.2f}"
    )


def test_in_json(report):
    made = json.loads(json.dumps(plan_json.as_json(report)))
    assert made["permissions"]["broadens"] == 1 and made["cost"]["ordersPerDay"] == 3500
    assert not {"permissions", "cost"} & plan_json.as_json(plan_reports.report(plan_reports.MIXED)).keys()


def test_in_markdown_they_precede_the_stacks(report):
    text = plan_markdown.as_markdown(report)
    places = [text.index(part) for part in ("#### Permissions", "dynamodb:Scan", "#### Cost", "<details open>")]
    assert places == sorted(places)


def test_a_section_that_is_too_long_is_cut_and_its_fence_closed(report, monkeypatch):
    lines = ["```diff", *["+ a role may do one thing more"] * 2000, "```"]
    monkeypatch.setattr(permissions_view, "markdown", lambda value: lines)
    text = plan_markdown.as_markdown(report)
    fences = [token for token in MarkdownIt().parse(text) if token.type == "fence"]
    shown = fences[0].content.count("\n")
    assert 100 < shown < 2000 and f"… and {len(lines) - 1 - shown} more lines" in text
    assert "#### Cost" in text and text.count("<details open>") == text.count("</details>") > 0


def test_functions_that_run_other_code_are_in_every_view():
    """Such a plan has no other changes if the local version is deployed."""
    now = real.deployed()
    report = plan_reports.report(compare.make(now, now), swapped=("OrdersQueryFunction",))
    stream = io.StringIO()
    plan_text.show(Ui(stream, False), report)
    for text in (stream.getvalue(), plan_markdown.as_markdown(report)):
        assert "OrdersQueryFunction: other code than the stack's package" in text and "only outputs" not in text
    assert plan_json.as_json(report)["otherCode"] == ["OrdersQueryFunction"]
