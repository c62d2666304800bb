"""Following a deployment: nested stacks appear on the way, connections break, the end is the end."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from deployer.errors import Failure
from deployer.show.progress import Progress
from deployer.stacks import execution
from deployer.stacks.changeset import ChangeSet
from deployer.stacks.events import STACK
from deployer.stacks.execution import Pace
from deployer.stacks.status import StackStatus

ROOT, CHILD = (f"arn:aws:cloudformation:r:1:stack/{name}/1" for name in ("root", "child"))
FAST = Pace(0, 0, 0.2)
START = datetime(2026, 1, 1, tzinfo=UTC)


def entry(second, stack, logical_id, status, physical_id="", kind=STACK, reason=""):
    return {
        "EventId": f"{stack}{second}{logical_id}{status}",
        "StackId": stack,
        "StackName": stack.split("/")[1],
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": START + timedelta(seconds=second),
    }


class CloudFormation:
    """Tells a recorded story: each entry is known from its own poll on; pages hold two events."""

    def __init__(self, old, story, broken=()):
        self.old, self.story, self.broken = old, story, set(broken)
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
                    if not self.story
                    else self.story[-1][1]["ResourceStatus"]
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
        known = [e for poll, e in self.story if poll <= self.polls and e["StackId"] == StackName]
        newest_first = known[::-1] + [e for e in self.old if e["StackId"] == StackName]
        for at in range(0, len(newest_first), 2):
            self.pages += 1
            yield {"StackEvents": newest_first[at : at + 2]}


OLD = [
    entry(-100, ROOT, "root", "CREATE_COMPLETE", ROOT),
    entry(-99, CHILD, "Old", "CREATE_FAILED", kind="AWS::SQS::Queue"),
]
STORY = [
    (1, entry(1, ROOT, "root", "UPDATE_IN_PROGRESS", ROOT)),
    (2, entry(2, ROOT, "Data", "UPDATE_IN_PROGRESS", CHILD)),
    (2, entry(2, CHILD, "child", "UPDATE_IN_PROGRESS", CHILD)),
    (3, entry(3, CHILD, "Queue", "UPDATE_COMPLETE", "q", "AWS::SQS::Queue")),
    (3, entry(4, CHILD, "child", "UPDATE_COMPLETE", CHILD)),
    (4, entry(5, ROOT, "Data", "UPDATE_COMPLETE", CHILD)),
    (4, entry(5, ROOT, "root", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ROOT)),
    (5, entry(5, ROOT, "root", "UPDATE_COMPLETE", ROOT)),
]


def run(cloudformation, on_events=lambda batch: None, pace=FAST):
    aws = SimpleNamespace(client=lambda service: cloudformation)
    return execution.run(aws, ChangeSet("cs", ROOT, False), on_events, pace, token="deploy--ana")


def test_root_and_children_are_followed_to_the_end_and_the_past_is_not_told():
    outcome = run(CloudFormation(OLD, STORY))
    assert outcome.status == StackStatus("UPDATE_COMPLETE")
    assert outcome.names == {ROOT: "", CHILD: "Data"}
    assert [event.status for event in outcome.events] == [e["ResourceStatus"] for _, e in STORY]


def test_a_child_that_ends_together_with_the_root_is_told_completely():
    at_once = [(1, e) for _, e in STORY]
    assert len(run(CloudFormation(OLD, at_once)).events) == len(STORY)


def test_of_two_states_at_the_same_moment_the_later_told_counts():
    assert run(CloudFormation(OLD, [(1, e) for _, e in STORY])).status.name == "UPDATE_COMPLETE"


def test_lost_connections_are_put_up_with():
    assert run(CloudFormation(OLD, STORY, broken=(1, 3))).status.succeeded


def test_lost_for_good_says_that_the_deployment_goes_on():
    with pytest.raises(Failure, match="stopped answering") as failure:
        run(CloudFormation(OLD, STORY, broken=("always",)), pace=Pace(0.01, 0.01, 0.05))
    assert "goes on" in failure.value.hint


def test_if_the_events_stay_silent_the_status_has_the_last_word():
    story = STORY[:2]
    cloudformation = CloudFormation(OLD, story)
    cloudformation.describe_stacks = lambda StackName: {"Stacks": [{"StackStatus": "UPDATE_ROLLBACK_COMPLETE"}]}
    assert run(cloudformation).status.rolled_back


def test_a_long_history_costs_no_more_than_a_short_one():
    long = [entry(-1000 - n, ROOT, f"R{n}", "CREATE_COMPLETE", kind="AWS::SQS::Queue") for n in range(200)]
    short_one, long_one = CloudFormation(OLD[:1], STORY), CloudFormation(OLD[:1] + long, STORY)
    run(short_one), run(long_one)
    assert long_one.pages <= short_one.pages + short_one.polls


def test_a_rolled_back_child_that_took_no_part_is_no_failure():
    outcome = run(CloudFormation(OLD, STORY))
    assert execution.is_well("arn:other", StackStatus("UPDATE_ROLLBACK_COMPLETE"), outcome)
    assert not execution.is_well(CHILD, StackStatus("UPDATE_ROLLBACK_COMPLETE"), outcome)
    assert not execution.is_well("arn:other", StackStatus("UPDATE_FAILED"), outcome)


def test_progress_knows_where_every_stack_stands():
    progress = Progress("root")
    run(CloudFormation(OLD, STORY), progress.take)
    states = {stack.name: (stack.status.name, len(stack.done), stack.busy) for stack in progress.stacks.values()}
    assert states == {"root": ("UPDATE_COMPLETE", 1, {}), "Data": ("UPDATE_COMPLETE", 1, {})}
