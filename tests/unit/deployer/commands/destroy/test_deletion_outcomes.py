"""What a deletion takes: DeletionPolicy, by parameter and through nested stacks."""

import pytest

from deployer.commands.destroy import deletion_outcomes
from deployer.plan.snapshot import STACK, Snapshot

QUEUE = "AWS::SQS::Queue"


def resource(logical_id, kind=QUEUE, status="CREATE_COMPLETE"):
    return {
        "LogicalResourceId": logical_id,
        "ResourceType": kind,
        "PhysicalResourceId": f"physical-{logical_id}",
        "ResourceStatus": status,
    }


def kept(tree, existing) -> dict[str, bool]:
    return {fate.path: fate.kept for fate in deletion_outcomes.of_tree(tree, existing)}


def queue(policy=None):
    return {"Type": QUEUE} | ({"DeletionPolicy": policy} if policy else {})


@pytest.mark.parametrize(
    "policy, stays",
    [(None, False), ("Delete", False), ("Retain", True), ("RetainExceptOnCreate", True), ("Snapshot", False)],
)
def test_the_policy_decides(policy, stays):
    tree = Snapshot({"Resources": {"Q": queue(policy)}})
    assert kept(tree, {(): [resource("Q")]}) == {"Q": stays}


@pytest.mark.parametrize("value", ["Delete", "Retain"])
def test_a_policy_by_parameter_is_that_of_the_stack_s_own_value(value):
    child = Snapshot({"Parameters": {"P": {"Type": "String"}}, "Resources": {"Q": queue({"Ref": "P"})}}, {"P": value})
    tree = Snapshot({"Resources": {"Data": {"Type": STACK}}}, {}, {"Data": child})
    assert kept(tree, {(): [resource("Data", STACK)], ("Data",): [resource("Q")]}) == {"Data/Q": value == "Retain"}


def test_a_retained_nested_stack_keeps_all_that_is_in_it():
    child = Snapshot({"Resources": {"Q": queue("Delete")}})
    tree = Snapshot({"Resources": {"Data": {"Type": STACK, "DeletionPolicy": "Retain"}}}, {}, {"Data": child})
    assert kept(tree, {(): [resource("Data", STACK)], ("Data",): [resource("Q")]}) == {"Data/Q": True}


def test_only_what_exists_has_a_fate():
    assert kept(Snapshot({"Resources": {"Q": queue("Retain")}}), {(): []}) == {}


def test_what_a_deletion_skipped_stays_and_what_the_template_no_longer_knows_goes():
    existing = {(): [resource("Skipped", status="DELETE_SKIPPED"), resource("Forgotten", status="DELETE_FAILED")]}
    assert kept(Snapshot({"Resources": {}}), existing) == {"Skipped": True, "Forgotten": False}
