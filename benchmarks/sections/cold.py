"""Cold import of each handler, its DynamoDB client included, against boto3 with one client."""

from benchmarks.measure import Effort, medians

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


def measure(effort: Effort) -> list[dict]:
    """One row per handler: import time without the interpreter's own start, and its ratio to the baseline."""
    contestants = {
        EMPTY: "pass",
        BASELINE: "import boto3; boto3.client('dynamodb')",
        **{name: f"import handlers.{name}" for name in HANDLERS},
    }
    seconds = medians(contestants, effort.runs, ENVIRONMENT)
    net = {name: value - seconds[EMPTY] for name, value in seconds.items() if name != EMPTY}
    return [
        {
            "what": f"cold import: {name}",
            "median": f"{value * 1000:.0f} ms",
            "ratio": f"{value / net[BASELINE]:.2f}",
            "target": "" if name == BASELINE else "<= 1.25",
        }
        for name, value in net.items()
    ]
