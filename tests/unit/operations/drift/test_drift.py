"""`--drift`: what is shown, what is returned, how it ends."""

import io
from types import SimpleNamespace

import pytest

from deployer import connection
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import tree
from operations.drift import command, detection, view
from operations.drift.detection import DriftedResource, PropertyDifference, StackDrift

CHANGED = DriftedResource(
    "OrderQueue",
    "https://queue",
    "AWS::SQS::Queue",
    "MODIFIED",
    (
        PropertyDifference("/VisibilityTimeout", "370", "99", "NOT_EQUAL"),
        PropertyDifference("/Tags/0", "", '{"Key":"a"}', "ADD"),
        PropertyDifference("/KmsMasterKeyId", "alias/x", "", "REMOVE"),
    ),
)
GONE = DriftedResource("Topic", "arn:topic", "AWS::SNS::Topic", "DELETED")
IN_SYNC = StackDrift("", "food-delivery-dev", in_sync=3, unchecked={"T::A": 1})
DRIFTED = StackDrift("DataStack", "DataStack", (CHANGED, GONE), 5, {"T::A": 2, "T::B": 7})
BROKEN = StackDrift("ApiStack", "ApiStack", in_sync=1, problem="is in UPDATE_IN_PROGRESS state")


@pytest.fixture
def run(monkeypatch):
    def run(*found, **options):
        monkeypatch.setattr(connection, "deployed", lambda *arguments: (SimpleNamespace(on_this_machine=True), {}))
        monkeypatch.setattr(tree, "read", lambda aws, stack: list(found))
        monkeypatch.setattr(detection, "detect", lambda aws, stacks, pause, on_progress: stacks)
        said = io.StringIO()
        report = command.run(Options("dev", **options), Ui(said), None)
        return report, said.getvalue()

    return run


def test_in_sync_is_reported_with_what_was_not_checked(run):
    report, said = run(IN_SYNC)
    assert report["result"] == "in sync" and "exitCode" not in report
    assert "3 resources are in sync" in said and "cannot: 1 T::A" in said
    assert "does not revert" not in said


def test_drift_is_shown_by_stack_resource_and_property(run):
    report, said = run(IN_SYNC, DRIFTED)
    shown = [line.rstrip() for line in said.splitlines()]
    at = shown.index("DataStack")
    assert shown[at + 1 : at + 6] == [
        "  ~ OrderQueue (AWS::SQS::Queue) https://queue",
        "      /VisibilityTimeout: 370 -> 99",
        '      /Tags/0: {"Key":"a"}, which the template does not have',
        "      /KmsMasterKeyId: alias/x is missing",
        "  - Topic (AWS::SNS::Topic) is gone: arn:topic",
    ]
    assert "2 of 10 checked resources have drifted" in said
    assert "A deployment does not revert drift" in said
    assert report["result"] == "drifted" and report["unchecked"] == {"T::B": 7, "T::A": 3}
    of_data = report["stacks"][1]
    assert (of_data["stack"], of_data["status"], of_data["inSync"]) == ("DataStack", "DRIFTED", 5)
    assert of_data["drifted"][0]["differences"][0] == {
        "path": "/VisibilityTimeout",
        "expected": "370",
        "actual": "99",
        "kind": "NOT_EQUAL",
    }


@pytest.mark.parametrize(
    ("found", "detailed", "code"),
    [
        ((IN_SYNC,), False, 0),
        ((IN_SYNC,), True, 0),
        ((DRIFTED,), False, 0),
        ((DRIFTED,), True, 2),
        ((BROKEN,), False, 1),
        ((BROKEN,), True, 1),
        ((BROKEN, DRIFTED), False, 1),
        ((BROKEN, DRIFTED), True, 2),
    ],
)
def test_drift_is_a_failure_only_on_request_and_an_incomplete_check_always(run, found, detailed, code):
    report, _ = run(*found, detailed_exitcode=detailed)
    assert report.get("exitCode", 0) == code


def test_what_could_not_be_checked_is_not_called_in_sync(run):
    report, said = run(IN_SYNC, BROKEN)
    assert report["result"] == "incomplete"
    assert "? is in UPDATE_IN_PROGRESS state" in said and "1 of 2 stacks could not be checked completely" in said


def test_a_long_policy_is_shortened_on_screen_and_complete_in_json(run):
    policy = "x" * 5000
    long = StackDrift(
        "", "root", (DriftedResource("R", "r", "T", "MODIFIED", (PropertyDifference("/P", policy, "y", "NOT_EQUAL"),)),)
    )
    report, said = run(long)
    assert policy not in said and max(map(len, said.splitlines())) < 300
    assert report["stacks"][0]["drifted"][0]["differences"][0]["expected"] == policy


def test_many_types_are_summed_up(run):
    _, said = run(StackDrift("", "root", unchecked={f"T::{n}": n for n in range(1, 10)}))
    assert "9 T::9, 8 T::8, 7 T::7, 6 T::6, 5 T::5, 4 T::4, 6 of other types" in said
    assert view.unchecked_kinds([]) == {}
