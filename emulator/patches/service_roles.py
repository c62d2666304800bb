"""CloudFormation's service role, where IAM is enforced (``iam=True``)."""

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from ministack.app import AUTH
from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudformation, iam
from ministack.services.cloudformation import handlers, helpers, stacks

from emulator.patches.iam import role_may
from emulator.registry import patch
from emulator.resources import completes

BEGIN = ("CreateStack", "UpdateStack", "CreateChangeSet", "DeleteStack", "ContinueUpdateRollback", "RollbackStack")
_named: ContextVar[str | None] = ContextVar("service_role", default=None)


class Checked(NamedTuple):
    """The actions without which a type's resources are not created, updated and deleted. `arn`: with the id or name in
    braces; `name`: the property that is the name."""

    create: str
    update: str
    delete: str
    arn: str
    name: str = ""


_FUNCTION = "lambda:{here}:function:{id}"
TYPES = {
    "AWS::ApiGateway::RestApi": Checked(
        "apigateway:POST", "apigateway:PATCH", "apigateway:DELETE", "apigateway:{region}::/restapis/{id}"
    ),
    "AWS::CloudFormation::Stack": Checked(
        *(f"cloudformation:{verb}Stack" for verb in ("Create", "Update", "Delete")),
        "cloudformation:{here}:stack/{id}/0",
    ),
    "AWS::CloudWatch::Alarm": Checked(
        *("cloudwatch:PutMetricAlarm", "cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"),
        *("cloudwatch:{here}:alarm:{id}", "AlarmName"),
    ),
    "AWS::CloudWatch::CompositeAlarm": Checked(
        *("cloudwatch:PutCompositeAlarm", "cloudwatch:PutCompositeAlarm", "cloudwatch:DeleteAlarms"),
        *("cloudwatch:{here}:alarm:{id}", "AlarmName"),
    ),
    "AWS::DynamoDB::Table": Checked(
        *(f"dynamodb:{verb}Table" for verb in ("Create", "Update", "Delete")), "dynamodb:{here}:table/{id}", "TableName"
    ),
    "AWS::Events::Rule": Checked(
        "events:PutRule", "events:PutRule", "events:DeleteRule", "events:{here}:rule/{id}", "Name"
    ),
    "AWS::IAM::Role": Checked(
        "iam:CreateRole", "iam:UpdateRole", "iam:DeleteRole", "iam::{account}:role/{id}", "RoleName"
    ),
    "AWS::Lambda::Function": Checked(
        *("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration", "lambda:DeleteFunction"),
        *(_FUNCTION, "FunctionName"),
    ),
    "AWS::Lambda::Permission": Checked(
        "lambda:AddPermission", "lambda:AddPermission", "lambda:RemovePermission", _FUNCTION, "FunctionName"
    ),
    "AWS::Logs::LogGroup": Checked(
        *("logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup"),
        *("logs:{here}:log-group:{id}:*", "LogGroupName"),
    ),
    "AWS::S3::Bucket": Checked(
        "s3:CreateBucket", "s3:PutLifecycleConfiguration", "s3:DeleteBucket", "s3:::{id}", "BucketName"
    ),
    "AWS::SNS::Topic": Checked(
        "sns:CreateTopic", "sns:SetTopicAttributes", "sns:DeleteTopic", "sns:{here}:{id}", "TopicName"
    ),
    "AWS::SQS::Queue": Checked(
        "sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue", "sqs:{here}:{id}", "QueueName"
    ),
    "AWS::SSM::Parameter": Checked(
        "ssm:PutParameter", "ssm:PutParameter", "ssm:DeleteParameter", "ssm:{here}:parameter{id}", "Name"
    ),
}
"""What is checked; other types are created with any role."""


@patch(upstream="make and delete the resources of a stack with the rights of its RoleARN")
def stack_service_roles() -> None:
    """Remember a stack's role, show it, and ask its policies before a resource of TYPES is changed."""
    if not AUTH:
        return
    for operation in BEGIN:
        handlers._ACTION_HANDLERS[operation] = _remembering(operation, handlers._ACTION_HANDLERS[operation])
    handlers._ACTION_HANDLERS["ExecuteChangeSet"] = _executing(handlers._ACTION_HANDLERS["ExecuteChangeSet"])
    handlers._ACTION_HANDLERS["DescribeStacks"] = _showing(handlers._ACTION_HANDLERS["DescribeStacks"])
    provision, update, delete = stacks._provision_resource, stacks._update_resource, stacks._delete_resource

    def provision_allowed(kind, logical_id, props, stack_name):
        _insist(stack_name, kind, "create", props, f"{stack_name}-{logical_id}")
        return provision(kind, logical_id, props, stack_name)

    def update_allowed(kind, physical_id, old, new, stack_name, *more, **named):
        if old != new:
            _insist(stack_name, kind, "update", new, physical_id)
        return update(kind, physical_id, old, new, stack_name, *more, **named)

    def delete_allowed(kind, physical_id, props, stack_name=None, *more, **named):
        _insist(stack_name, kind, "delete", props, physical_id)
        return delete(kind, physical_id, props, stack_name, *more, **named)

    stacks._provision_resource, stacks._update_resource = provision_allowed, update_allowed
    stacks._delete_resource = delete_allowed


