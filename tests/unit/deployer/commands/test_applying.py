"""A change set being executed: interrupted, in conflict, out of contact; the stack's state is always reported."""

import io
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from deployer.aws.sent import Sent, Write
from deployer.commands import applying, interruptions, side_effects
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import change_set_cleanup, execution, operation, reading, recovery, rollback_triggers
from deployer.stacks.alarms import Alarm
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.events import STACK, Event
from deployer.stacks.execution import Outcome
from deployer.stacks.operation import Operation, Starter
from deployer.stacks.rollback_triggers import Breach, Monitoring
from deployer.stacks.stack_status import StackStatus

STACK_ID = "arn:aws:cloudformation:us-east-1:1:stack/food-delivery-dev/1"
SET_ID = "arn:aws:cloudformation:us-east-1:1:changeSet/deploy-1/1"
SET = ChangeSet(SET_ID, STACK_ID, False, sets=(("", STACK_ID, SET_ID), ("DataStack", "arn:child", "arn:set")))
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
DONE = Outcome(StackStatus("UPDATE_COMPLETE"), (), {})
MONITORING = Monitoring(("arn:aws:cloudwatch:r:1:alarm:dev-sync-path",), 10)


def running(status="UPDATE_IN_PROGRESS", begun="UPDATE_IN_PROGRESS"):
    return Operation(STACK_ID, begun, StackStatus(status), START, Starter("ana", "laptop", 1))


class Cloud:
    """What CloudFormation is asked for. `watched`: what each look at the operation comes to, in turn."""

    def __init__(self, monkeypatch):
        self.watched, self.answers, self.now = [], [], running()
        self.executes, self.shows = True, True
        self.cancelled, self.discarded, self.waiting, self.since, self.tokens = [], [], False, [], []
        monkeypatch.setattr(execution, "run", self.run)
        monkeypatch.setattr(execution, "follow", self.follow)
        monkeypatch.setattr(operation, "last", lambda aws, stack: self.now)
        monkeypatch.setattr(reading, "describe", lambda aws, stack: {"StackStatus": "UPDATE_COMPLETE"})
        monkeypatch.setattr(recovery, "cancel", self.cancel)
        monkeypatch.setattr(applying.changeset, "is_waiting", lambda aws, change_set: self.waiting)
        monkeypatch.setattr(
            change_set_cleanup, "discard", lambda aws, change_set, pause: self.discarded.append(change_set) or True
        )
        self.swept, self.full = [], []
        monkeypatch.setattr(change_set_cleanup, "sweep", self.sweep)
        monkeypatch.setattr(interruptions, "can_ask", lambda: bool(self.answers))
        monkeypatch.setattr(interruptions, "choose", self.choose)
        self.said = io.StringIO()
        self.sent, self.answers_executing = Sent(), True
        self.aws = SimpleNamespace(
            region="us-east-1",
            elsewhere="",
            local=True,
            on_this_machine=True,
            endpoint_url=None,
            sent=self.sent,
            client=lambda service: None,  # not to be called
        )
        self.context = Context(
            Ui(self.said, interactive=False),
            self.aws,
            SimpleNamespace(name="dev"),
            Options("dev"),
            "arn:aws:iam::1:user/ana",
        )

    def run(self, *arguments, **options):
        self.tokens.append(options["token"])
        seen = self.watched[0]
        if self.executes:
            refused = isinstance(seen, ClientError)
            subject = {"ChangeSetName": SET.id, "ClientRequestToken": options["token"]}
            answered = self.answers_executing and not refused
            self.sent.writes.append(Write("cloudformation", "ExecuteChangeSet", subject, 1, int(refused), answered))
        if self.now and self.shows and self.executes:
            self.now = replace(self.now, token=options["token"])
        return self.look()

    def follow(self, aws, stack_id, on_events, polling, start=None):
        self.since.append(start)
        return self.look()

    def cancel(self, aws, stack_id, token):
        self.cancelled.append(stack_id)
        self.tokens.append(token)

    def look(self):
        seen = self.watched.pop(0)
        if isinstance(seen, BaseException):
            raise seen
        return seen

    def choose(self, ways):
        answer = self.answers.pop(0)
        if answer is KeyboardInterrupt:
            raise KeyboardInterrupt
        self.ways = ways
        return answer

    def sweep(self, aws, stacks, root):
        assert root == SET.id and not self.tokens, "before the execution"
        self.swept += stacks
        return self.full

    def execute(self):
        with side_effects.reported(self.aws), applying.discard_on_exit(self.aws, SET):
            return applying.execute(self.context, SET, {})

    def failure(self):
        with pytest.raises(Failure) as failure:
            self.execute()
        return failure.value


