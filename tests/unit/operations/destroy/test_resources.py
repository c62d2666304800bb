"""Which resources a deletion retains, what tables, buckets and queues store, and which are found by tags."""

import pytest

from deployer.plan.snapshot import STACK, Snapshot
from operations.destroy import resources
from operations.destroy.resources import BUCKET, MAX_COUNT, QUEUE, TABLE, Resource

STACK_TAG = "aws:cloudformation:stack-name"


def tag(key, value):
    return {"Key": key, "Value": value}


def stored(kind, physical_id="it"):
    return Resource(("DataStack",), "It", kind, physical_id, False)


def test_messages_in_flight_and_delayed_are_counted(aws):
    numbers = {"": "1", "NotVisible": "2", "Delayed": "3"}
    attributes = {f"ApproximateNumberOfMessages{kind}": number for kind, number in numbers.items()}
    expected = {"QueueUrl": "it", "AttributeNames": list(attributes)}
    aws.stub("sqs").add_response("get_queue_attributes", {"Attributes": attributes}, expected)
    [data] = resources.with_data(aws, [stored(QUEUE)])
    assert (data.count, data.amount) == (6, "about 6 messages")


def test_a_table_s_items_and_protection_are_read(aws):
    aws.stub("dynamodb").add_response("describe_table", {"Table": {"ItemCount": 1, "DeletionProtectionEnabled": True}})
    [data] = resources.with_data(aws, [stored(TABLE)])
    assert (data.amount, data.protected) == ("about 1 item", True)


def test_counting_a_large_bucket_ends_at_the_maximum(aws):
    stub = aws.stub("s3")
    for number in range(MAX_COUNT // 1000 + 1):
        page = {"Versions": [{"Key": "k"}] * 999, "DeleteMarkers": [{"Key": "k"}]}
        stub.add_response("list_object_versions", {**page, "IsTruncated": True, "NextKeyMarker": f"k{number}"})
    [data] = resources.with_data(aws, [stored(BUCKET)])
    assert data.amount == "more than 10,000 object versions"
    aws.done()


def test_missing_resources_are_left_out_and_those_without_data_are_not_read(aws):
    aws.stub("s3").add_client_error("list_object_versions", "NoSuchBucket")
    aws.stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException")
    assert resources.with_data(aws, [stored(BUCKET), stored(TABLE), stored("AWS::SNS::Topic")]) == []


def test_a_missing_permission_is_not_a_missing_resource(aws):
    aws.stub("s3").add_client_error("list_object_versions", "AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        resources.with_data(aws, [stored(BUCKET)])


def test_tags_find_resources_outside_any_stack_over_all_pages(aws):
    tags = [tag("aws:cloudformation:logical-id", "OrdersTable"), tag(STACK_TAG, "food-delivery-dev-DataStack-1")]
    arns = ("arn:aws:dynamodb:us-east-1:1:table/old-table", "arn:aws:s3:::old-bucket", "arn:aws:sqs:us-east-1:1:q")
    stub, sqs = aws.stub("resourcegroupstaggingapi"), aws.stub("sqs")
    first, *rest = [{"ResourceARN": arn, "Tags": tags} for arn in arns]
    stub.add_response("get_resources", {"ResourceTagMappingList": [first], "PaginationToken": "more"})
    stub.add_response("get_resources", {"ResourceTagMappingList": rest, "PaginationToken": ""})
    sqs.add_response("get_queue_url", {"QueueUrl": "https://sqs/1/q"}, {"QueueName": "q"})
    found = resources.tagged(aws, "dev")
    assert [(each.type, each.physical_id, each.logical_id, each.retained) for each in found] == [
        (TABLE, "old-table", "OrdersTable", True),
        (BUCKET, "old-bucket", "OrdersTable", True),
        (QUEUE, "https://sqs/1/q", "OrdersTable", True),
    ]


def test_a_queue_that_exists_only_in_the_tagging_service_is_left_out(aws):
    entry = {"ResourceARN": "arn:aws:sqs:us-east-1:1:q", "Tags": [tag(STACK_TAG, "food-delivery-dev-DataStack-1")]}
    aws.stub("resourcegroupstaggingapi").add_response("get_resources", {"ResourceTagMappingList": [entry]})
    aws.stub("sqs").add_client_error("get_queue_url", "QueueDoesNotExist")
    assert resources.tagged(aws, "dev") == []


@pytest.mark.parametrize("tags", [[], [tag(STACK_TAG, "archive-of-food-delivery-dev")]])
def test_resources_without_cloudformation_s_tag_are_not_the_platform_s(aws, tags):
    entry = {"ResourceARN": "arn:aws:s3:::archive", "Tags": [tag("Project", "food-delivery"), *tags]}
    aws.stub("resourcegroupstaggingapi").add_response("get_resources", {"ResourceTagMappingList": [entry]})
    assert resources.tagged(aws, "dev") == []


def summary(logical_id, kind=QUEUE, status="CREATE_COMPLETE"):
    return {
        "LogicalResourceId": logical_id,
        "ResourceType": kind,
        "PhysicalResourceId": f"physical-{logical_id}",
        "ResourceStatus": status,
    }


def retained(tree, summaries) -> dict[str, bool]:
    return {each.path: each.retained for each in resources.of_tree(tree, summaries)}


def queue(policy=None):
    return {"Type": QUEUE} | ({"DeletionPolicy": policy} if policy else {})


@pytest.mark.parametrize(
    "policy, expected",
    [(None, False), ("Delete", False), ("Retain", True), ("RetainExceptOnCreate", True), ("Snapshot", False)],
)
def test_the_deletion_policy_decides(policy, expected):
    tree = Snapshot({"Resources": {"Q": queue(policy)}})
    assert retained(tree, {(): [summary("Q")]}) == {"Q": expected}


@pytest.mark.parametrize("value", ["Delete", "Retain"])
def test_a_policy_by_parameter_is_resolved_with_the_stack_s_value(value):
    child = Snapshot({"Parameters": {"P": {"Type": "String"}}, "Resources": {"Q": queue({"Ref": "P"})}}, {"P": value})
    tree = Snapshot({"Resources": {"Data": {"Type": STACK}}}, {}, {"Data": child})
    assert retained(tree, {(): [summary("Data", STACK)], ("Data",): [summary("Q")]}) == {"Data/Q": value == "Retain"}


def test_a_retained_nested_stack_retains_all_its_resources():
    child = Snapshot({"Resources": {"Q": queue("Delete")}})
    tree = Snapshot({"Resources": {"Data": {"Type": STACK, "DeletionPolicy": "Retain"}}}, {}, {"Data": child})
    assert retained(tree, {(): [summary("Data", STACK)], ("Data",): [summary("Q")]}) == {"Data/Q": True}


def test_only_existing_resources_are_listed():
    assert retained(Snapshot({"Resources": {"Q": queue("Retain")}}), {(): []}) == {}


def test_skipped_resources_are_retained_and_those_no_longer_in_the_template_deleted():
    summaries = {(): [summary("Skipped", status="DELETE_SKIPPED"), summary("Forgotten", status="DELETE_FAILED")]}
    assert retained(Snapshot({"Resources": {}}), summaries) == {"Skipped": True, "Forgotten": False}
