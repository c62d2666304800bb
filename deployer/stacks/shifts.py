"""Explain the failed update of an alias: why CodeDeploy ended the shift of its requests."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from config import names
from deployer.aws import advice
from deployer.aws.session import Aws
from deployer.plan.publishing import ALIAS
from deployer.stacks.events import Event

_DEPLOYMENT = re.compile(r"\bd-[A-Z0-9]{5,}\b")


def deployment(event: Event) -> str:
    """Return the id of the CodeDeploy deployment that the event of an alias names, or ""."""
    found = _DEPLOYMENT.search(event.reason) if event.type == ALIAS else None
    return found[0] if found else ""


def explained(aws: Aws, environment: str, events: Iterable[Event], logs: Callable[[str], str]) -> list[Event]:
    """Return the events, those of failed shifts with CodeDeploy's reason. `logs`: command for the log of a function."""

    def explain(event: Event) -> Event:
        shift = deployment(event) if event.status.endswith("_FAILED") else ""
        unread = f"CodeDeploy's deployment {shift} was not read"
        reason = advice.ask(aws, unread, lambda: _reason(aws, environment, shift, logs), "") if shift else ""
        return replace(event, reason=reason or event.reason)

    return [explain(event) for event in events]


def _reason(aws: Aws, environment: str, shift: str, logs: Callable[[str], str]) -> str:
    found = aws.client("codedeploy").get_deployment(deploymentId=shift)["deploymentInfo"]
    error = found.get("errorInformation", {})
    ended = f"CodeDeploy deployment {shift} {'stopped' if found['status'] == 'Stopped' else 'failed'}"
    alarm = _alarm(aws, found) if error.get("code") == "ALARM_ACTIVE" else None
    if not alarm:
        return f"{ended}: {error.get('message', found['status'])} (Error Code: {error.get('code', 'unknown')})"
    function = alarm["AlarmName"].removeprefix(f"{names.root_stack(environment)}-").removesuffix(names.RELEASE_ALARM)
    why = f"alarm {alarm['AlarmName']} went into ALARM. {alarm.get('AlarmDescription', '')}"
    return f"{ended}: {why.rstrip()} The log: {logs(function)}"


def _alarm(aws: Aws, found: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the alarm of the deployment's group, which has one."""
    group = {name: found[name] for name in ("applicationName", "deploymentGroupName")}
    info = aws.client("codedeploy").get_deployment_group(**group)["deploymentGroupInfo"]
    watched = [alarm["name"] for alarm in info.get("alarmConfiguration", {}).get("alarms", [])]
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=watched)["MetricAlarms"] if watched else []
    return next(iter(alarms), None)