@pytest.fixture
def cloud(monkeypatch):
    return Cloud(monkeypatch)


@pytest.mark.parametrize("how", [KeyboardInterrupt(), interruptions.Terminated()])
def test_without_a_terminal_an_interruption_ends_watching_at_once_and_says_how_to_resume(cloud, how):
    cloud.watched = [how]
    failure = cloud.failure()
    assert failure.code is Exit.INTERRUPTED
    assert (
        "food-delivery-dev is in UPDATE_IN_PROGRESS" in failure.message
        and "continues in CloudFormation" in failure.message
    )
    assert "run the same command again" in failure.hint
    assert not cloud.discarded and not cloud.cancelled


def test_unused_change_sets_are_deleted_before_the_execution_and_a_nearly_full_stack_is_named(cloud):
    cloud.watched, cloud.full = [DONE], ["arn:child"]
    cloud.execute()
    assert cloud.swept == [STACK_ID, "arn:child"]
    assert "stack arn:child has 800 change sets or more" in cloud.said.getvalue()


def test_sigterm_asks_no_question_even_at_a_terminal(cloud):
    cloud.watched, cloud.answers = [interruptions.Terminated()], ["w"]
    assert "stopped watching" in cloud.failure().message


def test_watching_on_shows_the_operation_from_its_first_event(cloud):
    cloud.watched, cloud.answers = [KeyboardInterrupt(), KeyboardInterrupt(), DONE], ["w", "w"]
    assert cloud.execute() is DONE
    assert cloud.since == [START, START]


@pytest.mark.parametrize("answer", ["s", "", KeyboardInterrupt])
def test_stopping_and_a_second_ctrl_c_and_the_end_of_input_end_watching(cloud, answer):
    cloud.watched, cloud.answers = [KeyboardInterrupt()], [answer]
    assert "stopped watching; stack food-delivery-dev is in UPDATE_IN_PROGRESS" in cloud.failure().message
    assert not cloud.cancelled


def test_a_cancelled_update_is_followed_until_it_is_rolled_back(cloud):
    rolled_back = Outcome(StackStatus("UPDATE_ROLLBACK_COMPLETE"), (), {})
    cloud.watched, cloud.answers = [KeyboardInterrupt(), rolled_back], ["c"]
    failure = cloud.failure()
    assert cloud.cancelled == [STACK_ID] and failure.code is Exit.INTERRUPTED
    assert len(set(cloud.tokens)) == 2, "CloudFormation refuses the token of another operation"
    assert "cancelled" in failure.message and "as before the update" in failure.message


def test_a_cancellation_that_comes_too_late_is_a_deployment(cloud):
    cloud.watched, cloud.answers = [KeyboardInterrupt(), DONE], ["c"]
    assert cloud.execute() is DONE


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"])
def test_cancelling_is_offered_only_where_it_is_possible(cloud, status):
    cloud.watched, cloud.answers, cloud.now = [KeyboardInterrupt()], ["s"], running(status)
    cloud.failure()
    assert set(cloud.ways) == {"w", "s"}
    assert f"{status} cannot be cancelled" in cloud.said.getvalue()


def test_an_interruption_before_the_execution_removes_the_change_set(cloud):
    cloud.watched, cloud.now, cloud.waiting, cloud.executes = [KeyboardInterrupt()], None, True, False
    failure = cloud.failure()
    assert failure.code is Exit.INTERRUPTED and "nothing was changed" in failure.message
    assert cloud.discarded == [SET]


@pytest.mark.parametrize("answered, began", [(True, "this run began"), (False, "this run perhaps began")])
@pytest.mark.parametrize("before", [None, running("UPDATE_COMPLETE")], ids=["no event yet", "older events"])
def test_a_sent_execution_counts_although_the_service_does_not_show_it_yet(cloud, answered, began, before):
    """It calls the change set AVAILABLE, and shows no event of the operation yet."""
    cloud.watched, cloud.waiting, cloud.shows = [interruptions.Terminated()], True, False
    cloud.now, cloud.answers_executing = before, answered
    failure = cloud.failure()
    assert failure.code is Exit.INTERRUPTED and not cloud.discarded
    assert f"{began} to execute change set deploy-1; the operation continues in CloudFormation" in failure.message
    assert "nothing was changed" not in failure.message and "run the same command again" in failure.hint


