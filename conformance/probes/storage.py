"""What DynamoDB and S3 do with tables and buckets of a template, and with writes."""

from typing import Any

from botocore.exceptions import ClientError

from conformance.account import Account
from conformance.probe import Differs, deploys, expect, holds
from conformance.resources import att, bucket, ref, table, template
from conformance.small_stacks import refused

DATA, UPLOADS, DESTROY = "generator/data.py", "generator/uploads.py", "operations/destroy"


def _table(account: Account, name: str, **properties: Any) -> str:
    """Deploy the table T and return its name."""
    return account.deployed(name, template({"T": table(**properties)}, {"T": ref("T")}))["T"]


def _bucket(account: Account, name: str, **properties: Any) -> str:
    """Deploy the bucket B and return its name."""
    return account.deployed(name, template({"B": bucket(**properties)}, {"B": ref("B")}))["B"]


@deploys(DATA)
def table_time_to_live(account: Account, name: str) -> None:
    """TimeToLiveSpecification is applied at creation and by an update; other updates leave it alone."""

    def status(stack: str, **properties: Any) -> str:
        made = _table(account, stack, **properties)
        found = account.client("dynamodb").describe_time_to_live(TableName=made)
        return found["TimeToLiveDescription"]["TimeToLiveStatus"].replace("ING", "ED")  # soon

    enabled = {"TimeToLiveSpecification": {"AttributeName": "expiresAt", "Enabled": True}}
    expect(status(name, **enabled), "ENABLED", "status at creation")
    expect(status(name, **enabled, Tags=[{"Key": "a", "Value": "b"}]), "ENABLED", "status after another update")
    later = f"{name}-later"
    expect(status(later), "DISABLED", "status without the property")
    expect(status(later, **enabled), "ENABLED", "status after an update")
    if account.emulated_at:  # AWS changes it once an hour
        expect(status(later), "DISABLED", "status when the property is gone")


@deploys(DATA)
def table_point_in_time_recovery(account: Account, name: str) -> None:
    """PointInTimeRecoverySpecification is applied at creation and by an update."""

    def status(enabled: bool) -> str:
        made = _table(account, name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled})
        found = account.client("dynamodb").describe_continuous_backups(TableName=made)["ContinuousBackupsDescription"]
        return found["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]

    expect(status(True), "ENABLED", "status at creation")
    expect(status(False), "DISABLED", "status after an update")


@deploys(DATA)
def table_encryption(account: Account, name: str) -> None:
    """SSESpecification is applied at creation."""
    made = _table(account, name, SSESpecification={"SSEEnabled": True})
    found = account.client("dynamodb").describe_table(TableName=made)["Table"]
    expect(found.get("SSEDescription", {}).get("Status"), "ENABLED", "encryption")


@deploys("handlers/bulk.py")
def partiql_inserts(account: Account, name: str) -> None:
    """Of several INSERTs each fails alone if its item exists; the others cost what PutItem costs, and are in the stream."""
    keys = [{"AttributeName": "day", "KeyType": "HASH"}]
    index = {"IndexName": "byDay", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
    made = table(
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("id", "day")],
        GlobalSecondaryIndexes=[index],
        StreamSpecification={"StreamViewType": "NEW_IMAGE"},
    )
    outputs = account.deployed(name, template({"T": made}, {"T": ref("T"), "Stream": att("T", "StreamArn")}))
    at, dynamodb = outputs["T"], account.client("dynamodb")

    def item(key: str) -> dict[str, Any]:
        return {"id": {"S": key}, "day": {"S": "1"}, "list": {"L": [{"N": "4.8"}]}, "text": {"S": "x" * 1500}}

    def insert(*keys: str) -> dict[str, Any]:
        text = f"INSERT INTO \"{at}\" VALUE {{'id': ?, 'day': ?, 'list': ?, 'text': ?}}"
        statements = [{"Statement": text, "Parameters": list(item(key).values())} for key in keys]
        return dynamodb.batch_execute_statement(Statements=statements, ReturnConsumedCapacity="INDEXES")

    put = dynamodb.put_item(TableName=at, Item=item("a"), ReturnConsumedCapacity="INDEXES")
    answer = insert("a", "b")
    codes = [response.get("Error", {}).get("Code") for response in answer["Responses"]]
    expect(codes, ["DuplicateItem", None], "errors")
    expect(answer.get("ConsumedCapacity"), [put["ConsumedCapacity"]], "consumed capacity")
    error = insert("")["Responses"][0].get("Error", {})
    expect(error.get("Code"), "ValidationError", "error of an empty key")
    holds("empty" in error["Message"], "the message names the empty value", error["Message"])
    expect(dynamodb.get_item(TableName=at, Key={"id": {"S": "b"}}).get("Item"), item("b"), "stored item")
    account.until(lambda: len(_records(account, outputs["Stream"])) >= 2, "two records in the stream")
    expect(sorted(_records(account, outputs["Stream"])), [("INSERT", "a"), ("INSERT", "b")], "records of the stream")


def _records(account: Account, stream: str) -> list[tuple[str, str]]:
    """Return event and key of each record of a stream."""
    streams, found = account.client("dynamodbstreams"), []
    for shard in streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]:
        start = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**start)["ShardIterator"]
        for _ in range(5):  # a page may be empty
            page = streams.get_records(ShardIterator=iterator)
            found += [(each["eventName"], each["dynamodb"]["Keys"]["id"]["S"]) for each in page["Records"]]
            if page["Records"] or not (iterator := page.get("NextShardIterator")):
                break
    return found


