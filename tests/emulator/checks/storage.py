"""Checks of tables and buckets."""

from typing import Any

from botocore.exceptions import ClientError

from tests.emulator.checks.common import bucket, check, refused, table
from tests.emulator.testkit import Aws, att, ref, template


@check
def table_time_to_live(aws: Aws, name: str) -> None:
    def status(**properties: Any) -> str:
        made = aws.deployed(name, template({"T": table(**properties)}, {"T": ref("T")}))["T"]
        return aws.client("dynamodb").describe_time_to_live(TableName=made)["TimeToLiveDescription"]["TimeToLiveStatus"]

    specification = {"AttributeName": "expiresAt", "Enabled": True}
    assert status(TimeToLiveSpecification=specification) == "ENABLED"
    assert status(Tags=[{"Key": "a", "Value": "b"}]) == "DISABLED"
    assert status(TimeToLiveSpecification=specification) == "ENABLED"


@check
def table_point_in_time_recovery(aws: Aws, name: str) -> None:
    def status(enabled: bool) -> str:
        properties = {"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled}}
        made = aws.deployed(name, template({"T": table(**properties)}, {"T": ref("T")}))["T"]
        found = aws.client("dynamodb").describe_continuous_backups(TableName=made)["ContinuousBackupsDescription"]
        return found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]

    assert status(True) == "ENABLED"
    assert status(False) == "DISABLED"


@check
def table_encryption(aws: Aws, name: str) -> None:
    made = aws.deployed(name, template({"T": table(SSESpecification={"SSEEnabled": True})}, {"T": ref("T")}))["T"]
    assert aws.client("dynamodb").describe_table(TableName=made)["Table"]["SSEDescription"]["Status"] == "ENABLED"


@check
def partiql_inserts(aws: Aws, name: str) -> None:
    """Of two INSERTs, the one whose item exists fails alone; the other costs what a PutItem costs, and is announced."""
    index = {
        "IndexName": "byDay",
        "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    made = table(
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "day")],
        GlobalSecondaryIndexes=[index],
        StreamSpecification={"StreamViewType": "NEW_IMAGE"},
    )
    arn = aws.deployed(name, template({"T": made}, {"Stream": att("T", "StreamArn")}))["Stream"]
    at, dynamodb = aws.child(name, "T"), aws.client("dynamodb")

    def item(key: str) -> dict[str, Any]:
        return {"id": {"S": key}, "day": {"S": "1"}, "list": {"L": [{"N": "4.8"}]}, "text": {"S": "x" * 1500}}

    def insert(*keys: str) -> dict[str, Any]:
        text = f"INSERT INTO \"{at}\" VALUE {{'id': ?, 'day': ?, 'list': ?, 'text': ?}}"
        statements = [{"Statement": text, "Parameters": list(item(key).values())} for key in keys]
        return dynamodb.batch_execute_statement(Statements=statements, ReturnConsumedCapacity="INDEXES")

    put = dynamodb.put_item(TableName=at, Item=item("a"), ReturnConsumedCapacity="INDEXES")
    answer = insert("a", "b")
    assert [response.get("Error", {}).get("Code") for response in answer["Responses"]] == ["DuplicateItem", None]
    assert answer["ConsumedCapacity"] == [put["ConsumedCapacity"]]
    refused = insert("")["Responses"][0]["Error"]
    assert refused["Code"] == "ValidationError" and "empty" in refused["Message"]
    assert dynamodb.get_item(TableName=at, Key={"id": {"S": "b"}})["Item"] == item("b")
    streams = aws.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
    assert [(each["eventName"], each["dynamodb"]["Keys"]["id"]["S"]) for each in records] == [
        ("INSERT", "a"),
        ("INSERT", "b"),
    ]


@check
def table_deletion_protection(aws: Aws, name: str) -> None:
    """A protected table keeps its stack from being deleted until the protection is lifted."""
    aws.deployed(name, template({"T": table(DeletionProtectionEnabled=True)}))
    assert aws.delete(name)["StackStatus"] == "DELETE_FAILED"
    made = aws.child(name, "T")
    aws.client("dynamodb").update_table(TableName=made, DeletionProtectionEnabled=False)
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def table_deletion_protection_text(aws: Aws, name: str) -> None:
    """DeletionProtectionEnabled from a parameter is a boolean, and "false" protects nothing."""
    by_parameter = template(
        {"T": table(DeletionProtectionEnabled=ref("Protected"))},
        {"T": ref("T")},
        Parameters={"Protected": {"Type": "String", "Default": "false"}},
    )
    made = aws.deployed(name, by_parameter)["T"]
    assert aws.client("dynamodb").describe_table(TableName=made)["Table"]["DeletionProtectionEnabled"] is False
    aws.client("dynamodb").delete_table(TableName=made)


