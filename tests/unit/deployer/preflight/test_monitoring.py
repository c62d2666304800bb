"""Alarms before a deployment: which monitor it, which cannot, and which refuse it."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from config import names
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan.rollback_alarms import COMPOSITE
from deployer.plan.snapshot import Snapshot
from deployer.preflight import monitoring
from deployer.show import monitoring_view
from deployer.stacks.rollback_triggers import UNMONITORED, Monitoring
from tests.unit.deployer.plan import trees

CALLER = "arn:aws-cn:sts::123456789012:assumed-role/Deployer/me"
ARN = "arn:aws-cn:cloudwatch:us-east-1:123456789012:alarm:"
SINCE = datetime(2026, 1, 1, 12, tzinfo=UTC)


def tree(*alarms):
    metadata = {names.ROLLBACK_TRIGGER: "why"}
    return trees.of(
        {name.title(): {"Type": COMPOSITE, "Metadata": metadata, "Properties": {"AlarmName": name}} for name in alarms}
    )


def environment(minutes=10):
    return SimpleNamespace(release=SimpleNamespace(monitoring_minutes=minutes))


BOTH = tree("a", "b")


def check(aws, now=BOTH, then=BOTH, minutes=10, **options):
    found = monitoring.check(aws, environment(minutes), Options("prod", **options), CALLER, now, then)
    aws.done()
    return found


def answer(aws, **states):
    found = [
        {"AlarmName": name, "StateValue": state, "StateReason": "c is in ALARM", "StateUpdatedTimestamp": SINCE}
        for name, state in states.items()
    ]
    aws.stub("cloudwatch").add_response("describe_alarms", {"CompositeAlarms": found})


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_alarms_without_data_are_triggers_like_those_that_are_ok(aws, state):
    answer(aws, b="OK", a=state)
    found = check(aws)
    assert (found.triggers, found.minutes, found.left_out, found.in_alarm) == ((ARN + "a", ARN + "b"), 10, {}, {})


def test_an_environment_without_monitoring_time_has_no_alarm_rollback_and_reads_no_alarm(aws):
    assert check(aws, minutes=0) == UNMONITORED


def test_a_first_deployment_creates_its_alarms_and_reads_none(aws):
    found = check(aws, now=Snapshot())
    assert found.triggers == () and found.request["MonitoringTimeInMinutes"] == 0
    assert found.left_out.keys() == {"a", "b"} and "this deployment creates it" in found.left_out["a"]
    assert monitoring_view.lines(found)[0] == "Alarm rollback: none; no alarm can roll this deployment back"


def test_an_alarm_that_the_deployment_creates_or_removes_is_left_out_and_so_is_one_deleted_by_hand(aws):
    answer(aws, b="OK")
    found = check(aws, now=tree("a", "b", "old"), then=tree("a", "b", "new"))
    assert found.triggers == (ARN + "b",)
    assert {name: why.split(",")[0] for name, why in found.left_out.items()} == {
        "a": "it was deleted outside CloudFormation",
        "new": "this deployment creates it",
        "old": "this deployment removes it",
    }


def test_an_alarm_in_alarm_refuses_the_deployment_and_says_since_when_why_and_what_to_do(aws):
    answer(aws, a="ALARM", b="OK")
    with pytest.raises(Failure) as failure:
        check(aws)
    assert failure.value.code is Exit.REFUSED
    assert "a is in ALARM since 2026-01-01 12:00 UTC: c is in ALARM" in failure.value.message
    assert "b is" not in failure.value.message
    assert "python deploy.py --env prod --status" in failure.value.hint and "--ignore-alarms" in failure.value.hint


def test_a_plan_says_that_a_deployment_is_refused(aws):
    answer(aws, a="ALARM", b="OK")
    found = check(aws, plan=True)
    assert found.triggers == (ARN + "a", ARN + "b") and found.in_alarm.keys() == {"a"}
    assert monitoring_view.lines(found)[1] == (
        "  a is in ALARM since 2026-01-01 12:00 UTC: c is in ALARM; a deployment is refused"
    )


@pytest.mark.parametrize(
    "options", [{"ignore_alarms": True}, {"command": "--rollback"}, {"ignore_alarms": True, "plan": True}]
)
def test_on_request_and_in_a_rollback_an_alarm_in_alarm_is_left_out_and_the_others_stay(aws, options):
    answer(aws, a="ALARM", b="OK")
    found = check(aws, **options)
    assert found.triggers == (ARN + "b",) and found.in_alarm == {}
    assert found.left_out["a"].startswith("in ALARM since")


def test_if_the_states_cannot_be_read_the_alarms_are_triggers_all_the_same(aws):
    aws.stub("cloudwatch").add_client_error("describe_alarms", "AccessDenied", "no", 403)
    assert check(aws).triggers == (ARN + "a", ARN + "b")
    assert "rolls back at once if one is in ALARM" in aws.warned[0]


@pytest.mark.parametrize("kind, hint", [("deploy", "ALARM: --ignore-alarms"), ("rollback", "what is in ALARM")])
def test_an_alarm_of_a_saved_plan_that_is_in_alarm_or_gone_refuses_it_and_says_how_to_plan_again(aws, kind, hint):
    answer(aws, a="ALARM")
    with pytest.raises(Failure) as failure:
        monitoring.check_triggers(aws, Monitoring((ARN + "a", ARN + "b"), 10), kind)
    assert failure.value.code is Exit.REFUSED
    assert "b does not exist; a is in ALARM since 2026-01-01 12:00 UTC" in failure.value.message
    assert failure.value.hint.endswith(hint)


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_a_saved_plan_whose_alarms_are_not_in_alarm_may_run(aws, state):
    answer(aws, a=state)
    monitoring.check_triggers(aws, Monitoring((ARN + "a",), 10), "deploy")
    aws.stub("cloudwatch").add_client_error("describe_alarms", "AccessDenied", "no", 403)
    monitoring.check_triggers(aws, Monitoring((ARN + "a",), 10), "deploy")
    assert "rolls back at once if one is in ALARM" in aws.warned[0]


def test_without_rollback_no_alarm_can_roll_back(aws):
    found = check(aws, no_rollback=True)
    assert found.triggers == () and found.left_out == {"a": "--no-rollback", "b": "--no-rollback"}


def test_the_views_say_the_same(aws):
    answer(aws, a="ALARM", b="OK")
    found = check(aws, command="--rollback")
    assert monitoring_view.lines(found) == [
        "Alarm rollback: CloudFormation monitors 1 alarm while it deploys and for 10 min after that, and rolls back if "
        "one goes into ALARM: b",
        f"  not a: {found.left_out['a']}",
    ]
    assert monitoring_view.as_json(found) == {
        "alarms": ["b"],
        "minutes": 10,
        "leftOut": {"a": found.left_out["a"]},
        "inAlarm": {},
    }
    assert monitoring_view.lines(UNMONITORED) == []
