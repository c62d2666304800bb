"""Metrics that AWS derives from what functions do and write."""

import json

from emulator.metric_points import record
from emulator.registry import patch


@patch
def embedded_metrics() -> None:
    """A log line in CloudWatch's embedded metric format (EMF) is a metric on AWS; upstream
    takes it for text. The patch records the metrics of each line that a function writes, in
    every dimension set that the line declares."""

    def read(config, log_text, error, duration_ms):
        for line in log_text.splitlines():
            if '"_aws"' in line:
                for name, metric in embedded(line):
                    for value in metric["values"]:
                        record(metric["namespace"], name, value, metric["unit"], metric["dimensions"])

    after_each_invocation(read)


@patch
def lambda_metrics() -> None:
    """Upstream records AWS/Lambda metrics for direct invocations only, counts a throttled call as an
    invocation, and does not record how many run at once. AWS records them whoever calls: API Gateway,
    a queue, a rule."""
    from ministack.services import lambda_svc

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


def after_each_invocation(tell) -> None:
    """Call ``tell`` with the function's configuration, output, failure and duration."""
    from ministack.services import lambda_svc

    emit = lambda_svc._emit_lambda_logs

    def emit_and_record(func, request_id, log_text, error, duration_ms, **more):
        emit(func, request_id, log_text, error, duration_ms, **more)
        tell(func.get("config") or func, log_text or "", error, duration_ms)

    lambda_svc._emit_lambda_logs = emit_and_record


def embedded(line: str) -> list[tuple[str, dict]]:
    """The metrics of one EMF line: name and namespace, unit, values, dimensions. None if malformed."""
    found = []
    try:
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive.get("Dimensions") or [[]]:
                dimensions = {name: str(document[name]) for name in names}
                for metric in directive.get("Metrics") or []:
                    values = document[metric["Name"]]
                    values = values if isinstance(values, list) else [values]
                    found.append(
                        (
                            metric["Name"],
                            {
                                "namespace": directive["Namespace"],
                                "unit": metric.get("Unit", "None"),
                                "values": [float(value) for value in values],
                                "dimensions": dimensions,
                            },
                        )
                    )
    except (ValueError, KeyError, TypeError):
        return []  # as AWS: a line that breaks the format stays a log line
    return found