@check
def table_key_attributes(aws: Aws, name: str) -> None:
    unused = [{"AttributeName": n, "AttributeType": "S"} for n in ("id", "unused")]
    refused(aws, name, {"T": table(AttributeDefinitions=unused)}, "AttributeDefinitions are not used")


@check
def bucket_encryption(aws: Aws, name: str) -> None:
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    made = aws.deployed(
        name, template({"B": bucket(BucketEncryption={"ServerSideEncryptionConfiguration": [rule]})}, {"B": ref("B")})
    )["B"]
    found = aws.client("s3").get_bucket_encryption(Bucket=made)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert found["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"


@check
def bucket_lifecycle(aws: Aws, name: str) -> None:
    rules = [
        {
            "Id": "old",
            "Status": "Enabled",
            "Prefix": "orders/",
            "ExpirationInDays": 30,
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
        },
        {
            "Id": "rest",
            "Status": "Enabled",
            "ExpiredObjectDeleteMarker": True,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ]
    made = aws.deployed(name, template({"B": bucket(LifecycleConfiguration={"Rules": rules})}, {"B": ref("B")}))["B"]
    found, rest = aws.client("s3").get_bucket_lifecycle_configuration(Bucket=made)["Rules"]
    assert (found["Expiration"]["Days"], found["NoncurrentVersionExpiration"]["NoncurrentDays"]) == (30, 3)
    assert (found["Filter"], rest["Expiration"]) == ({"Prefix": "orders/"}, {"ExpiredObjectDeleteMarker": True})
    assert rest["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1
    aws.deployed(name, template({"B": bucket(Tags=[{"Key": "a", "Value": "b"}])}))
    try:
        aws.client("s3").get_bucket_lifecycle_configuration(Bucket=made)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration"
    else:
        raise AssertionError("the rules outlived their property")


@check
def bucket_tags(aws: Aws, name: str) -> None:
    made = aws.deployed(name, template({"B": bucket(Tags=[{"Key": "team", "Value": "orders"}])}, {"B": ref("B")}))["B"]
    tags = {tag["Key"]: tag["Value"] for tag in aws.client("s3").get_bucket_tagging(Bucket=made)["TagSet"]}
    assert (tags["team"], tags["aws:cloudformation:stack-name"]) == ("orders", name)


@check
def bucket_not_empty(aws: Aws, name: str) -> None:
    made = aws.deployed(name, template({"B": bucket()}, {"B": ref("B")}))["B"]
    aws.client("s3").put_object(Bucket=made, Key="order.json", Body=b"{}")
    assert aws.delete(name)["StackStatus"] == "DELETE_FAILED"
    assert any("not empty" in failure for failure in aws.failures(name))
    aws.client("s3").delete_object(Bucket=made, Key="order.json")
    assert aws.delete(name)["StackStatus"] == "DELETE_COMPLETE"


@check
def bucket_of_policy_exists(aws: Aws, name: str) -> None:
    policy = {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {"Bucket": f"{name}-absent", "PolicyDocument": {"Version": "2012-10-17", "Statement": []}},
    }
    refused(aws, name, {"P": policy}, "bucket does not exist")


@check
def transaction_token(aws: Aws, name: str) -> None:
    """A repeated token matches only a request that is written as before: 4.8 is not 4.80."""
    made = aws.deployed(name, template({"T": table()}, {"T": ref("T")}))["T"]
    client = aws.client("dynamodb")
    [key] = client.describe_table(TableName=made)["Table"]["KeySchema"]

    def put(token: str, price: str, **more: Any) -> str:
        item = {key["AttributeName"]: {"S": token}, "price": {"N": price}, "all": {"L": [{"N": price}]}, **more}
        try:
            client.transact_write_items(
                TransactItems=[{"Put": {"TableName": made, "Item": item}}], ClientRequestToken=token
            )
        except ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    for token, price in (("a", "4.80"), ("b", "4.8"), ("c", "1E2"), ("d", "0010")):
        assert [put(token, price), put(token, price)] == ["", ""]
        assert put(token, price + "0") == "IdempotentParameterMismatchException"
        assert put(token, price, more={"S": ""}) == "IdempotentParameterMismatchException"
        assert put(token, price) == ""
    assert put("a", "4.8") == "IdempotentParameterMismatchException"
