"""Each state that blocks a deployment: what blocks it, the recovery action, and whether --yes is enough."""

import io

import pytest
from botocore.stub import ANY

from deployer.commands import applying, recover
from deployer.commands.context import Context
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.preflight.account_state import AccountState
from deployer.show.ui import Ui
from deployer.stacks import operation
from tests.unit.aws_account import STACK_ID
from tests.unit.deployer.stacks.event_entries import START, entry

NAME, STACK = "food-delivery-dev", "AWS::CloudFormation::Stack"
CHILD = "arn:aws:cloudformation:us-east-1:123456789012:stack/food-delivery-dev-DataStack-1A/1"
ANA = "arn:aws:iam::123456789012:user/ana"


def event(second, status, logical_id=NAME, stack=STACK_ID, physical_id=STACK_ID, kind=STACK, reason="", token=""):
    more = {"ClientRequestToken": token} if token else {}
    return entry(second, stack, logical_id, status, physical_id, kind, reason, **more)


BLOCKED = [
    event(9, "UPDATE_ROLLBACK_FAILED"),
    event(8, "DELETE_FAILED", "NewBucket", physical_id="b", kind="AWS::S3::Bucket", reason="not empty"),
    event(8, "UPDATE_FAILED", "DataStack", physical_id=CHILD),
    event(5, "UPDATE_ROLLBACK_IN_PROGRESS"),
]
INNER = [
    event(7, "UPDATE_FAILED", "OrderQueue", CHILD, "q", "AWS::SQS::Queue", "no such queue"),
    event(5, "UPDATE_ROLLBACK_IN_PROGRESS", "food-delivery-dev-DataStack-1A", CHILD, CHILD),
]


class World:
    def __init__(self, aws, environment, monkeypatch):
        self.aws, self.environment, self.stub = aws, environment, aws.stub("cloudformation")
        self.said, self.questions, self.answers, self.verified = io.StringIO(), [], [], []
        self.configuration = {}
        monkeypatch.setattr(recover, "can_ask", lambda: bool(self.answers))
        monkeypatch.setattr(recover, "ask", self.ask)
        monkeypatch.setattr(
            applying, "_verify", lambda ui, aws, stack_id, outcome: self.verified.append((stack_id, outcome))
        )

    def ask(self, question):
        self.questions.append(question)
        return self.answers.pop(0)

    def ensure(self, status, **options):
        account_state = AccountState("123456789012", ANA, stack(status) | self.configuration, True)
        ui = Ui(self.said, interactive=False)
        context = Context(ui, self.aws, self.environment, Options("dev", **options), ANA)
        deployable = recover.ensure_deployable(context, account_state)
        self.aws.done()
        return deployable.status.name

    def refused(self, status, **options):
        with pytest.raises(Failure) as failure:
            self.ensure(status, **options)
        self.aws.done()
        return failure.value

    def events(self, *events, stack=STACK_ID):
        self.stub.add_response("describe_stack_events", {"StackEvents": list(events)}, {"StackName": stack})

    def described(self, status, by=NAME):
        if status:
            self.stub.add_response("describe_stacks", {"Stacks": [stack(status)]}, {"StackName": by})
        else:
            self.stub.add_client_error("describe_stacks", "ValidationError", f"Stack with id {NAME} does not exist")

    def does(self, call, ends, *old):
        """The call, and the end of what it began."""
        self.events(*old)
        self.stub.add_response(call, {}, {"StackName": STACK_ID, "ClientRequestToken": ANY})
        self.events(event(99, ends), *old)


def stack(status):
    return {"StackId": STACK_ID, "StackName": NAME, "StackStatus": status, "CreationTime": START}


@pytest.fixture
def world(aws, dev, monkeypatch):
    return World(aws, dev, monkeypatch)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_healthy_stack_needs_no_call(world, status):
    assert world.ensure(status) == status


