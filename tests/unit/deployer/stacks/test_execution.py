"""Following a deployment: nested stacks appear on the way, connections break, the end is the end."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, TokenRetrievalError

from deployer.aws.sent import Sent, Write
from deployer.aws.waiting import PollingConfig
from deployer.errors import Exit, Failure
from deployer.stacks import execution
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.stack_status import StackStatus
from tests.unit.deployer.stacks.event_entries import START, entry

ROOT, CHILD = (f"arn:aws:cloudformation:r:1:stack/{name}/1" for name in ("root", "child"))
FAST = PollingConfig(0, 0, 0.2)


class CloudFormation:
    """Replays recorded events: each entry is known from its own poll on; pages hold two events."""

    def __init__(self, old, history, broken=()):
        self.old, self.history, self.broken = old, history, set(broken)
        self.executed, self.polls, self.pages = False, 0, 0

    def describe_stack_events(self, StackName):
        return {"StackEvents": self.old}

    def execute_change_set(self, **arguments):
        self.executed = True
        assert arguments["ClientRequestToken"] == "deploy--ana" and "RetainExceptOnCreate" not in arguments

    def describe_stacks(self, StackName):
        return {
            "Stacks": [
                {
                    "StackStatus": self.old[0]["ResourceStatus"]
                    if not self.history
                    else self.history[-1][1]["ResourceStatus"]
                }
            ]
        }

    def get_paginator(self, name):
        assert name == "describe_stack_events"
        return self

    def paginate(self, StackName):
        assert self.executed
        if StackName == ROOT:
            self.polls += 1
            if self.polls in self.broken or "always" in self.broken:
                raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        known = [e for poll, e in self.history if poll <= self.polls and e["StackId"] == StackName]
        newest_first = known[::-1] + [e for e in self.old if e["StackId"] == StackName]
        for at in range(0, len(newest_first), 2):
            self.pages += 1
            yield {"StackEvents": newest_first[at : at + 2]}


OLD = [
    entry(-100, ROOT, "root", "CREATE_COMPLETE", ROOT),
    entry(-99, CHILD, "Old", "CREATE_FAILED", kind="AWS::SQS::Queue"),
]
HISTORY = [
    (1, entry(1, ROOT, "root", "UPDATE_IN_PROGRESS", ROOT)),
    (2, entry(2, ROOT, "Data", "UPDATE_IN_PROGRESS", CHILD)),
    (2, entry(2, CHILD, "child", "UPDATE_IN_PROGRESS", CHILD)),
    (3, entry(3, CHILD, "Queue", "UPDATE_COMPLETE", "q", "AWS::SQS::Queue")),
    (3, entry(4, CHILD, "child", "UPDATE_COMPLETE", CHILD)),
    (4, entry(5, ROOT, "Data", "UPDATE_COMPLETE", CHILD)),
    (4, entry(5, ROOT, "root", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ROOT)),
    (5, entry(5, ROOT, "root", "UPDATE_COMPLETE", ROOT)),
]


def run(cloudformation, on_events=lambda batch: None, polling=FAST):
    aws = SimpleNamespace(client=lambda service: cloudformation)
    return execution.run(aws, ChangeSet("cs", ROOT, False), on_events, polling, token="deploy--ana")


def test_root_and_children_are_followed_to_the_end_without_earlier_events():
    outcome = run(CloudFormation(OLD, HISTORY))
    assert outcome.status == StackStatus("UPDATE_COMPLETE")
    assert outcome.stack_paths == {ROOT: "", CHILD: "Data"}
    assert [event.status for event in outcome.events] == [e["ResourceStatus"] for _, e in HISTORY]


def test_a_child_that_ends_together_with_the_root_is_reported_completely():
    at_once = [(1, e) for _, e in HISTORY]
    assert len(run(CloudFormation(OLD, at_once)).events) == len(HISTORY)


def test_of_two_statuses_at_the_same_time_the_later_event_counts():
    assert run(CloudFormation(OLD, [(1, e) for _, e in HISTORY])).status.name == "UPDATE_COMPLETE"


def test_lost_connections_are_tolerated():
    assert run(CloudFormation(OLD, HISTORY, broken=(1, 3))).status.succeeded


def test_no_response_beyond_the_tolerance_says_that_the_operation_continues():
    with pytest.raises(Failure, match="did not respond") as failure:
        run(CloudFormation(OLD, HISTORY, broken=("always",)), polling=PollingConfig(0.01, 0.01, 0.05))
    assert "the operation continues" in failure.value.hint


def test_if_the_events_stay_silent_the_status_has_the_last_word():
    history = HISTORY[:2]
    cloudformation = CloudFormation(OLD, history)
    cloudformation.describe_stacks = lambda StackName: {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}]}
    assert run(cloudformation).status.name.endswith("ROLLBACK_COMPLETE")


def test_a_long_history_costs_no_more_than_a_short_one():
    long = [entry(-1000 - n, ROOT, f"R{n}", "CREATE_COMPLETE", kind="AWS::SQS::Queue") for n in range(200)]
    short_one, long_one = CloudFormation(OLD[:1], HISTORY), CloudFormation(OLD[:1] + long, HISTORY)
    run(short_one), run(long_one)
    assert long_one.pages <= short_one.pages + short_one.polls


def test_a_rolled_back_child_that_took_no_part_is_no_failure():
    outcome = run(CloudFormation(OLD, HISTORY))
    assert execution.is_healthy("arn:other", StackStatus("UPDATE_ROLLBACK_COMPLETE"), outcome)
    assert not execution.is_healthy(CHILD, StackStatus("UPDATE_ROLLBACK_COMPLETE"), outcome)
    assert not execution.is_healthy("arn:other", StackStatus("UPDATE_FAILED"), outcome)


def refused(code, status=400):
    answer = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeStackEvents")


class Failing(CloudFormation):
    """Raises `error` on the given poll of the given stack, before it says anything of it."""

    def __init__(self, error, stack=ROOT, polls=(3,), history=HISTORY):
        super().__init__(OLD, history)
        self.error, self.stack, self.on = error, stack, set(polls)

    def paginate(self, StackName):
        pages = list(super().paginate(StackName))
        if StackName == self.stack and self.polls in self.on:
            raise self.error
        return iter(pages)


@pytest.mark.parametrize("error", [refused("Throttling"), refused("InternalFailure", 500)])
def test_throttling_and_bad_moments_are_put_up_with(error):
    outcome = run(Failing(error))
    assert outcome.status.succeeded and len(outcome.events) == len(HISTORY)


@pytest.mark.parametrize("polls", [(2,), (5,), (2, 3, 4, 5)])
def test_a_poll_that_fails_after_the_root_was_read_loses_and_repeats_nothing(polls):
    heard = []
    outcome = run(Failing(refused("Throttling"), CHILD, polls), heard.extend)
    assert outcome.status.succeeded
    assert sorted(event.id for event in heard) == sorted(e["EventId"] for _, e in HISTORY)


@pytest.mark.parametrize(
    "error", [refused("ExpiredToken"), TokenRetrievalError(provider="sso", error_msg="Token has expired")]
)
def test_expired_credentials_say_that_the_operation_continues_and_how_to_resume(error):
    with pytest.raises(Failure, match="expired; the operation continues") as failure:
        run(Failing(error))
    assert failure.value.code is Exit.PREFLIGHT
    assert "sign in again" in failure.value.hint and "resume" in failure.value.hint


def test_a_lost_permission_says_that_the_operation_continues():
    with pytest.raises(Failure, match=r"missing permission.*the operation continues") as failure:
        run(Failing(refused("AccessDenied")))
    assert failure.value.code is Exit.PREFLIGHT


def test_an_operation_that_runs_already_is_followed_from_its_beginning():
    cloudformation = CloudFormation(OLD, HISTORY)
    cloudformation.executed, cloudformation.polls = True, 2
    aws = SimpleNamespace(client=lambda service: cloudformation)
    outcome = execution.follow(aws, ROOT, lambda batch: None, FAST, start=START + timedelta(seconds=1))
    assert [event.status for event in outcome.events] == [e["ResourceStatus"] for _, e in HISTORY]


def test_a_deletion_is_followed_until_nothing_is_left():
    history = [
        (1, entry(1, ROOT, "root", "DELETE_IN_PROGRESS", ROOT)),
        (1, entry(1, ROOT, "Data", "DELETE_IN_PROGRESS", CHILD)),
        (2, entry(2, CHILD, "Queue", "DELETE_COMPLETE", "q", "AWS::SQS::Queue")),
        (3, entry(3, ROOT, "root", "DELETE_COMPLETE", ROOT)),
    ]
    cloudformation = CloudFormation(OLD, history)
    cloudformation.executed = True
    aws = SimpleNamespace(client=lambda service: cloudformation)
    outcome = execution.follow(aws, ROOT, lambda batch: None, FAST, seen={OLD[0]["EventId"]})
    assert outcome.status.name == "DELETE_COMPLETE" and len(outcome.events) == len(history)


@pytest.mark.parametrize("refusals, token, begins", [(0, "deploy--ana", True), (0, "another's", False), (1, "", False)])
def test_an_execution_whose_answer_is_lost_is_followed_if_its_events_show_that_it_runs(refusals, token, begins):
    """A retry of it may be refused, as executed already: that is no race that is lost."""
    sent = Sent()
    shown = [entry(2, ROOT, "root", "UPDATE_COMPLETE", ROOT) | {"ClientRequestToken": token}]

    class Lost(CloudFormation):
        def execute_change_set(self, **asked):
            super().execute_change_set(**asked)
            sent.writes.append(Write("cloudformation", "ExecuteChangeSet", asked, 1, refusals))
            self.describe_stack_events = lambda StackName: {"StackEvents": shown}
            raise ConnectionError("lost")

    aws = SimpleNamespace(client=lambda service: lost, sent=sent)
    lost = Lost(OLD, HISTORY)
    if begins:
        outcome = execution.run(aws, ChangeSet("cs", ROOT, False), lambda batch: None, FAST, token="deploy--ana")
        assert outcome.status == StackStatus("UPDATE_COMPLETE")
    else:
        with pytest.raises(ConnectionError):
            execution.run(aws, ChangeSet("cs", ROOT, False), lambda batch: None, FAST, token="deploy--ana")
