"""Change sets that nobody will execute, nested ones and the empty stacks that they made: removed.

Deleting a root's change set deletes those of its nested stacks, in CloudFormation's own time; but
nested ones that failed because nothing changed in their stack stay, count against the stack's quota of
change sets, and so do those of a run that was killed.
"""

import contextlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from deployer.aws import advice, service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import until
from deployer.errors import Failure
from deployer.stacks import reading

PREFIX = "deploy-"
"""What the names of our change sets begin with, those of their nested ones, too."""

STALE = timedelta(days=1)
"""A change set as old as this waits for nobody's answer any more."""

LIMIT = 120.0
"""Seconds after which what does not go is left to a later run."""

MANY = 800
"""So many change sets of one stack are worth a warning: CloudFormation is reported to refuse more than 1,000."""

_ATTEMPTS = 5


def discard(aws: Aws, change_set, pause: float = 1.0) -> bool:
    """Delete a `changeset.ChangeSet` and its nested ones; wait until they are gone. False if that is not certain:
    a warning says so, and a later run sweeps them.

    The stack that it made, and nested ones that it made, go with it: each only while it is
    REVIEW_IN_PROGRESS and no other change set waits on it.
    """

    def whole() -> bool:
        _discard(aws, change_set, pause)
        return True

    return advice.ask(aws, "perhaps not everything of the unused change set was removed", whole, False)


def _discard(aws: Aws, change_set, pause: float) -> None:
    cloudformation = aws.client("cloudformation")
    known = {identity: stack for _, stack, identity in reversed(change_set.sets)}
    unseen = "the nested change sets of an unused change set were not looked for"
    family = known or advice.ask(aws, unseen, lambda: _named(cloudformation, change_set.id), {})
    if not change_set.made_stack:
        family = family | advice.ask(aws, unseen, lambda: _listed(aws, change_set.stack_id, change_set.id), {})
    family.pop(change_set.id, None)
    _delete(cloudformation, change_set.id, change_set.stack_id)
    _clear(cloudformation, change_set.stack_id, change_set.id, pause)
    for identity, stack in family.items():
        _clear(cloudformation, stack, identity, pause)
        _remove_empty(aws, stack, pause)
    if change_set.made_stack:
        _remove_empty(aws, change_set.stack_id, pause)


def sweep(aws: Aws, stacks: Iterable[str], root: str = "", now: datetime | None = None) -> list[str]:
    """Delete what earlier runs left behind on these stacks, as far as that goes; the stacks that are nearly full.

    `root`: the change set that is to be executed: it stays, however old it is, and so do its nested ones. A FAILED nested change set whose
    root was executed often cannot be deleted (github.com/aws/copilot-cli/issues/4426): it stays, and counts.
    """
    cloudformation, full = aws.client("cloudformation"), []
    for stack in stacks:
        what = "change sets that earlier runs left behind were not looked for"
        found = advice.ask(aws, what, partial(of_stack, cloudformation, stack), {})
        if len(found) >= MANY:
            full.append(stack)
        for identity, summary in found.items():
            ours = root and root in (identity, summary.get("RootChangeSetId"), summary.get("ParentChangeSetId"))
            if is_leftover(summary, now or datetime.now(UTC)) and not ours:
                _delete_if_possible(cloudformation, identity, stack)
    return full


def _delete_if_possible(cloudformation, identity: str, stack: str) -> None:
    try:
        _delete(cloudformation, identity, stack)
    except Exception as error:
        if not service_errors.reason(error):
            raise


def is_leftover(summary: Mapping, now: datetime) -> bool:
    """Ours (a ListChangeSets summary), never executed, and of no use: failed, overtaken, or a day old."""
    if not summary["ChangeSetName"].startswith(PREFIX):
        return False
    executed = summary.get("ExecutionStatus", "")
    if summary.get("Status") in ("FAILED", "DELETE_FAILED") or executed == "OBSOLETE":
        return True
    created = summary.get("CreationTime", now)
    return not executed.startswith("EXECUTE_") and now - created > STALE


def of_stack(cloudformation, stack: str) -> dict[str, Mapping]:
    """Change set id -> ListChangeSets summary; {} for a stack that is gone."""
    try:
        pages = list(cloudformation.get_paginator("list_change_sets").paginate(StackName=stack))
    except Exception as error:
        if service_errors.is_missing(error):
            return {}
        raise
    return {summary["ChangeSetId"]: summary for page in pages for summary in page["Summaries"]}


def _named(cloudformation, change_set: str) -> dict[str, str]:
    """The change set and those that it names, deepest first: change set id -> stack ARN."""
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
    """What a root's change set made on the nested stacks: a root that failed may not name them."""
    found: dict[str, str] = {}
    for arn in reading.nested(aws, stack).values():
        found |= _listed(aws, arn, root)
        for identity, summary in of_stack(aws.client("cloudformation"), arn).items():
            if root in (summary.get("RootChangeSetId"), summary.get("ParentChangeSetId")):
                found[identity] = arn
    return found


def _clear(cloudformation, stack: str, identity: str, pause: float) -> None:
    """Wait until the change set is gone; ask again where CloudFormation does not see to it by itself.

    One that is still being made cannot be deleted: it is asked for when it is done.
    """
    asked = 0

    def look() -> str:
        nonlocal asked
        summary = of_stack(cloudformation, stack).get(identity)
        status = summary["Status"] if summary else ""
        if status in ("CREATE_COMPLETE", "FAILED", "DELETE_FAILED") and asked < _ATTEMPTS:
            asked += 1
            _delete(cloudformation, identity, stack)
        return status

    with contextlib.suppress(Failure):  # it did not go: a later run's sweep finds it
        until(look, lambda status: not status or (status == "DELETE_FAILED" and asked == _ATTEMPTS), pause, LIMIT)


def _delete(cloudformation, identity: str, stack: str) -> None:
    """Gone already, or not to be deleted at this moment, is no error: whoever waits looks again."""
    with contextlib.suppress(
        cloudformation.exceptions.InvalidChangeSetStatusException,
        cloudformation.exceptions.ChangeSetNotFoundException,
    ):
        cloudformation.delete_change_set(ChangeSetName=identity, StackName=stack)


def _remove_empty(aws: Aws, stack: str, pause: float) -> None:
    cloudformation = aws.client("cloudformation")
    if _status(aws, stack) != "REVIEW_IN_PROGRESS" or of_stack(cloudformation, stack):
        return
    cloudformation.delete_stack(StackName=stack)
    until(lambda: _status(aws, stack), lambda status: status in ("", "DELETE_COMPLETE"), pause)


def _status(aws: Aws, stack: str) -> str:
    return reading.status_of(reading.describe(aws, stack)).name
