"""What is in tables, buckets and queues, found in a stack or by tags."""

import pytest

from deployer.commands.destroy import stored_data
from deployer.commands.destroy.deletion_outcomes import Fate
from deployer.commands.destroy.stored_data import BUCKET, COUNTED, QUEUE, TABLE

STACK_TAG = "aws:cloudformation:stack-name"


def tag(key, value):
    return {"Key": key, "Value": value}


def fate(kind, physical_id="it"):
    return Fate(("DataStack",), "It", kind, physical_id, False)


def test_messages_in_flight_and_delayed_count(aws):
    numbers = {"": "1", "NotVisible": "2", "Delayed": "3"}
    attributes = {f"ApproximateNumberOfMessages{kind}": number for kind, number in numbers.items()}
    expected = {"QueueUrl": "it", "AttributeNames": list(attributes)}
    aws.stub("sqs").add_response("get_queue_attributes", {"Attributes": attributes}, expected)
    [held] = stored_data.read(aws, [fate(QUEUE)])
    assert (held.number, held.amount) == (6, "about 6 messages")


def test_a_table_tells_its_items_and_its_protection(aws):
    aws.stub("dynamodb").add_response("describe_table", {"Table": {"ItemCount": 1, "DeletionProtectionEnabled": True}})
    [held] = stored_data.read(aws, [fate(TABLE)])
    assert (held.amount, held.protected) == ("about 1 item", True)


def test_a_large_bucket_is_counted_no_further_than_needed(aws):
    stub = aws.stub("s3")
    for number in range(COUNTED // 1000 + 1):
        page = {"Versions": [{"Key": "k"}] * 999, "DeleteMarkers": [{"Key": "k"}]}
        stub.add_response("list_object_versions", {**page, "IsTruncated": True, "NextKeyMarker": f"k{number}"})
    [held] = stored_data.read(aws, [fate(BUCKET)])
    assert held.amount == "more than 10,000 object versions"
    aws.done()


def test_what_is_gone_holds_nothing_and_what_holds_no_data_is_not_asked(aws):
    aws.stub("s3").add_client_error("list_object_versions", "NoSuchBucket")
    aws.stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException")
    assert stored_data.read(aws, [fate(BUCKET), fate(TABLE), fate("AWS::SNS::Topic")]) == []


def test_a_right_that_is_missing_is_not_taken_for_absence(aws):
    aws.stub("s3").add_client_error("list_object_versions", "AccessDenied")
    with pytest.raises(Exception, match="AccessDenied"):
        stored_data.read(aws, [fate(BUCKET)])


def test_tags_find_what_no_stack_has_any_more_over_all_pages(aws):
    tags = [tag("aws:cloudformation:logical-id", "OrdersTable"), tag(STACK_TAG, "food-delivery-dev-DataStack-1")]
    arns = ("arn:aws:dynamodb:us-east-1:1:table/old-table", "arn:aws:s3:::old-bucket", "arn:aws:sqs:us-east-1:1:q")
    stub, sqs = aws.stub("resourcegroupstaggingapi"), aws.stub("sqs")
    first, *rest = [{"ResourceARN": arn, "Tags": tags} for arn in arns]
    stub.add_response("get_resources", {"ResourceTagMappingList": [first], "PaginationToken": "more"})
    stub.add_response("get_resources", {"ResourceTagMappingList": rest, "PaginationToken": ""})
    sqs.add_response("get_queue_url", {"QueueUrl": "https://sqs/1/q"}, {"QueueName": "q"})
    found = stored_data.tagged(aws, "dev")
    assert [(each.type, each.physical_id, each.logical_id, each.kept) for each in found] == [
        (TABLE, "old-table", "OrdersTable", True),
        (BUCKET, "old-bucket", "OrdersTable", True),
        (QUEUE, "https://sqs/1/q", "OrdersTable", True),
    ]


def test_a_queue_that_only_its_tags_remember_is_left_out(aws):
    entry = {"ResourceARN": "arn:aws:sqs:us-east-1:1:q", "Tags": [tag(STACK_TAG, "food-delivery-dev-DataStack-1")]}
    aws.stub("resourcegroupstaggingapi").add_response("get_resources", {"ResourceTagMappingList": [entry]})
    aws.stub("sqs").add_client_error("get_queue_url", "QueueDoesNotExist")
    assert stored_data.tagged(aws, "dev") == []


@pytest.mark.parametrize("tags", [[], [tag(STACK_TAG, "archive-of-food-delivery-dev")]])
def test_what_people_tagged_with_the_project_s_name_is_not_ours_to_delete(aws, tags):
    entry = {"ResourceARN": "arn:aws:s3:::archive", "Tags": [tag("Project", "food-delivery"), *tags]}
    aws.stub("resourcegroupstaggingapi").add_response("get_resources", {"ResourceTagMappingList": [entry]})
    assert stored_data.tagged(aws, "dev") == []
