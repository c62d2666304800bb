"""Rollback triggers: what CloudFormation does with an operation whose alarm goes into ALARM, or is missing."""

from conformance.account import Account
from conformance.measures import alarm, watching
from conformance.probe import deploys, expect, holds
from conformance.resources import att, parameter, ref, template

TRIGGERS = ("deployer/stacks/rollback_triggers.py", "deployer/preflight/monitoring.py")
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"


@deploys(*TRIGGERS, uses={"alarm_metric": 2, "metric": 1})
def rollback_triggers(account: Account, name: str) -> None:
    """An update rolls back if a composite alarm goes into ALARM in the monitoring time or is missing, not without data."""
    arn, child = _composite(account, name)
    account.deployed(name, _value("one"))
    quiet = _triggers(arn, minutes=0)
    expect(_update(account, name, "two", quiet)["StackStatus"], "UPDATE_COMPLETE", "an update, without data")
    saved = account.stack(name).get("RollbackConfiguration", {})
    expect(saved.get("RollbackTriggers"), quiet["RollbackTriggers"], "the triggers that the stack keeps")
    change_set = account.change_set(name, _value("three"), RollbackConfiguration=_triggers(arn, minutes=5))
    expect(change_set.get("RollbackConfiguration"), _triggers(arn, minutes=5), "the triggers of the change set")
    account.client("cloudformation").execute_change_set(ChangeSetName=change_set["ChangeSetId"], StackName=name)
    account.until(lambda: _stored(account, name) == "three", "the resource is updated", 30)
    expect(account.stack(name)["StackStatus"], "UPDATE_IN_PROGRESS", "the status in the monitoring time")
    account.client("cloudwatch").set_alarm_state(AlarmName=child, StateValue="ALARM", StateReason="conformance")
    expect(account.rest(name)["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "after the alarm")
    expect(_stored(account, name), "two", "the resource after the rollback")
    own = [event for event in account.events(name) if event["LogicalResourceId"] == name]
    holds(not any(event["ResourceStatus"].endswith("FAILED") for event in own), "no FAILED event of the stack", own)
    gone = _triggers(arn + "-gone", minutes=0)
    expect(_update(account, name, "four", gone)["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "a trigger is missing")


@deploys(*TRIGGERS, uses={"alarm_metric": 2, "metric": 1})
def an_alarm_in_alarm_rolls_back_at_once(account: Account, name: str) -> None:
    """A trigger that is in ALARM when the update begins rolls it back; without triggers the same update succeeds."""
    arn, child = _composite(account, name)
    account.deployed(name, _value("one"))
    account.client("cloudwatch").set_alarm_state(AlarmName=child, StateValue="ALARM", StateReason="conformance")
    account.until(lambda: _state(account, f"{name}-path") == "ALARM", "the composite alarm goes into ALARM")
    expect(
        _update(account, name, "two", _triggers(arn, minutes=0))["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "update"
    )
    nothing = {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}
    expect(_update(account, name, "two", nothing)["StackStatus"], "UPDATE_COMPLETE", "update without triggers")


def _composite(account: Account, name: str) -> tuple[str, str]:
    """Deploy a composite alarm over one that has no data; return its ARN and the other's name."""
    child = f"{name}-errors"
    resources = {
        "A": alarm(AlarmName=child, **{**watching(name, "Errors"), "TreatMissingData": "ignore"}),
        "C": {
            "Type": COMPOSITE,
            "Properties": {"AlarmName": f"{name}-path", "AlarmRule": {"Fn::Sub": 'ALARM("${A}")'}},
        },
    }
    outputs = account.deployed(f"{name}-alarms", template(resources, {"Arn": att("C", "Arn"), "C": ref("C")}))
    return outputs["Arn"], child


def _state(account: Account, composite: str) -> str:
    found = account.client("cloudwatch").describe_alarms(AlarmNames=[composite], AlarmTypes=["CompositeAlarm"])
    return found["CompositeAlarms"][0]["StateValue"]


def _value(text: str) -> dict:
    return template({"P": parameter(text)})


def _stored(account: Account, name: str) -> str:
    stored = account.client("ssm").get_parameter(Name=account.child(name, "P"))
    return stored["Parameter"]["Value"]


def _triggers(arn: str, minutes: int) -> dict:
    return {"RollbackTriggers": [{"Arn": arn, "Type": COMPOSITE}], "MonitoringTimeInMinutes": minutes}


def _update(account: Account, name: str, text: str, configuration: dict) -> dict:
    return account.deploy(name, _value(text), RollbackConfiguration=configuration)
