"""Remove what probes have made: stacks with what their deletion leaves behind, buckets, log groups of functions."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from conformance import limits, throttling
from deployer.aws import service_errors

if TYPE_CHECKING:
    from conformance.account import Account

FUNCTION, BUCKET, TABLE = "AWS::Lambda::Function", "AWS::S3::Bucket", "AWS::DynamoDB::Table"
STACK = "AWS::CloudFormation::Stack"
PREFIX, TAG = "conformance-", "conformance"
DELETIONS, SECONDS_BETWEEN_DELETIONS = 5, 40
"""API Gateway deletes one REST API of an account in 30 seconds."""


def stack(account: "Account", name: str) -> None:
    """Delete a stack, its buckets' objects and its functions' logs; add to `account.left` if it stays."""
    found = account.stack(name)
    if found is None:
        return
    found = account.rest(found["StackId"])
    note_log_groups(account, found["StackId"])
    kept = [] if found["StackStatus"] == "DELETE_COMPLETE" else _of_types(account, found["StackId"], BUCKET, TABLE)
    for kind, physical_id in kept:
        if kind == BUCKET:
            empty(account.client("s3"), physical_id)
    if not _deleted(account, found["StackId"], kept):
        account.left.append(f"stack {name}: {'; '.join(account.failures(found['StackId'])[-2:])}")
        return
    for kind, physical_id in kept:
        if kind == BUCKET:  # retained
            bucket(account.client("s3"), physical_id)
        else:
            table(account, physical_id)


def _deleted(account: "Account", stack_id: str, kept: list[tuple[str, str]]) -> bool:
    """Delete a stack; again, without what kept it, or later, if it was throttled. Return whether it is gone."""
    for attempt in range(DELETIONS):
        before = (account.stack(stack_id) or {}).get("StackStatus", "")
        account.client("cloudformation").delete_stack(StackName=stack_id)
        if account.rest(stack_id, before)["StackStatus"] == "DELETE_COMPLETE":
            return True
        throttled = throttling.is_throttled("; ".join(account.failures(stack_id)[-2:]))
        if attempt and not throttled:
            return False
        if throttled:
            limits.pause(SECONDS_BETWEEN_DELETIONS)
        _unprotect(account, kept)
    return False


def note_log_groups(account: "Account", stack_id: str) -> None:
    """Delete the logs of the stack's functions at the end: Lambda makes their groups, no stack has them."""
    for _, function in _of_types(account, stack_id, FUNCTION):
        account.made.callback(log_group, account.client("logs"), f"/aws/lambda/{function}")


def log_group(logs: Any, name: str) -> None:
    unless_missing(logs.delete_log_group, logGroupName=name)


def bucket(s3: Any, name: str) -> None:
    """Delete a bucket with its objects."""
    empty(s3, name)
    unless_missing(s3.delete_bucket, Bucket=name)


def empty(s3: Any, name: str) -> None:
    """Delete all versions of all objects of a bucket."""
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if objects:
                s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True})
    except Exception as error:
        if not service_errors.is_missing(error):
            raise


def _of_types(account: "Account", stack_id: str, *kinds: str) -> list[tuple[str, str]]:
    """Return type and physical id of the resources of these types, nested ones included."""
    found = []
    for resource in account.resources(stack_id).values():
        kind, physical_id = resource["ResourceType"], resource.get("PhysicalResourceId")
        if not physical_id or resource["ResourceStatus"] == "DELETE_COMPLETE":
            continue
        if kind == STACK:
            found += _of_types(account, physical_id, *kinds)
        elif kind in kinds:
            found.append((kind, physical_id))
    return found


def _unprotect(account: "Account", kept: list[tuple[str, str]]) -> None:
    """Make a second deletion possible: what the first one met may have been written meanwhile."""
    for kind, physical_id in kept:
        if kind == BUCKET:
            empty(account.client("s3"), physical_id)
        else:
            dynamodb = account.client("dynamodb")
            unless_missing(dynamodb.update_table, TableName=physical_id, DeletionProtectionEnabled=False)


def table(account: "Account", name: str) -> None:
    """Delete a table that outlived its stack."""
    dynamodb = account.client("dynamodb")
    try:
        dynamodb.describe_table(TableName=name)
    except Exception as error:
        if service_errors.is_missing(error):
            return
        raise
    unless_missing(dynamodb.delete_table, TableName=name)


def unless_missing(call: Any, **arguments: Any) -> None:
    try:
        call(**arguments)
    except Exception as error:
        if not service_errors.is_missing(error):
            raise


def is_ours(tags: Iterable[Mapping[str, str]]) -> bool:
    """Whether a run tagged a resource itself: tags of a stack's resources name the stack, too."""
    keys = {tag["Key"] for tag in tags}
    return TAG in keys and not any(key.startswith("aws:cloudformation:") for key in keys)
