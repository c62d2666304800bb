"""Versions that a failed deployment has left: the last one is deleted if the next deployment would publish it again."""

import pytest

from deployer.plan import compare
from deployer.plan.changes import Action, Change, Plan
from deployer.stacks import leftover_versions
from tests.unit.deployer.plan import trees

FUNCTION = {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"Ref": "Key"}}}
VERSION = {
    "Type": "AWS::Lambda::Version",
    "Properties": {"FunctionName": {"Ref": "F"}, "Description": {"Fn::Sub": "${Key} layer"}},
}
NAMES = {"F": "made-by-cloudformation"}


def stack(key: str):
    return trees.of({"F": FUNCTION, "V": VERSION}, Key=key)


def listed(aws, *versions: tuple[str, str]) -> None:
    found = [{"Version": number, "Description": text} for number, text in [("$LATEST", "What it does"), *versions]]
    aws.stub("lambda").add_response("list_versions_by_function", {"Versions": found}, {"FunctionName": NAMES["F"]})


def discarded(aws, before, after) -> list[str]:
    return leftover_versions.discard(aws, compare.make(before, after), after, NAMES)


def test_the_last_version_is_deleted_if_it_is_what_the_plan_publishes(aws):
    listed(aws, ("1", "old layer"), ("2", "new layer"))
    aws.stub("lambda").add_response("delete_function", {}, {"FunctionName": NAMES["F"], "Qualifier": "2"})
    assert discarded(aws, stack("old"), stack("new")) == ["F"]
    aws.done()


def test_so_is_one_of_a_stack_that_has_no_versions_any_more(aws):
    listed(aws, ("1", "new layer"))
    aws.stub("lambda").add_response("delete_function", {}, {"FunctionName": NAMES["F"], "Qualifier": "1"})
    assert discarded(aws, trees.of({"F": FUNCTION}, Key="older"), stack("new")) == ["F"]
    aws.done()


@pytest.mark.parametrize(
    "versions",
    [
        [],
        [("1", "old layer")],
        [("1", "new layer"), ("2", "old layer")],  # Lambda compares with the last one only
        [("1", "old layer"), ("2", "published by hand")],
    ],
)
def test_no_other_version_is_touched(aws, versions):
    listed(aws, *versions)
    assert discarded(aws, stack("old"), stack("new")) == []
    aws.done()


def test_nothing_is_asked_if_nothing_is_published_or_the_function_is_new(aws):
    assert discarded(aws, stack("same"), stack("same")) == []
    assert (
        leftover_versions.discard(aws, Plan((Change((), "V", "AWS::Lambda::Version", Action.ADD),)), stack("a"), {})
        == []
    )
    aws.done()
