"""One change set over the whole tree: create, read, execute, and leave nothing behind."""

import contextlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import until
from deployer.plan.changes import Detail, Verdict
from deployer.plan.verdicts import KNOWN_LATER
from deployer.stacks import change_set_cleanup, validation

_OVERTAKEN = ("InvalidChangeSetStatus", "ChangeSetNotFound", "OperationInProgressException", "AlreadyExistsException")
_BUSY = ("_IN_PROGRESS state and can not be updated", "already exists and cannot be created again")
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class ChangeSet:
    """`empty`: CloudFormation found nothing to change. (No verdicts report_conflict may be a change of outputs.)

    `made_stack`: creating it made the REVIEW_IN_PROGRESS stack that it hangs on.
    `sets`: (path, stack id, change set id) of it and of all nested ones, for `validation.problems`.
    """

    id: str
    stack_id: str
    made_stack: bool
    verdicts: tuple[Verdict, ...] = ()
    empty: bool = False
    sets: tuple[tuple[str, str, str], ...] = ()


def create(
    aws: Aws,
    stack: str,
    *,
    new: bool,
    exists: bool,
    request: Mapping[str, object],
    token: str,
    pause: float = 1.0,
) -> ChangeSet:
    """Create the change set and wait until it can be read.

    `new`: of type CREATE; `exists`: there is a REVIEW_IN_PROGRESS stack already, which is not ours
    to remove. `request`: of `build.desired.Built`. `token`: of `operation.token`, kept as its description, which says whose it is.
    Raises Refused(FAILED) with CloudFormation's reason; whatever was made is removed first.
    """
    cloudformation = aws.client("cloudformation")
    name = f"{change_set_cleanup.PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    made = ChangeSet(name, stack, new and not exists)
    try:
        answer = cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if new else "UPDATE",
            **request,
            IncludeNestedStacks=True,
            ClientToken=name,
            Description=token,
        )
        made = replace(made, id=answer["Id"], stack_id=answer["StackId"])
        return _completed(aws, made, pause)
    except BaseException:
        with contextlib.suppress(Exception):
            change_set_cleanup.discard(aws, _identified(cloudformation, made), pause)
        raise


def _identified(cloudformation, made: ChangeSet) -> ChangeSet:
    """With its ARNs, also when a call that was cut off did not answer them; raises when nothing was made."""
    if made.id.startswith("arn:"):
        return made
    found = cloudformation.describe_change_set(ChangeSetName=made.id, StackName=made.stack_id)
    return replace(made, id=found["ChangeSetId"], stack_id=found["StackId"])


def _completed(aws: Aws, made: ChangeSet, pause: float) -> ChangeSet:
    cloudformation = aws.client("cloudformation")
    last = until(
        lambda: cloudformation.describe_change_set(ChangeSetName=made.id, StackName=made.stack_id),
        lambda answer: answer["Status"] in ("CREATE_COMPLETE", "FAILED"),
        pause,
    )
    if last["Status"] == "FAILED":
        reason = last.get("StatusReason", "")
        if any(phrase in reason for phrase in _NOTHING):
            return replace(made, empty=True)
        reason = _deepest_reason(cloudformation, last, pause)
        raise validation.Refused(reason, validation.problems(aws, validation.nested(cloudformation, made.id, pause)))
    sets: list[tuple[str, str, str]] = []
    verdicts = tuple(read(cloudformation, made.id, sets))
    return replace(made, verdicts=verdicts, sets=tuple(sets))


def read(
    cloudformation, change_set: str, sets: list[tuple[str, str, str]], stack: tuple[str, ...] = ()
) -> Iterable[Verdict]:
    """Every page of a change set and of the nested ones that it names, with the properties' values.

    `sets` collects (path, stack id, change set id) of each.
    """
    pages = cloudformation.get_paginator("describe_change_set").paginate(
        ChangeSetName=change_set, IncludePropertyValues=True
    )
    for number, page in enumerate(pages):
        if number == 0:
            sets.append(("/".join(stack), page.get("StackId", ""), change_set))
        for change in (each["ResourceChange"] for each in page.get("Changes", []) if "ResourceChange" in each):
            verdict = _verdict(change, stack)
            yield verdict
            if change.get("ChangeSetId"):
                yield from read(cloudformation, change["ChangeSetId"], sets, (*stack, verdict.logical_id))


def _verdict(change: Mapping, stack: tuple[str, ...]) -> Verdict:
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


def _detail(detail: Mapping) -> Detail:
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


def _is_direct(detail: Mapping) -> bool:
    """Whether it tells of a change.

    A reference to a parameter or resource counts as changed when its value merely is not known yet;
    whether a parameter did change, the plan knows better. A value fed from SSM is told by the two values.
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


def _deepest_reason(cloudformation, failed: Mapping, pause: float) -> str:
    """A root that says "Nested change set ... was not successfully created" hides the child's own reason."""
    reason = failed.get("StatusReason", "no reason given")
    for change in failed.get("Changes", []):
        nested = change.get("ResourceChange", {}).get("ChangeSetId")
        if nested:
            read = partial(cloudformation.describe_change_set, ChangeSetName=nested)
            [answer] = validation.settled(lambda read=read: [read()], pause)
            if answer["Status"] == "FAILED" and not any(
                phrase in answer.get("StatusReason", "") for phrase in _NOTHING
            ):
                return (
                    f"{change['ResourceChange']['LogicalResourceId']}: {_deepest_reason(cloudformation, answer, pause)}"
                )
    return reason


def execute(aws: Aws, change_set: ChangeSet, token: str, disable_rollback: bool = False) -> None:
    """Begin; sent twice with the same token (a retry after a lost answer) it begins once."""
    aws.client("cloudformation").execute_change_set(
        ChangeSetName=change_set.id,
        StackName=change_set.stack_id,
        ClientRequestToken=token,
        # Always said: the API's reference and its conduct differ about the default.
        DisableRollback=disable_rollback,
        # Not RetainExceptOnCreate: rolling a first creation back it would delete a protected table,
        # which DynamoDB refuses (ROLLBACK_FAILED), and the account's logging role, which API Gateway
        # would go on naming. What Retain keeps of a failed creation is empty.
    )


def is_waiting(aws: Aws, change_set: ChangeSet) -> bool:
    """Whether it is there and was not executed, so that nobody but us will remove it."""
    cloudformation = aws.client("cloudformation")
    try:
        found = cloudformation.describe_change_set(ChangeSetName=change_set.id, StackName=change_set.stack_id)
    except cloudformation.exceptions.ChangeSetNotFoundException:
        return False
    return found.get("ExecutionStatus") in ("AVAILABLE", "OBSOLETE")


def lost_race(error: Exception) -> bool:
    """Whether CloudFormation refused to create or execute a change set because another operation came first."""
    message = service_errors.message_of(error)
    return service_errors.code_of(error) in _OVERTAKEN or any(words in message for words in _BUSY)
