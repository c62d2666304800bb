"""Recovery of stuck stacks: blocked resources, their names for skipping, and the operation followed to its end."""

import pytest
from botocore.stub import ANY

from deployer.aws.waiting import PollingConfig
from deployer.stacks import recovery
from tests.unit.deployer.stacks import event_entries

ROOT, DATA, DEEP = (
    f"arn:aws:cloudformation:us-east-1:1:stack/{name}/1" for name in ("shop", "shop-Data-1A2B", "shop-Data-Deep-3C4D")
)
STACK = "AWS::CloudFormation::Stack"


def entry(second, stack, logical_id, status, physical_id="x", kind="AWS::SQS::Queue", reason=""):
    return event_entries.entry(second, stack, logical_id, status, physical_id, kind, reason)


def replay(aws, stack, *events, following="", token=None):
    page = {"StackEvents": list(events)} | ({"NextToken": following} if following else {})
    asked = {"StackName": stack} | ({"NextToken": token} if token else {})
    aws.stub("cloudformation").add_response("describe_stack_events", page, asked)


def test_what_blocks_a_rollback_is_found_in_root_and_nested_stacks_over_pages(aws):
    replay(
        aws,
        ROOT,
        entry(9, ROOT, "shop", "UPDATE_ROLLBACK_FAILED", ROOT, STACK),
        entry(8, ROOT, "Topic", "UPDATE_FAILED", reason="no such policy"),
        following="2",
    )
    replay(
        aws,
        ROOT,
        entry(7, ROOT, "Data", "UPDATE_FAILED", DATA, STACK, "Embedded stack failed"),
        entry(7, ROOT, "Other", "UPDATE_COMPLETE"),
        entry(6, ROOT, "shop", "UPDATE_ROLLBACK_IN_PROGRESS", ROOT, STACK),
        entry(5, ROOT, "Other", "UPDATE_FAILED", reason="the cause, not what blocks"),
        token="2",
    )
    replay(
        aws,
        DATA,
        entry(7, DATA, "Queue", "UPDATE_FAILED", reason="gone"),
        entry(7, DATA, "Twin", "UPDATE_FAILED", reason="Resource update cancelled"),
        entry(7, DATA, "Deep", "UPDATE_FAILED", DEEP, STACK),
        entry(6, DATA, "shop-Data-1A2B", "UPDATE_ROLLBACK_IN_PROGRESS", DATA, STACK),
    )
    replay(
        aws,
        DEEP,
        entry(7, DEEP, "Table", "UPDATE_FAILED", reason="busy"),
        entry(6, DEEP, "shop-Data-Deep-3C4D", "UPDATE_ROLLBACK_IN_PROGRESS", DEEP, STACK),
    )
    found = recovery.blocked(aws, ROOT)
    assert [(one.path, one.to_skip, one.reason) for one in found] == [
        ("Topic", "Topic", "no such policy"),
        ("Data/Queue", "shop-Data-1A2B.Queue", "gone"),
        ("Data/Deep/Table", "shop-Data-Deep-3C4D.Table", "busy"),
    ]
    aws.done()


def test_a_nested_stack_in_which_nothing_failed_blocks_itself(aws):
    failed = entry(7, ROOT, "Data", "DELETE_FAILED", DATA, STACK, "in use")
    replay(aws, ROOT, failed, entry(6, ROOT, "shop", "DELETE_IN_PROGRESS", ROOT, STACK))
    for _ in ("its last phase", "its last operation"):
        replay(aws, DATA, entry(1, DATA, "shop-Data-1A2B", "CREATE_IN_PROGRESS", DATA, STACK))
    assert [str(one) for one in recovery.blocked(aws, ROOT)] == [f"Data ({STACK}): in use"]
    aws.done()


def test_a_nested_stack_that_was_rolled_back_names_what_failed_before(aws):
    """As --no-rollback leaves it: the root stands as it failed, the nested stack may have gone back."""
    failed = entry(7, ROOT, "Data", "UPDATE_FAILED", DATA, STACK, "Embedded stack failed")
    replay(aws, ROOT, failed, entry(1, ROOT, "shop", "UPDATE_IN_PROGRESS", ROOT, STACK))
    history = [
        entry(5, DATA, "shop-Data-1A2B", "UPDATE_ROLLBACK_COMPLETE", DATA, STACK),
        entry(4, DATA, "shop-Data-1A2B", "UPDATE_ROLLBACK_IN_PROGRESS", DATA, STACK),
        entry(3, DATA, "Queue", "UPDATE_FAILED", reason="no such key"),
        entry(2, DATA, "shop-Data-1A2B", "UPDATE_IN_PROGRESS", DATA, STACK),
    ]
    replay(aws, DATA, *history)
    replay(aws, DATA, *history)
    assert [one.path for one in recovery.blocked(aws, ROOT)] == ["Data/Queue"]
    aws.done()


@pytest.mark.parametrize(
    "way, call, begins, ends",
    [
        (
            recovery.continue_rollback,
            "continue_update_rollback",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_ROLLBACK_COMPLETE",
        ),
        (
            recovery.continue_rollback,
            "continue_update_rollback",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_ROLLBACK_FAILED",
        ),
        (recovery.roll_back, "rollback_stack", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
        (recovery.delete, "delete_stack", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"),
        (recovery.delete, "delete_stack", "DELETE_IN_PROGRESS", "DELETE_FAILED"),
    ],
)
def test_a_way_out_begins_with_the_token_and_is_followed_to_its_end(aws, way, call, begins, ends):
    stub = aws.stub("cloudformation")
    old = [entry(0, ROOT, "shop", "UPDATE_FAILED", ROOT, STACK)]
    replay(aws, ROOT, *old)
    stub.add_response(call, {}, {"StackName": ROOT, "ClientRequestToken": "deploy--ana"})
    begun = entry(1, ROOT, "shop", begins, ROOT, STACK)
    replay(aws, ROOT, *old)
    replay(aws, ROOT, begun, *old)
    stub.add_client_error("describe_stack_events", "Throttling", "Rate exceeded", 400)
    replay(aws, ROOT, entry(2, ROOT, "shop", ends, ROOT, STACK), begun, *old)
    heard = []
    outcome = way(aws, ROOT, heard.extend, PollingConfig(0, 0, 5), "deploy--ana")
    assert outcome.status.name == ends
    assert [event.status for event in heard] == [begins, ends], "neither the past nor anything twice"
    aws.done()


def test_a_cancellation_asks_for_the_stack(aws):
    expected = {"StackName": ROOT, "ClientRequestToken": ANY}
    aws.stub("cloudformation").add_response("cancel_update_stack", {}, expected)
    recovery.cancel(aws, ROOT, "deploy--ana")
    aws.done()
