"""A failed deployment on screen and as JSON."""

import io
import json

import pytest

from deployer.options import Options
from deployer.plan.locations import Location, Sources
from deployer.show import failure
from deployer.show.ui import Ui
from deployer.stacks.diagnosis import Cause, Diagnosis
from deployer.stacks.validation import Problem

AT = Location("templates/data.yaml", 123, "generator/data.py:57 orders_table")
TABLE = Cause(
    "DataStack/OrdersTable", "AWS::DynamoDB::Table", "UPDATE_FAILED", "No.", "DynamoDb 400", "KeySchema", AT, "Fix it"
)


def diagnosis(cause=TABLE, **more):
    given = {
        "others": (),
        "stuck": (),
        "stacks": {"": "UPDATE_ROLLBACK_COMPLETE", "DataStack": "UPDATE_ROLLBACK_COMPLETE", "Api": "UPDATE_COMPLETE"},
        "retained": (),
        "state": "the stack is rolled back to its previous state",
        "next": "repeat",
    }
    return Diagnosis(cause, **given | more)


def shown(report) -> list[str]:
    stream = io.StringIO()
    failure.show(Ui(stream), report)
    return stream.getvalue().splitlines()


def other(name, message="Bad."):
    return Cause(f"DataStack/{name}", "AWS::SQS::Queue", "CREATE_FAILED", message)


def test_the_cause_comes_first_with_its_location_then_the_state_of_every_stack():
    assert shown(diagnosis()) == [
        "!! DataStack/OrdersTable (AWS::DynamoDB::Table), KeySchema: UPDATE_FAILED",
        "  No. (DynamoDb 400)",
        "  at templates/data.yaml:123, made by generator/data.py:57 orders_table",
        "  Fix it",
        "State: the stack is rolled back to its previous state.",
        "  UPDATE_COMPLETE              Api",
        "  UPDATE_ROLLBACK_COMPLETE     DataStack, the root stack",
    ]


def test_failures_with_the_same_message_share_a_line_and_many_are_counted():
    others = (other("A"), other("B"), *(other(f"C{number}", f"reason {number}") for number in range(6)))
    lines = shown(diagnosis(others=others))
    assert "  also DataStack/A, DataStack/B: Bad." in lines
    assert "  and 2 more" in lines


def test_stuck_and_retained_resources_are_named():
    lines = shown(diagnosis(stuck=(other("Q"),), retained=("DataStack/T",)))
    assert "  could not be undone: DataStack/Q: Bad." in lines
    assert any("DataStack/T" in line and "retained" in line for line in lines)


def test_without_a_cause_it_says_so():
    assert shown(diagnosis(cause=None))[0] == "CloudFormation gave no reason."


def test_brackets_in_a_message_are_not_markup():
    assert "  [bold]x[/bold] [Foo]" in shown(diagnosis(cause=Cause("X", "T", "S", "[bold]x[/bold] [Foo]")))


def test_the_json_report_has_the_same():
    report = json.loads(json.dumps(failure.as_json(diagnosis(others=(other("A"),)))))
    assert report["cause"] == {
        "resource": "DataStack/OrdersTable",
        "type": "AWS::DynamoDB::Table",
        "property": "KeySchema",
        "status": "UPDATE_FAILED",
        "message": "No.",
        "code": "DynamoDb 400",
        "template": "templates/data.yaml",
        "line": 123,
        "origin": "generator/data.py:57 orders_table",
        "remedy": "Fix it",
    }
    assert (report["others"][0]["line"], report["others"][0]["origin"], report["others"][0]["property"]) == (
        None,
        None,
        None,
    )
    assert report["stacks"]["root"] == "UPDATE_ROLLBACK_COMPLETE"
    assert (report["state"], report["next"]) == ("the stack is rolled back to its previous state", "repeat")


def test_problems_of_a_change_set_are_shown_like_causes_and_warnings_in_a_line():
    sources = Sources({"root": "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n"})
    stream = io.StringIO()
    failure.show_problems(
        Ui(stream),
        [
            Problem("", "Bucket", "AWS::S3::Bucket", "NAME_CONFLICT_VALIDATION", "it already exists"),
            Problem("", "Bucket", "AWS::S3::Bucket", "BUCKET_EMPTINESS_VALIDATION", "not empty", stops=False),
        ],
        sources,
    )
    refused, _, place, remedy, warning = stream.getvalue().splitlines()
    assert refused == "!! Bucket (AWS::S3::Bucket): refused"
    assert place == "  at templates/root.yaml:2" and "has the name" in remedy
    assert warning == "! Bucket (AWS::S3::Bucket), templates/root.yaml:2: not empty (BUCKET_EMPTINESS_VALIDATION)"


@pytest.mark.parametrize(
    "options, command",
    [
        (Options("dev", local=True, yes=True), "python deploy.py --env dev --local"),
        (Options("prod", profile="ops", region="eu-west-1"), "python deploy.py --env prod --region eu-west-1 --profile ops"),
        (Options("dev", allow_replace=frozenset({"B", "A"})), "python deploy.py --env dev --allow-replace A --allow-replace B"),
    ],
)  # fmt: skip
def test_the_next_command_is_this_one_without_its_yes(options, command):
    assert failure.command(options) == command
