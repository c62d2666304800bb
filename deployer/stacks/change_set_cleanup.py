"""Delete change sets that will not be executed, with their nested ones and the empty stacks that they created.

Deleting a root's change set deletes those of its nested stacks asynchronously. Nested ones that failed because their
stack has no changes remain and count against the stack's quota of change sets, as do those of a killed run.
"""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from deployer.aws import advice, service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import until
from deployer.errors import Failure
from deployer.stacks import reading

if TYPE_CHECKING:
    from deployer.stacks.changeset import ChangeSet

PREFIX = "deploy-"
"""Prefix of the names of this program's change sets and of their nested ones."""

SAVED = f"{PREFIX}saved-"
"""Prefix of the change sets of saved plans, which wait for --apply or --discard."""

STALE = timedelta(days=1)
"""Age from which a change set that was not executed counts as abandoned."""

LIMIT = 120.0
"""Seconds to wait for a deletion before leaving it to a later run."""

MANY = 800
"""Number of change sets of one stack that causes a warning: CloudFormation is reported to refuse more than 1,000."""

_ATTEMPTS = 5


def discard(aws: Aws, change_set: "ChangeSet", pause: float = 1.0) -> bool:
    """Delete a `changeset.ChangeSet` and its nested ones; wait until they are deleted.

    Returns False, after a warning, if that is not certain; a later run sweeps them. Also deletes the stacks that it
    created, root and nested, if they are REVIEW_IN_PROGRESS and have no other change set.
    """

    def completely() -> bool:
        _discard(aws, change_set, pause)
        return True

    return advice.ask(aws, "parts of the unused change set may remain", completely, False)


def _discard(aws: Aws, change_set: "ChangeSet", pause: float) -> None:
    cloudformation = aws.client("cloudformation")
    known = {each.id: each.stack_id for each in reversed(change_set.sets)}
    unchecked = "the nested change sets of an unused change set were not looked for"
    family = known or advice.ask(aws, unchecked, lambda: _named(cloudformation, change_set.id), {})
    if not change_set.made_stack:
        family = family | advice.ask(aws, unchecked, lambda: _listed(aws, change_set.stack_id, change_set.id), {})
    family.pop(change_set.id, None)
    _delete(cloudformation, change_set.id, change_set.stack_id)
    _wait_until_deleted(cloudformation, change_set.stack_id, change_set.id, pause)
    for identity, stack in family.items():
        _wait_until_deleted(cloudformation, stack, identity, pause)
        _remove_empty(aws, stack, pause)
    if change_set.made_stack:
        _remove_empty(aws, change_set.stack_id, pause)


def sweep(aws: Aws, stacks: Iterable[str], root: str = "", now: datetime | None = None) -> list[str]:
    """Delete the unused change sets of earlier runs on these stacks; return the stacks that have almost too many.

    `stacks`: the root first. `root`: the change set to be executed, which stays with its nested ones, whatever their
    age, as do those of saved plans that wait. A FAILED nested change set whose root was executed often cannot be
    deleted (github.com/aws/copilot-cli/issues/4426): it stays.
    """
    cloudformation, nearly_full, kept = aws.client("cloudformation"), [], {root} if root else set()
    for stack in stacks:
        unchecked = "unused change sets of earlier runs were not looked for"
        found = advice.ask(aws, unchecked, partial(of_stack, cloudformation, stack), {})
        if len(found) >= MANY:
            nearly_full.append(stack)
        kept |= {identity for identity, summary in found.items() if is_saved(summary)}
        for identity, summary in found.items():
            family = {identity, summary.get("RootChangeSetId"), summary.get("ParentChangeSetId")}
            if is_unused(summary, now or datetime.now(UTC)) and not kept & family:
                _delete_if_possible(cloudformation, identity, stack)
    return nearly_full


def _delete_if_possible(cloudformation: Any, identity: str, stack: str) -> None:
    try:
        _delete(cloudformation, identity, stack)
    except Exception as error:
        if not service_errors.reason(error):
            raise


