"""Delete the stack, and what it leaves behind, each kind in its own way. A resource already gone is no failure."""

from collections.abc import Callable, Iterable
from functools import partial

from deployer.aws import service_errors
from deployer.aws.session import Aws
from deployer.aws.waiting import PollingConfig, until
from deployer.stacks import execution, reading, recovery
from deployer.stacks.execution import OnEvents, Outcome
from deployer.stacks.stack_status import StackStatus
from operations.destroy import resources
from operations.destroy.resources import BUCKET, TABLE, DataResource, Resource


def delete_stack(aws: Aws, stack_id: str, on_events: OnEvents, polling: PollingConfig, token: str) -> Outcome:
    """Delete the stack, or join a deletion that is running, and follow it to DELETE_COMPLETE or DELETE_FAILED.

    `token`: of `operation.token`, which names the caller to others who find the stack busy.
    """
    stack = reading.describe(aws, stack_id)
    status = reading.status_of(stack)
    if stack and status.name == "DELETE_IN_PROGRESS":
        return execution.follow(aws, stack_id, on_events, polling, start=stack.get("DeletionTime"))
    if status.is_new:  # already gone, or a change set never executed: there may be no event to follow
        aws.client("cloudformation").delete_stack(StackName=stack_id, ClientRequestToken=token)
        until(
            lambda: reading.status_of(reading.describe(aws, stack_id)),
            lambda status: not status.exists,
            polling.interval,
        )
        return Outcome(StackStatus("DELETE_COMPLETE"), (), {})
    return recovery.delete(aws, stack_id, on_events, polling, token)


def undeleted(aws: Aws, stack_id: str) -> list[Resource]:
    """Return the resources, but for retained ones, that a failed deletion left in the stack."""
    stack = reading.describe(aws, stack_id)
    return [each for each in resources.of_stack(aws, stack) if not each.retained] if stack else []


def disable_protection(aws: Aws, table: str, pause: float) -> None:
    """Switch off the table's deletion protection and wait until that is done."""
    dynamodb = aws.client("dynamodb")
    _unless_gone(lambda: dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False))
    until(lambda: _table_status(dynamodb, table), lambda status: status in ("ACTIVE", ""), pause)


def delete_data(aws: Aws, data: DataResource, pause: float) -> None:
    """Delete a table, a queue or an empty bucket and wait until it is gone, but not for a queue: SQS takes up to
    a minute to forget it."""
    if data.type == TABLE:
        _delete_table(aws, data, pause)
    elif data.type == BUCKET:
        _unless_gone(lambda: aws.client("s3").delete_bucket(Bucket=data.id))
    else:
        _unless_gone(lambda: aws.client("sqs").delete_queue(QueueUrl=data.id))


def _delete_table(aws: Aws, data: DataResource, pause: float) -> None:
    if data.protected:
        disable_protection(aws, data.id, pause)
    dynamodb = aws.client("dynamodb")
    _unless_gone(lambda: dynamodb.delete_table(TableName=data.id))
    until(lambda: _table_status(dynamodb, data.id), lambda status: not status, pause)


def _table_status(dynamodb, table: str) -> str:
    """Return TableStatus; "" if there is no such table."""
    try:
        return dynamodb.describe_table(TableName=table)["Table"]["TableStatus"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return ""


def delete_parameter(aws: Aws, name: str) -> bool:
    """Delete an SSM parameter; return whether it existed."""
    return not aws.client("ssm").delete_parameters(Names=[name])["InvalidParameters"]


def delete_log_groups(aws: Aws, prefixes: Iterable[str]) -> list[str]:
    """Delete the log groups whose names begin with one of the prefixes; return their names."""
    logs = aws.client("logs")
    found = [
        group["logGroupName"]
        for prefix in prefixes
        for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for group in page["logGroups"]
    ]
    for name in found:
        _unless_gone(partial(logs.delete_log_group, logGroupName=name))
    return found


def delete_log_role(aws: Aws, role: str, in_use: bool) -> None:
    """Delete a role for API Gateway's logs; if `in_use`, first remove it from API Gateway's account settings."""
    iam = aws.client("iam")
    if in_use:
        aws.client("apigateway").update_account(
            patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}]
        )
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for policy in page["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    iam.delete_role(RoleName=role)


def _unless_gone(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:
        if not service_errors.is_missing(error):
            raise
