"""Checks of metrics: what is asked of them, and what AWS's services record."""

import json
import time
from typing import Any

from botocore.exceptions import ClientError

from tests.emulator.checks.alarms import alarm, put_metric, state, watching
from tests.emulator.checks.common import check, refused, summed, table, with_function
from tests.emulator.testkit import Aws, att, ref, template, until


def stat(key: str, namespace: str, statistic: str = "Sum", returned: bool = False) -> dict[str, Any]:
    """A query for the metric that has the query's id for its name."""
    metric = {"Namespace": namespace, "MetricName": key}
    return {
        "Id": key,
        "MetricStat": {"Metric": metric, "Period": 3600, "Stat": statistic},
        "ReturnData": returned,
    }


def answered(aws: Aws, *queries: dict) -> dict[str, list[float]]:
    """What GetMetricData returns, by id. One value each, unless the hour changes meanwhile."""
    found = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries), StartTime=time.time() - 300, EndTime=time.time() + 60
    )
    assert {result["StatusCode"] for result in found["MetricDataResults"]} == {"Complete"}
    return {result["Id"]: result["Values"] for result in found["MetricDataResults"]}


def refusal(call, **arguments: Any) -> str:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Message"]
    raise AssertionError("was not refused")


@check
def percentile_ranks(aws: Aws, name: str) -> None:
    for value in (100, 200, 300, 500):
        put_metric(aws, name, "latency", value)
    for statistic, percent in (("PR(:300)", 75), ("PR(100:)", 75), ("PR(100:300)", 50), ("PR(500:)", 0)):
        assert answered(aws, stat("latency", name, statistic, returned=True)) == {"latency": [percent]}
    slow = {**watching(name, "latency"), "ExtendedStatistic": "PR(:300)"}
    del slow["Statistic"]
    resources = {"A": alarm(AlarmName=name, Threshold=76, ComparisonOperator="LessThanThreshold", **slow)}
    aws.deployed(name, template(resources))
    until(lambda: state(aws, name) == "ALARM", 3)


@check
def unknown_statistics(aws: Aws, name: str) -> None:
    cloudwatch = aws.client("cloudwatch")
    reason = "The value PR(300) for parameter ExtendedStatistic is not supported."
    watched = {**watching(name, "latency"), "ExtendedStatistic": "PR(300)"}
    del watched["Statistic"]
    refused(aws, name, {"A": alarm(**watched)}, reason)
    whole = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", **watched}
    assert refusal(cloudwatch.put_metric_alarm, AlarmName=name, **whole) == reason
    assert refusal(
        cloudwatch.get_metric_data,
        MetricDataQueries=[stat("latency", name, "median")],
        StartTime=time.time() - 60,
        EndTime=time.time(),
    ) == ("The value for parameter MetricDataQueries.member.1.MetricStat.Stat is not a valid statistic.")


@check
def metric_data_expressions(aws: Aws, name: str) -> None:
    """Expressions of metrics that are not returned and of each other, in any order."""
    for metric, value in (("errors", 1), ("errors", 2), ("calls", 60)):
        put_metric(aws, name, metric, value)
    rate = {"Id": "rate", "Expression": "100 * ratio"}
    ratio = {"Id": "ratio", "Expression": "errors / SUM([calls, absent])", "ReturnData": False}
    metrics = [stat(key, name) for key in ("errors", "calls", "absent")]
    assert answered(aws, rate, ratio, *metrics) == {"rate": [5]}
    assert answered(aws, {"Id": "none", "Expression": "errors / absent"}, *metrics) == {"none": []}
    assert "unknown function RATE" in refusal(
        aws.client("cloudwatch").get_metric_data,
        MetricDataQueries=[{"Id": "e", "Expression": "RATE(errors)"}, *metrics],
        StartTime=time.time() - 60,
        EndTime=time.time(),
    )


@check
def queue_traffic_metrics(aws: Aws, name: str) -> None:
    """Of callers, and of a function that takes messages off a queue."""
    mapping = {"FunctionName": ref("F"), "EventSourceArn": att("Taken", "Arn")}
    with_function(
        aws,
        name,
        more={
            "Q": {"Type": "AWS::SQS::Queue"},
            "Taken": {"Type": "AWS::SQS::Queue"},
            "M": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": mapping},
        },
    )
    sqs = aws.client("sqs")
    queue, taken = aws.child(name, "Q"), aws.child(name, "Taken")
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": each, "MessageBody": each} for each in "bc"])
    handles = [m["ReceiptHandle"] for m in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=handles[0])
    entries = [{"Id": str(place), "ReceiptHandle": handle} for place, handle in enumerate([*handles[1:], "none"])]
    sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    sqs.send_message(QueueUrl=taken, MessageBody="{}")
    at, at_taken = ({"QueueName": url.rsplit("/", 1)[-1]} for url in (queue, taken))
    assert summed(aws, "AWS/SQS", "NumberOfMessagesSent", **at) == 3
    assert summed(aws, "AWS/SQS", "NumberOfMessagesDeleted", **at) == 3
    until(lambda: summed(aws, "AWS/SQS", "NumberOfMessagesDeleted", **at_taken) == 1, 5)


