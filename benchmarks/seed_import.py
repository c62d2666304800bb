"""Seed 004's importer as it stands in the seed, set up as the seed sets it up: bucket, rule, function, table."""

import json
import uuid

import boto3

from benchmarks.seed_pipeline import function_of, role_of

SUFFIX = "seed004"


class SeedImport:
    """`upload` puts a file where the seed's function takes it up; `stored` counts what came of it."""

    def __init__(self, code: str) -> None:
        self.bucket = f"delivery-app-orders-{SUFFIX}"
        self.table = f"delivery-orders-{SUFFIX}"
        boto3.client("s3").create_bucket(Bucket=self.bucket)
        boto3.client("s3").put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        _table(self.table)
        function = function_of(
            f"order-processor-{SUFFIX}",
            "index.handler",
            {"index.py": code},
            role_of(SUFFIX, "dynamodb:*", "s3:*", "cloudwatch:*"),
            {"DYNAMODB_TABLE": self.table, "ENVIRONMENT": "dev", "METRICS_NAMESPACE": "DeliveryApp/OrderProcessing"},
            memory=512,
        )
        _rule(self.bucket, function)

    def upload(self, content: bytes) -> None:
        boto3.client("s3").put_object(Bucket=self.bucket, Key=f"orders/{uuid.uuid4()}.json", Body=content)

    def stored(self) -> int:
        return boto3.client("dynamodb").describe_table(TableName=self.table)["Table"]["ItemCount"]


def _table(name: str) -> None:
    boto3.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "orderId", "AttributeType": "S"},
            {"AttributeName": "processedTimestamp", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "orderId", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "ProcessedTimestampIndex",
                "KeySchema": [{"AttributeName": "processedTimestamp", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def _rule(bucket: str, function: str) -> None:
    events, name = boto3.client("events"), f"order-upload-rule-{SUFFIX}"
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": [{"prefix": "orders/"}]}},
    }
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern), State="ENABLED")["RuleArn"]
    boto3.client("lambda").add_permission(
        FunctionName=function,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    events.put_targets(Rule=name, Targets=[{"Id": "OrderProcessorTarget", "Arn": function}])
