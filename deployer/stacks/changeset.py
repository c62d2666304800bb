"""Create, read and execute one change set over root and nested stacks; delete it if creating fails."""

import contextlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import until
from deployer.plan.changes import Detail, Verdict
from deployer.plan.verdicts import KNOWN_LATER
from deployer.stacks import change_set_cleanup, validation
from deployer.stacks.validation import ChangeSetId

_CONFLICT_CODES = (
    "InvalidChangeSetStatus",
    "ChangeSetNotFound",
    "OperationInProgressException",
    "AlreadyExistsException",
)
_CONFLICT_PHRASES = ("_IN_PROGRESS state and can not be updated", "already exists and cannot be created again")
_EMPTY_PHRASES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class ChangeSet:
    """A change set. `empty`: CloudFormation found nothing to change. (If only outputs change, `verdicts` is empty too.)

    `made_stack`: creating it created its REVIEW_IN_PROGRESS stack. `sets`: it and all nested change sets.
    """

    id: str
    stack_id: str
    made_stack: bool
    verdicts: tuple[Verdict, ...] = ()
    empty: bool = False
    sets: tuple[ChangeSetId, ...] = ()


def create(
    aws: Aws,
    stack: str,
    *,
    new: bool,
    exists: bool,
    request: Mapping[str, Any],
    token: str,
    seal: str = "",
    pause: float = 1.0,
) -> ChangeSet:
    """Create the change set and wait until it can be read.

    `new`: its type is CREATE. `exists`: the stack is REVIEW_IN_PROGRESS already, so another run created it and it
    must not be removed. `request`: template, parameters and tags, as CreateChangeSet takes them. `token`: of
    `operation.token`; the description, which identifies the owner. `seal`: of a plan to be saved, the end of its name.
    Raises Refused(FAILED) with CloudFormation's reason, after deleting what was created.
    """
    cloudformation = aws.client("cloudformation")
    prefix = change_set_cleanup.SAVED if seal else change_set_cleanup.PREFIX
    name = f"{prefix}{datetime.now(UTC):%Y%m%d-%H%M%S}-{seal or secrets.token_hex(3)}"
    made = ChangeSet(name, stack, new and not exists)
    try:
        response = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if new else "UPDATE",
            **request,
            IncludeNestedStacks=True,
            ClientToken=name,
            Description=token,
        )
        made = replace(made, id=response["Id"], stack_id=response["StackId"])
        return _completed(aws, made, pause)
    except BaseException:
        with contextlib.suppress(Exception):
            change_set_cleanup.discard(aws, _identified(cloudformation, made), pause)
        raise


def _identified(cloudformation: Any, made: ChangeSet) -> ChangeSet:
    """Add the ARNs if the create call was interrupted before it returned them; raises if nothing was created."""
    if made.id.startswith("arn:"):
        return made
    found = cloudformation.describe_change_set(ChangeSetName=made.id, StackName=made.stack_id)
    return replace(made, id=found["ChangeSetId"], stack_id=found["StackId"])


def _completed(aws: Aws, made: ChangeSet, pause: float) -> ChangeSet:
    cloudformation = aws.client("cloudformation")
    described: Mapping[str, Any] = until(
        lambda: cloudformation.describe_change_set(ChangeSetName=made.id, StackName=made.stack_id),
        lambda described: described["Status"] in ("CREATE_COMPLETE", "FAILED"),
        pause,
    )
    if described["Status"] == "FAILED":
        if _is_empty(described):
            return replace(made, empty=True)
        reason = _deepest_reason(cloudformation, described, pause)
        raise validation.Refused(reason, validation.problems(aws, validation.nested(cloudformation, made.id, pause)))
    sets: list[ChangeSetId] = []
    verdicts = tuple(read(cloudformation, made.id, sets))
    return replace(made, verdicts=verdicts, sets=tuple(sets))


def _is_empty(described: Mapping[str, Any]) -> bool:
    return any(phrase in described.get("StatusReason", "") for phrase in _EMPTY_PHRASES)


def read(
    cloudformation: Any, change_set: str, sets: list[ChangeSetId], stack: tuple[str, ...] = ()
) -> Iterable[Verdict]:
    """Yield the changes on every page of a change set and of its nested ones, with the properties' values.

    Appends the change set and its nested ones to `sets`.
    """
    pages = cloudformation.get_paginator("describe_change_set").paginate(
        ChangeSetName=change_set, IncludePropertyValues=True
    )
    for number, page in enumerate(pages):
        if number == 0:
            sets.append(ChangeSetId("/".join(stack), page.get("StackId", ""), change_set))
        for change in (each["ResourceChange"] for each in page.get("Changes", []) if "ResourceChange" in each):
            verdict = _verdict(change, stack)
            yield verdict
            if change.get("ChangeSetId"):
                yield from read(cloudformation, change["ChangeSetId"], sets, (*stack, verdict.logical_id))


