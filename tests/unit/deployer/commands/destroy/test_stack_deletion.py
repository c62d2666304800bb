"""Deleting a tree of stacks: from whatever state, to its end or to what is in the way."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from deployer.aws.waiting import PollingConfig
from deployer.commands.destroy import stack_deletion
from deployer.stacks import diagnosis
from deployer.stacks.events import STACK
from tests.unit.deployer.stacks.event_entries import START, entry

ROOT, CHILD = (f"arn:aws:cloudformation:r:1:stack/{name}/1" for name in ("root", "child"))
FAST = PollingConfig(0, 0, 0.2)
BUCKET = "AWS::S3::Bucket"


class CloudFormation:
    """Plays DescribeStacks, DeleteStack and the events of one deletion; `story` begins when it is asked for."""

    def __init__(self, status, story=(), resources=None):
        self.status, self.story, self.resources = status, list(story), resources or {}
        self.deleted = 0

    def describe_stacks(self, StackName):
        if not self.status:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "Stack root does not exist"}}, "x")
        return {"Stacks": [{"StackName": "root", "StackId": StackName, "StackStatus": self.status}]}

    def delete_stack(self, StackName, ClientRequestToken="token"):
        assert ClientRequestToken == "token"
        assert StackName == ROOT, "a stack that is deleted has no name"
        self.deleted += 1
        self.status = self.story[-1]["ResourceStatus"] if self.story else ""

    def get_template(self, StackName, TemplateStage):
        return {"TemplateBody": {"Resources": {}}}

    def describe_stack_events(self, StackName):
        return {"StackEvents": [entry(-10, ROOT, "root", "CREATE_COMPLETE", ROOT)]}

    def get_paginator(self, name):
        def paginate(StackName):
            if name == "list_stack_resources":
                return [{"StackResourceSummaries": self.resources.get(StackName, [])}]
            told = self.story if self.deleted or self.status == "DELETE_IN_PROGRESS" else []
            found = [event for event in told if event["StackId"] == StackName]
            old = self.describe_stack_events(StackName)["StackEvents"] if StackName == ROOT else []
            return [{"StackEvents": found[::-1] + old}]

        return SimpleNamespace(paginate=paginate)


def run(cloudformation):
    aws = SimpleNamespace(client=lambda service: cloudformation)
    return aws, stack_deletion.run(aws, ROOT, lambda batch: None, FAST, "token")


DELETED = [
    entry(1, ROOT, "root", "DELETE_IN_PROGRESS", ROOT),
    entry(2, ROOT, "Data", "DELETE_IN_PROGRESS", CHILD),
    entry(3, CHILD, "child", "DELETE_COMPLETE", CHILD),
    entry(4, ROOT, "Data", "DELETE_COMPLETE", CHILD),
    entry(5, ROOT, "root", "DELETE_COMPLETE", ROOT),
]
NOT_EMPTY = "The bucket you tried to delete is not empty"
FAILED = [
    *DELETED[:2],
    entry(3, CHILD, "child", "DELETE_IN_PROGRESS", CHILD),
    entry(4, CHILD, "Files", "DELETE_FAILED", "files", BUCKET, NOT_EMPTY),
    entry(5, CHILD, "child", "DELETE_FAILED", CHILD, reason="The following resource(s) failed to delete: [Files]."),
    entry(6, ROOT, "Data", "DELETE_FAILED", CHILD, reason=f"Embedded stack {CHILD} was not successfully deleted"),
    entry(7, ROOT, "root", "DELETE_FAILED", ROOT, reason="The following resource(s) failed to delete: [Data]."),
]


@pytest.mark.parametrize(
    "status",
    [
        *("CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
        *("ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"),
    ],
)
def test_it_is_deleted_and_followed_from_whatever_state(status):
    cloudformation = CloudFormation(status, DELETED)
    _, outcome = run(cloudformation)
    assert (outcome.status.name, cloudformation.deleted) == ("DELETE_COMPLETE", 1)
    assert [event.status for event in outcome.events] == [event["ResourceStatus"] for event in DELETED]


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", ""])
def test_what_was_never_created_or_is_gone_has_no_story_to_wait_for(status):
    _, outcome = run(CloudFormation(status))
    assert outcome.status.name == "DELETE_COMPLETE"


def test_a_deletion_that_is_going_on_is_joined_and_not_begun_again():
    cloudformation = CloudFormation("DELETE_IN_PROGRESS", DELETED)
    _, outcome = run(cloudformation)
    assert (outcome.status.name, cloudformation.deleted) == ("DELETE_COMPLETE", 0)


def test_a_failure_in_a_child_is_found_and_so_is_what_is_left():
    files = {"LogicalResourceId": "Files", "ResourceType": BUCKET, "PhysicalResourceId": "files"}
    child = {"LogicalResourceId": "Data", "ResourceType": STACK, "PhysicalResourceId": CHILD}
    gone = {"LogicalResourceId": "Gone", "ResourceType": BUCKET, "PhysicalResourceId": "gone"}
    resources = {
        ROOT: [child | {"ResourceStatus": "DELETE_FAILED"}, gone | {"ResourceStatus": "DELETE_COMPLETE"}],
        CHILD: [files | {"ResourceStatus": "DELETE_FAILED"}],
    }
    aws, outcome = run(CloudFormation("CREATE_COMPLETE", FAILED, resources))
    assert outcome.status.name == "DELETE_FAILED"
    cause = diagnosis.root_cause(outcome.events)
    assert (cause.logical_id, cause.reason) == ("Files", NOT_EMPTY)
    assert [fate.path for fate in stack_deletion.left(aws, ROOT)] == ["Data/Files"]


def test_other_environments_are_told_from_nested_stacks_and_from_other_projects(aws):
    def stack(name, **more):
        return {"StackName": name, "CreationTime": START, "StackStatus": "CREATE_COMPLETE", **more}

    first = [stack("food-delivery-dev"), stack("food-delivery-dev-DataStack-1", ParentId=ROOT), stack("other-prod")]
    stub = aws.stub("cloudformation")
    stub.add_response("describe_stacks", {"Stacks": first, "NextToken": "more"})
    stub.add_response("describe_stacks", {"Stacks": [stack("food-delivery-prod")]})
    assert stack_deletion.environments(aws) == {"dev", "prod"}
