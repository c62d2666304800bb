"""Unused change sets are deleted: nested ones, the stacks that they created, and those of a killed run."""

from datetime import UTC, datetime, timedelta

import pytest

from deployer.stacks import change_set_cleanup
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.validation import ChangeSetId

STACK, CHILD = (f"arn:aws:cloudformation:us-east-1:1:stack/{name}/1" for name in ("s", "s-Data"))
ROOT_SET, CHILD_SET = (f"arn:aws:cloudformation:us-east-1:1:changeSet/{name}/1" for name in ("root", "child"))
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def stub(aws):
    yield aws.stub("cloudformation")
    aws.done()


def summary(identity, name="deploy-1", status="CREATE_COMPLETE", executed="AVAILABLE", age=0.0, **other):
    created = NOW - timedelta(days=age)
    entry = {"ChangeSetId": identity, "ChangeSetName": name, "Status": status, "ExecutionStatus": executed}
    return entry | {"CreationTime": created} | other


def listed(stub, stack, *summaries):
    stub.add_response("list_change_sets", {"Summaries": list(summaries)}, {"StackName": stack})


def status(stub, stack, name):
    if name:
        described = {"StackName": "s", "StackStatus": name, "CreationTime": NOW}
        stub.add_response("describe_stacks", {"Stacks": [described]}, {"StackName": stack})
    else:
        stub.add_client_error("describe_stacks", "ValidationError", f"Stack with id {stack} does not exist")


def names_nested(stub):
    nested = {"LogicalResourceId": "Data", "ResourceType": "AWS::CloudFormation::Stack", "ChangeSetId": CHILD_SET}
    first = {"StackId": STACK, "NextToken": "2", "Changes": []}
    second = {"StackId": STACK, "Changes": [{"Type": "Resource", "ResourceChange": nested}]}
    stub.add_response("describe_change_set", first, {"ChangeSetName": ROOT_SET})
    stub.add_response("describe_change_set", second, {"ChangeSetName": ROOT_SET, "NextToken": "2"})
    stub.add_response("describe_change_set", {"StackId": CHILD, "Changes": []}, {"ChangeSetName": CHILD_SET})


@pytest.mark.parametrize(
    "sets", [(), (ChangeSetId("", STACK, ROOT_SET), ChangeSetId("Data", CHILD, CHILD_SET))], ids=["looked up", "read"]
)
def test_a_creations_nested_sets_and_stacks_go_with_it_root_first(aws, stub, sets):
    """A set that was read knows its nested ones: it is not read again."""
    if not sets:
        names_nested(stub)
    stub.add_response("delete_change_set", {}, {"ChangeSetName": ROOT_SET, "StackName": STACK})
    listed(stub, STACK, summary(ROOT_SET, status="DELETE_IN_PROGRESS"))
    listed(stub, STACK)
    listed(stub, CHILD, summary(CHILD_SET, status="DELETE_PENDING"))
    listed(stub, CHILD, summary(CHILD_SET, status="DELETE_FAILED"))
    stub.add_response("delete_change_set", {}, {"ChangeSetName": CHILD_SET, "StackName": CHILD})
    listed(stub, CHILD)
    status(stub, CHILD, "REVIEW_IN_PROGRESS")
    listed(stub, CHILD)
    stub.add_response("delete_stack", {}, {"StackName": CHILD})
    status(stub, CHILD, "DELETE_IN_PROGRESS")
    status(stub, CHILD, "DELETE_COMPLETE")
    status(stub, STACK, "REVIEW_IN_PROGRESS")
    listed(stub, STACK)
    stub.add_response("delete_stack", {}, {"StackName": STACK})
    status(stub, STACK, "")
    change_set_cleanup.discard(aws, ChangeSet(ROOT_SET, STACK, made_stack=True, sets=sets), pause=0)


def test_an_empty_nested_set_that_its_root_does_not_name_is_found_on_its_stack(aws, stub):
    stub.add_response("describe_change_set", {"StackId": STACK, "Status": "FAILED", "Changes": []})
    nested = {"LogicalResourceId": "Data", "PhysicalResourceId": CHILD, "ResourceType": "AWS::CloudFormation::Stack"}
    nested |= {"ResourceStatus": "CREATE_COMPLETE", "LastUpdatedTimestamp": NOW}
    stub.add_response("list_stack_resources", {"StackResourceSummaries": [nested]}, {"StackName": STACK})
    stub.add_response("list_stack_resources", {"StackResourceSummaries": []}, {"StackName": CHILD})
    empty = summary(CHILD_SET, status="FAILED", RootChangeSetId=ROOT_SET)
    listed(stub, CHILD, empty, summary("arn:other", status="FAILED", RootChangeSetId="arn:another-root"))
    stub.add_response("delete_change_set", {}, {"ChangeSetName": ROOT_SET, "StackName": STACK})
    listed(stub, STACK)
    listed(stub, CHILD, empty)
    stub.add_response("delete_change_set", {}, {"ChangeSetName": CHILD_SET, "StackName": CHILD})
    listed(stub, CHILD)
    status(stub, CHILD, "CREATE_COMPLETE")
    change_set_cleanup.discard(aws, ChangeSet(ROOT_SET, STACK, made_stack=False), pause=0)