@deploys(DESTROY, DATA)
def table_deletion_protection(account: Account, name: str) -> None:
    """A protected table keeps its stack from being deleted until the protection is lifted."""
    made = _table(account, name, DeletionProtectionEnabled=True)
    expect(account.delete(name)["StackStatus"], "DELETE_FAILED", "deletion while it is protected")
    account.client("dynamodb").update_table(TableName=made, DeletionProtectionEnabled=False)
    expect(account.delete(name)["StackStatus"], "DELETE_COMPLETE", "deletion afterwards")


@deploys(DATA)
def table_deletion_protection_text(account: Account, name: str) -> None:
    """DeletionProtectionEnabled from a parameter is a boolean, and "false" protects nothing."""
    by_parameter = template(
        {"T": table(DeletionProtectionEnabled=ref("Protected"))},
        {"T": ref("T")},
        Parameters={"Protected": {"Type": "String", "Default": "false"}},
    )
    made = account.deployed(name, by_parameter)["T"]
    found = account.client("dynamodb").describe_table(TableName=made)["Table"]
    expect(found.get("DeletionProtectionEnabled"), False, "protection")
    account.client("dynamodb").delete_table(TableName=made)


@deploys(DATA)
def table_key_attributes(account: Account, name: str) -> None:
    """A table with an attribute definition that no key uses fails the stack."""
    unused = [{"AttributeName": each, "AttributeType": "S"} for each in ("id", "unused")]
    refused(account, name, {"T": table(AttributeDefinitions=unused)}, "AttributeDefinitions")


