"""A stack's status as a value, so that nobody tests strings."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StackStatus:
    """CloudFormation's StackStatus; "" stands for a stack that does not exist."""

    name: str

    @property
    def exists(self) -> bool:
        return self.name not in ("", "DELETE_COMPLETE")

    @property
    def is_new(self) -> bool:
        """Nothing was ever created under this name: a change set of type CREATE applies."""
        return not self.exists or self.name == "REVIEW_IN_PROGRESS"

    @property
    def is_running(self) -> bool:
        return self.name.endswith("_IN_PROGRESS") and self.name != "REVIEW_IN_PROGRESS"

    @property
    def is_settled(self) -> bool:
        return bool(self.name) and not self.name.endswith("_IN_PROGRESS")

    @property
    def succeeded(self) -> bool:
        """The last operation did what it was asked to do."""
        return self.name in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")

    @property
    def can_update(self) -> bool:
        return self.succeeded or self.name in ("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")

    @property
    def must_be_deleted(self) -> bool:
        """Its creation failed and left nothing that an update could start from."""
        return self.name == "ROLLBACK_COMPLETE"

    @property
    def failed_without_rollback(self) -> bool:
        """Failed with its rollback disabled: it can be rolled back, or deployed over with it disabled again."""
        return self.name in ("CREATE_FAILED", "UPDATE_FAILED")

    def __str__(self) -> str:
        return self.name or "does not exist"


def recovery_action(status: StackStatus, cli: Callable[[str], str]) -> str:
    """What to do about a stack that cannot be deployed to; "" when it can be.

    `cli`: from a word such as delete-stack to the command of the AWS CLI that does this to it.
    """
    if status.is_new or status.can_update:
        return ""
    if status.must_be_deleted:
        return "its first creation failed; delete it and deploy again: " + cli("delete-stack")
    if status.name == "UPDATE_ROLLBACK_FAILED":
        return "remove what blocked the rollback, then: " + cli("continue-update-rollback")
    if status.name == "DELETE_FAILED":
        return "see what could not be deleted, remove it, then: " + cli("delete-stack")
    if status.failed_without_rollback:
        return "it was left as it failed, for debugging; roll it back: " + cli("rollback-stack")
    if status.name.startswith("DELETE_"):
        return "wait until it is gone: " + cli("wait stack-delete-complete")
    if status.is_running:
        return "another deployment is running; follow it: " + cli("describe-stack-events")
    return "delete it and deploy again: " + cli("delete-stack")
