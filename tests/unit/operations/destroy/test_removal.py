"""Deletions: of a stack from every state, of object versions, tables, queues, log groups and roles."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from deployer.aws import object_versions, session
from deployer.aws.waiting import PollingConfig
from deployer.errors import Failure
from deployer.stacks import diagnosis
from deployer.stacks.events import STACK
from operations.destroy import removal
from operations.destroy.resources import BUCKET, QUEUE, TABLE, DataResource, Resource
from tests.unit.deployer.stacks.event_entries import entry


def data(kind, physical_id, protected=False):
    return DataResource(Resource((), "It", kind, physical_id, True), 1, protected)


def version(number):
    return {"Key": f"file-{number}", "VersionId": f"v{number}"}


def page(versions=(), markers=(), next_marker=""):
    more = {"IsTruncated": True, "NextKeyMarker": next_marker, "NextVersionIdMarker": "v"} if next_marker else {}
    return {"Versions": list(versions), "DeleteMarkers": list(markers), **more}


def listing(stub, answer, **marker):
    stub.add_response("list_object_versions", answer, {"Bucket": "b", "Prefix": "p/", "MaxKeys": 1000, **marker})


def deleting(stub, objects, errors=()):
    expected = {"Bucket": "b", "Delete": {"Objects": objects, "Quiet": True}}
    stub.add_response("delete_objects", {"Errors": list(errors)} if errors else {}, expected)


def uploads(stub, found=()):
    stub.add_response("list_multipart_uploads", {"Uploads": list(found)}, {"Bucket": "b", "Prefix": "p/"})


def test_every_version_and_marker_of_every_page_is_deleted_and_uploads_are_aborted(aws):
    stub, counts = aws.stub("s3"), []
    listing(stub, page([version(1), version(2)], [version(3)], "file-3"))
    deleting(stub, [version(1), version(2), version(3)])
    listing(stub, page(markers=[version(4)]), KeyMarker="file-3", VersionIdMarker="v")
    deleting(stub, [version(4)])
    uploads(stub, [{"Key": "big", "UploadId": "u"}])
    stub.add_response("abort_multipart_upload", {}, {"Bucket": "b", "Key": "big", "UploadId": "u"})
    assert object_versions.delete(aws.client("s3"), "b", counts.append, "p/") == 4
    assert counts == [3, 4]
    aws.done()


def test_an_empty_bucket_needs_no_deletion(aws):
    stub = aws.stub("s3")
    listing(stub, page())
    uploads(stub)
    assert object_versions.delete(aws.client("s3"), "b", prefix="p/") == 0
    aws.done()


def test_objects_that_s3_refuses_to_delete_are_named_after_the_rest_is_deleted(aws):
    stub = aws.stub("s3")
    refused = [{**version(n), "Code": "AccessDenied", "Message": "locked"} for n in range(1, 6)]
    listing(stub, page([version(n) for n in range(1, 6)], next_marker="file-5"))
    deleting(stub, [version(n) for n in range(1, 6)], refused)
    listing(stub, page([version(6)]), KeyMarker="file-5", VersionIdMarker="v")
    deleting(stub, [version(6)])
    uploads(stub)
    with pytest.raises(Failure, match=r"5 object versions in b could not be deleted \(1 were\)") as failure:
        object_versions.delete(aws.client("s3"), "b", prefix="p/")
    assert "file-1 (AccessDenied)" in failure.value.message and "file-4" not in failure.value.message
    aws.done()


def test_a_bucket_that_does_not_exist_is_empty(aws):
    aws.stub("s3").add_client_error("list_object_versions", "NoSuchBucket")
    assert object_versions.delete(aws.client("s3"), "b") == 0


def table(status, protected=False):
    return {"Table": {"TableName": "orders", "TableStatus": status, "DeletionProtectionEnabled": protected}}


def test_a_protected_table_is_unprotected_and_deleted_and_both_are_waited_for(aws):
    stub = aws.stub("dynamodb")
    stub.add_response("update_table", {}, {"TableName": "orders", "DeletionProtectionEnabled": False})
    stub.add_response("describe_table", table("UPDATING"))
    stub.add_response("describe_table", table("ACTIVE"))
    stub.add_response("delete_table", {}, {"TableName": "orders"})
    stub.add_response("describe_table", table("DELETING"))
    stub.add_client_error("describe_table", "ResourceNotFoundException")
    removal.delete_data(aws, data(TABLE, "orders", protected=True), pause=0)
    aws.done()


@pytest.mark.parametrize(
    "kind, service, operation, code",
    [
        (QUEUE, "sqs", "delete_queue", "AWS.SimpleQueueService.NonExistentQueue"),
        (BUCKET, "s3", "delete_bucket", "NoSuchBucket"),
    ],
)
def test_a_resource_already_gone_is_no_failure_and_any_other_error_is(aws, kind, service, operation, code):
    aws.stub(service).add_client_error(operation, code)
    removal.delete_data(aws, data(kind, "it"), pause=0)
    aws.stub(service).add_client_error(operation, "AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        removal.delete_data(aws, data(kind, "it"), pause=0)


def test_log_groups_are_deleted_by_prefix_and_others_kept(dev):
    with mock_aws():
        aws = session.connect(dev)
        logs = aws.client("logs")
        for name in ("/food-delivery/dev/a", "/food-delivery/dev/b", "/food-delivery/dev-2/a"):
            logs.create_log_group(logGroupName=name)
        assert removal.delete_log_groups(aws, ["/food-delivery/dev/", "nothing"]) == [
            "/food-delivery/dev/a",
            "/food-delivery/dev/b",
        ]
        assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == [
            "/food-delivery/dev-2/a"
        ]


def test_the_role_is_removed_from_api_gateway_s_settings_before_it_is_deleted(aws):
    patch = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}]
    aws.stub("apigateway").add_response("update_account", {}, {"patchOperations": patch})
    iam = aws.stub("iam")
    policies = [{"PolicyName": "p", "PolicyArn": "arn:aws:iam::aws:policy/p"}]
    iam.add_response("list_attached_role_policies", {"AttachedPolicies": policies}, {"RoleName": "r"})
    iam.add_response("detach_role_policy", {}, {"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/p"})
    iam.add_response("delete_role", {}, {"RoleName": "r"})
    removal.delete_log_role(aws, "r", in_use=True)
    aws.done()


def test_a_role_that_is_not_in_use_is_deleted_without_a_call_to_api_gateway(aws):
    iam = aws.stub("iam")
    iam.add_response("list_attached_role_policies", {"AttachedPolicies": []}, {"RoleName": "r"})
    iam.add_response("delete_role", {}, {"RoleName": "r"})
    aws.stub("apigateway")  # refuses every call
    removal.delete_log_role(aws, "r", in_use=False)
    aws.done()


ROOT, CHILD = (f"arn:aws:cloudformation:r:1:stack/{name}/1" for name in ("root", "child"))
FAST = PollingConfig(0, 0, 0.2)


class CloudFormation:
    """Plays DescribeStacks, DeleteStack and `history`, the events of one deletion, which begins when it is called."""

    def __init__(self, status, history=(), resources=None):
        self.status, self.history, self.resources = status, list(history), resources or {}
        self.deleted = 0

    def describe_stacks(self, StackName):
        if not self.status:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "Stack root does not exist"}}, "x")
        return {"Stacks": [{"StackName": "root", "StackId": StackName, "StackStatus": self.status}]}

    def delete_stack(self, StackName, ClientRequestToken="token"):
        assert ClientRequestToken == "token"
        assert StackName == ROOT, "a deleted stack is found by its ARN only"
        self.deleted += 1
        self.status = self.history[-1]["ResourceStatus"] if self.history else ""

    def get_template(self, StackName, TemplateStage):
        return {"TemplateBody": {"Resources": {}}}

    def describe_stack_events(self, StackName):
        return {"StackEvents": [entry(-10, ROOT, "root", "CREATE_COMPLETE", ROOT)]}

    def get_paginator(self, name):
        def paginate(StackName):
            if name == "list_stack_resources":
                return [{"StackResourceSummaries": self.resources.get(StackName, [])}]
            visible = self.history if self.deleted or self.status == "DELETE_IN_PROGRESS" else []
            found = [event for event in visible if event["StackId"] == StackName]
            old = self.describe_stack_events(StackName)["StackEvents"] if StackName == ROOT else []
            return [{"StackEvents": found[::-1] + old}]

        return SimpleNamespace(paginate=paginate)


def delete(cloudformation):
    aws = SimpleNamespace(client=lambda service: cloudformation)
    return aws, removal.delete_stack(aws, ROOT, lambda batch: None, FAST, "token")


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
def test_a_stack_is_deleted_and_followed_from_every_state(status):
    cloudformation = CloudFormation(status, DELETED)
    _, outcome = delete(cloudformation)
    assert (outcome.status.name, cloudformation.deleted) == ("DELETE_COMPLETE", 1)
    assert [event.status for event in outcome.events] == [event["ResourceStatus"] for event in DELETED]


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", ""])
def test_a_stack_never_created_or_already_gone_has_no_events_to_follow(status):
    _, outcome = delete(CloudFormation(status))
    assert outcome.status.name == "DELETE_COMPLETE"


def test_a_running_deletion_is_joined_and_not_begun_again():
    cloudformation = CloudFormation("DELETE_IN_PROGRESS", DELETED)
    _, outcome = delete(cloudformation)
    assert (outcome.status.name, cloudformation.deleted) == ("DELETE_COMPLETE", 0)


def test_a_failure_in_a_nested_stack_is_diagnosed_and_what_is_left_is_listed():
    files = {"LogicalResourceId": "Files", "ResourceType": BUCKET, "PhysicalResourceId": "files"}
    child = {"LogicalResourceId": "Data", "ResourceType": STACK, "PhysicalResourceId": CHILD}
    gone = {"LogicalResourceId": "Gone", "ResourceType": BUCKET, "PhysicalResourceId": "gone"}
    resources = {
        ROOT: [child | {"ResourceStatus": "DELETE_FAILED"}, gone | {"ResourceStatus": "DELETE_COMPLETE"}],
        CHILD: [files | {"ResourceStatus": "DELETE_FAILED"}],
    }
    aws, outcome = delete(CloudFormation("CREATE_COMPLETE", FAILED, resources))
    assert outcome.status.name == "DELETE_FAILED"
    cause = diagnosis.root_cause(outcome.events)
    assert (cause.logical_id, cause.reason) == ("Files", NOT_EMPTY)
    assert [each.path for each in removal.undeleted(aws, ROOT)] == ["Data/Files"]
