"""Alarms that roll a stack's operation back."""

import asyncio
import os
import time
from collections.abc import Callable
from html import escape

from ministack.core.concurrency import run_reentrant
from ministack.services import cloudformation, cloudwatch
from ministack.services.cloudformation import changesets, handlers, helpers, stacks

from emulator.registry import patch

MINUTE = float(os.environ.get("EMULATOR_MONITORING_MINUTE", "60"))
"""Seconds of a minute of MonitoringTimeInMinutes; a test of a monitoring time that passes may shorten it."""
PAUSE = 0.1
USER_INITIATED = "User Initiated"


class RolledBack(Exception):
    """Ends the deployment of a stack's resources; the text is the reason of its rollback."""


@patch(upstream="monitor the RollbackTriggers of a change set, and roll back if one goes into ALARM or is missing")
def rollback_triggers() -> None:
    """Keep RollbackConfiguration, return it, and roll the operation of a root stack back while it runs and in the
    monitoring time. A stack without triggers waits for the monitoring time, too.

    An update notices an alarm before each of its own resources, and in the monitoring time; a creation then only."""
    _keep_configurations()
    _deploy_in_a_thread()
    _roll_back_for_alarms()


def _keep_configurations() -> None:
    """CloudFormation saves the configuration of an executed change set; one without leaves that of the stack."""
    create, execute = (handlers._ACTION_HANDLERS[f"{verb}ChangeSet"] for verb in ("Create", "Execute"))

    def create_change_set(params):
        answer = create(params)
        if answer[0] == 200 and (change_set := _found(params)):
            change_set["_rollback"] = _configuration(params)
        return answer

    def execute_change_set(params):
        change_set = _found(params)
        if change_set and change_set["ExecutionStatus"] == "AVAILABLE" and change_set.get("_rollback"):
            cloudformation._stacks[change_set["StackName"]]["_rollback"] = change_set["_rollback"]
        return execute(params)

    handlers._ACTION_HANDLERS.update(CreateChangeSet=create_change_set, ExecuteChangeSet=execute_change_set)
    for name, of in (("DescribeStacks", _stacks_with), ("DescribeChangeSet", _change_sets_with)):
        handlers._ACTION_HANDLERS[name] = _describing(handlers._ACTION_HANDLERS[name], of)


def _deploy_in_a_thread() -> None:
    """An operation that waits for its monitoring time must not hold up the server's event loop."""
    deploy = changesets._deploy_stack_async

    async def deploy_monitored(stack_name, stack_id, template, values, disable_rollback, tags, **more):
        arguments = (stack_name, stack_id, template, values, disable_rollback, tags)
        stack = cloudformation._stacks[stack_name]
        if disable_rollback or not any(stack.get("_rollback", {}).values()):
            return await deploy(*arguments, **more)
        stack["_monitored"] = True
        try:
            return await run_reentrant(lambda: asyncio.run(deploy(*arguments, **more)))
        finally:
            stack.pop("_monitored", None)

    changesets._deploy_stack_async = deploy_monitored


def _roll_back_for_alarms() -> None:
    """Look at the alarms before each resource of an update, and when all resources are deployed."""
    outputs_of, add_event, roll_back = stacks._resolve_stack_outputs, stacks._add_event, stacks._roll_back_operation

    def outputs_after_monitoring(definitions, conditions, resources, values, mappings, stack_name, stack_id):
        """Upstream resolves the outputs when all resources are deployed, before it deletes old ones."""
        found = outputs_of(definitions, conditions, resources, values, mappings, stack_name, stack_id)
        stack = cloudformation._stacks[stack_name]
        if stack.get("_monitored"):
            _monitor(stack)
        return found

    def add_unless_rolling_back(stack_id, stack_name, logical_id, kind, status, reason="", *more, **named):
        """A stack that rolls back for an alarm is never FAILED."""
        stack = cloudformation._stacks.get(stack_name) or {}
        if stack.get("_breach") and logical_id == stack_name and status in ("CREATE_FAILED", "UPDATE_FAILED"):
            return None
        if stack.get("_monitored") and status == "UPDATE_IN_PROGRESS" and (found := breach(stack)):
            stack.update(_cancel_requested=True, _cancel_token=stacks.CLIENT_REQUEST_TOKEN.get(), _breach=found)
        return add_event(stack_id, stack_name, logical_id, kind, status, reason, *more, **named)

    async def roll_back_with_reason(stack_name, stack_id, stack, operation, reason_override=""):
        stack.pop("_monitored", None)
        reason = stack.pop("_breach", "")
        if stack.pop("_cancel_requested", False):
            stacks.CLIENT_REQUEST_TOKEN.set(stack.pop("_cancel_token", ""))
        return await roll_back(stack_name, stack_id, stack, operation, reason or reason_override)

    stacks._resolve_stack_outputs, stacks._add_event = outputs_after_monitoring, add_unless_rolling_back
    stacks._roll_back_operation = roll_back_with_reason


