"""Seed 003's worker as it stands in the seed, set up as the seed sets it up: its table, topic, queue and batch of 10."""

import io
import json
import time
import zipfile

import boto3

SUFFIX = "seed003"


class SeedPipeline:
    """`queue` is full or empty, `mapping` switches the worker; see `benchmarks.pipeline.run`."""

    def __init__(self, code: str) -> None:
        table = _table()
        topic = boto3.client("sns").create_topic(Name=f"order-topic-{SUFFIX}")["TopicArn"]
        sqs = boto3.client("sqs")
        self.queue = sqs.create_queue(QueueName=f"order-queue-{SUFFIX}", Attributes={"VisibilityTimeout": "300"})[
            "QueueUrl"
        ]
        functions = boto3.client("lambda")
        name = functions.create_function(
            FunctionName=f"order-processor-{SUFFIX}",
            Runtime="python3.11",
            Handler="order_processor.handler",
            Role=_role(),
            Code={"ZipFile": _zip(code)},
            Timeout=60,
            MemorySize=1024,
            Environment={
                "Variables": {"ORDERS_TABLE": table, "SNS_TOPIC": topic, "CUSTOMER_ID_GSI": "CustomerIdIndex"}
            },
        )["FunctionName"]
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.mapping = functions.create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=name,
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            Enabled=False,
        )["UUID"]

    def pause(self) -> None:
        boto3.client("lambda").update_event_source_mapping(UUID=self.mapping, Enabled=False)


def _table() -> str:
    name = f"orders-table-{SUFFIX}"
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": n, "AttributeType": "S"} for n in ("orderId", "customerId", "timestamp")
        ],
        KeySchema=[{"AttributeName": "orderId", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "CustomerIdIndex",
                "KeySchema": [
                    {"AttributeName": "customerId", "KeyType": "HASH"},
                    {"AttributeName": "timestamp", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return name


def _role() -> str:
    iam, name = boto3.client("iam"), f"seed-role-{SUFFIX}-{time.time_ns()}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": ["dynamodb:*", "sns:*"], "Resource": "*"}
    document = {"Version": "2012-10-17"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({**document, "Statement": [trust]}))
    iam.put_role_policy(RoleName=name, PolicyName="seed", PolicyDocument=json.dumps({**document, "Statement": [allow]}))
    return role["Role"]["Arn"]


def _zip(code: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("order_processor.py", code)
    return buffer.getvalue()