def test_a_stack_that_cannot_be_read_is_reported_as_still_running(cloud, monkeypatch):
    def lost(aws, stack):
        raise refused("ExpiredToken")

    cloud.watched, cloud.waiting = [KeyboardInterrupt()], True
    monkeypatch.setattr(operation, "last", lost)
    failure = cloud.failure()
    assert failure.code is Exit.INTERRUPTED and "probably still changing" in failure.message
    assert not cloud.discarded


def test_an_interruption_after_the_end_reports_the_final_status(cloud):
    cloud.watched, cloud.now = [KeyboardInterrupt()], running("UPDATE_COMPLETE")
    assert "food-delivery-dev is in UPDATE_COMPLETE" in cloud.failure().message
    assert not cloud.discarded


def refused(code, message="?"):
    return ClientError({"Error": {"Code": code, "Message": message}}, "ExecuteChangeSet")


def test_a_conflict_names_the_other_caller_and_deletes_the_change_set(cloud):
    cloud.watched, cloud.waiting = [refused("InvalidChangeSetStatus")], True
    failure = cloud.failure()
    assert failure.code is Exit.PREFLIGHT and cloud.discarded == [SET]
    assert "started by ana on laptop at 2026-01-01 12:00:00 UTC" in failure.message
    assert "wait stack-update-complete" in failure.hint


def test_the_other_caller_is_named_also_after_its_operation_ended(cloud):
    cloud.watched, cloud.now = [refused("ChangeSetNotFound")], running("UPDATE_COMPLETE")
    failure = cloud.failure()
    assert failure.code is Exit.PREFLIGHT
    assert "came first, by ana on laptop" in failure.message and "again" in failure.hint


def test_any_other_error_is_reported_as_it_is(cloud):
    cloud.watched, cloud.waiting = [refused("AccessDenied")], True
    assert "missing permission" in (said := cloud.failure().message) and said.endswith("; nothing was changed")
    assert cloud.discarded == [SET]


def test_expired_credentials_do_not_read_the_change_set(cloud, monkeypatch):
    cloud.waiting = True
    cloud.watched = [Failure(Exit.PREFLIGHT, "the AWS credentials have expired; CloudFormation goes on", "sign in")]

    def expired(aws, change_set):
        raise refused("ExpiredToken")

    monkeypatch.setattr(applying.changeset, "is_waiting", expired)
    failure = cloud.failure()
    assert "goes on" in failure.message and failure.message.endswith("this run began to execute change set deploy-1")


@pytest.mark.parametrize(
    "status, hint",
    [
        ("UPDATE_ROLLBACK_COMPLETE", "correct the cause, then: python deploy.py --env dev"),
        ("ROLLBACK_COMPLETE", "offers to delete the empty stack first"),
        (
            "CREATE_FAILED",
            "continue from here: python deploy.py --env dev --no-rollback   (without it: offers to delete",
        ),
        ("UPDATE_FAILED", "offers to roll it back"),
        ("UPDATE_ROLLBACK_FAILED", "offers to continue it"),
        ("ROLLBACK_FAILED", "offers to delete the stack"),
    ],
)
def test_a_failure_reports_cause_state_and_next_step(cloud, status, hint):
    refused = event_of_failure("Resource handler returned message: no such key")
    with pytest.raises(Failure) as failure:
        applying.finish(cloud.context, STACK_ID, Outcome(StackStatus(status), (refused,), {STACK_ID: ""}))
    assert failure.value.code is Exit.FAILED
    assert f"food-delivery-dev is in {status}" in failure.value.message and hint in failure.value.hint
    report = failure.value.report["failure"]
    assert (report["cause"]["resource"], report["cause"]["message"]) == ("Function", "no such key")
    assert report["stacks"] == {"root": status} and report["next"] == failure.value.hint
    shown = cloud.said.getvalue()
    assert "Function (AWS::Lambda::Function)" in shown and f"State: {report['state']}." in shown


