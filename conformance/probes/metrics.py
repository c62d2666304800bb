"""What CloudWatch computes of metrics, and what AWS's services count."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from conformance import limits, refusals
from conformance.account import Account
from conformance.measures import alarm, counted, put_metric, reaches, summed, watching
from conformance.probe import Differs, deploys, expect, holds
from conformance.probes.alarms import ACTIVE
from conformance.probes.functions import MAY_STREAM, STREAM, read_stream
from conformance.resources import RECEIVE, att, mapping, queue, ref, table, template
from conformance.small_stacks import admits, refused, with_function

OBJECTIVES, DASHBOARD = "generator/alarms/objectives.py", "generator/dashboard/widgets.py"


def stat(key: str, namespace: str, statistic: str = "Sum", returned: bool = False) -> dict[str, Any]:
    """A query for the metric that has the query's id for its name."""
    metric = {"Namespace": namespace, "MetricName": key}
    return {"Id": key, "MetricStat": {"Metric": metric, "Period": 3600, "Stat": statistic}, "ReturnData": returned}


def answered(account: Account, *queries: dict) -> dict[str, list[float]]:
    """Return what GetMetricData answers, by id. One value each, unless the hour changes meanwhile."""
    now = time.time()
    hour = (now - 300) // 3600 * 3600  # CloudWatch returns a period only if it begins after StartTime
    found = account.client("cloudwatch").get_metric_data(
        MetricDataQueries=list(queries), StartTime=hour, EndTime=now + 60
    )
    return {result["Id"]: result["Values"] for result in found["MetricDataResults"]}


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """Make a call that must be refused, and return what the error says."""
    return refusals.refusal(call, **arguments)["Error"]["Message"]


def answers(account: Account, expected: dict[str, list[float]], *queries: dict) -> None:
    """Wait until GetMetricData answers this."""
    seen: list[dict] = []

    def reached() -> bool:
        seen[:] = [answered(account, *queries)]
        return seen == [expected]

    try:
        account.until(reached, "GetMetricData")
    except Differs:
        raise Differs(expected, seen[0], "GetMetricData") from None


@deploys(OBJECTIVES, uses={"metric": 1, "alarm_metric": 1})
def percentile_ranks(account: Account, name: str) -> None:
    """PR(low:high) is the percentage of values in the range, in GetMetricData and in an alarm."""
    for value in (100, 200, 300, 500):
        put_metric(account, name, "latency", value)
    for statistic, percent in (("PR(:300)", 75), ("PR(100:)", 75), ("PR(100:300)", 50), ("PR(500:)", 0)):
        answers(account, {"latency": [percent]}, stat("latency", name, statistic, returned=True))
    slow = {**watching(name, "latency"), "ExtendedStatistic": "PR(:300)", "Period": 3600}
    del slow["Statistic"]
    resources = {"A": alarm(AlarmName=name, Threshold=76, ComparisonOperator="LessThanThreshold", **slow)}
    account.deployed(name, template(resources))
    reaches(account, name, "ALARM")


@deploys(OBJECTIVES)
def unknown_statistics(account: Account, name: str) -> None:
    """A statistic that CloudWatch does not know is refused: in a stack, by PutMetricAlarm and by GetMetricData."""
    cloudwatch = account.client("cloudwatch")
    reason = "The value PR(300) for parameter ExtendedStatistic is not supported."
    watched = {**watching(name, "latency"), "ExtendedStatistic": "PR(300)"}
    del watched["Statistic"]
    refused(account, name, {"A": alarm(**watched)}, reason)
    threshold = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    expect(refusal(cloudwatch.put_metric_alarm, AlarmName=name, **threshold, **watched), reason, "PutMetricAlarm")
    message = refusal(
        cloudwatch.get_metric_data,
        MetricDataQueries=[stat("latency", name, "median")],
        StartTime=time.time() - 60,
        EndTime=time.time(),
    )
    where = "The value for parameter MetricDataQueries.member.1.MetricStat.Stat"
    expect(message, f"{where} is not a valid statistic.", "GetMetricData")


@deploys("generator/dashboard/rows.py", "generator/alarms/spec.py", uses={"metric": 2})
def metric_data_expressions(account: Account, name: str) -> None:
    """GetMetricData evaluates expressions of each other and of metrics that it does not return, in any order."""
    for metric, value in (("errors", 1), ("errors", 2), ("calls", 60)):
        put_metric(account, name, metric, value)
    rate = {"Id": "rate", "Expression": "100 * ratio"}
    ratio = {"Id": "ratio", "Expression": "errors / SUM([calls, absent])", "ReturnData": False}
    metrics = [stat(key, name) for key in ("errors", "calls", "absent")]
    answers(account, {"rate": [5]}, rate, ratio, *metrics)
    answers(account, {"none": []}, {"Id": "none", "Expression": "errors / absent"}, *metrics)
    message = refusal(
        account.client("cloudwatch").get_metric_data,
        MetricDataQueries=[{"Id": "e", "Expression": "NOSUCH(errors)"}, *metrics],
        StartTime=time.time() - 60,
        EndTime=time.time(),
    )
    holds("NOSUCH" in message or "'e'" in message, "the refusal names the expression", message)