@check
def topic_metrics(aws: Aws, name: str) -> None:
    """One queue takes the message, the other is gone."""
    resources: dict[str, dict] = {"T": {"Type": "AWS::SNS::Topic"}}
    for each in ("Taking", "Gone"):
        resources[each] = {"Type": "AWS::SQS::Queue"}
        subscription = {"TopicArn": ref("T"), "Protocol": "sqs", "Endpoint": att(each, "Arn")}
        resources[f"To{each}"] = {"Type": "AWS::SNS::Subscription", "Properties": subscription}
    topic = aws.deployed(name, template(resources, {"T": ref("T")}))["T"]
    aws.client("sqs").delete_queue(QueueUrl=aws.child(name, "Gone"))
    for word in ("hello", "again"):
        aws.client("sns").publish(TopicArn=topic, Message=word)
    at = {"TopicName": topic.rsplit(":", 1)[-1]}
    assert summed(aws, "AWS/SNS", "NumberOfNotificationsDelivered", **at) == 2
    assert summed(aws, "AWS/SNS", "NumberOfNotificationsFailed", **at) == 2


@check
def stream_age_metrics(aws: Aws, name: str) -> None:
    """A record that has waited for its consumer."""
    stream = {"StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
    made = with_function(aws, name, more={"T": table(**stream)})
    source = aws.child(name, "T")
    aws.client("dynamodb").put_item(TableName=source, Item={"id": {"S": "a"}})
    time.sleep(1.5)
    mapping = aws.client("lambda").create_event_source_mapping(
        FunctionName=made,
        EventSourceArn=aws.client("dynamodb").describe_table(TableName=source)["Table"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
    )
    try:
        until(lambda: 1000 < summed(aws, "AWS/Lambda", "IteratorAge", FunctionName=made) < 10_000, 5)
        made_up = {"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {"Keys": {}}}]}
        assert aws.client("lambda").invoke(FunctionName=made, Payload=json.dumps(made_up))["StatusCode"] == 200
    finally:
        aws.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


@check
def table_capacity_metrics(aws: Aws, name: str) -> None:
    """Of a table and its index: the first write of 2 KB, a transaction's at twice the price, and reads."""
    throughput = {"ProvisionedThroughput": {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}}
    index = {
        "IndexName": "byDay",
        "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
        **throughput,
    }
    keys = [{"AttributeName": key, "AttributeType": "S"} for key in ("id", "day")]
    made = table(BillingMode="PROVISIONED", AttributeDefinitions=keys, GlobalSecondaryIndexes=[index], **throughput)
    aws.deployed(name, template({"T": made}))
    at = {"TableName": aws.child(name, "T")}
    dynamodb = aws.client("dynamodb")
    dynamodb.put_item(Item={"id": {"S": "a"}, "day": {"S": "1"}, "text": {"S": "x" * 1500}}, **at)
    put = {"Put": {"Item": {"id": {"S": "b"}, "day": {"S": "1"}}, **at}}
    assert "ConsumedCapacity" not in dynamodb.transact_write_items(TransactItems=[put])
    dynamodb.get_item(Key={"id": {"S": "a"}}, ConsistentRead=True, **at)
    dynamodb.query(
        IndexName="byDay",
        KeyConditionExpression="#d = :d",
        ExpressionAttributeNames={"#d": "day"},
        ExpressionAttributeValues={":d": {"S": "1"}},
        **at,
    )

    def units(kind: str, **where: str) -> float:
        return summed(aws, "AWS/DynamoDB", f"{kind}CapacityUnits", **at, **where)

    at_index = {"GlobalSecondaryIndexName": "byDay"}
    assert (units("ConsumedWrite"), units("ConsumedRead")) == (4, 1)
    assert (units("ConsumedWrite", **at_index), units("ConsumedRead", **at_index)) == (2, 0.5)
    assert (units("ProvisionedRead"), units("ProvisionedRead", **at_index)) == (7, 7)
