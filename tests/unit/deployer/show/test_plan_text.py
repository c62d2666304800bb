"""The plan on a terminal: it reads well in colour, without, and in ASCII."""

import io

import pytest

from deployer.plan.changes import ABSENT, Action, Change, Difference, Plan, Unknown
from deployer.show import plan_text, plan_values
from deployer.show.plan_report import PlanReport, TagChange
from deployer.show.ui import Ui
from generator.functions import FUNCTIONS
from tests.unit.deployer.plan import test_real_plans as real
from tests.unit.deployer.show import plan_reports


def shown(report, encoding="utf-8", interactive=False) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    plan_text.show(Ui(stream, interactive), report)
    stream.flush()
    return raw.getvalue().decode(encoding)


MIXED = """\
food-delivery-dev
  ~ Setting (AWS::SSM::Parameter)
      Value: (hidden) → (hidden)
  Data
    - Gone (AWS::SQS::Queue)  allowed
    ± Orders (AWS::DynamoDB::Table)  DATA AT RISK
        KeySchema[KeyType=RANGE].AttributeName: "at" → "on"  (forces a replacement)
        Tags[Key=Team]: + {"Key": "Team", "Value": "a|b`c`<d>"}
        StreamSpecification: - {"StreamViewType": "NEW_IMAGE"}
    ? Role (AWS::IAM::Role)
        RoleName: Name → (known after deployment)  (may force a replacement)
        Arn: Orders.Arn → Sub "${Orders.Arn}/*"
        Path
        DependsOn: - "A"
    ~ Why (AWS::SQS::Queue)  metadata only, no effect
  New
    + 20 AWS::SQS::Queue
20 to add, 2 to modify, 1 may be replaced, 1 to replace, 1 to remove (3 more only refer to a changed resource)
  allowed: Data/Gone (AWS::SQS::Queue) would leave the stack; its data is kept outside the stack
  DATA AT RISK: Data/Orders (AWS::DynamoDB::Table) would be replaced by a new, empty one (KeySchema)
"""


def test_the_tree_shows_stack_resource_property_old_and_new():
    assert shown(plan_reports.report(plan_reports.MIXED, {"Gone"})) == MIXED


def test_in_ascii_the_signs_still_differ():
    text = shown(plan_reports.report(plan_reports.MIXED), "ascii")
    assert "    +- Orders" in text and "    ? Role" in text and '"at" -> "on"' in text


def test_data_at_risk_is_red_and_bold():
    text = shown(plan_reports.report(plan_reports.MIXED), interactive=True)
    [line] = [line for line in text.splitlines() if "± Orders" in line]
    assert line.startswith("\x1b[1;31m")


def test_a_creation_is_counts():
    assert len(shown(plan_reports.creation()).splitlines()) < 70


@pytest.mark.parametrize("name", plan_reports.ALL)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_every_plan_ends_with_its_summary(name, encoding):
    report = plan_reports.ALL[name]()
    text = shown(report, encoding)
    assert plan_values.summary(report.plan) in text
    assert max(map(len, text.splitlines())) < 400


def test_of_two_long_texts_the_part_that_differs_is_shown():
    before = "x" * 500 + "before" + "y" * 500
    sides = plan_values.sides(Difference(("A",), before, before.replace("before", "after")), 60)
    assert sides == (f"…{'x' * 12}before{'y' * 12}…", f"…{'x' * 12}after{'y' * 12}…")


@pytest.mark.parametrize(
    "node, expected",
    [
        (ABSENT, ""),
        ("text", '"text"'),
        (60, "60"),
        (True, "true"),
        ({"Ref": "Orders"}, "Orders"),
        ({"Fn::GetAtt": "Orders.Arn"}, "Orders.Arn"),
        ({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":x"]]}, 'Sub "arn:${AWS::Partition}:x"'),
        ({"Fn::ImportValue": {"Ref": "Name"}}, '{"Fn::ImportValue": "Name"}'),
        ([{"Ref": "A"}, Unknown()], '["A", "(known after deployment)"]'),
        ({"Fn::Sub": []}, "Sub []"),
        ("naïve", '"naïve"'),
    ],
)
def test_a_value_is_one_readable_line(node, expected):
    assert plan_values.value(node) == expected


def test_changed_tags_are_listed():
    tags = (TagChange("CostCenter", None, "42"), TagChange("Team", "a", "b"))
    said = shown(PlanReport("dev", "food-delivery-dev", "1", "r", Plan(()), tags=tags))
    assert '~ tag CostCenter of the stack and all its resources: none → "42"' in said
    assert '~ tag Team of the stack and all its resources: "a" → "b"' in said


def test_published_functions_are_one_line_and_equal_changes_another():
    text = shown(plan_reports.report(real.plan(FunctionsKey="functions-2.zip")))
    functions = sorted(function.title for function in FUNCTIONS)
    assert text == (
        "food-delivery-dev\n  ComputeStack\n"
        f"    ~ {', '.join(f'{title}Function' for title in functions)} (AWS::Lambda::Function)\n"
        '        Code.S3Key: "f.zip" → "functions-2.zip"\n'
        f"    ~ a new version of {', '.join(functions)}; the alias moves on to it\n"
        "6 to modify, 6 functions to publish\n"
    )


def test_equal_changes_of_data_are_not_joined():
    difference = Difference(("x",), 1, 2)
    queues = [Change((), name, "AWS::SQS::Queue", Action.MODIFY, (difference,)) for name in ("One", "Other")]
    assert plan_values.alike(queues) == [[queues[0]], [queues[1]]]