@deploys(UPLOADS, "deployer/artifacts/bucket.py")
def bucket_encryption(account: Account, name: str) -> None:
    """BucketEncryption is applied."""
    rule = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    made = _bucket(account, name, BucketEncryption={"ServerSideEncryptionConfiguration": [rule]})
    found = account.client("s3").get_bucket_encryption(Bucket=made)["ServerSideEncryptionConfiguration"]["Rules"][0]
    expect(found["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "aws:kms", "algorithm")


@deploys(UPLOADS, "generator/lifecycle.py")
def bucket_lifecycle(account: Account, name: str) -> None:
    """LifecycleConfiguration is applied rule by rule, and goes when the property goes."""
    aborts = {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}
    expires = {"ExpirationInDays": 30, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}}
    rules = [
        {"Id": "old", "Status": "Enabled", "Prefix": "orders/", **expires},
        {"Id": "rest", "Status": "Enabled", "ExpiredObjectDeleteMarker": True, **aborts},
    ]
    made, s3 = _bucket(account, name, LifecycleConfiguration={"Rules": rules}), account.client("s3")
    found = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=made)["Rules"]}
    old, rest = found["old"], found["rest"]
    days = old["Expiration"]["Days"], old["NoncurrentVersionExpiration"]["NoncurrentDays"]
    expect(days, (30, 3), "days of the first rule")
    prefix = old.get("Filter", {}).get("Prefix") or old.get("Prefix")
    expect(prefix, "orders/", "prefix of the first rule")
    expect(rest["Expiration"], {"ExpiredObjectDeleteMarker": True}, "expiration of the second rule")
    expect(rest["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"], 1, "days of an upload")
    _bucket(account, name, Tags=[{"Key": "a", "Value": "b"}])
    try:
        left = s3.get_bucket_lifecycle_configuration(Bucket=made)["Rules"]
    except ClientError as error:
        expect(error.response["Error"]["Code"], "NoSuchLifecycleConfiguration", "answer without rules")
    else:
        raise Differs("no rule after the property is gone", left)


@deploys("config/names.py", DESTROY)
def bucket_tags(account: Account, name: str) -> None:
    """A bucket has its own tags, and CloudFormation's with the stack's name."""
    made = _bucket(account, name, Tags=[{"Key": "team", "Value": "orders"}])
    tags = {tag["Key"]: tag["Value"] for tag in account.client("s3").get_bucket_tagging(Bucket=made)["TagSet"]}
    expect((tags.get("team"), tags.get("aws:cloudformation:stack-name")), ("orders", name), "tags")


@deploys(DESTROY)
def bucket_not_empty(account: Account, name: str) -> None:
    """A bucket with an object keeps its stack from being deleted until it is empty."""
    made, s3 = _bucket(account, name), account.client("s3")
    s3.put_object(Bucket=made, Key="order.json", Body=b"{}")
    expect(account.delete(name)["StackStatus"], "DELETE_FAILED", "deletion while it has an object")
    failures = account.failures(name)
    holds(any("not empty" in failure for failure in failures), "the failure says that it is not empty", failures)
    s3.delete_object(Bucket=made, Key="order.json")
    expect(account.delete(name)["StackStatus"], "DELETE_COMPLETE", "deletion afterwards")


@deploys("deployer/artifacts/bucket.py", UPLOADS)
def bucket_of_policy_exists(account: Account, name: str) -> None:
    """A policy of a bucket that does not exist fails the stack."""
    arn = {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{name}-absent/*"}
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": arn}
    properties = {
        "Bucket": f"{name}-absent",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
    refused(account, name, {"P": {"Type": "AWS::S3::BucketPolicy", "Properties": properties}}, "bucket does not exist")


@deploys("handlers/repository.py", "handlers/bulk.py")
def transaction_token(account: Account, name: str) -> None:
    """A repeated ClientRequestToken matches only a request that is written as before: 4.8 is not 4.80."""
    made, client = _table(account, name), account.client("dynamodb")

    def put(token: str, price: str, **more: Any) -> str:
        item = {"id": {"S": token}, "price": {"N": price}, "all": {"L": [{"N": price}]}, **more}
        put = {"Put": {"TableName": made, "Item": item}}
        try:
            client.transact_write_items(TransactItems=[put], ClientRequestToken=f"{name}-{token}"[-36:])
        except ClientError as error:
            return error.response["Error"]["Code"]
        return ""

    mismatch = "IdempotentParameterMismatchException"
    for token, price in (("a", "4.80"), ("b", "4.8"), ("c", "1E2"), ("d", "0010")):
        expect([put(token, price), put(token, price)], ["", ""], f"{price} twice")
        expect(put(token, price + "0"), mismatch, f"{price}, then {price}0")
        expect(put(token, price, more={"S": ""}), mismatch, f"{price}, then with an attribute more")
        expect(put(token, price), "", f"{price} once more")
    expect(put("a", "4.8"), mismatch, "4.80, then 4.8")
