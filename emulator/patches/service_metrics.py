"""Metrics of queues, topics, streams and tables that AWS records as they are used."""

import json
import time

from emulator.metric_points import record
from emulator.registry import patch


@patch
def queue_traffic_metrics() -> None:
    """Upstream does not count what a queue is sent and what is deleted from it. The patch counts
    what comes by SendMessage and SendMessageBatch (not what SNS or S3 put there), and what callers and
    event source mappings delete."""
    from ministack.services import sqs

    send, delete = sqs._act_send_message, sqs._act_delete_message
    delete_batch, delete_consumed = sqs._act_delete_message_batch, sqs._delete_messages_for_esm

    def count(name, url, messages):
        if messages:
            record("AWS/SQS", name, 1, "Count", {"QueueName": url.rsplit("/", 1)[-1]}, messages)

    def send_counted(data, url):
        answer = send(data, url)
        count("NumberOfMessagesSent", data.get("QueueUrl", url), 1)
        return answer

    def delete_counted(data, url):
        answer = delete(data, url)
        count("NumberOfMessagesDeleted", data.get("QueueUrl", url), 1)
        return answer

    def delete_batch_counted(data, url):
        answer = delete_batch(data, url)
        count("NumberOfMessagesDeleted", data.get("QueueUrl", url), len(answer["Successful"]))
        return answer

    def delete_consumed_counted(url, handles):
        delete_consumed(url, handles)
        count("NumberOfMessagesDeleted", url, len(handles))

    sqs._act_send_message = send_counted
    sqs._HANDLERS.update(
        SendMessage=send_counted, DeleteMessage=delete_counted, DeleteMessageBatch=delete_batch_counted
    )
    sqs._delete_messages_for_esm = delete_consumed_counted


@patch
def topic_metrics() -> None:
    """Upstream records nothing of a topic. The patch counts what was delivered to queues and functions,
    and what was not because there is no such queue or function, or the queue's policy refuses.
    E-mail and HTTP are not counted: nothing is sent by the one, and nobody waits for the other."""
    from ministack.services import lambda_svc, sns, sqs

    to_queue, to_function = sns._deliver_to_sqs, sns._deliver_to_lambda

    def count(topic, delivered):
        name = "NumberOfNotificationsDelivered" if delivered else "NumberOfNotificationsFailed"
        record("AWS/SNS", name, 1, "Count", {"TopicName": topic.rsplit(":", 1)[-1]})

    def taken(queue, topic):
        account = topic.split(":")[4]
        return sqs._queue_by_arn(queue) and sqs.queue_policy_allows(queue, "sns.amazonaws.com", topic, account)

    def to_queue_counted(endpoint, *more, topic_arn="", **options):
        to_queue(endpoint, *more, topic_arn=topic_arn, **options)
        count(topic_arn, taken(endpoint, topic_arn))

    def to_function_counted(endpoint, envelope, topic_arn, *more):
        count(topic_arn, lambda_svc._get_func_record_for_ref(endpoint)[0])
        to_function(endpoint, envelope, topic_arn, *more)

    sns._deliver_to_sqs = to_queue_counted
    sns._deliver_to_lambda = to_function_counted


@patch
def stream_age_metrics() -> None:
    """Upstream does not record how old the records of a stream are when a function gets them. The
    patch records IteratorAge, that of a batch's last record, whenever the batch is tried. An event
    that somebody made up, and gave no time, has no age."""
    from ministack.services import lambda_svc

    execute = lambda_svc._execute_function

    def execute_noted(func, event, *more, **options):
        last = event["Records"][-1] if isinstance(event, dict) and event.get("Records") else {}
        made_at = last.get("dynamodb", {}).get("ApproximateCreationDateTime") if isinstance(last, dict) else None
        if made_at is not None:
            age = max(0.0, time.time() - float(made_at))
            name = (func.get("config") or func)["FunctionName"]
            record("AWS/Lambda", "IteratorAge", age * 1000, "Milliseconds", {"FunctionName": name})
        return execute(func, event, *more, **options)

    lambda_svc._execute_function = execute_noted


@patch
def table_capacity_metrics() -> None:
    """Upstream tells what an operation consumed only to those who ask. The patch records it for the
    table and each index, beside what is provisioned: of GetItem, PutItem, UpdateItem, DeleteItem,
    Query, Scan and TransactWriteItems, as upstream reckons (a read is one unit, or half, however
    much it returns). AWS records what is provisioned whether or not anything is consumed."""
    from ministack.services import dynamodb

    add, transact = dynamodb._add_consumed_capacity, dynamodb._transact_write_items

    def add_recorded(result, data, table_name, write=False, **more):
        counted: dict = {}
        add(counted, {**data, "ReturnConsumedCapacity": "INDEXES"}, table_name, write=write, **more)
        consumed(counted["ConsumedCapacity"], "Write" if write else "Read")
        add(result, data, table_name, write=write, **more)

    def transact_recorded(data):
        wanted = data.get("ReturnConsumedCapacity", "NONE")
        status, headers, body = transact({**data, "ReturnConsumedCapacity": "INDEXES"})
        if status != 200:
            return status, headers, body
        answer = json.loads(body)
        for each in answer.get("ConsumedCapacity", []):
            direction = "Write" if "WriteCapacityUnits" in each else "Read"  # a repeated request only reads
            consumed({**each, "Table": {"CapacityUnits": each[f"{direction}CapacityUnits"]}}, direction)
        if wanted == "INDEXES":
            return status, headers, body
        totals = [
            {key: value for key, value in each.items() if not key.endswith("Indexes")}
            for each in answer.pop("ConsumedCapacity", [])
        ]
        answer.update({"ConsumedCapacity": totals} if wanted == "TOTAL" and totals else {})
        return status, headers, json.dumps(answer, ensure_ascii=False).encode()

    def consumed(capacity, direction):
        table = dynamodb._tables[dynamodb._normalize_table_name(capacity["TableName"])]
        dimensions = {"TableName": table["TableName"]}
        parts = [(dimensions, table, capacity["Table"])]
        for index in table.get("GlobalSecondaryIndexes") or []:
            if used := capacity.get("GlobalSecondaryIndexes", {}).get(index["IndexName"]):
                parts.append(({**dimensions, "GlobalSecondaryIndexName": index["IndexName"]}, index, used))
        for where, part, used in parts:
            if used["CapacityUnits"]:
                name = f"{direction}CapacityUnits"
                record("AWS/DynamoDB", f"Consumed{name}", used["CapacityUnits"], "Count", where)
                if provided := int((part.get("ProvisionedThroughput") or {}).get(name) or 0):
                    record("AWS/DynamoDB", f"Provisioned{name}", provided, "Count", where)

    dynamodb._add_consumed_capacity = add_recorded
    dynamodb._transact_write_items = transact_recorded