def _verdict(change: Mapping[str, Any], stack: tuple[str, ...]) -> Verdict:
    details = [_detail(detail) for detail in change.get("Details", []) if "Target" in detail]
    return Verdict(
        stack,
        change["LogicalResourceId"],
        change["ResourceType"],
        change["Action"],
        change.get("Replacement", ""),
        tuple(dict.fromkeys(details)),
        retained="Retain" in change.get("PolicyAction", ""),
    )


def _detail(detail: Mapping[str, Any]) -> Detail:
    target = detail["Target"]
    return Detail(
        target.get("Attribute", "Properties"),
        target.get("Name") or "",
        target.get("Path", ""),
        target.get("BeforeValue"),
        target.get("AfterValue"),
        target.get("RequiresRecreation", ""),
        _is_direct(detail),
    )


def _is_direct(detail: Mapping[str, Any]) -> bool:
    """Return True for a change that does not only follow from a reference.

    CloudFormation lists a reference to a parameter or resource as changed when its value is not known yet; the plan
    knows better whether a parameter changed. The value of an SSM parameter shows in the two values.
    """
    before, after = (detail["Target"].get(side) for side in ("BeforeValue", "AfterValue"))
    if after == KNOWN_LATER:
        return False
    if before is not None and after is not None and before != after:
        return True
    return (
        detail.get("Evaluation") == "Static"
        and detail.get("ChangeSource", "DirectModification") == "DirectModification"
    )


def _deepest_reason(cloudformation: Any, failed: Mapping[str, Any], pause: float) -> str:
    """Return the child's reason where the root's is "Nested change set ... was not successfully created"."""
    for change in failed.get("Changes", []):
        resource = change.get("ResourceChange", {})
        if resource.get("ChangeSetId"):
            nested = _ended(cloudformation, resource["ChangeSetId"], pause)
            if nested["Status"] == "FAILED" and not _is_empty(nested):
                return f"{resource['LogicalResourceId']}: {_deepest_reason(cloudformation, nested, pause)}"
    return failed.get("StatusReason", "no reason given")


def _ended(cloudformation: Any, change_set: str, pause: float) -> Mapping[str, Any]:
    [page] = validation.settled(lambda: [cloudformation.describe_change_set(ChangeSetName=change_set)], pause)
    return page


def execute(aws: Aws, change_set: ChangeSet, token: str, disable_rollback: bool = False) -> None:
    """Begin the operation, once: a second call with the same token (a retry after a lost response) has no effect."""
    aws.client("cloudformation").execute_change_set(
        ChangeSetName=change_set.id,
        StackName=change_set.stack_id,
        ClientRequestToken=token,
        # Always set: the API's reference and its behavior differ about the default.
        DisableRollback=disable_rollback,
        # Not RetainExceptOnCreate: the rollback of a first creation would delete a protected table, which DynamoDB
        # refuses (ROLLBACK_FAILED), and the account's logging role, which API Gateway would still refer to. What
        # Retain keeps of a failed creation is empty.
    )


def is_waiting(aws: Aws, change_set: ChangeSet) -> bool:
    """Return True if the change set exists and was not executed, so that this run must delete it."""
    found = describe(aws, change_set.id)
    return found is not None and found.get("ExecutionStatus") in ("AVAILABLE", "OBSOLETE")


def describe(aws: Aws, change_set: str) -> Mapping[str, Any] | None:
    """Return the first page of DescribeChangeSet by ARN; None if there is no such change set."""
    cloudformation = aws.client("cloudformation")
    try:
        return cloudformation.describe_change_set(ChangeSetName=change_set)
    except cloudformation.exceptions.ChangeSetNotFoundException:
        return None


def root_template(aws: Aws, change_set: str) -> Any:
    """Return the root's template as it was sent: text, or a dict if it is JSON."""
    answer = aws.client("cloudformation").get_template(ChangeSetName=change_set, TemplateStage="Original")
    return answer["TemplateBody"]


def lost_race(error: Exception) -> bool:
    """Return True if CloudFormation refused to create or execute a change set because another operation came first."""
    message = service_errors.message_of(error)
    return service_errors.code_of(error) in _CONFLICT_CODES or any(words in message for words in _CONFLICT_PHRASES)
