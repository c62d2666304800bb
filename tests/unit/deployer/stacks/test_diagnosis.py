"""The one event that started a failure, among the noise that followed. Recorded shapes."""

from datetime import UTC, datetime, timedelta

from deployer.stacks import diagnosis
from deployer.stacks.events import STACK, Event

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
    cause = diagnosis.root_cause(nested_failure())
    assert (cause.logical_id, cause.reason) == ("Function", "Resource handler returned message: no such key")
    assert diagnosis.place(cause, {CHILD: "ComputeStack"}) == "ComputeStack/Function"


def test_the_order_in_which_events_arrive_does_not_matter():
    assert diagnosis.root_cause(reversed(nested_failure())) == diagnosis.root_cause(nested_failure())


def test_cancellations_on_update_are_noise_too():
    events = [
        event(1, CHILD, "Other", "UPDATE_FAILED", "Resource update cancelled"),
        event(2, CHILD, "Function", "UPDATE_FAILED", "Invalid handler"),
    ]
    assert diagnosis.root_cause(events).reason == "Invalid handler"


def test_of_failures_at_the_same_moment_the_deepest_counts():
    deep = [
        event(1, ROOT, "Compute", "CREATE_IN_PROGRESS", "", STACK, CHILD),
        event(1, CHILD, "Deep", "CREATE_IN_PROGRESS", "", STACK, GRANDCHILD),
        event(5, CHILD, "Function", "CREATE_FAILED", "shallow"),
        event(5, GRANDCHILD, "Function", "CREATE_FAILED", "deep"),
    ]
    assert diagnosis.root_cause(deep).reason == "deep"
    assert [also.reason for also in diagnosis.others(deep, diagnosis.root_cause(deep))] == ["shallow"]


def test_a_child_that_could_not_even_start_names_its_own_cause():
    events = [event(1, ROOT, "Compute", "CREATE_FAILED", "Template error: unresolved Ref", STACK, "")]
    assert diagnosis.root_cause(events).reason == "Template error: unresolved Ref"


def test_a_later_failure_to_clean_up_is_not_the_cause():
    events = [
        *nested_failure(),
        event(20, CHILD, "Bucket", "DELETE_FAILED", "The bucket you tried to delete is not empty"),
    ]
    assert diagnosis.root_cause(events).logical_id == "Function"


def test_when_only_noise_is_left_it_is_better_than_nothing():
    assert (
        diagnosis.root_cause([event(1, ROOT, "Compute", "CREATE_FAILED", EMBEDDED.format(CHILD), STACK, CHILD)])
        is not None
    )
    assert diagnosis.root_cause([event(1, ROOT, "Compute", "CREATE_COMPLETE", "", STACK, CHILD)]) is None


def test_a_child_that_failed_at_once_is_found_by_its_parents_reason():
    assert event(1, ROOT, "Compute", "CREATE_FAILED", EMBEDDED.format(CHILD), STACK, "").child_stack == CHILD
    assert event(1, ROOT, "root", "CREATE_IN_PROGRESS", "", STACK, ROOT).child_stack == ""
