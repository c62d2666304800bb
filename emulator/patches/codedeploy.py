"""CodeDeploy: applications, deployment groups, and the update of an alias, which shifts all requests at once."""

import json
import secrets
import string
from typing import Any

import ministack.app as ministack
from ministack.core import iam_actions, router
from ministack.services import cloudformation, cloudwatch
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

from emulator.registry import patch
from emulator.resources import handler_of, truth

APPLICATION = "AWS::CodeDeploy::Application"
GROUP = "AWS::CodeDeploy::DeploymentGroup"
ALIAS = "AWS::Lambda::Alias"
TARGET = "CodeDeploy_20141006"
JSON = {"Content-Type": "application/x-amz-json-1.1"}
ALARM_ACTIVE = (
    "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected "
    "deployments have been stopped. Activated alarms: {}"
)


@patch(upstream="support AWS::CodeDeploy::Application and AWS::CodeDeploy::DeploymentGroup")
def deployment_groups() -> None:
    """Records in their stacks, which GetApplication and GetDeploymentGroup return."""
    for kind in (APPLICATION, GROUP):
        named = kind.rpartition("::")[2] + "Name"

        def create(logical_id, props, stack_name, named=named):
            return props.get(named) or provisioners._physical_name(stack_name, logical_id), {}

        handler_of(kind).update(
            create=create,
            update=lambda physical_id, old, new, stack_name: (physical_id, {}),
            delete=lambda physical_id, props: None,
        )
    router.SERVICE_PATTERNS["codedeploy"] = {"target_prefixes": [TARGET]}
    iam_actions.SERVICE_TO_IAM_NAMESPACE["codedeploy"] = "codedeploy"
    ministack.SERVICE_HANDLERS["codedeploy"] = _answer


@patch(upstream="apply the UpdatePolicy of AWS::Lambda::Alias")
def alias_update_policy() -> None:
    """Stop the update of an alias while an alarm of its deployment group is in ALARM. A rollback is not stopped."""
    deploy, update, needed = stacks._deploy_stack_async, handler_of(ALIAS)["update"], engine._extract_deps
    templates: dict[str, tuple[dict, dict]] = {}

    async def deploy_with_policies(stack_name, stack_id, template, param_values, *more, **options):
        templates[stack_name] = (template, param_values)
        try:
            return await deploy(stack_name, stack_id, template, param_values, *more, **options)
        finally:
            del templates[stack_name]

    def update_alias(physical_id, old, new, stack_name, logical_id=None):
        stack = cloudformation._stacks[stack_name]
        moves = old.get("FunctionVersion") != new.get("FunctionVersion")
        if moves and "ROLLBACK" not in stack["StackStatus"] and stack_name in templates:
            _shift(_policy(stack, *templates[stack_name], logical_id), stack)
        return update(physical_id, old, new, stack_name, logical_id)

    def needed_by_policies(definition, names):
        policy = {"Properties": definition.get("UpdatePolicy") or {}}
        return needed(definition, names) | needed(policy, names)

    engine._extract_deps = needed_by_policies
    for module in (stacks, handlers, changesets):
        module._deploy_stack_async = deploy_with_policies
    handler_of(ALIAS)["update"] = update_alias


DEPLOYMENTS: dict[str, dict[str, Any]] = {}


def _policy(stack: dict, template: dict, parameters: dict, logical_id: str) -> dict[str, str]:
    """Return the application and the group of an alias; empty for an alias that CodeDeploy does not update."""
    definition = template["Resources"][logical_id].get("UpdatePolicy") or {}
    conditions = engine._evaluate_conditions(template, parameters)
    scope = stack["_resources"], parameters, conditions, template.get("Mappings", {})
    resolved = engine._resolve_refs(definition, *scope, stack["StackName"], stack["StackId"])
    return resolved.get("CodeDeployLambdaAliasUpdate", {}) if isinstance(resolved, dict) else {}