@deploys(DASHBOARD)
def queue_traffic_metrics(account: Account, name: str) -> None:
    """SQS counts messages sent and deleted, by callers and by a function's poller; a failed deletion does not count."""
    more = {"Q": queue(), "Taken": queue(), "M": mapping(att("Taken", "Arn"))}
    with_function(account, name, more=more, may=[(RECEIVE, att("Taken", "Arn"))])
    sqs = account.client("sqs")
    url, taken = account.child(name, "Q"), account.child(name, "Taken")
    sqs.send_message(QueueUrl=url, MessageBody="a")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": each, "MessageBody": each} for each in "bc"])
    handles: list[str] = []

    def receive() -> bool:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
        handles.extend(message["ReceiptHandle"] for message in found.get("Messages", ()))
        return len(handles) == 3

    account.until(receive, "three messages are received")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handles[0])
    entries = [{"Id": str(index), "ReceiptHandle": handle} for index, handle in enumerate([*handles[1:], "none"])]
    sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    sqs.send_message(QueueUrl=taken, MessageBody="{}")
    at, at_taken = ({"QueueName": each.rsplit("/", 1)[-1]} for each in (url, taken))
    counted(account, "AWS/SQS", "NumberOfMessagesSent", at, 3, ACTIVE)
    counted(account, "AWS/SQS", "NumberOfMessagesDeleted", at, 3)
    counted(account, "AWS/SQS", "NumberOfMessagesDeleted", at_taken, 1)


@deploys("generator/alarms/business.py", "generator/order_events.py")
def topic_metrics(account: Account, name: str) -> None:
    """SNS counts deliveries to a queue that exists, and failures to one that is gone."""
    resources: dict[str, dict] = {"T": {"Type": "AWS::SNS::Topic"}, "P": admits("sns.amazonaws.com", "Taking", "Gone")}
    for each in ("Taking", "Gone"):
        resources[each] = queue()
        subscription = {"TopicArn": ref("T"), "Protocol": "sqs", "Endpoint": att(each, "Arn")}
        resources[f"To{each}"] = {"Type": "AWS::SNS::Subscription", "Properties": subscription}
    topic = account.deployed(name, template(resources, {"T": ref("T")}))["T"]
    account.client("sqs").delete_queue(QueueUrl=account.child(name, "Gone"))
    if not account.emulated_at:
        limits.pause(60)  # a deleted queue takes messages for up to a minute
    for word in ("hello", "again"):
        account.client("sns").publish(TopicArn=topic, Message=word)
    at = {"TopicName": topic.rsplit(":", 1)[-1]}
    counted(account, "AWS/SNS", "NumberOfNotificationsDelivered", at, 2, 10)
    counted(account, "AWS/SNS", "NumberOfNotificationsFailed", at, 2)


@deploys("generator/alarms/functions.py")
def stream_age_metrics(account: Account, name: str) -> None:
    """IteratorAge is the age of the stream's records, in milliseconds, when the function gets them."""
    made = with_function(account, name, more={"T": table(**STREAM)}, may=MAY_STREAM)
    source = account.child(name, "T")
    account.client("dynamodb").put_item(TableName=source, Item={"id": {"S": "a"}})
    limits.pause(1.5)
    read_stream(account, made, source)

    def age() -> bool:
        return 1000 < summed(account, "AWS/Lambda", "IteratorAge", "Maximum", FunctionName=made) < 600_000

    account.until(age, "IteratorAge is above 1,000 ms", 10)


@deploys("generator/alarms/table.py", "costs/tables.py", uses={"table_write_capacity": 16, "table_read_capacity": 14})
def table_capacity_metrics(account: Account, name: str) -> None:
    """A KB written is a unit, twice in a transaction, and once more for an index; an eventual read is half a unit."""
    throughput = {"ProvisionedThroughput": {"ReadCapacityUnits": 7, "WriteCapacityUnits": 8}}
    index = {
        "IndexName": "byDay",
        "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
        **throughput,
    }
    keys = [{"AttributeName": key, "AttributeType": "S"} for key in ("id", "day")]
    made = table(BillingMode="PROVISIONED", AttributeDefinitions=keys, GlobalSecondaryIndexes=[index], **throughput)
    account.deployed(name, template({"T": made}))
    at, dynamodb = {"TableName": account.child(name, "T")}, account.client("dynamodb")
    dynamodb.put_item(Item={"id": {"S": "a"}, "day": {"S": "1"}, "text": {"S": "x" * 1500}}, **at)
    put = {"Put": {"Item": {"id": {"S": "b"}, "day": {"S": "1"}}, **at}}
    answer = dynamodb.transact_write_items(TransactItems=[put])
    expect("ConsumedCapacity" in answer, False, "capacity in an answer that was not asked for it")
    dynamodb.get_item(Key={"id": {"S": "a"}}, ConsistentRead=True, **at)
    condition = {"KeyConditionExpression": "#d = :d", "ExpressionAttributeNames": {"#d": "day"}}
    dynamodb.query(IndexName="byDay", ExpressionAttributeValues={":d": {"S": "1"}}, **condition, **at)

    at_index = {"GlobalSecondaryIndexName": "byDay", **at}
    for where, written, read in ((at, 4, 1), (at_index, 2, 0.5)):
        counted(account, "AWS/DynamoDB", "ConsumedWriteCapacityUnits", where, written)
        counted(account, "AWS/DynamoDB", "ConsumedReadCapacityUnits", where, read)
        provisioned = partial(summed, account, "AWS/DynamoDB", "ProvisionedReadCapacityUnits", "Maximum", **where)
        account.until(provisioned, "provisioned read capacity", 10)  # DynamoDB writes it every five minutes
        expect(provisioned(), 7, "provisioned read capacity")
