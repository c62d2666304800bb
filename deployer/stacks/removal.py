"""Take away what a stack leaves behind, each kind in its own way. What is gone already is no failure."""

from collections.abc import Callable, Iterable, Iterator

from deployer.aws import service_errors
from deployer.aws.waiting import until
from deployer.errors import Exit, Failure
from deployer.stacks.holdings import BUCKET, TABLE, Holding

BATCH = 1000
"""Versions that S3 deletes at once, at most; also a page of its listing."""

SHOWN = 3
"""Of the versions that S3 would not delete, so many are named."""

OnCount = Callable[[int], None]
"""Gets how many object versions are gone."""


def empty(s3, bucket: str, on_count: OnCount = lambda number: None, prefix: str = "") -> int:
    """Delete every version and delete marker under `prefix`, and break off unfinished uploads; how many versions.

    Every page is tried before Failure(FAILED) names the first of those that S3 refused (object lock, a policy).
    """
    gone, refused = 0, []
    try:
        for batch in _versions(s3, bucket, prefix):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            errors = answer.get("Errors", [])
            refused += errors
            gone += len(batch) - len(errors)
            on_count(gone)
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
            for upload in page.get("Uploads", ()):
                s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    except s3.exceptions.NoSuchBucket:
        return gone
    if refused:
        raise Failure(
            Exit.FAILED,
            f"{len(refused):,} object versions in {bucket} could not be deleted ({gone:,} are gone): "
            + "; ".join(f"{error['Key']} ({error['Code']})" for error in refused[:SHOWN]),
            "mend the cause (a right, a policy, an object lock) and run the same command again",
        )
    return gone


def _versions(s3, bucket: str, prefix: str) -> Iterator[list[dict]]:
    """In batches. A page is deleted before the next is read, which begins where this one ended."""
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, MaxKeys=BATCH)
    for page in pages:
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def unprotect(aws, table: str, pause: float) -> None:
    """Let DynamoDB delete the table."""
    _unless_gone(lambda: aws.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False))
    _until_active(aws, table, pause)


def holding(aws, held: Holding, pause: float) -> None:
    """The table, queue or empty bucket; returns when it is gone, a queue excepted:
    SQS takes up to a minute to forget it."""
    if held.type == TABLE:
        _table(aws, held, pause)
    elif held.type == BUCKET:
        _unless_gone(lambda: aws.client("s3").delete_bucket(Bucket=held.id))
    else:
        _unless_gone(lambda: aws.client("sqs").delete_queue(QueueUrl=held.id))


def _table(aws, held: Holding, pause: float) -> None:
    if held.protected:
        unprotect(aws, held.id, pause)
    dynamodb = aws.client("dynamodb")
    _unless_gone(lambda: dynamodb.delete_table(TableName=held.id))
    until(lambda: _status(dynamodb, held.id), lambda status: not status, pause)


def _until_active(aws, table: str, pause: float) -> None:
    until(lambda: _status(aws.client("dynamodb"), table), lambda status: status in ("ACTIVE", ""), pause)


def _status(dynamodb, table: str) -> str:
    """ "" when there is no such table."""
    try:
        return dynamodb.describe_table(TableName=table)["Table"]["TableStatus"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return ""


def parameter(aws, name: str) -> bool:
    """Whether it was there."""
    return not aws.client("ssm").delete_parameters(Names=[name])["InvalidParameters"]


def log_groups(aws, prefixes: Iterable[str]) -> list[str]:
    """Those that begin with one of the prefixes; their names."""
    logs = aws.client("logs")
    found = [
        group["logGroupName"]
        for prefix in prefixes
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    ]
    for name in found:
        _unless_gone(lambda name=name: logs.delete_log_group(logGroupName=name))
    return found


def log_role(aws, role: str, in_use: bool) -> None:
    """A role that API Gateway writes logs with; if it is `in_use`, API Gateway's own note of it as well."""
    iam = aws.client("iam")
    if in_use:
        aws.client("apigateway").update_account(
            patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}]
        )
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for policy in page["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=role)


def _unless_gone(call: Callable) -> None:
    try:
        call()
    except Exception as error:
        if not service_errors.is_missing(error):
            raise
