"""Emptying and removing: pages, refusals of single objects, what is gone already, what takes its time."""

import pytest
from moto import mock_aws

from deployer.aws import object_versions, session
from deployer.commands.destroy import removal
from deployer.commands.destroy.deletion_outcomes import Fate
from deployer.commands.destroy.stored_data import BUCKET, QUEUE, TABLE, Holding
from deployer.errors import Failure


def held(kind, physical_id, protected=False):
    return Holding(Fate((), "It", kind, physical_id, True), 1, protected)


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


def test_every_version_and_marker_of_every_page_goes_and_unfinished_uploads_too(aws):
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


def test_an_empty_bucket_costs_no_deletion(aws):
    stub = aws.stub("s3")
    listing(stub, page())
    uploads(stub)
    assert object_versions.delete(aws.client("s3"), "b", prefix="p/") == 0
    aws.done()


def test_what_s3_refuses_is_named_after_everything_else_is_gone(aws):
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


def test_a_bucket_that_is_gone_is_empty(aws):
    aws.stub("s3").add_client_error("list_object_versions", "NoSuchBucket")
    assert object_versions.delete(aws.client("s3"), "b") == 0


def table(status, protected=False):
    return {"Table": {"TableName": "orders", "TableStatus": status, "DeletionProtectionEnabled": protected}}


def test_a_protected_table_is_unprotected_deleted_and_waited_for(aws):
    stub = aws.stub("dynamodb")
    stub.add_response("update_table", {}, {"TableName": "orders", "DeletionProtectionEnabled": False})
    stub.add_response("describe_table", table("UPDATING"))
    stub.add_response("describe_table", table("ACTIVE"))
    stub.add_response("delete_table", {}, {"TableName": "orders"})
    stub.add_response("describe_table", table("DELETING"))
    stub.add_client_error("describe_table", "ResourceNotFoundException")
    removal.holding(aws, held(TABLE, "orders", protected=True), pause=0)
    aws.done()


@pytest.mark.parametrize(
    "kind, service, operation, code",
    [
        (QUEUE, "sqs", "delete_queue", "AWS.SimpleQueueService.NonExistentQueue"),
        (BUCKET, "s3", "delete_bucket", "NoSuchBucket"),
    ],
)
def test_what_is_gone_already_is_no_failure_and_anything_else_is(aws, kind, service, operation, code):
    aws.stub(service).add_client_error(operation, code)
    removal.holding(aws, held(kind, "it"), pause=0)
    aws.stub(service).add_client_error(operation, "AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        removal.holding(aws, held(kind, "it"), pause=0)


def test_log_groups_go_by_their_beginning_and_others_stay(dev):
    with mock_aws():
        aws = session.connect(dev)
        logs = aws.client("logs")
        for name in ("/food-delivery/dev/a", "/food-delivery/dev/b", "/food-delivery/dev-2/a"):
            logs.create_log_group(logGroupName=name)
        assert removal.log_groups(aws, ["/food-delivery/dev/", "nothing"]) == [
            "/food-delivery/dev/a",
            "/food-delivery/dev/b",
        ]
        assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == [
            "/food-delivery/dev-2/a"
        ]


def test_the_role_is_no_longer_api_gateways_before_it_is_deleted(aws):
    patch = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}]
    aws.stub("apigateway").add_response("update_account", {}, {"patchOperations": patch})
    iam = aws.stub("iam")
    policies = [{"PolicyName": "p", "PolicyArn": "arn:aws:iam::aws:policy/p"}]
    iam.add_response("list_attached_role_policies", {"AttachedPolicies": policies}, {"RoleName": "r"})
    iam.add_response("detach_role_policy", {}, {"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/p"})
    iam.add_response("delete_role", {}, {"RoleName": "r"})
    removal.log_role(aws, "r", in_use=True)
    aws.done()


def test_a_role_that_is_not_in_use_is_deleted_without_a_word_to_api_gateway(aws):
    iam = aws.stub("iam")
    iam.add_response("list_attached_role_policies", {"AttachedPolicies": []}, {"RoleName": "r"})
    iam.add_response("delete_role", {}, {"RoleName": "r"})
    aws.stub("apigateway")  # refuses every call
    removal.log_role(aws, "r", in_use=False)
    aws.done()
