"""CloudFormation's validation: every page, every nested change set, errors and warnings."""

from datetime import UTC, datetime

import pytest
from botocore.stub import ANY

from deployer.stacks import validation
from deployer.stacks.events import Event
from deployer.stacks.validation import Problem

STACK, CHILD = (f"arn:aws:cloudformation:r:123456789012:stack/{name}/1" for name in ("root", "root-Data-X"))
SET, CHILD_SET = (f"arn:aws:cloudformation:r:123456789012:changeSet/{name}/1" for name in ("d", "d-Data"))

KEYS = {
    "EventType": "VALIDATION_ERROR",
    "StackId": CHILD,
    "LogicalResourceId": "OrdersTable",
    "ResourceType": "AWS::DynamoDB::Table",
    "ValidationFailureMode": "FAIL",
    "ValidationName": "PROPERTY_VALIDATION",
    "ValidationStatus": "FAILED",
    "ValidationStatusReason": "#/KeySchema/0: required key [KeyType] not found",
    "ValidationPath": "/Resources/OrdersTable/Properties/KeySchema/0",
}
CONFLICT = KEYS | {
    "LogicalResourceId": "ApiConfigParameter",
    "ResourceType": "AWS::SSM::Parameter",
    "ValidationName": "NAME_CONFLICT_VALIDATION",
    "ValidationStatusReason": "Resource of type 'AWS::SSM::Parameter' with identifier '/x' already exists.",
    "ValidationPath": "Resources/ApiConfigParameter",
}
BUCKET = KEYS | {"ValidationName": "BUCKET_EMPTINESS_VALIDATION", "ValidationFailureMode": "WARN", "StackId": STACK}


def sets(stub):
    nested = {"LogicalResourceId": "DataStack", "ResourceType": "AWS::CloudFormation::Stack", "ChangeSetId": CHILD_SET}
    root = {"StackId": STACK, "Changes": [{"Type": "Resource", "ResourceChange": nested}]}
    stub.add_response("describe_change_set", root, {"ChangeSetName": SET})


def refused(aws):
    """What was found in a change set that failed, so that nothing is known of it yet."""
    return validation.problems(aws, validation.nested(aws.client("cloudformation"), SET, 0))


def test_nested_change_sets_and_all_pages_are_read(aws):
    stub = aws.stub("cloudformation")
    sets(stub)
    stub.add_response("describe_events", {"OperationEvents": [BUCKET]}, {"ChangeSetName": SET})
    stub.add_response("describe_change_set", {"StackId": CHILD, "Changes": []}, {"ChangeSetName": CHILD_SET})
    first = {"OperationEvents": [KEYS, {"EventType": "STACK_EVENT"}], "NextToken": "2"}
    stub.add_response("describe_events", first, {"ChangeSetName": CHILD_SET})
    stub.add_response(
        "describe_events", {"OperationEvents": [CONFLICT, KEYS]}, {"ChangeSetName": ANY, "NextToken": "2"}
    )
    found = refused(aws)
    assert [(problem.stack, problem.check, problem.stops) for problem in found] == [
        ("", "BUCKET_EMPTINESS_VALIDATION", False),
        ("DataStack", "PROPERTY_VALIDATION", True),
        ("DataStack", "NAME_CONFLICT_VALIDATION", True),
    ]
    assert (found[1].logical_id, found[1].property) == ("OrdersTable", "KeySchema/0")
    assert (found[2].logical_id, found[2].property) == ("ApiConfigParameter", "")
    aws.done()


def test_a_change_set_that_was_read_is_not_read_again(aws):
    stub = aws.stub("cloudformation")
    stub.add_response("describe_events", {"OperationEvents": [BUCKET, KEYS]}, {"ChangeSetName": SET})
    stub.add_response("describe_events", {"OperationEvents": [KEYS]}, {"ChangeSetName": CHILD_SET})
    found = validation.problems(aws, [("", STACK, SET), ("DataStack", CHILD, CHILD_SET)])
    assert [(problem.stack, problem.logical_id) for problem in found] == [
        ("", "OrdersTable"),
        ("DataStack", "OrdersTable"),
    ]
    aws.done()