def _shift(policy: dict[str, str], stack: dict) -> None:
    if not policy:
        return
    group = next(
        each
        for each in stack["_resources"].values()
        if each["ResourceType"] == GROUP and each["PhysicalResourceId"] == policy["DeploymentGroupName"]
    )
    active = [name for name in _alarms(group["Properties"]) if _is_active(name)]
    shift = "d-" + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(9))
    DEPLOYMENTS[shift] = {
        "deploymentId": shift,
        "applicationName": policy["ApplicationName"],
        "deploymentGroupName": policy["DeploymentGroupName"],
        "creator": "CloudFormation",
        "computePlatform": "Lambda",
        "status": "Stopped" if active else "Succeeded",
    }
    if active:
        message = ALARM_ACTIVE.format(", ".join(active))
        DEPLOYMENTS[shift]["errorInformation"] = {"code": "ALARM_ACTIVE", "message": message}
        raise ValueError(f"CodeDeploy deployment {shift} was stopped. {message}")


def _alarms(props: dict) -> list[str]:
    watching = props.get("AlarmConfiguration") or {}
    return [each["Name"] for each in watching.get("Alarms", [])] if truth(watching.get("Enabled")) else []


def _is_active(name: str) -> bool:
    alarm = cloudwatch._alarms.get(name)
    if alarm is None:
        return False
    cloudwatch._evaluate_alarm(alarm)  # whatever the clock has not seen yet
    return alarm["StateValue"] == "ALARM"


async def _answer(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> tuple[int, dict, bytes]:
    operation = headers.get("x-amz-target", "").partition(".")[2]
    request = json.loads(body or b"{}")
    if operation not in _OPERATIONS:
        return 400, dict(JSON), json.dumps({"__type": "NotImplemented", "message": f"no {operation} here"}).encode()
    found = _OPERATIONS[operation](request)
    if found is None:
        missing = operation.removeprefix("Get") + "DoesNotExistException"
        return 400, dict(JSON), json.dumps({"__type": missing, "message": "no such resource"}).encode()
    return 200, dict(JSON), json.dumps(found).encode()


def _declared(kind: str, name: str) -> tuple[dict, dict] | None:
    for stack in cloudformation._stacks.values():
        for each in stack.get("_resources", {}).values():
            if each["ResourceType"] == kind and each["PhysicalResourceId"] == name:
                return each["Properties"], stack
    return None


def _application(request: dict) -> dict | None:
    if not (found := _declared(APPLICATION, request["applicationName"])):
        return None
    return {
        "application": {"applicationName": request["applicationName"], "computePlatform": found[0]["ComputePlatform"]}
    }


def _group(request: dict) -> dict | None:
    if not (found := _declared(GROUP, request["deploymentGroupName"])):
        return None
    return {"deploymentGroupInfo": {**_lowered(found[0]), "deploymentGroupName": request["deploymentGroupName"]}}


def _deployment(request: dict) -> dict | None:
    found = DEPLOYMENTS.get(request["deploymentId"])
    return {"deploymentInfo": found} if found else None


def _tags(request: dict) -> dict | None:
    """Tags of a stack are those of its resources; the ARN ends with the names of the application and of the group."""
    _, kind, names = request["ResourceArn"].removeprefix("arn:aws:codedeploy:").split(":", 3)[1:]
    found = _declared(GROUP if kind == "deploymentgroup" else APPLICATION, names.rpartition("/")[2])
    return {"Tags": found[1].get("Tags", [])} if found else None


_OPERATIONS = {
    "GetApplication": _application,
    "GetDeploymentGroup": _group,
    "GetDeployment": _deployment,
    "ListTagsForResource": _tags,
}


def _lowered(node: Any) -> Any:
    """Write a property's names as the API does: alarmConfiguration for AlarmConfiguration."""
    if isinstance(node, dict):
        return {key[:1].lower() + key[1:]: _lowered(value) for key, value in node.items()}
    return (
        [_lowered(each) for each in node]
        if isinstance(node, list)
        else truth(node)
        if node in ("true", "false")
        else node
    )
