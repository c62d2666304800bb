"""Twice the resources, or twice the stacks, is at most twice the calls: planning, executing, verifying."""

from collections import Counter
from math import ceil
from types import SimpleNamespace

import pytest

from deployer.aws.waiting import PollingConfig
from deployer.plan import compare
from deployer.plan.snapshot import Snapshot
from deployer.stacks import change_set_cleanup, changeset, execution, reading, validation
from tests.unit.deployer.stacks.event_entries import entry

STACK = "AWS::CloudFormation::Stack"
PAGE = 100
"""Of ListStackResources and DescribeStackEvents; DescribeChangeSet's limit is in bytes, here as many changes."""


def arn(name):
    return f"arn:aws:cloudformation:us-east-1:1:stack/{name}/1"


class CloudFormation:
    """A root with `stacks` children of `size` resources each, as the API returns it. Counts pages and calls."""

    def __init__(self, stacks, size):
        self.children = {f"Child{n}": [f"R{m}" for m in range(size)] for n in range(stacks)}
        self.calls = Counter()
        self.executed = False
        self.exceptions = SimpleNamespace(ClientError=ValueError)

    def describe_stacks(self, StackName):
        self.calls["DescribeStacks"] += 1
        return {"Stacks": [{"StackId": StackName, "StackStatus": "UPDATE_COMPLETE"}]}

    def get_template(self, StackName, TemplateStage):
        self.calls["GetTemplate"] += 1
        resources = {name: {"Type": STACK, "Properties": {"TemplateURL": "u"}} for name in self.children}
        return {"TemplateBody": {"Resources": resources if StackName == arn("root") else {}}}

    def create_change_set(self, **_):
        self.calls["CreateChangeSet"] += 1
        return {"Id": "arn:root", "StackId": arn("root")}

    def describe_change_set(self, **_):
        self.calls["DescribeChangeSet"] += 1
        return {"Status": "CREATE_COMPLETE"}

    def execute_change_set(self, **_):
        self.calls["ExecuteChangeSet"] += 1
        self.executed = True

    def describe_stack_events(self, StackName):
        self.calls["DescribeStackEvents"] += 1
        return {"StackEvents": []}

    def get_paginator(self, name):
        return SimpleNamespace(paginate=lambda **asked: self.paged(name, next(iter(asked.values()))))

    def paged(self, name, of):
        entries, key = getattr(self, f"_{name}")(of)
        for at in range(0, max(len(entries), 1), PAGE):
            self.calls[name] += 1
            yield {key: entries[at : at + PAGE]}

    def _list_change_sets(self, stack):
        return [], "Summaries"

    def _list_stack_resources(self, stack):
        nested = [
            {"LogicalResourceId": name, "PhysicalResourceId": arn(name), "ResourceType": STACK, "ResourceStatus": "X"}
            for name in self.children
        ]
        return nested if stack == arn("root") else [], "StackResourceSummaries"

    def _describe_change_set(self, change_set):
        def change(name, kind, **other):
            return {"ResourceChange": {"LogicalResourceId": name, "ResourceType": kind, "Action": "Modify", **other}}

        if change_set == "arn:root":
            return [change(name, STACK, ChangeSetId=name) for name in self.children], "Changes"
        return [change(name, "AWS::SQS::Queue") for name in self.children[change_set]], "Changes"

    def _describe_events(self, change_set):
        return [], "OperationEvents"

    def _describe_stack_events(self, stack):
        """All of it happened by the first look: the number of looks is a matter of time, not of size."""

        def event(number, name, status, physical_id, kind):
            return entry(number, stack, name, status, physical_id, kind)

        if stack == arn("root"):
            inner = [event(1, name, "UPDATE_COMPLETE", arn(name), STACK) for name in self.children]
        else:
            names = self.children[stack.split("/")[1]]
            inner = [
                event(1, name, status, "q", "AWS::SQS::Queue")
                for name in names
                for status in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
            ]
        name = stack.split("/")[1]
        ends = [event(n, name, f"UPDATE_{s}", stack, STACK) for n, s in ((0, "IN_PROGRESS"), (2, "COMPLETE"))]
        return [ends[1], *inner[::-1], ends[0]], "StackEvents"


def calls(stacks, size) -> int:
    """Of a whole update in which every resource changes."""
    cloudformation = CloudFormation(stacks, size)
    aws = SimpleNamespace(client=lambda service: cloudformation)
    now = reading.deployed(aws, reading.describe(aws, arn("root")))
    arguments = {"request": {"TemplateURL": "u"}, "token": "t", "pause": 0}
    change_set = changeset.create(aws, "root", new=False, exists=True, **arguments)
    assert len(change_set.verdicts) == stacks * size + stacks
    assert validation.problems(aws, change_set.sets) == ()
    compare.make(now, Snapshot(), change_set.verdicts)
    outcome = execution.run(aws, change_set, lambda batch: None, PollingConfig(0, 0, 1), token="t")
    assert len(outcome.events) == 2 + stacks + stacks * (2 * size + 2)
    nested = execution.nested_statuses(aws, arn("root"))
    change_set_cleanup.sweep(aws, [arn("root"), *(one for one, _ in nested.values())], change_set.id)
    assert cloudformation.calls["describe_events"] == stacks + 1
    assert cloudformation.calls["describe_change_set"] == ceil(stacks / PAGE) + stacks * ceil(size / PAGE)
    return sum(cloudformation.calls.values())


@pytest.mark.parametrize("stacks", [1, 4, 16])
@pytest.mark.parametrize("size", [1, 10, 60, 250])
def test_twice_as_much_is_at_most_twice_the_calls(stacks, size):
    once = calls(stacks, size)
    assert calls(stacks, 2 * size) <= 2 * once
    assert calls(2 * stacks, size) <= 2 * once


def test_a_stack_of_our_size_costs_calls_by_the_stack_not_by_the_resource():
    assert calls(4, 60) == calls(4, 20) + 4  # a second page of each child's events
    assert calls(4, 40) <= 50
