"""A stack's status as a value, and the recovery action for each status that needs one."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StackStatus:
    """CloudFormation's StackStatus; "" if the stack does not exist."""

    name: str

    @property
    def exists(self) -> bool:
        return self.name not in ("", "DELETE_COMPLETE")

    @property
    def is_new(self) -> bool:
        """Return True if no resource was ever created: the change set's type is CREATE."""
        return not self.exists or self.name == "REVIEW_IN_PROGRESS"

    @property
    def is_running(self) -> bool:
        return self.name.endswith("_IN_PROGRESS") and self.name != "REVIEW_IN_PROGRESS"

    @property
    def is_settled(self) -> bool:
        return bool(self.name) and not self.name.endswith("_IN_PROGRESS")

    @property
    def succeeded(self) -> bool:
        """Return True if the last operation succeeded without a rollback."""
        return self.name in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")

    @property
    def can_update(self) -> bool:
        return self.succeeded or self.name in ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")

    @property
    def must_be_deleted(self) -> bool:
        """Return True if the creation was rolled back: such a stack cannot be updated."""
        return self.name == "ROLLBACK_COMPLETE"

    @property
    def failed_without_rollback(self) -> bool:
        """Return True after a failure with rollback disabled: roll it back, or deploy again with rollback disabled."""
        return self.name in ("CREATE_FAILED", "UPDATE_FAILED")

    def __str__(self) -> str:
        return self.name or "does not exist"


def recovery_action(status: StackStatus, cli: Callable[[str], str]) -> str:
    """Return what to do about a stack that cannot be updated; "" if it can.

    `cli`: from a subcommand such as delete-stack to the complete AWS CLI command.
    """
    if status.is_new or status.can_update:
        return ""
    if status.must_be_deleted:
        return "its first creation failed; delete it and deploy again: " + cli("delete-stack")
    if status.name == "UPDATE_ROLLBACK_FAILED":
        return "remove the cause of the failed rollback, then: " + cli("continue-update-rollback")
    if status.name == "DELETE_FAILED":
        return "remove what could not be deleted, then: " + cli("delete-stack")
    if status.failed_without_rollback:
        return "it failed with rollback disabled; roll it back: " + cli("rollback-stack")
    if status.name.startswith("DELETE_"):
        return "wait until it is deleted: " + cli("wait stack-delete-complete")
    if status.is_running:
        return "another deployment is running; follow it: " + cli("describe-stack-events")
    return "delete it and deploy again: " + cli("delete-stack")
