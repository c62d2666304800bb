"""Why CodeDeploy ended a shift: answers with the members of its API, and events with and without its words."""

from datetime import UTC, datetime

import pytest

from deployer.plan.publishing import ALIAS
from deployer.stacks import shifts
from deployer.stacks.events import Event

COMPUTE = "arn:aws:cloudformation:r:1:stack/food-delivery-prod-ComputeStack-X/1"
ALARM = "food-delivery-prod-orders-command-release"
DESCRIPTION = "More requests than allowed failed in the new version. First: read the log of orders-command."
ACTIVE = {
    "code": "ALARM_ACTIVE",
    "message": f"One or more alarms have been activated, and the deployment has been stopped. Activated alarms: <{ALARM}>",
}
OF_GROUP = {"applicationName": "releases", "deploymentGroupName": "orders-command"}


def event(reason, status="UPDATE_FAILED", kind=ALIAS):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Event("1", at, COMPUTE, "compute", "OrdersCommandAlias", "an alias", kind, status, reason)


FAILED = event("CodeDeploy deployment d-ABCDEF123 failed")


def explained(aws, *events):
    return shifts.explained(aws, "prod", events, lambda function: f"deploy.py --logs {function}")


def deployment(aws, status, **error):
    info = {
        "deploymentId": "d-ABCDEF123",
        "status": status,
        **OF_GROUP,
        **({"errorInformation": error} if error else {}),
    }
    aws.stub("codedeploy").add_response("get_deployment", {"deploymentInfo": info}, {"deploymentId": "d-ABCDEF123"})


def watched(aws, states, exist=True):
    group = {"alarmConfiguration": {"enabled": True, "alarms": [{"name": name} for name in states]}}
    aws.stub("codedeploy").add_response("get_deployment_group", {"deploymentGroupInfo": group}, OF_GROUP)
    alarms = [
        {"AlarmName": name, "StateValue": state, "AlarmDescription": DESCRIPTION} for name, state in states.items()
    ]
    aws.stub("cloudwatch").add_response(
        "describe_alarms", {"MetricAlarms": alarms if exist else []}, {"AlarmNames": list(states)}
    )


def test_an_alarm_is_named_with_its_meaning_and_the_command_for_the_log(aws):
    deployment(aws, "Stopped", **ACTIVE)
    watched(aws, {ALARM: "ALARM"})
    (found,) = explained(aws, FAILED)
    assert found.reason == (
        f"CodeDeploy deployment d-ABCDEF123 stopped: alarm {ALARM} went into ALARM. {DESCRIPTION} "
        "The log: deploy.py --logs orders-command"
    )
    aws.done()


def test_an_alarm_that_is_gone_leaves_codedeploys_words(aws):
    deployment(aws, "Stopped", **ACTIVE)
    watched(aws, {ALARM: "ALARM"}, exist=False)
    assert "(Error Code: ALARM_ACTIVE)" in explained(aws, FAILED)[0].reason


def test_another_error_is_told_in_codedeploys_words(aws):
    deployment(aws, "Failed", code="IAM_ROLE_PERMISSIONS", message="The role may not call lambda:UpdateAlias.")
    assert explained(aws, FAILED)[0].reason == (
        "CodeDeploy deployment d-ABCDEF123 failed: The role may not call lambda:UpdateAlias. "
        "(Error Code: IAM_ROLE_PERMISSIONS)"
    )


def test_a_group_without_alarms_leaves_codedeploys_words(aws):
    deployment(aws, "Stopped", **ACTIVE)
    aws.stub("codedeploy").add_response("get_deployment_group", {"deploymentGroupInfo": {}})
    assert "(Error Code: ALARM_ACTIVE)" in explained(aws, FAILED)[0].reason


def test_without_a_right_to_read_the_deployment_cloudformations_reason_stays_with_a_warning(aws):
    aws.stub("codedeploy").add_client_error("get_deployment", "AccessDeniedException", "no")
    assert explained(aws, FAILED) == [FAILED]
    assert len(aws.warned) == 1
    assert aws.warned[0].startswith("CodeDeploy's deployment d-ABCDEF123 was not read: ")


@pytest.mark.parametrize(
    "other",
    [
        event("Resource update cancelled"),
        event("CodeDeploy deployment d-ABCDEF123 is running", "UPDATE_IN_PROGRESS"),
        event("d-ABCDEF123", kind="AWS::Lambda::Function"),
    ],
)
def test_other_events_cause_no_call(aws, other):
    assert explained(aws, other) == [other]
