"""Take away what a stack leaves behind, each kind in its own way. What is gone already is no failure."""

from collections.abc import Callable, Iterable

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import until
from deployer.commands.destroy.stored_data import BUCKET, TABLE, Holding


def unprotect(aws: Aws, table: str, pause: float) -> None:
    """Let DynamoDB delete the table."""
    _unless_gone(lambda: aws.client("dynamodb").update_table(TableName=table, DeletionProtectionEnabled=False))
    _until_active(aws, table, pause)


def holding(aws: Aws, held: Holding, pause: float) -> None:
    """The table, queue or empty bucket; returns when it is gone, a queue excepted:
    SQS takes up to a minute to forget it."""
    if held.type == TABLE:
        _table(aws, held, pause)
    elif held.type == BUCKET:
        _unless_gone(lambda: aws.client("s3").delete_bucket(Bucket=held.id))
    else:
        _unless_gone(lambda: aws.client("sqs").delete_queue(QueueUrl=held.id))


def _table(aws: Aws, held: Holding, pause: float) -> None:
    if held.protected:
        unprotect(aws, held.id, pause)
    dynamodb = aws.client("dynamodb")
    _unless_gone(lambda: dynamodb.delete_table(TableName=held.id))
    until(lambda: _status(dynamodb, held.id), lambda status: not status, pause)


def _until_active(aws: Aws, table: str, pause: float) -> None:
    until(lambda: _status(aws.client("dynamodb"), table), lambda status: status in ("ACTIVE", ""), pause)


def _status(dynamodb, table: str) -> str:
    """ "" when there is no such table."""
    try:
        return dynamodb.describe_table(TableName=table)["Table"]["TableStatus"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return ""


def parameter(aws: Aws, name: str) -> bool:
    """Whether it was there."""
    return not aws.client("ssm").delete_parameters(Names=[name])["InvalidParameters"]


def log_groups(aws: Aws, prefixes: Iterable[str]) -> list[str]:
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


def log_role(aws: Aws, role: str, in_use: bool) -> None:
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