def test_a_rollback_by_an_alarm_is_recorded_and_names_the_alarm_its_metric_and_the_command_for_the_logs(
    cloud, monkeypatch
):
    errors = Alarm(
        *("dev-orders-command-errors", False, "ALARM", START, "5 > 1", "Invocations failed. First: read the log."),
        metric="AWS/Lambda Errors",
        functions=("dev-OrdersCommandFunction-1A",),
    )
    begun = Event("1", START, STACK_ID, "food-delivery-dev", "food-delivery-dev", STACK_ID, STACK, "UPDATE_IN_PROGRESS")
    outcome = Outcome(StackStatus("UPDATE_ROLLBACK_COMPLETE"), (begun,), {STACK_ID: ""})
    breach = Breach("dev-sync-path", "errors is in ALARM", (errors,))
    monkeypatch.setattr(
        rollback_triggers, "breach", lambda aws, seen, watched: breach if watched is MONITORING else None
    )
    recorded = []
    with pytest.raises(Failure) as failure:
        applying.finish(cloud.context, STACK_ID, outcome, MONITORING, recorded.append)
    assert recorded == ["dev-sync-path"]
    assert failure.value.code is Exit.FAILED
    assert failure.value.message == (
        "alarm dev-sync-path rolled the deployment back; stack food-delivery-dev is in UPDATE_ROLLBACK_COMPLETE"
    )
    assert failure.value.hint == "correct the cause, then: python deploy.py --env dev"
    shown = cloud.said.getvalue()
    assert "dev-sync-path (AWS::CloudWatch::CompositeAlarm): ALARM" in shown and "errors is in ALARM" in shown
    assert "  dev-orders-command-errors (AWS/Lambda Errors): Invocations failed." in shown and "First" not in shown
    assert (
        "read the logs of that time: python deploy.py --env dev --logs dev-OrdersCommandFunction-1A --since " in shown
    )
    report = failure.value.report["failure"]
    assert report["cause"]["resource"] == report["alarm"]["name"] == "dev-sync-path"
    assert report["alarm"]["causes"] == [
        {
            "name": "dev-orders-command-errors",
            "metric": "AWS/Lambda Errors",
            "functions": ["dev-OrdersCommandFunction-1A"],
            "reason": "5 > 1",
        }
    ]


@pytest.mark.parametrize("functions", [((), ()), (("f",), ("g",))])
def test_alarms_of_no_function_or_of_several_are_explained_by_the_logs_of_all(cloud, functions):
    causes = tuple(Alarm("a", False, "ALARM", START, "", "", functions=each) for each in functions)
    begun = Event("1", START, STACK_ID, "food-delivery-dev", "food-delivery-dev", STACK_ID, STACK, "UPDATE_IN_PROGRESS")
    outcome = Outcome(StackStatus("UPDATE_ROLLBACK_COMPLETE"), (begun,), {STACK_ID: ""})
    report = applying.diagnose(cloud.context, outcome, Breach("dev-sync-path", "", causes))
    assert "python deploy.py --env dev --logs --since " in report.cause.remedy


@pytest.mark.parametrize(
    "status, said",
    [
        ("UPDATE_IN_PROGRESS", "continues in CloudFormation, and its alarms can still roll it back"),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "the operation continues in CloudFormation"),
        ("UPDATE_ROLLBACK_IN_PROGRESS", "the operation continues in CloudFormation"),
    ],
)
def test_after_an_interruption_alarms_can_roll_back_until_their_time_is_over(cloud, status, said):
    cloud.watched, cloud.now = [KeyboardInterrupt()], running(status)
    with pytest.raises(Failure) as failure:
        applying.execute(cloud.context, SET, {}, MONITORING)
    assert failure.value.message.endswith(said)


def test_at_a_terminal_an_interruption_says_the_same_and_the_update_can_be_cancelled(cloud):
    cloud.watched, cloud.answers = [KeyboardInterrupt(), DONE], ["w"]
    assert applying.execute(cloud.context, SET, {}, MONITORING) == DONE
    assert "watched or not, and its alarms can still roll it back." in cloud.said.getvalue()
    assert "c" in cloud.ways


def event_of_failure(reason):
    name = "food-delivery-dev"
    return Event("1", START, STACK_ID, name, "Function", "", "AWS::Lambda::Function", "CREATE_FAILED", reason)


@pytest.mark.parametrize("nested, well", [("UPDATE_COMPLETE", True), ("UPDATE_FAILED", False)])
def test_a_deployment_succeeds_only_if_its_nested_stacks_are_complete_too(cloud, monkeypatch, nested, well):
    child = STACK_ID.replace("dev/1", "dev-Data/1")
    monkeypatch.setattr(execution, "nested_statuses", lambda aws, stack: {"DataStack": (child, StackStatus(nested))})
    if well:
        applying.finish(cloud.context, STACK_ID, DONE)
    else:
        with pytest.raises(Failure, match=f"the root stack is complete, but DataStack is in {nested}") as failure:
            applying.finish(cloud.context, STACK_ID, DONE)
        assert failure.value.code is Exit.FAILED


def test_sigterm_is_an_interruption_while_a_run_lasts_and_no_longer():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(interruptions.Terminated), interruptions.terminable():
        os.kill(os.getpid(), signal.SIGTERM)
        signal.sigtimedwait([], 5)
    assert signal.getsignal(signal.SIGTERM) is before
