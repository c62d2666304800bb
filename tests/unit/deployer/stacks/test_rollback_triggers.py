"""The triggers of an operation, and which alarm rolled it back."""

from datetime import timedelta

import pytest

from deployer.stacks import alarms, events, rollback_triggers
from deployer.stacks.execution import Outcome
from deployer.stacks.rollback_triggers import UNMONITORED, Monitoring
from deployer.stacks.stack_status import StackStatus
from tests.unit.aws_account import STACK_ID
from tests.unit.deployer.stacks.event_entries import START, entry

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
SYNC, ASYNC = "food-delivery-dev-sync-path", "food-delivery-dev-async-path"
MONITORING = Monitoring((ARN + SYNC, ARN + ASYNC), 10)
ROLLED_BACK = StackStatus("UPDATE_ROLLBACK_COMPLETE")


def composite(name, state="ALARM", *children):
    rule = " OR ".join(f'ALARM("{child}")' for child in children) or "FALSE"
    return described(name, state) | {"AlarmRule": rule}


def described(name, state="ALARM", minute=0, **more):
    return {
        "AlarmName": name,
        "StateValue": state,
        "StateReason": f"why {name}",
        "StateUpdatedTimestamp": START + timedelta(minutes=minute),
        **more,
    }


def outcome(*more, status=ROLLED_BACK, reason=""):
    begun = entry(0, STACK_ID, "food-delivery-dev", "UPDATE_IN_PROGRESS", STACK_ID, reason="User Initiated")
    back = entry(60, STACK_ID, "food-delivery-dev", "UPDATE_ROLLBACK_IN_PROGRESS", STACK_ID, reason=reason)
    return Outcome(status, tuple(map(events.of, (begun, *more, back))), {STACK_ID: ""})


def failed(reason, second=30):
    return entry(second, STACK_ID, "Function", "UPDATE_FAILED", "f", "AWS::Lambda::Function", reason)


def answers(aws, *pages):
    for metric, composed in pages:
        aws.stub("cloudwatch").add_response("describe_alarms", {"MetricAlarms": metric, "CompositeAlarms": composed})


def test_the_request_is_complete_and_waits_for_no_time_without_triggers():
    assert MONITORING.request == {
        "RollbackTriggers": [{"Arn": ARN + name, "Type": "AWS::CloudWatch::CompositeAlarm"} for name in (SYNC, ASYNC)],
        "MonitoringTimeInMinutes": 10,
    }
    assert MONITORING.alarms == (SYNC, ASYNC)
    nothing = {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}
    assert UNMONITORED.request == Monitoring((), 10).request == nothing


def test_the_triggers_of_a_running_operation_are_read_from_its_stack():
    assert rollback_triggers.of_stack({"RollbackConfiguration": MONITORING.request}) == MONITORING
    for stack in (None, {}, {"RollbackConfiguration": {}}):
        assert rollback_triggers.of_stack(stack) == UNMONITORED


@pytest.mark.parametrize("reason", ["", "a sentence of CloudFormation's"])
def test_a_rollback_without_a_failed_resource_is_of_the_alarm_in_alarm_and_names_what_brought_it_there(aws, reason):
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": [{"Name": "FunctionName", "Value": "f"}]}
    errors = {"Metrics": [{"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}, {"Id": "e"}]}
    answers(
        aws,
        ([], [composite(ASYNC, "OK"), composite(SYNC, "ALARM", "a", "b", "c")]),
        ([described("a", **errors), described("b", "OK", minute=-5), described("c", "OK", minute=5)], []),
    )
    found = rollback_triggers.breach(aws, outcome(reason=reason), MONITORING)
    assert (found.name, found.reason) == (SYNC, f"why {SYNC}")
    assert [alarm.name for alarm in found.causes] == ["a", "c"], "c went back to OK meanwhile"
    assert (found.causes[0].metric, found.causes[0].functions) == ("AWS/Lambda Errors", ("f",))
    aws.done()


def test_an_alarm_that_cloudformation_names_is_the_one_even_if_its_state_is_over_or_cannot_be_read(aws):
    answers(aws, ([], [composite(SYNC, "ALARM"), composite(ASYNC, "OK")]))
    reason = f"{ARN}{ASYNC} went into ALARM"
    assert rollback_triggers.breach(aws, outcome(reason=reason), MONITORING).name == ASYNC
    aws.stub("cloudwatch").add_client_error("describe_alarms", "AccessDenied", "no", 403)
    found = rollback_triggers.breach(aws, outcome(reason=reason), MONITORING)
    assert (found.name, found.reason, found.causes) == (ASYNC, reason, ())
    assert "the alarms were not read" in aws.warned[0]


def test_resources_that_the_rollback_cancelled_are_no_other_cause(aws):
    answers(aws, ([], [composite(SYNC, "ALARM")]))
    assert rollback_triggers.breach(aws, outcome(failed("Resource update cancelled")), MONITORING).name == SYNC


def test_a_failure_of_the_rollback_itself_is_no_other_cause(aws):
    answers(aws, ([], [composite(SYNC, "ALARM")]))
    assert rollback_triggers.breach(aws, outcome(failed("Access denied", second=90)), MONITORING).name == SYNC


def test_of_two_alarms_the_one_that_went_into_alarm_first_is_the_cause(aws):
    later = composite(SYNC, "ALARM") | {"StateUpdatedTimestamp": START + timedelta(minutes=1)}
    answers(aws, ([], [later, composite(ASYNC, "ALARM")]))
    assert rollback_triggers.breach(aws, outcome(), MONITORING).name == ASYNC


@pytest.mark.parametrize(
    "seen, monitoring",
    [
        (outcome(failed("no such key")), MONITORING),
        (outcome(reason="User Initiated"), MONITORING),
        (outcome(status=StackStatus("UPDATE_COMPLETE")), MONITORING),
        (outcome(status=StackStatus("UPDATE_FAILED")), MONITORING),
        (outcome(), UNMONITORED),
    ],
)
def test_another_failure_a_cancelled_update_and_a_success_are_of_no_alarm_and_ask_cloudwatch_nothing(
    aws, seen, monitoring
):
    assert rollback_triggers.breach(aws, seen, monitoring) is None


def test_without_an_alarm_in_alarm_none_is_blamed(aws):
    answers(aws, ([], [composite(SYNC, "OK")]))
    assert rollback_triggers.breach(aws, outcome(), MONITORING) is None


def test_the_alarms_of_a_rule_are_those_whose_alarm_counts():
    rule = '(ALARM("slo-1h") AND ALARM(slo-5min)) OR ALARM( "errors" ) OR NOT OK("quiet")'
    [read] = alarms.parsed({"CompositeAlarms": [described("x") | {"AlarmRule": rule}]})
    assert read.children == ("slo-1h", "slo-5min", "errors")
