"""Seed 003's worker as it stands in the seed, set up as the seed sets it up: its table, topic, queue and batch of 10."""

import io
import json
import time
import zipfile

import boto3

SUFFIX = "seed003"


class SeedPipeline:
    """Its `queue`, the `mapping` that switches its worker, and its `table`."""

    def __init__(self, code: str, scaling: dict) -> None:
        """`scaling`: ScalingConfig, the same as ours. The seed has none, which is no bound on AWS, but 5 here."""
        self.table = _table()
        topic = boto3.client("sns").create_topic(Name=f"order-topic-{SUFFIX}")["TopicArn"]
        sqs = boto3.client("sqs")
        self.queue = sqs.create_queue(QueueName=f"order-queue-{SUFFIX}", Attributes={"VisibilityTimeout": "300"})[
            "QueueUrl"
        ]
        function = function_of(
            f"order-processor-{SUFFIX}",
            "order_processor.handler",
            {"order_processor.py": code},
            role_of(SUFFIX, "dynamodb:*", "sns:*"),
            {"ORDERS_TABLE": self.table, "SNS_TOPIC": topic, "CUSTOMER_ID_GSI": "CustomerIdIndex"},
            memory=1024,
        )
        arn = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.mapping = boto3.client("lambda").create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=function,
            BatchSize=10,
            FunctionResponseTypes=["ReportBatchItemFailures"],
            ScalingConfig=scaling,
            Enabled=False,
        )["UUID"]


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


def function_of(
    name: str, handler: str, files: dict[str, str], role: str, variables: dict[str, str], memory: int
) -> str:
    """A function with the seeds' timeout; its ARN."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return boto3.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler=handler,
        Role=role,
        Code={"ZipFile": buffer.getvalue()},
        Timeout=60,
        MemorySize=memory,
        Environment={"Variables": variables},
    )["FunctionArn"]


def role_of(suffix: str, *actions: str) -> str:
    """ARN of a role that may do `actions` with everything."""
    iam, name = boto3.client("iam"), f"seed-role-{suffix}-{time.time_ns()}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = {"Version": "2012-10-17"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({**document, "Statement": [trust]}))
    iam.put_role_policy(RoleName=name, PolicyName="seed", PolicyDocument=json.dumps({**document, "Statement": [allow]}))
    return role["Role"]["Arn"]