@patch(upstream="authorize calls of CloudFormation by change set and cloudformation:RoleArn, and check iam:PassRole")
def passed_service_roles() -> None:
    """A caller passes the role, so IAM asks whether it may. A call that names no stack is about its change set."""
    extract, enforce = iam_actions.extract_resource_arn, iam_evaluator.enforce

    def extract_role(service, method, path, headers, body, query_params, region, account_id):
        given = parse_qs(bytes(body or b"").decode(errors="replace")) if service == "cloudformation" else {}
        _named.set(given.get("RoleARN", [None])[0])
        change_set = given.get("ChangeSetName", [""])[0]
        if change_set.startswith("arn:") and "StackName" not in given:
            return change_set
        return extract(service, method, path, headers, body, query_params, region, account_id)

    def enforce_passed(access_key, action, service, region, resource_arn="*", service_context=None):
        role = _named.get() if action.startswith("cloudformation:") else None
        if role is None:
            return enforce(access_key, action, service, region, resource_arn, service_context)
        context = {**(service_context or {}), "cloudformation:RoleArn": role}
        denied = enforce(access_key, action, service, region, resource_arn, context)
        passed = {"iam:PassedToService": "cloudformation.amazonaws.com"}
        return denied or enforce(access_key, "iam:PassRole", "iam", region, role, passed)

    iam_actions.extract_resource_arn, iam_evaluator.enforce = extract_role, enforce_passed


@completes("AWS::IAM::Role", upstream="apply PermissionsBoundary of AWS::IAM::Role")
def role_boundaries(name, new, old):
    iam._roles[name]["PermissionsBoundary"] = new.get("PermissionsBoundary")


def _remembering(operation: str, handle):
    def begin(params):
        role = helpers._p(params, "RoleARN")
        if role and not _role(role):
            return helpers._error("ValidationError", f"Role {role} is invalid or cannot be assumed")
        if role and operation not in ("CreateStack", "CreateChangeSet"):
            _stack(helpers._p(params, "StackName"))["RoleARN"] = role
        answer = handle(params)
        if role and answer[0] == 200:
            if operation == "CreateChangeSet":
                found = cloudformation._change_sets.values()
                name = helpers._p(params, "ChangeSetName")
                next(each for each in found if name in (each["ChangeSetName"], each["ChangeSetId"]))["RoleARN"] = role
            elif operation == "CreateStack":
                _stack(helpers._p(params, "StackName"))["RoleARN"] = role
        return answer

    return begin


def _executing(handle):
    def execute(params):
        name = helpers._p(params, "ChangeSetName")
        for each in cloudformation._change_sets.values():
            if name in (each["ChangeSetName"], each["ChangeSetId"]) and each.get("RoleARN"):
                _stack(each["StackName"])["RoleARN"] = each["RoleARN"]
        return handle(params)

    return execute


def _showing(handle):
    def describe(params):
        status, headers, body = handle(params)
        text = body.decode() if isinstance(body, bytes) else body
        for stack in cloudformation._stacks.values():
            if stack.get("RoleARN"):
                identity = f"<StackId>{stack['StackId']}</StackId>"
                text = text.replace(identity, f"{identity}<RoleARN>{stack['RoleARN']}</RoleARN>", 1)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    return describe


def _stack(name: str | None) -> dict[str, Any]:
    """Return a stack by name or id; an empty one if there is none, which the call itself reports."""
    by_id = (each for each in cloudformation._stacks.values() if each["StackId"] == name)
    return cloudformation._stacks.get(name or "") or next(by_id, {})


def _role(arn: str) -> dict[str, Any] | None:
    return iam._roles.get(arn.rpartition("/")[2])


def _insist(stack_name: str | None, kind: str, handler: str, props: dict, physical_id: str) -> None:
    """Raise ValueError, as a failed handler does, for what the role of the root stack may not do."""
    stack = _stack(stack_name)
    root = _stack(stack["RootId"]) if stack.get("RootId") else stack
    if not (role := root.get("RoleARN")) or kind not in TYPES:
        return
    for action, resource, context in _needed(TYPES[kind], kind, handler, props, physical_id):
        if not role_may(role, action, resource, context):
            name = f"{role.replace(':iam:', ':sts:').partition(':role/')[0]}:assumed-role/{role.rpartition('/')[2]}"
            raise ValueError(
                f"User: {name}/AWSCloudFormation is not authorized to perform: {action} on resource: {resource} because no "
                f"identity-based policy allows the {action} action"
            )


def _needed(checked: Checked, kind: str, handler: str, props: dict, physical_id: str) -> Iterator[tuple]:
    """Yield action, resource and context of what a handler calls."""
    named = props.get(checked.name) if isinstance(props.get(checked.name), str) else None
    identity = named or (physical_id.rpartition("/")[2] if physical_id.startswith("http") else physical_id)
    here = f"{get_region()}:{get_account_id()}"
    arn = "arn:aws:" + checked.arn.format(id=identity, here=here, region=get_region(), account=get_account_id())
    resource = identity if identity.startswith("arn:") else arn
    boundary = {"iam:permissionsboundary": props.get("PermissionsBoundary")} if kind == "AWS::IAM::Role" else {}
    yield getattr(checked, handler), resource, boundary
    if kind == "AWS::IAM::Role" and handler == "create" and props.get("Policies"):
        yield "iam:PutRolePolicy", resource, boundary
    if kind == "AWS::Lambda::Function" and handler == "create":
        yield "iam:PassRole", props["Role"], {"iam:passedtoservice": "lambda.amazonaws.com"}
