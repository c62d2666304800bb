"""Metrics that AWS services record about themselves."""

import json
import threading
import time
from contextlib import suppress

from ministack.services import cloudwatch, lambda_svc, sns, sqs

from emulator.registry import patch

EVERY_SECONDS = 1.0
_lock = threading.Lock()


def record(namespace: str, name: str, value: float, unit: str, dimensions: dict[str, str], times: int = 1) -> None:
    """Record a value now, ``times`` times. Equal values of one second share a point, because MiniStack scans all points."""
    now = time.time()
    with _lock:
        points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
        last = points[-1] if points else None
        if last and "_stat" not in last and last["Value"] == value and int(last["Timestamp"]) == int(now):
            last["Count"] = last.get("Count", 1.0) + times
        else:
            point = {"Timestamp": now, "Value": float(value), "Unit": unit, "Dimensions": dict(dimensions)}
            points.append({**point, "Count": float(times)})


@patch(upstream="extract metrics from log lines in the embedded metric format")
def embedded_metrics() -> None:
    """Record the metrics of each line in every dimension set that the line declares."""

    def read(config, log_text, error, duration_ms):
        for line in log_text.splitlines():
            if '"_aws"' in line:
                for metric in embedded(line):
                    record(*metric)

    after_each_invocation(read)


@patch(upstream="record AWS/Lambda metrics for every kind of invocation, ConcurrentExecutions included")
def lambda_metrics() -> None:
    """Upstream records direct invocations only, and counts a throttled call as an invocation."""

    def count(config, log_text, error, duration_ms):
        dimensions = {"FunctionName": config["FunctionName"]}
        record("AWS/Lambda", "Invocations", 1, "Count", dimensions)
        record("AWS/Lambda", "Errors", float(error), "Count", dimensions)
        record("AWS/Lambda", "Throttles", 0, "Count", dimensions)
        record("AWS/Lambda", "Duration", duration_ms, "Milliseconds", dimensions)

    acquire = lambda_svc._acquire_execution_slot

    def acquire_counted(func, config):
        slot, limit = acquire(func, config)
        dimensions = {"FunctionName": config["FunctionName"]}
        if slot is None:
            record("AWS/Lambda", "Throttles", 1, "Count", dimensions)
        else:
            record("AWS/Lambda", "ConcurrentExecutions", lambda_svc._inflight.get(slot, 1), "Count", dimensions)
        return slot, limit

    lambda_svc._acquire_execution_slot = acquire_counted
    lambda_svc._emit_lambda_metrics = lambda *_, **__: None
    after_each_invocation(count)


def after_each_invocation(report) -> None:
    """Call ``report`` with the function's configuration, output, failure and duration."""
    emit = lambda_svc._emit_lambda_logs

    def emit_and_record(func, request_id, log_text, error, duration_ms, **more):
        emit(func, request_id, log_text, error, duration_ms, **more)
        report(func.get("config") or func, log_text or "", error, duration_ms)

    lambda_svc._emit_lambda_logs = emit_and_record


def embedded(line: str) -> list[tuple[str, str, float, str, dict[str, str]]]:
    """Return namespace, name, value, unit and dimensions of each metric in an EMF line, [] if it is malformed."""
    found = []
    try:
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive.get("Dimensions") or [[]]:
                dimensions = {name: str(document[name]) for name in names}
                for metric in directive.get("Metrics") or []:
                    values = document[metric["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        unit = metric.get("Unit", "None")
                        found.append((directive["Namespace"], metric["Name"], float(value), unit, dimensions))
    except (ValueError, KeyError, TypeError):
        return []  # as on AWS, the line stays a log line
    return found


@patch(upstream="record AWS/SQS metrics of depth and age")
def queue_metrics() -> None:
    """Record depth, messages in flight and age once a second, for the queues that an alarm watches."""

    def count():
        now = time.time()
        watched = watched_queues()
        for url, queue in list(sqs._queues.items()):
            name = url.rsplit("/", 1)[-1]
            if name in watched:
                hidden = [m for m in queue["messages"] if m.get("visible_at", 0) > now]
                in_flight = sum(bool(m.get("receive_count")) for m in hidden)  # the others are delayed
                oldest = min((m.get("sent_at", now) for m in queue["messages"]), default=now)
                waiting, at = len(queue["messages"]) - len(hidden), {"QueueName": name}
                record("AWS/SQS", "ApproximateNumberOfMessagesVisible", waiting, "Count", at)
                record("AWS/SQS", "ApproximateNumberOfMessagesNotVisible", in_flight, "Count", at)
                record("AWS/SQS", "ApproximateAgeOfOldestMessage", now - oldest, "Seconds", at)

    def loop():
        while True:
            time.sleep(EVERY_SECONDS)
            with suppress(RuntimeError):  # queues changed while they were counted; next time
                count()

    threading.Thread(target=loop, name="queue-metrics", daemon=True).start()


def watched_queues() -> set[str]:
    """Return the names of the queues that an alarm watches."""
    metrics = []
    for alarm in list(cloudwatch._alarms.values()):
        queries = alarm.get("Metrics")
        metrics += [each["MetricStat"]["Metric"] for each in queries if "MetricStat" in each] if queries else [alarm]
    of_queues = [metric for metric in metrics if metric.get("Namespace") == "AWS/SQS"]
    return {dimension["Value"] for metric in of_queues for dimension in metric.get("Dimensions") or []}


@patch(upstream="record NumberOfMessagesSent and NumberOfMessagesDeleted")
def queue_traffic_metrics() -> None:
    """Count what SendMessage and SendMessageBatch send (not what SNS or S3 does), and what callers and event
    source mappings delete."""
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


@patch(upstream="record NumberOfNotificationsDelivered and NumberOfNotificationsFailed")
def topic_metrics() -> None:
    """Count deliveries to queues and functions. E-mail is never sent and HTTP not waited for: neither counts."""
    to_queue, to_function = sns._deliver_to_sqs, sns._deliver_to_lambda

    def count(topic, delivered):
        name = "NumberOfNotificationsDelivered" if delivered else "NumberOfNotificationsFailed"
        record("AWS/SNS", name, 1, "Count", {"TopicName": topic.rsplit(":", 1)[-1]})

    def accepted(queue, topic):
        account = topic.split(":")[4]
        return sqs._queue_by_arn(queue) and sqs.queue_policy_allows(queue, "sns.amazonaws.com", topic, account)

    def to_queue_counted(endpoint, *more, topic_arn="", **options):
        to_queue(endpoint, *more, topic_arn=topic_arn, **options)
        count(topic_arn, accepted(endpoint, topic_arn))

    def to_function_counted(endpoint, envelope, topic_arn, *more):
        count(topic_arn, lambda_svc._get_func_record_for_ref(endpoint)[0])
        to_function(endpoint, envelope, topic_arn, *more)

    sns._deliver_to_sqs = to_queue_counted
    sns._deliver_to_lambda = to_function_counted