@pytest.mark.parametrize(
    "status, call, ends, then",
    [
        ("ROLLBACK_COMPLETE", "delete_stack", "DELETE_COMPLETE", ""),
        ("ROLLBACK_FAILED", "delete_stack", "DELETE_COMPLETE", ""),
        ("CREATE_FAILED", "delete_stack", "DELETE_COMPLETE", ""),
        ("UPDATE_FAILED", "rollback_stack", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
        ("UPDATE_ROLLBACK_FAILED", "continue_update_rollback", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    ],
)
@pytest.mark.parametrize("how", [{"yes": True}, {"answer": True}])
def test_the_recovery_action_runs_when_confirmed(world, status, call, ends, then, how):
    options = {key: value for key, value in how.items() if key == "yes"}
    world.answers = [True] if "answer" in how else []
    old = [event(9, status), event(1, "CREATE_IN_PROGRESS")]
    if status != "ROLLBACK_COMPLETE":
        world.events(*old)  # what blocks it
    world.does(call, ends, *old)
    world.described(then)
    assert world.ensure(status, **options) == then
    assert status in world.said.getvalue() and ends in world.said.getvalue()
    assert bool(world.questions) is ("answer" in how)


def test_blocking_resources_are_named_and_if_they_block_again_the_command_that_skips_them(world):
    world.events(*BLOCKED)
    world.events(*INNER, stack=CHILD)
    world.does("continue_update_rollback", "UPDATE_ROLLBACK_FAILED", *BLOCKED)
    world.events(*BLOCKED)
    world.events(*INNER, stack=CHILD)
    failure = world.refused("UPDATE_ROLLBACK_FAILED", yes=True)
    assert failure.code is Exit.FAILED
    assert "DataStack/OrderQueue (AWS::SQS::Queue): no such queue" in failure.message
    assert (
        "aws cloudformation continue-update-rollback --stack-name food-delivery-dev --region us-east-1 "
        "--resources-to-skip food-delivery-dev-DataStack-1A.OrderQueue"
    ) in failure.hint
    assert "NewBucket" in failure.message and "NewBucket" not in failure.hint, "only UPDATE_FAILED can be skipped"
    assert "DataStack/OrderQueue" in world.said.getvalue()


def test_yes_alone_does_not_continue_a_deletion(world):
    stuck = [event(9, "DELETE_FAILED", "Uploads", physical_id="b", kind="AWS::S3::Bucket", reason="not empty")]
    stuck += [event(1, "DELETE_IN_PROGRESS")]
    world.events(*stuck)
    failure = world.refused("DELETE_FAILED", yes=True)
    assert failure.code is Exit.PREFLIGHT and "at a terminal this command offers to delete" in failure.hint
    assert "Uploads (AWS::S3::Bucket): not empty" in world.said.getvalue()


def test_a_deletion_that_fails_again_names_the_command_that_retains_the_rest(world):
    stuck = [event(9, "DELETE_FAILED", "Uploads", physical_id="b", kind="AWS::S3::Bucket", reason="not empty")]
    stuck += [event(1, "DELETE_IN_PROGRESS")]
    world.answers = [True]
    world.events(*stuck)
    world.does("delete_stack", "DELETE_FAILED", *stuck)
    world.events(*stuck)
    failure = world.refused("DELETE_FAILED")
    assert failure.code is Exit.FAILED and "--retain-resources Uploads" in failure.hint


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "DELETE_FAILED"])
def test_a_plan_only_reports(world, status):
    if status != "ROLLBACK_COMPLETE":
        world.events(event(9, status), event(1, "CREATE_IN_PROGRESS"))
    failure = world.refused(status, plan=True, yes=True)
    assert failure.code is Exit.PREFLIGHT and status in failure.message and "offers to" in failure.hint


def test_a_no_is_a_refusal(world):
    world.answers = [False]
    assert world.refused("ROLLBACK_COMPLETE").code is Exit.REFUSED


def test_without_a_terminal_and_without_yes_nothing_is_begun(world):
    failure = world.refused("ROLLBACK_COMPLETE")
    assert failure.code is Exit.PREFLIGHT and "--yes" in failure.hint


def test_a_state_without_automatic_recovery_names_a_command(world):
    failure = world.refused("IMPORT_ROLLBACK_FAILED", yes=True)
    assert failure.code is Exit.PREFLIGHT and "delete-stack" in failure.hint


@pytest.mark.parametrize("status", ["CREATE_FAILED", "UPDATE_FAILED"])
def test_no_rollback_continues_a_failure_without_rollback(world, status):
    assert world.ensure(status, no_rollback=True, yes=True) == status


def test_a_change_set_never_executed_is_reported_and_blocks_nothing(world):
    waiting = {"ChangeSetName": "deploy-1", "ChangeSetId": "arn", "CreationTime": START}
    waiting["Description"] = operation.token(ANA)
    by_hand = {"ChangeSetName": "by-hand", "ChangeSetId": "arn:2", "CreationTime": START}
    world.stub.add_response("list_change_sets", {"Summaries": [waiting, by_hand]})
    assert world.ensure("REVIEW_IN_PROGRESS") == "REVIEW_IN_PROGRESS"
    said = world.said.getvalue()
    assert "deploy-1 of ana on " in said and "2026-01-01 12:00 UTC" in said
    assert "by-hand of another program" in said


# --- an operation that is running ---------------------------------------------------------------