def _monitor(stack: dict) -> None:
    """Wait for the monitoring time. Raise RolledBack if an alarm goes into ALARM, or if the update is cancelled."""
    end = time.monotonic() + MINUTE * stack["_rollback"]["minutes"]
    while True:
        if stack.get("_cancel_requested"):
            stack["_breach"] = stack.get("_breach") or USER_INITIATED
            raise RolledBack(stack["_breach"])
        if found := breach(stack):
            stack["_breach"] = found
            raise RolledBack(found)
        if time.monotonic() >= end:
            return
        time.sleep(PAUSE)


def breach(stack: dict) -> str:
    """Return why the stack's operation must be rolled back; "" if no trigger is in ALARM. The wording is not AWS's."""
    for arn in stack.get("_rollback", {}).get("triggers", {}):
        name = arn.partition(":alarm:")[2]
        alarm = cloudwatch._composite_alarms.get(name) or cloudwatch._alarms.get(name)
        if alarm is None:
            return f"Rollback trigger {arn} does not exist"
        if alarm["StateValue"] == "ALARM":
            return f"Rollback trigger {arn} is in ALARM state"
    return ""


def _configuration(params: dict) -> dict | None:
    """Parse RollbackConfiguration: ARN -> type, and the minutes. None if it was not sent; botocore sends an empty list
    as an empty value."""
    root = "RollbackConfiguration"
    if not any(key.startswith(root) for key in params):
        return None
    triggers, number = {}, 1
    while arn := _text(params, f"{root}.RollbackTriggers.member.{number}.Arn"):
        triggers[arn] = _text(params, f"{root}.RollbackTriggers.member.{number}.Type")
        number += 1
    return {"triggers": triggers, "minutes": int(_text(params, f"{root}.MonitoringTimeInMinutes") or 0)}


def _describing(action: Callable, change: Callable[[str, dict], str]) -> Callable:
    def describe(params):
        status, headers, body = action(params)
        if status != 200:
            return status, headers, body
        return status, headers, change(body.decode() if isinstance(body, bytes) else body, params).encode()

    return describe


def _stacks_with(text: str, params: dict) -> str:
    for stack in list(cloudformation._stacks.values()):
        if stack.get("_rollback"):
            own = f"<StackId>{stack['StackId']}</StackId>"
            text = text.replace(own, own + _xml(stack["_rollback"]))
    return text


def _change_sets_with(text: str, params: dict) -> str:
    change_set = _found(params)
    if not change_set or not change_set.get("_rollback"):
        return text
    return text.replace("<Changes>", _xml(change_set["_rollback"]) + "<Changes>", 1)


def _xml(configuration: dict) -> str:
    """Leave a monitoring time of 0 out, as CloudFormation does (aws-cdk-cli's integration tests say so)."""
    triggers = "".join(
        f"<member><Arn>{escape(arn)}</Arn><Type>{kind}</Type></member>"
        for arn, kind in configuration["triggers"].items()
    )
    minutes = configuration["minutes"]
    time_ = f"<MonitoringTimeInMinutes>{minutes}</MonitoringTimeInMinutes>" if minutes else ""
    return f"<RollbackConfiguration><RollbackTriggers>{triggers}</RollbackTriggers>{time_}</RollbackConfiguration>"


def _found(params: dict) -> dict | None:
    return changesets._find_change_set(_text(params, "ChangeSetName"), _text(params, "StackName"))[1]


def _text(params: dict, name: str) -> str:
    return str(helpers._p(params, name) or "")
