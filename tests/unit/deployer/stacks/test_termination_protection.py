"""The root stack's termination protection: enabled where data is retained, and only once the stack is complete."""

import pytest

from config.environment import load
from deployer.stacks import termination_protection
from tests.unit.aws_account import STACK_ID

STACK = {"StackName": "food-delivery-prod", "StackId": STACK_ID}
PROTECTED = STACK | {"EnableTerminationProtection": True}


def expect(aws, on):
    asked = {"StackName": STACK_ID, "EnableTerminationProtection": on}
    aws.stub("cloudformation").add_response("update_termination_protection", {"StackId": STACK_ID}, asked)


def test_a_stack_that_retains_data_is_protected(aws):
    expect(aws, True)
    assert termination_protection.ensure(aws, load("prod"), STACK)
    aws.done()


@pytest.mark.parametrize("name, stack", [("prod", PROTECTED), ("prod", None), ("dev", STACK), ("dev", PROTECTED)])
def test_another_is_left_as_it_is(aws, name, stack):
    assert not termination_protection.ensure(aws, load(name), stack)


def test_a_failure_is_a_warning_since_the_deployment_is_done(aws):
    aws.stub("cloudformation").add_client_error("update_termination_protection", "AccessDenied", "no")
    assert not termination_protection.ensure(aws, load("prod"), STACK)
    [warning] = aws.warned
    assert warning.startswith("the stack has no termination protection: missing permission:")


def test_it_is_lifted_only_if_there_is_any(aws):
    assert not termination_protection.lift(aws, STACK)
    expect(aws, False)
    assert termination_protection.lift(aws, PROTECTED)
    aws.done()
