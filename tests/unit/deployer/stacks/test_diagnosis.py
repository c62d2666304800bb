"""The one event that started a failure, among the noise that followed. Recorded shapes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.plan.locations import Sources
from deployer.stacks import causes, diagnosis, events
from deployer.stacks.events import STACK, Event
from deployer.stacks.rollback_triggers import Breach
from deployer.stacks.stack_status import StackStatus
from deployer.stacks.validation import Problem

START = datetime(2026, 1, 1, tzinfo=UTC)
ROOT, CHILD, GRANDCHILD = (
    f"arn:aws:cloudformation:r:1:stack/{name}/id" for name in ("root", "root-Compute-X", "root-Compute-Deep-Y")
)
EMBEDDED = (
    "Embedded stack {} was not successfully created: The following resource(s) failed to create: [Function, Role]."
)


def event(second, stack, logical_id, status, reason="", kind="AWS::Lambda::Function", physical_id=""):
    return Event(
        f"{second}-{logical_id}-{status}",
        START + timedelta(seconds=second),
        stack,
        stack.split("/")[1],
        logical_id,
        physical_id,
        kind,
        status,
        reason,
    )


def nested_failure():
    return [
        event(0, ROOT, "root", "CREATE_IN_PROGRESS", "User Initiated", STACK, ROOT),
        event(1, ROOT, "Compute", "CREATE_IN_PROGRESS", "", STACK, ""),
        event(2, ROOT, "Compute", "CREATE_IN_PROGRESS", "Resource creation Initiated", STACK, CHILD),
        event(3, CHILD, "Role", "CREATE_IN_PROGRESS", kind="AWS::IAM::Role"),
        event(6, CHILD, "Function", "CREATE_FAILED", "Resource handler returned message: no such key"),
        event(6, CHILD, "Role", "CREATE_FAILED", "Resource creation cancelled", "AWS::IAM::Role"),
        event(
            7,
            CHILD,
            "root-Compute-X",
            "ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to create: [Function].",
            STACK,
            CHILD,
        ),
        event(9, ROOT, "Compute", "CREATE_FAILED", EMBEDDED.format(CHILD), STACK, CHILD),
        event(9, ROOT, "Data", "CREATE_FAILED", "Resource creation cancelled", STACK, ""),
        event(
            10,
            ROOT,
            "root",
            "ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to create: [Compute, Data].",
            STACK,
            ROOT,
        ),
        event(30, ROOT, "root", "ROLLBACK_COMPLETE", "", STACK, ROOT),
    ]


def test_the_cause_of_a_nested_failure_is_the_resource_not_the_stack():
    cause = causes.root_cause(nested_failure())
    assert (cause.logical_id, cause.reason) == ("Function", "Resource handler returned message: no such key")
    assert causes.resource_path(cause, {CHILD: "ComputeStack"}) == "ComputeStack/Function"


def test_the_order_in_which_events_arrive_does_not_matter():
    assert causes.root_cause(reversed(nested_failure())) == causes.root_cause(nested_failure())


def test_cancellations_on_update_are_noise_too():
    events = [
        event(1, CHILD, "Other", "UPDATE_FAILED", "Resource update cancelled"),
        event(2, CHILD, "Function", "UPDATE_FAILED", "Invalid handler"),
    ]
    assert causes.root_cause(events).reason == "Invalid handler"


def test_of_failures_at_the_same_moment_the_deepest_counts():
    deep = [
        event(1, ROOT, "Compute", "CREATE_IN_PROGRESS", "", STACK, CHILD),
        event(1, CHILD, "Deep", "CREATE_IN_PROGRESS", "", STACK, GRANDCHILD),
        event(5, CHILD, "Function", "CREATE_FAILED", "shallow"),
        event(5, GRANDCHILD, "Function", "CREATE_FAILED", "deep"),
    ]
    assert causes.root_cause(deep).reason == "deep"
    assert [also.reason for also in causes.others(deep, causes.root_cause(deep))] == ["shallow"]


def test_a_child_that_could_not_even_start_names_its_own_cause():
    events = [event(1, ROOT, "Compute", "CREATE_FAILED", "Template error: unresolved Ref", STACK, "")]
    assert causes.root_cause(events).reason == "Template error: unresolved Ref"


def test_a_later_failure_to_clean_up_is_not_the_cause():
    events = [
        *nested_failure(),
        event(20, CHILD, "Bucket", "DELETE_FAILED", "The bucket you tried to delete is not empty"),
    ]
    assert causes.root_cause(events).logical_id == "Function"


def test_when_only_noise_is_left_it_is_better_than_nothing():
    assert (
        causes.root_cause([event(1, ROOT, "Compute", "CREATE_FAILED", EMBEDDED.format(CHILD), STACK, CHILD)])
        is not None
    )
    assert causes.root_cause([event(1, ROOT, "Compute", "CREATE_COMPLETE", "", STACK, CHILD)]) is None


def test_a_child_that_failed_at_once_is_found_by_its_parents_reason():
    assert event(1, ROOT, "Compute", "CREATE_FAILED", EMBEDDED.format(CHILD), STACK, "").child_stack == CHILD
    assert event(1, ROOT, "root", "CREATE_IN_PROGRESS", "", STACK, ROOT).child_stack == ""


NAMES = {ROOT: "", CHILD: "ComputeStack"}
SOURCES = Sources(
    {
        "root": "Resources:\n  ComputeStack:\n    Properties:\n      TemplateURL: ./compute.yaml\n",
        "compute": "Resources:\n  Function:\n    Properties:\n      Code:\n        S3Key: lost\n",
    }
)


def explain(history, status="ROLLBACK_COMPLETE", **more):
    given = {"cli": lambda words: f"aws cloudformation {words}", "again": "python deploy.py --env dev", **more}
    return diagnosis.explain(StackStatus(status), history, NAMES, **given)


def test_an_explanation_has_place_property_line_remedy_state_and_next_command():
    report = explain(nested_failure(), sources=SOURCES)
    assert (report.cause.path, report.cause.type) == ("ComputeStack/Function", "AWS::Lambda::Function")
    assert (report.cause.message, report.cause.property) == ("no such key", "Code/S3Key")
    assert str(report.cause.location) == "templates/compute.yaml:5"
    assert "artifact bucket" in report.cause.remedy
    assert report.others == report.stuck == report.retained == ()
    assert report.stacks == {"": "ROLLBACK_COMPLETE", "ComputeStack": "ROLLBACK_IN_PROGRESS"}
    assert report.state == "the stack's resources were deleted; nothing was retained"
    assert "python deploy.py --env dev" in report.next and "delete the empty stack" in report.next


def test_without_this_checkouts_templates_nothing_is_said_of_lines():
    assert explain(nested_failure()).cause.location is None


def test_what_a_deletion_policy_kept_is_named():
    kept = event(12, CHILD, "Table", "DELETE_SKIPPED", kind="AWS::DynamoDB::Table")
    report = explain([*nested_failure(), kept])
    assert report.retained == ("ComputeStack/Table",)
    assert report.state == "the stack's resources were deleted, except what is named above"


def rolled_back_update(*more):
    return [
        event(1, ROOT, "Compute", "UPDATE_IN_PROGRESS", "", STACK, CHILD),
        event(2, CHILD, "Function", "UPDATE_FAILED", "Invalid handler"),
        event(2, CHILD, "Role", "UPDATE_FAILED", "Resource update cancelled"),
        event(3, CHILD, "x", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed.", STACK, CHILD),
        *more,
        event(9, ROOT, "root", "UPDATE_ROLLBACK_IN_PROGRESS", "failed to update: [Compute].", STACK, ROOT),
    ]


def test_a_rolled_back_update_left_everything_as_it_was():
    report = explain(rolled_back_update(), "UPDATE_ROLLBACK_COMPLETE")
    assert report.state == "the stack is rolled back to its previous state"
    assert report.next == "correct the cause, then: python deploy.py --env dev"


RACE = "The role ARN does not have required permissions configured. (Service: ApiGateway, Status Code: 400)"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("UPDATE_ROLLBACK_COMPLETE", "python deploy.py --env dev"),
        ("ROLLBACK_COMPLETE", "python deploy.py --env dev   (offers to delete the empty stack first)"),
        (
            "UPDATE_FAILED",
            "continue from here: python deploy.py --env dev --no-rollback   (without it: offers to roll it back first)",
        ),
    ],
)
def test_where_the_same_command_again_is_all_nothing_else_is_asked_for(status, expected):
    found = explain([event(2, CHILD, "ApiGatewayAccount", "UPDATE_FAILED", RACE)], status)
    assert found.cause.transient and "run the same command again" in found.cause.remedy
    assert found.next == expected


def test_a_race_beside_a_mistake_leaves_the_mistake_to_correct():
    events = [
        event(2, CHILD, "Account", "UPDATE_FAILED", RACE),
        event(3, CHILD, "Topic", "UPDATE_FAILED", "Invalid topic"),
    ]
    assert explain(events, "UPDATE_ROLLBACK_COMPLETE").next == "correct the cause, then: python deploy.py --env dev"


def test_what_blocks_the_rollback_is_no_cause_and_no_further_failure_but_stuck():
    stuck = event(5, CHILD, "Queue", "UPDATE_FAILED", "Resource handler returned message: Access denied")
    report = explain(rolled_back_update(stuck), "UPDATE_ROLLBACK_FAILED")
    assert report.cause.message == "Invalid handler"
    assert report.others == ()
    assert [(cause.path, cause.message) for cause in report.stuck] == [("ComputeStack/Queue", "Access denied")]
    assert "rollback failed" in report.state
    assert report.next.startswith("python deploy.py --env dev ") and "offers to continue it" in report.next


def test_further_independent_failures_are_reported_and_cancellations_are_not():
    other = event(2, CHILD, "Topic", "UPDATE_FAILED", "Invalid topic")
    report = explain(rolled_back_update(other), "UPDATE_ROLLBACK_COMPLETE")
    assert [cause.path for cause in report.others] == ["ComputeStack/Topic"]


@pytest.mark.parametrize("failed, others", [("Invalid topic", ["Topic"]), ("Resource update cancelled", [])])
def test_a_rollback_by_an_alarm_hides_neither_a_failure_beside_it_nor_what_blocks_the_rollback(failed, others):
    history = [
        event(1, ROOT, "Topic", "UPDATE_FAILED", failed, "AWS::SNS::Topic"),
        event(2, ROOT, "root", "UPDATE_ROLLBACK_IN_PROGRESS", "", STACK, ROOT),
        event(5, ROOT, "Queue", "UPDATE_FAILED", "Access denied", "AWS::SQS::Queue"),
    ]
    breach = Breach("sync-path", "errors is in ALARM")
    report = explain(history, "UPDATE_ROLLBACK_FAILED", breach=breach, logs="deploy.py --logs")
    assert (report.cause.path, report.cause.message, report.breach) == ("sync-path", breach.reason, breach)
    assert report.cause.remedy == "read the logs of that time: deploy.py --logs"
    assert [cause.path for cause in report.others] == others
    assert [cause.path for cause in report.stuck] == ["Queue"]


@pytest.mark.parametrize("status, away", [("CREATE_FAILED", "delete the stack"), ("UPDATE_FAILED", "roll it back")])
def test_without_a_rollback_it_stands_as_it_failed_and_both_ways_out_are_named(status, away):
    report = explain(nested_failure(), status)
    assert "nothing was rolled back" in report.state
    assert "python deploy.py --env dev --no-rollback " in report.next and f"without it: offers to {away}" in report.next


def test_a_failed_hook_is_reported_with_its_own_message():
    entry = {
        "EventId": "7",
        "Timestamp": START,
        "StackId": CHILD,
        "StackName": "c",
        "LogicalResourceId": "Function",
        "ResourceType": "AWS::Lambda::Function",
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "HookType": "Acme::Security::Hook",
        "HookStatus": "HOOK_COMPLETE_FAILED",
        "HookStatusReason": "tracing must be on",
        "HookFailureMode": "FAIL",
    }
    failed = event(2, CHILD, "Function", "CREATE_FAILED", "The following hook(s) failed: [Acme::Security::Hook]")
    warned = events.of(entry | {"HookFailureMode": "WARN", "HookStatusReason": "a warning"})
    report = explain([events.of(entry), warned, failed])
    assert report.cause.message == "Acme::Security::Hook: tracing must be on"


def test_a_stack_that_was_refused_unmade_is_explained_by_what_was_found_in_it():
    said = "Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues."
    refused = [
        event(1, ROOT, "Compute", "CREATE_IN_PROGRESS", "", STACK, CHILD),
        event(2, CHILD, "root-Compute-X", "CREATE_FAILED", said, STACK, CHILD),
        event(2, CHILD, "root-Compute-X", "ROLLBACK_IN_PROGRESS", "Validation failure detected. See ...", STACK, CHILD),
        event(3, ROOT, "Compute", "CREATE_FAILED", EMBEDDED.format(CHILD), STACK, CHILD),
    ]
    problem = Problem("ComputeStack", "Function", "AWS::Lambda::Function", "PROPERTY_VALIDATION", "bad", "Code/S3Key")
    report = explain(refused, sources=SOURCES, problems=[problem])
    assert (report.cause.path, report.cause.message) == ("ComputeStack/Function", "bad")
    assert str(report.cause.location) == "templates/compute.yaml:5"
    assert report.others == ()


def test_a_stack_that_fails_as_a_whole_is_called_and_found_as_its_parent_calls_it():
    said = "Output URL refers to a resource that does not exist"
    whole = [
        event(1, ROOT, "Compute", "CREATE_IN_PROGRESS", "", STACK, CHILD),
        event(2, CHILD, "root-Compute-X", "ROLLBACK_IN_PROGRESS", said, STACK, CHILD),
        event(3, ROOT, "Compute", "CREATE_FAILED", EMBEDDED.format(CHILD), STACK, CHILD),
    ]
    cause = explain(whole, sources=SOURCES).cause
    assert (cause.path, cause.message, str(cause.location)) == ("ComputeStack", said, "templates/root.yaml:2")


def test_a_failure_without_any_reason_is_still_a_diagnosis():
    report = explain([], "UPDATE_ROLLBACK_COMPLETE")
    assert report.cause is None and report.stacks == {"": "UPDATE_ROLLBACK_COMPLETE"}


REASONS = ("", "Resource creation cancelled", "real", "Embedded stack x was not successfully created", "Access denied")
STATUSES = ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED", "ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE")
EVENTS = st.sampled_from([(ROOT, [ROOT, CHILD, ""]), (CHILD, [CHILD, ""])]).flatmap(
    lambda stack: st.builds(
        event,
        st.integers(0, 9),
        st.just(stack[0]),
        st.sampled_from(["A", "B"]),
        st.sampled_from(STATUSES),
        st.sampled_from(REASONS),
        st.sampled_from([STACK, "AWS::SQS::Queue"]),
        st.sampled_from(stack[1]),
    )
)


@given(st.lists(EVENTS, max_size=12))
def test_whatever_happened_the_cause_is_real_if_anything_real_failed(history):
    report = explain(history)
    real = [each for each in history if each.status.endswith("_FAILED") and each.reason in ("real", "Access denied")]
    if any(not each.of_the_stack for each in real):
        assert report.cause.message in ("real", "Access denied")
    assert all("cancelled" not in cause.message for cause in report.others + report.stuck)