def begun_by(caller, monkeypatch, alive):
    monkeypatch.setattr(operation, "_is_alive", lambda pid: alive)
    return event(1, "UPDATE_IN_PROGRESS", reason="User Initiated", token=operation.token(caller))


def test_the_caller_s_own_interrupted_deployment_is_followed_and_verified(world, monkeypatch):
    begun = begun_by(ANA, monkeypatch, alive=False)
    world.described("UPDATE_IN_PROGRESS", by=STACK_ID)
    world.events(begun)
    world.events(event(9, "UPDATE_COMPLETE"), begun, event(0, "CREATE_COMPLETE"))
    world.described("UPDATE_COMPLETE")
    assert world.ensure("UPDATE_IN_PROGRESS", yes=True) == "UPDATE_COMPLETE"
    [(stack_id, outcome)] = world.verified
    assert stack_id == STACK_ID and [one.status for one in outcome.events] == ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]
    assert "Resuming" in world.said.getvalue()


def test_the_caller_s_own_interrupted_deployment_that_failed_is_a_failure(world, monkeypatch):
    begun = begun_by(ANA, monkeypatch, alive=False)
    world.described("UPDATE_IN_PROGRESS", by=STACK_ID)
    world.events(begun)
    world.events(event(9, "UPDATE_ROLLBACK_COMPLETE"), begun)
    failure = world.refused("UPDATE_IN_PROGRESS", yes=True)
    assert failure.code is Exit.FAILED and "UPDATE_ROLLBACK_COMPLETE" in failure.message
    assert failure.report["failure"]["stacks"] == {"root": "UPDATE_ROLLBACK_COMPLETE"} and not world.verified


def test_a_resumed_deployment_that_an_alarm_rolled_back_names_the_alarm_of_the_stack_s_triggers(world, monkeypatch):
    begun, alarm = begun_by(ANA, monkeypatch, alive=False), "food-delivery-dev-sync-path"
    triggers = [{"Arn": f"arn:aws:cloudwatch:us-east-1:1:alarm:{alarm}", "Type": "AWS::CloudWatch::CompositeAlarm"}]
    world.configuration = {"RollbackConfiguration": {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": 10}}
    found = {"AlarmName": alarm, "StateValue": "ALARM", "StateUpdatedTimestamp": START, "AlarmRule": "FALSE"}
    world.aws.stub("cloudwatch").add_response("describe_alarms", {"CompositeAlarms": [found]})
    world.described("UPDATE_IN_PROGRESS", by=STACK_ID)
    world.events(begun)
    world.events(event(9, "UPDATE_ROLLBACK_COMPLETE"), event(5, "UPDATE_ROLLBACK_IN_PROGRESS"), begun)
    failure = world.refused("UPDATE_IN_PROGRESS", yes=True)
    assert failure.code is Exit.FAILED and f"alarm {alarm} rolled the deployment back" in failure.message


@pytest.mark.parametrize(
    "caller, alive, options",
    [
        ("arn:aws:iam::123456789012:user/bob", False, {"yes": True}),
        (ANA, True, {"yes": True}),
        (ANA, False, {"plan": True}),
    ],
)
def test_any_other_is_refused_with_who_and_since_when(world, monkeypatch, caller, alive, options):
    world.described("UPDATE_IN_PROGRESS", by=STACK_ID)
    world.events(begun_by(caller, monkeypatch, alive))
    failure = world.refused("UPDATE_IN_PROGRESS", **options)
    assert failure.code is Exit.PREFLIGHT
    assert f"started by {operation.name_of(caller)} on " in failure.message
    assert "2026-01-01 12:00:01 UTC" in failure.message and "wait stack-update-complete" in failure.hint


def test_at_a_terminal_another_can_be_followed(world, monkeypatch):
    begun = begun_by("arn:aws:iam::123456789012:user/bob", monkeypatch, alive=True)
    world.answers = [True]
    world.described("UPDATE_IN_PROGRESS", by=STACK_ID)
    world.events(begun)
    world.events(event(9, "UPDATE_COMPLETE"), begun)
    world.described("UPDATE_COMPLETE")
    assert world.ensure("UPDATE_IN_PROGRESS") == "UPDATE_COMPLETE"
    assert world.verified and "bob" in world.said.getvalue()


def test_the_caller_s_own_interrupted_deletion_is_followed_to_its_end(world, monkeypatch):
    begun = begun_by(ANA, monkeypatch, alive=False) | {"ResourceStatus": "DELETE_IN_PROGRESS"}
    world.described("DELETE_IN_PROGRESS", by=STACK_ID)
    world.events(begun)
    world.events(event(9, "DELETE_COMPLETE"), begun)
    world.described("")
    assert world.ensure("DELETE_IN_PROGRESS", yes=True) == ""
    assert not world.verified
