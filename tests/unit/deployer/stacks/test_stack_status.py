"""What a stack's status allows, and the recovery action of each status that allows no update."""

import pytest

from deployer.stacks.stack_status import StackStatus, recovery_action


@pytest.mark.parametrize(
    "status, said",
    [
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("UPDATE_IN_PROGRESS", "another deployment is running"),
        ("DELETE_IN_PROGRESS", "stack-delete-complete"),
        ("DELETE_FAILED", "delete-stack"),
        ("CREATE_FAILED", "rollback-stack"),
        ("ROLLBACK_FAILED", "delete-stack"),
        ("ROLLBACK_COMPLETE", "delete-stack"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "another deployment"),
    ],
)
def test_a_stuck_stack_has_a_way_out(status, said):
    action = recovery_action(StackStatus(status), lambda words: f"<{words}>")
    assert said in action and action.endswith(">")


@pytest.mark.parametrize(
    "status", ["", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
)
def test_what_can_be_deployed_to_needs_none(status):
    assert recovery_action(StackStatus(status), str) == ""


def test_what_was_left_failed_is_neither_updatable_nor_new():
    for name in ("CREATE_FAILED", "UPDATE_FAILED"):
        status = StackStatus(name)
        assert status.failed_without_rollback and not status.can_update and not status.is_new and status.is_settled
    assert not StackStatus("UPDATE_ROLLBACK_FAILED").failed_without_rollback
