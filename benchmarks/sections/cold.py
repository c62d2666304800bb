"""Cold import of each handler, its DynamoDB client included, against boto3 with one client."""

import statistics

from benchmarks.measure import Effort, processes
from benchmarks.rows import Row, at_most, row

HANDLERS = ("orders_command", "orders_query", "orders_intake", "orders_worker", "orders_events", "orders_import")
BASELINE = "import boto3 + dynamodb client"
EMPTY = "an empty process"

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "TABLE_NAME": "orders",
    "ORDER_QUEUE_URL": "http://127.0.0.1/orders",
    "ORDER_EVENTS_TOPIC_ARN": "arn:aws:sns:us-east-1:000000000000:events",
    "ORDER_TTL_DAYS": "90",
    "ENVIRONMENT": "benchmark",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
}


def measure(effort: Effort) -> list[Row]:
    """A row for each handler: its import without the interpreter's own start, and the ratio to the baseline."""
    codes = {
        EMPTY: "pass",
        BASELINE: "import boto3; boto3.client('dynamodb')",
        **{f"import {name}": f"import handlers.{name}" for name in HANDLERS},
    }
    seconds = processes(codes, effort.runs, ENVIRONMENT)
    start = statistics.median(seconds.pop(EMPTY))
    net = {what: [(each - start) * 1000 for each in values] for what, values in seconds.items()}
    baseline = net.pop(BASELINE)
    return [
        row(BASELINE, "ms", baseline),
        *(row(what, "ms", values, against=baseline, target=at_most(1.25, "ratio")) for what, values in net.items()),
    ]