def test_a_set_that_is_still_being_made_is_deleted_when_it_is_done(aws, stub):
    stub.add_response("describe_change_set", {"StackId": STACK, "Changes": []})
    stub.add_client_error("delete_change_set", "InvalidChangeSetStatus", "is in CREATE_IN_PROGRESS")
    listed(stub, STACK, summary(ROOT_SET, status="CREATE_IN_PROGRESS"))
    listed(stub, STACK, summary(ROOT_SET))
    stub.add_response("delete_change_set", {}, {"ChangeSetName": ROOT_SET, "StackName": STACK})
    listed(stub, STACK)
    status(stub, STACK, "REVIEW_IN_PROGRESS")
    listed(stub, STACK, summary("arn:of-another-run"))
    change_set_cleanup.discard(aws, ChangeSet(ROOT_SET, STACK, made_stack=True), pause=0)


def test_what_cannot_be_deleted_is_left_to_a_later_run(aws, stub):
    stub.add_response("describe_change_set", {"StackId": STACK, "Changes": []})
    stub.add_response("delete_change_set", {})
    for _ in range(5):
        listed(stub, STACK, summary(ROOT_SET, status="DELETE_FAILED"))
        stub.add_response("delete_change_set", {})
    status(stub, STACK, "CREATE_COMPLETE")
    change_set_cleanup.discard(aws, ChangeSet(ROOT_SET, STACK, made_stack=True), pause=0)


def test_a_set_that_is_gone_already_is_no_error(aws, stub):
    stub.add_client_error("describe_change_set", "ChangeSetNotFound", "does not exist")
    stub.add_client_error("delete_change_set", "ChangeSetNotFound", "does not exist")
    listed(stub, STACK)
    status(stub, STACK, "")
    change_set_cleanup.discard(aws, ChangeSet(ROOT_SET, STACK, made_stack=True), pause=0)


def test_sweeping_reads_every_page_and_takes_only_ours(aws, stub):
    stub.add_response("list_change_sets", {"NextToken": "2", "Summaries": [summary("a", status="FAILED")]})
    last = [summary("b", "by-hand", "FAILED"), summary("c")]
    stub.add_response("list_change_sets", {"Summaries": last}, {"StackName": STACK, "NextToken": "2"})
    stub.add_response("delete_change_set", {}, {"ChangeSetName": "a", "StackName": STACK})
    assert change_set_cleanup.sweep(aws, [STACK], now=NOW) == []


def test_sweeping_keeps_the_nested_sets_of_the_change_set_that_is_to_be_executed(aws, stub):
    own = summary("own", status="FAILED", RootChangeSetId=ROOT_SET)
    listed(stub, STACK, own, summary("old", status="FAILED", RootChangeSetId="another"))
    stub.add_response("delete_change_set", {}, {"ChangeSetName": "old", "StackName": STACK})
    assert change_set_cleanup.sweep(aws, [STACK], ROOT_SET, NOW) == []


def test_the_change_set_that_is_to_be_executed_is_not_swept_however_long_its_plan_was_looked_at(aws, stub):
    listed(stub, STACK, summary("own", age=9) | {"ChangeSetId": ROOT_SET})
    assert change_set_cleanup.sweep(aws, [STACK], ROOT_SET, NOW) == []


def test_a_saved_plan_that_waits_stays_with_its_nested_sets_and_an_obsolete_one_goes(aws, stub):
    name = f"{change_set_cleanup.SAVED}1"
    listed(stub, STACK, summary("waits", name, age=9), summary("obsolete", name, executed="OBSOLETE"))
    stub.add_response("delete_change_set", {}, {"ChangeSetName": "obsolete", "StackName": STACK})
    nested = {"name": f"{name}-Data", "status": "FAILED", "executed": "UNAVAILABLE"}
    listed(
        *(stub, CHILD),
        summary("of one that waits", **nested, RootChangeSetId="waits"),
        summary("of the obsolete one", **nested, RootChangeSetId="obsolete"),
    )
    stub.add_response("delete_change_set", {}, {"ChangeSetName": "of the obsolete one", "StackName": CHILD})
    assert change_set_cleanup.sweep(aws, [STACK, CHILD], ROOT_SET, NOW) == []


def test_sweeping_goes_on_after_what_cannot_be_deleted_and_names_stacks_that_fill_up(aws, stub, monkeypatch):
    monkeypatch.setattr(change_set_cleanup, "MANY", 2)
    stub.add_client_error("list_change_sets", "AccessDenied", "no")
    listed(stub, CHILD, summary("a", status="FAILED"), summary("b", status="FAILED"))
    stub.add_client_error("delete_change_set", "ValidationError", "root change set is EXECUTE_COMPLETE")
    stub.add_response("delete_change_set", {}, {"ChangeSetName": "b", "StackName": CHILD})
    assert change_set_cleanup.sweep(aws, [STACK, CHILD], now=NOW) == [CHILD]


@pytest.mark.parametrize(
    "swept, changes",
    [
        (True, {"status": "FAILED", "executed": "UNAVAILABLE"}),
        (True, {"status": "DELETE_FAILED"}),
        (True, {"executed": "OBSOLETE"}),
        (True, {"age": 1.1}),
        (False, {"age": 0.9}),
        (False, {"age": 9, "executed": "EXECUTE_COMPLETE"}),
        (False, {"age": 9, "executed": "EXECUTE_IN_PROGRESS"}),
        (False, {"age": 9, "name": "by-hand"}),
        (False, {"status": "FAILED", "name": "cdk-deploy"}),
    ],
)
def test_a_leftover_is_ours_and_of_no_more_use(swept, changes):
    assert change_set_cleanup.is_unused(summary("x", **changes), NOW) is swept
