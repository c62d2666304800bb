"""What a plan says of requests that move to new versions gradually."""

import pytest

from deployer.plan import compare, publishing, shifting
from deployer.plan.snapshot import Snapshot
from generator.functions import BY_KEY
from tests.unit.deployer.plan import trees
from tests.unit.deployer.plan.test_real_plans import deployed

CANARY, LINEAR = "10 % for 5 minutes, then all", "10 % more every minute, all within 10 minutes"


def described(environment: str, **parameters: str) -> str:
    now = deployed(environment)
    then = trees.real(environment, None, now, **parameters)
    return shifting.described(compare.make(now, then), then)


@pytest.mark.parametrize(
    ("shift", "steps"),
    [("AllAtOnce", ""), ("Canary10Percent5Minutes", CANARY), ("Linear10PercentEvery1Minute", LINEAR)],
)
def test_new_code_moves_requests_in_the_steps_of_the_setting(shift, steps):
    assert described("prod", FunctionsKey="packages/new.zip", Shift=shift) == steps


def test_a_change_that_publishes_no_function_moves_no_request():
    assert described("prod", LogRetentionDays="30") == ""
    assert described("prod", Shift="Linear10PercentEvery1Minute") == ""


def test_a_function_that_answers_no_request_switches_at_once():
    assert BY_KEY["orders_events"].answers_requests is False
    assert described("prod", TraceEvents="true") == ""


def test_a_first_deployment_moves_no_request():
    then = trees.real("prod")
    assert shifting.described(compare.make(Snapshot(), then), then) == ""


def test_the_alarm_that_follows_the_version_is_no_change_of_its_own():
    now = deployed("prod")
    plan = compare.make(now, trees.real("prod", None, now, FunctionsKey="packages/new.zip"))
    alarms = {change.logical_id for change in plan.changes if change.type == "AWS::CloudWatch::Alarm"}
    assert alarms == {"OrdersCommandReleaseAlarm", "OrdersQueryReleaseAlarm", "OrdersIntakeReleaseAlarm"}
    assert alarms & {change.logical_id for change in publishing.others(plan.changes)} == set()


def test_another_change_of_that_alarm_is_shown():
    now = deployed("prod")
    plan = compare.make(now, trees.real("prod", None, now, FunctionsKey="packages/new.zip", ErrorRatePercent="2"))
    assert "OrdersQueryReleaseAlarm" in {change.logical_id for change in publishing.others(plan.changes)}