def test_a_childs_problem_that_the_root_repeats_is_reported_once_for_the_child(aws):
    stub = aws.stub("cloudformation")
    sets(stub)
    stub.add_response("describe_events", {"OperationEvents": [KEYS]})
    stub.add_response("describe_change_set", {"StackId": CHILD, "Changes": []})
    stub.add_response("describe_events", {"OperationEvents": [KEYS]})
    [found] = refused(aws)
    assert found.stack == "DataStack"


def test_a_hook_that_refuses_is_a_problem_and_one_that_warns_a_warning(aws):
    hook = {
        "EventType": "HOOK_INVOCATION_ERROR",
        "LogicalResourceId": "OrdersTable",
        "HookType": "Acme::Security::Hook",
        "HookStatus": "HOOK_COMPLETE_FAILED",
        "HookStatusReason": "no encryption",
        "HookFailureMode": "FAIL",
    }
    stub = aws.stub("cloudformation")
    stub.add_response("describe_change_set", {"StackId": STACK})
    stub.add_response("describe_events", {"OperationEvents": [hook, hook | {"HookFailureMode": "WARN"}]})
    refusal, warned = refused(aws)
    assert refusal == Problem("", "OrdersTable", "", "Acme::Security::Hook", "no encryption")
    assert not warned.stops


def test_a_validation_that_was_skipped_is_none(aws):
    stub = aws.stub("cloudformation")
    stub.add_response("describe_change_set", {"StackId": STACK})
    stub.add_response(
        "describe_events", {"OperationEvents": [KEYS | {"ValidationStatus": "SKIPPED", "StackId": STACK}]}
    )
    assert refused(aws) == ()


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAction", "Throttling"])
def test_what_cannot_be_read_hides_nothing(aws, code):
    stub = aws.stub("cloudformation")
    sets(stub)
    stub.add_response("describe_events", {"OperationEvents": [BUCKET]})
    stub.add_response("describe_change_set", {"StackId": CHILD})
    stub.add_client_error("describe_events", code, "words", 400)
    assert len(refused(aws)) == 1


def event(stack, reason):
    return Event("1", datetime(2026, 1, 1, tzinfo=UTC), stack, "s", "s", stack, "T", "CREATE_FAILED", reason)


def test_a_stack_that_was_refused_while_it_was_made_is_asked_about(aws):
    stub = aws.stub("cloudformation")
    stub.add_response("describe_events", {"OperationEvents": [KEYS]}, {"StackName": CHILD})
    said = "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues."
    [found] = validation.of_stacks(aws, [event(CHILD, said), event(CHILD, said)], {CHILD: "DataStack"})
    assert (found.stack, found.property) == ("DataStack", "KeySchema/0")
    aws.done()


def test_nobody_is_asked_when_the_events_say_all(aws):
    assert validation.of_stacks(aws, [event(CHILD, "no such key")], {}) == ()


@pytest.mark.parametrize(
    "reason, problems, message, hint",
    [
        ("no such parameter", [], "no such parameter", "correct it, then run the same command again"),
        ("Use the DescribeEvents API", [], "Use the DescribeEvents API", "cloudformation:DescribeEvents"),
        ("Use the DescribeEvents API", [1], "1 problem, see above", "correct it, then run the same command again"),
    ],
)
def test_a_refusal_says_what_was_found_or_how_to_read_it(reason, problems, message, hint):
    refusal = validation.Refused(reason, [Problem("", "T", "", "C", "words") for _ in problems])
    assert refusal.message == f"CloudFormation refused the change set: {message}"
    assert hint in refusal.hint


def test_events_are_read_by_the_names_and_values_of_botocores_model(aws):
    """Not those of an account: the model is what AWS answers by."""
    operation = aws.client("cloudformation").meta.service_model.operation_model("DescribeEvents")
    assert {"ChangeSetName", "StackName"} <= set(operation.input_shape.members)
    event = operation.output_shape.members["OperationEvents"].member.members
    read = {"HookType", "HookStatusReason", "HookFailureMode", "HookStatus", "EventType"} | set(KEYS)
    assert read <= set(event)
    assert set(validation._VERDICTS) <= set(event["EventType"].enum)
    for verdict in validation._VERDICTS.values():
        assert any(value.endswith("FAILED") for value in event[verdict].enum)
    for mode in ("ValidationFailureMode", "HookFailureMode"):
        assert event[mode].enum == ["FAIL", "WARN"]
