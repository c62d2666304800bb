"""Who began the operation that a stack is in, and whether that run is still there."""

import os
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.stacks import operation
from deployer.stacks.operation import Starter

ROOT = "arn:aws:cloudformation:us-east-1:1:stack/food-delivery-dev/1"
ANA = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_1f/ana@example.com"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def entry(second, status, token="", logical_id="food-delivery-dev", reason="", physical_id=ROOT):
    event = {
        "EventId": f"{second}{logical_id}{status}",
        "StackId": ROOT,
        "StackName": "food-delivery-dev",
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": "AWS::CloudFormation::Stack" if physical_id == ROOT else "AWS::SQS::Queue",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": START + timedelta(seconds=second),
    }
    return event | ({"ClientRequestToken": token} if token else {})


def described(aws, status):
    entry = {"StackId": ROOT, "StackName": "food-delivery-dev", "StackStatus": status, "CreationTime": START}
    aws.stub("cloudformation").add_response("describe_stacks", {"Stacks": [entry]}, {"StackName": "food-delivery-dev"})


def history(aws, *events, following=""):
    """One page of the stack's history, newest first."""
    page = {"StackEvents": list(events)} | ({"NextToken": following} if following else {})
    aws.stub("cloudformation").add_response("describe_stack_events", page)


def current(aws):
    found = operation.current(aws, "food-delivery-dev")
    aws.done()
    return found


@given(
    st.builds("arn:aws:sts::123456789012:{}".format, st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
)
def test_every_caller_makes_a_token_that_cloudformation_takes_and_that_can_be_read_again(caller):
    token = operation.token(caller)
    assert len(token) <= 128 and re.fullmatch(r"[a-zA-Z0-9][-a-zA-Z0-9]*", token)
    assert operation.starter(token) == Starter(operation.name_of(caller), operation._host(), os.getpid())


def test_two_runs_never_have_the_same_token():
    assert operation.token(ANA) != operation.token(ANA)


@pytest.mark.parametrize(
    "caller, name",
    [
        (ANA, "ana-example-com"),
        ("arn:aws:iam::123456789012:user/team/ops.person", "ops-person"),
        ("arn:aws:iam::123456789012:root", "root"),
        ("arn:aws:sts::123456789012:assumed-role/Deployer/GitHubActions", "GitHubActions"),
        ("arn:aws:sts::123456789012:assumed-role/Deployer/botocore-session-1767268800", "Deployer"),
        ("arn:aws:sts::123456789012:assumed-role/Deployer/1767268800123456789", "Deployer"),
    ],
)
def test_a_caller_goes_by_the_name_that_a_person_knows(caller, name):
    assert operation.name_of(caller) == name


@pytest.mark.parametrize("token", ["", "Console-ExecuteChangeSet-1f2e", "deploy-20260101", "deploy--ana--host"])
def test_other_programs_tokens_have_no_starter(token):
    assert operation.starter(token) is None


def test_the_running_operation_is_read_page_by_page_back_to_its_beginning_and_no_further(aws):
    token = operation.token(ANA)
    described(aws, "UPDATE_ROLLBACK_IN_PROGRESS")
    history(
        aws,
        entry(9, "UPDATE_ROLLBACK_IN_PROGRESS", token, reason="The following resource(s) failed to update: [Queue]."),
        entry(8, "UPDATE_FAILED", token, "Queue", physical_id="q"),
        following="2",
    )
    history(
        aws,
        entry(5, "UPDATE_IN_PROGRESS", token, "Queue", physical_id="q"),
        entry(4, "UPDATE_IN_PROGRESS", token, reason="User Initiated"),
        entry(-9, "CREATE_COMPLETE"),
        following="3",  # never asked for
    )
    found = current(aws)
    assert (found.begun, found.status.name, found.since) == (
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        START + timedelta(seconds=4),
    )
    assert found.starter.who == "ana-example-com" and found.is_deployment


def test_a_requested_rollback_is_a_separate_operation(aws):
    described(aws, "UPDATE_ROLLBACK_IN_PROGRESS")
    history(
        aws,
        entry(9, "UPDATE_ROLLBACK_IN_PROGRESS", operation.token(ANA), reason="User Initiated"),
        entry(8, "UPDATE_ROLLBACK_FAILED", "other"),
    )
    found = current(aws)
    assert found.since == START + timedelta(seconds=9) and not found.is_deployment


def test_what_the_console_began_says_so(aws):
    described(aws, "UPDATE_IN_PROGRESS")
    history(aws, entry(4, "UPDATE_IN_PROGRESS", "Console-ExecuteChangeSet-1f2e", reason="User Initiated"))
    found = current(aws)
    assert found.starter is None and "another program" in found.who


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"])
def test_a_stack_at_rest_is_in_no_operation(aws, status):
    described(aws, status)
    history(aws, entry(4, "UPDATE_IN_PROGRESS", reason="User Initiated"))
    assert current(aws) is None


def test_a_stack_that_does_not_exist_is_in_no_operation(aws):
    aws.stub("cloudformation").add_client_error("describe_stacks", "ValidationError", "Stack with id x does not exist")
    assert current(aws) is None


def left(starter, alive):
    running = operation.Operation(ROOT, "UPDATE_IN_PROGRESS", None, START, starter)
    return operation.is_resumable(running, ANA, lambda pid: alive)


def test_only_ones_own_operation_whose_run_is_no_more_is_resumed():
    mine = operation.starter(operation.token(ANA))
    assert left(mine, alive=False)
    assert not left(mine, alive=True), "the same person's other terminal is at it"
    assert not left(Starter("bob", mine.host, mine.pid), alive=False)
    assert not left(Starter(mine.who, "elsewhere", mine.pid), alive=False), "its process cannot be checked from here"
    assert not left(None, alive=False)


def test_a_process_is_known_to_live_or_not():
    assert operation._is_alive(os.getppid())
    assert not operation._is_alive(2**22 + 1)  # above the highest process id of Linux
    assert not operation._is_alive(os.getpid()), "this run stopped following its own operation"
