"""One change set over the whole tree: create, read, execute, and leave nothing behind."""

import contextlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from deployer.aws import service_errors
from deployer.aws.waiting import until
from deployer.plan.changes import Verdict
from deployer.stacks import validation

PREFIX = "deploy-"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_STACK = "AWS::CloudFormation::Stack"
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class ChangeSet:
    """`empty`: CloudFormation found nothing to change. (No verdicts alone may be a change of outputs.)

    `made_stack`: creating it made the REVIEW_IN_PROGRESS stack that it hangs on.
    """

    id: str
    stack_id: str
    made_stack: bool
    verdicts: tuple[Verdict, ...] = ()
    empty: bool = False


def create(
    aws,
    stack: str,
    *,
    new: bool,
    exists: bool,
    template_url: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    pause: float = 1.0,
) -> ChangeSet:
    """Create the change set and wait until it can be read.

    `new`: of type CREATE; `exists`: there is a REVIEW_IN_PROGRESS stack already, which is not ours
    to remove. Raises Refused(FAILED) with CloudFormation's reason; whatever was made is removed first.
    """
    cloudformation = aws.client("cloudformation")
    name = f"{PREFIX}{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    answer = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType="CREATE" if new else "UPDATE",
        TemplateURL=template_url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        Capabilities=CAPABILITIES,
        IncludeNestedStacks=True,
        ClientToken=name,
    )
    made = ChangeSet(answer["Id"], answer["StackId"], new and not exists)
    try:
        return _completed(aws, made, pause)
    except BaseException:
        with contextlib.suppress(Exception):
            discard(aws, made, pause)
        raise


def _completed(aws, made: ChangeSet, pause: float) -> ChangeSet:
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
        reason = _deepest_reason(cloudformation, last)
        raise validation.Refused(reason, validation.problems(aws, made.id))
    return replace(made, verdicts=tuple(read(cloudformation, made.id)))


def read(cloudformation, change_set: str, stack: tuple[str, ...] = ()) -> Iterable[Verdict]:
    """Every page of a change set and of the nested ones that it names."""
    for change in _changes(cloudformation, change_set):
        verdict = _verdict(change, stack)
        yield verdict
        if change.get("ChangeSetId"):
            yield from read(cloudformation, change["ChangeSetId"], (*stack, verdict.logical_id))


def _changes(cloudformation, change_set: str) -> Iterable[Mapping]:
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
    for page in pages:
        for change in page.get("Changes", []):
            if "ResourceChange" in change:
                yield change["ResourceChange"]


def _verdict(change: Mapping, stack: tuple[str, ...]) -> Verdict:
    details = change.get("Details", [])
    targets = {
        detail["Target"].get("Name") or detail["Target"]["Attribute"] for detail in details if "Target" in detail
    }
    return Verdict(
        stack,
        change["LogicalResourceId"],
        change["ResourceType"],
        change["Action"],
        change.get("Replacement", ""),
        tuple(sorted(targets)),
        # A reference to a parameter or resource counts as changed when its value merely is not known yet;
        # whether a parameter did change, the plan knows better.
        direct=any(
            detail.get("Evaluation") == "Static"
            and detail.get("ChangeSource", "DirectModification") == "DirectModification"
            for detail in details
        ),
        kept="Retain" in change.get("PolicyAction", ""),
    )


def _deepest_reason(cloudformation, failed: Mapping) -> str:
    """A root that says "Nested change set ... was not successfully created" hides the child's own reason."""
    reason = failed.get("StatusReason", "no reason given")
    for change in failed.get("Changes", []):
        nested = change.get("ResourceChange", {}).get("ChangeSetId")
        if nested:
            answer = cloudformation.describe_change_set(ChangeSetName=nested)
            if answer["Status"] == "FAILED" and not any(
                phrase in answer.get("StatusReason", "") for phrase in _NOTHING
            ):
                return f"{change['ResourceChange']['LogicalResourceId']}: {_deepest_reason(cloudformation, answer)}"
    return reason


def execute(aws, change_set: ChangeSet) -> None:
    aws.client("cloudformation").execute_change_set(
        ChangeSetName=change_set.id,
        StackName=change_set.stack_id,
        ClientRequestToken=secrets.token_hex(16),
        # Not RetainExceptOnCreate: rolling a first creation back it would delete a protected table,
        # which DynamoDB refuses (ROLLBACK_FAILED), and the account's logging role, which API Gateway
        # would go on naming. What Retain keeps of a failed creation is empty.
    )


def discard(aws, change_set: ChangeSet, pause: float = 1.0) -> None:
    """Delete it, its nested ones with it, and the empty stack that it made; wait until they are gone.

    The stack goes only while it is still REVIEW_IN_PROGRESS and no other change set waits on it.
    """
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_change_set(ChangeSetName=change_set.id, StackName=change_set.stack_id)
    until(lambda: _own(cloudformation, change_set.stack_id), lambda left: change_set.id not in left, pause)
    if not change_set.made_stack or _own(cloudformation, change_set.stack_id):
        return
    if _stack_status(cloudformation, change_set.stack_id) == "REVIEW_IN_PROGRESS":
        cloudformation.delete_stack(StackName=change_set.stack_id)
        until(
            lambda: _stack_status(cloudformation, change_set.stack_id),
            lambda status: status in ("", "DELETE_COMPLETE"),
            pause,
        )


def sweep(aws, stacks: Iterable[str]) -> int:
    """Delete our failed change sets: empty nested ones stay behind on AWS, up to a quota. How many."""
    cloudformation = aws.client("cloudformation")
    swept = 0
    for stack in stacks:
        for identity, summary in _own(cloudformation, stack).items():
            if summary.get("Status") == "FAILED" and summary["ChangeSetName"].startswith(PREFIX):
                cloudformation.delete_change_set(ChangeSetName=identity, StackName=stack)
                swept += 1
    return swept


def _own(cloudformation, stack: str) -> dict[str, Mapping]:
    """Change set id -> summary; {} for a stack that is gone."""
    try:
        pages = list(cloudformation.get_paginator("list_change_sets").paginate(StackName=stack))
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in service_errors.message_of(error):
            return {}
        raise
    return {summary["ChangeSetId"]: summary for page in pages for summary in page["Summaries"]}


def _stack_status(cloudformation, stack: str) -> str:
    try:
        return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in service_errors.message_of(error):
            return ""
        raise