def is_unused(summary: Mapping[str, Any], now: datetime) -> bool:
    """Return True for this program's change sets that were not executed and are failed, obsolete or a day old.

    `summary`: a ListChangeSets entry.
    """
    if not summary["ChangeSetName"].startswith(PREFIX):
        return False
    executed = summary.get("ExecutionStatus", "")
    if summary.get("Status") in ("FAILED", "DELETE_FAILED") or executed == "OBSOLETE":
        return True
    created = summary.get("CreationTime", now)
    return not executed.startswith("EXECUTE_") and now - created > STALE


def is_saved(summary: Mapping[str, Any]) -> bool:
    """Return True for the root's change set of a saved plan that can be applied."""
    return summary["ChangeSetName"].startswith(SAVED) and summary.get("ExecutionStatus") == "AVAILABLE"


def of_stack(cloudformation: Any, stack: str) -> dict[str, Mapping[str, Any]]:
    """Return change set id -> ListChangeSets entry; {} for a stack that does not exist."""
    try:
        pages = list(cloudformation.get_paginator("list_change_sets").paginate(StackName=stack))
    except Exception as error:
        if service_errors.is_missing(error):
            return {}
        raise
    return {summary["ChangeSetId"]: summary for page in pages for summary in page["Summaries"]}


def _named(cloudformation: Any, change_set: str) -> dict[str, str]:
    """Return change set id -> stack ARN of the change set and the nested ones that it names, deepest first."""
    found: dict[str, str] = {}
    stack = ""
    try:
        for page in cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set):
            stack = page.get("StackId", stack)
            for change in page.get("Changes", []):
                if nested := change.get("ResourceChange", {}).get("ChangeSetId"):
                    found |= _named(cloudformation, nested)
    except cloudformation.exceptions.ChangeSetNotFoundException:
        return found
    return found | {change_set: stack}


def _listed(aws: Aws, stack: str, root: str) -> dict[str, str]:
    """Return the change sets of a root on its nested stacks: a failed root may not name them."""
    found: dict[str, str] = {}
    for arn in reading.nested(aws, stack).values():
        found |= _listed(aws, arn, root)
        for identity, summary in of_stack(aws.client("cloudformation"), arn).items():
            if root in (summary.get("RootChangeSetId"), summary.get("ParentChangeSetId")):
                found[identity] = arn
    return found


def _wait_until_deleted(cloudformation: Any, stack: str, identity: str, pause: float) -> None:
    """Wait until the change set is deleted; request it again where CloudFormation does not cascade.

    A change set that is being created cannot be deleted before it is complete.
    """
    attempts = 0

    def look() -> str:
        nonlocal attempts
        summary = of_stack(cloudformation, stack).get(identity)
        status = summary["Status"] if summary else ""
        if status in ("CREATE_COMPLETE", "FAILED", "DELETE_FAILED") and attempts < _ATTEMPTS:
            attempts += 1
            _delete(cloudformation, identity, stack)
        return status

    with contextlib.suppress(Failure):  # timed out: a later run's sweep finds it
        until(look, lambda status: not status or (status == "DELETE_FAILED" and attempts == _ATTEMPTS), pause, LIMIT)


def _delete(cloudformation: Any, identity: str, stack: str) -> None:
    """Request the deletion; ignore a change set that is deleted, as its stack may be, or cannot be deleted yet: the
    caller polls."""
    try:
        cloudformation.delete_change_set(ChangeSetName=identity, StackName=stack)
    except cloudformation.exceptions.InvalidChangeSetStatusException:
        pass
    except Exception as error:
        if not service_errors.is_missing(error):
            raise


def _remove_empty(aws: Aws, stack: str, pause: float) -> None:
    cloudformation = aws.client("cloudformation")
    if _status(aws, stack) != "REVIEW_IN_PROGRESS" or of_stack(cloudformation, stack):
        return
    cloudformation.delete_stack(StackName=stack)
    until(lambda: _status(aws, stack), lambda status: status in ("", "DELETE_COMPLETE"), pause)


def _status(aws: Aws, stack: str) -> str:
    return reading.status_of(reading.describe(aws, stack)).name
