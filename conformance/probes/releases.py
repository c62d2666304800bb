"""What CodeDeploy does with an alias, and CloudFormation with it. All at once: minutes of shifting have no probe."""

import copy
from typing import Any

from conformance.account import Account
from conformance.measures import alarm, put_metric, reaches, watching
from conformance.probe import deploys, expect, holds
from conformance.probes.versions import _published
from conformance.resources import att, document, ref, template

SHIFT = "generator/shift.py"
METRICS = {"alarm_metric": 1, "metric": 1}
MOVES = ["lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig"]


def _released(account: Account, name: str, release: str, shift: str = "AllAtOnce") -> dict:
    """A function whose alias CodeDeploy updates, with an alarm that stops it."""
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": MOVES, "Resource": [att("F", "Arn"), {"Fn::Sub": "${F.Arn}:live"}]},
        {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms", "Resource": "*"},
    ]
    trust = {"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}
    mover = {
        "AssumeRolePolicyDocument": document(trust),
        "Policies": [{"PolicyName": "probe", "PolicyDocument": document(*statements)}],
    }
    group = {
        "ApplicationName": ref("Application"),
        "ServiceRoleArn": att("Mover", "Arn"),
        "DeploymentConfigName": f"CodeDeployDefault.Lambda{shift}",
        "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
        "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": ref("Alarm")}]},
        "AutoRollbackConfiguration": {"Enabled": True, "Events": ["DEPLOYMENT_STOP_ON_ALARM"]},
    }
    resources = copy.deepcopy(_published(account, release)) | {
        "Mover": {"Type": "AWS::IAM::Role", "Properties": mover},
        "Application": {"Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "Lambda"}},
        "Alarm": alarm(AlarmName=name, **watching(name, "Errors", Of="release")),
        "Group": {"Type": "AWS::CodeDeploy::DeploymentGroup", "Properties": group},
    }
    names = {"ApplicationName": ref("Application"), "DeploymentGroupName": ref("Group")}
    resources["A"]["UpdatePolicy"] = {
        "Fn::If": ["Always", {"CodeDeployLambdaAliasUpdate": names}, {"Ref": "AWS::NoValue"}]
    }
    always = {"Conditions": {"Always": {"Fn::Equals": ["a", "a"]}}}
    return {**template(resources, {"F": ref("F"), "Application": ref("Application"), "Group": ref("Group")}), **always}


@deploys(SHIFT, "conformance/declared/releases.py", uses=METRICS)
def deployment_groups(account: Account, name: str) -> None:
    """A group of Lambda's platform has its alarm, its configuration, and the names that CloudFormation gave."""
    made = account.deployed(name, _released(account, name, "one", "Canary10Percent5Minutes"))
    names = {"applicationName": made["Application"], "deploymentGroupName": made["Group"]}
    found = account.client("codedeploy").get_deployment_group(**names)["deploymentGroupInfo"]
    expect(found["deploymentConfigName"], "CodeDeployDefault.LambdaCanary10Percent5Minutes", "configuration")
    expect([each["name"] for each in found["alarmConfiguration"]["alarms"]], [name], "alarms")


@deploys(SHIFT, "deployer/stacks/shifts.py", uses=METRICS)
def alias_update_policy(account: Account, name: str) -> None:
    """CodeDeploy moves an alias whose policy is under a condition; an alarm in ALARM stops it, and the update fails."""
    made = account.deployed(name, _released(account, name, "one"))["F"]
    account.deployed(name, _released(account, name, "two"))
    expect(account.invoke(f"{made}:live")[0], "two", "answer after CodeDeploy has moved the alias")
    put_metric(account, name, "Errors", 1, Of="release")
    reaches(account, name, "ALARM")
    stack = account.deploy(name, _released(account, name, "three"))
    expect(stack["StackStatus"], "UPDATE_ROLLBACK_COMPLETE", "an update while the alarm is in ALARM")
    failures = account.failures(stack["StackId"])
    holds(any("CodeDeploy" in each or "d-" in each for each in failures), "the reason names CodeDeploy", failures)
    expect(account.invoke(f"{made}:live")[0], "two", "answer after the update has failed")
