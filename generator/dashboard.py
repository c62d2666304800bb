"""The dashboard's body: two graphs to a row, from the gateway down to the dead letters.

Text for Fn::Sub: `${Name}` is a parameter of the monitoring stack.
"""

import json
import re

from contract import metrics
from contract.routes import ROUTES
from generator.functions import BY_KEY, FUNCTIONS
from generator.outputs import camel
from generator.queues import DEAD_LETTER_QUEUES

WIDTH, HEIGHT = 12, 6  # of the 24 columns that a dashboard has

_API = ("ApiName", "${ApiName}", "Stage", "${StageName}")
_TABLE = ("TableName", "${OrdersTableName}")
_QUEUE = ("QueueName", "${OrderQueueName}")
_WAITING = ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
_WORKER = ("FunctionName", "${OrdersWorkerName}")
_EVENTS = ("FunctionName", "${OrdersEventsName}")
_TOPIC = ("TopicName", "${OrderEventsTopicName}")
_IMPORTER = ("Environment", "${Environment}", "service", BY_KEY["orders_import"].name)


def body() -> str:
    widgets = [_graph(place, *widget) for place, widget in enumerate(_widgets())]
    text = json.dumps({"widgets": widgets}, indent=2) + "\n"
    # Each metric on a line of its own, not each word of it.
    return re.sub(
        rf'\[\s+("(?:AWS/|{metrics.NAMESPACE})[^\[\]]*)\]',
        lambda metric: f"[{' '.join(metric[1].split())}]",
        text,
    )


def _widgets() -> list[tuple[str, str, list[list]]]:
    """Title, statistic and metrics of each graph."""
    return [
        (
            "API requests and errors",
            "Sum",
            [["AWS/ApiGateway", metric, *_API] for metric in ("Count", "4XXError", "5XXError")],
        ),
        (
            "API latency (ms)",
            "p95",
            [
                ["AWS/ApiGateway", "Latency", *_API, {"label": f"{stat} as clients see it", "stat": stat}]
                for stat in ("p50", "p95")
            ]
            + [["AWS/ApiGateway", "IntegrationLatency", *_API, {"label": "p95 in the function"}]],
        ),
        ("Requests by route", "Sum", [_of_route(route) for route in ROUTES]),
        ("Function invocations", "Sum", _of_functions("Invocations")),
        ("Function errors and throttles", "Sum", [*_of_functions("Errors"), *_of_functions("Throttles")]),
        ("Function duration (ms)", "p95", _of_functions("Duration")),
        (
            "Table capacity used",
            "Sum",
            [["AWS/DynamoDB", f"Consumed{kind}CapacityUnits", *_TABLE] for kind in ("Read", "Write")],
        ),
        (
            "Table throttles",
            "Sum",
            [["AWS/DynamoDB", f"{kind}ThrottleEvents", *_TABLE] for kind in ("Read", "Write")],
        ),
        (
            "Orders accepted and stored",
            "Sum",
            [
                ["AWS/SQS", "NumberOfMessagesSent", *_QUEUE, {"label": "accepted"}],
                ["AWS/SQS", "NumberOfMessagesDeleted", *_QUEUE, {"label": "done with"}],
            ],
        ),
        (
            "Orders in the queue",
            "Maximum",
            [
                [*_WAITING, *_QUEUE, {"label": "waiting"}],
                ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", *_QUEUE, {"label": "being stored"}],
            ],
        ),
        (
            "Age of the oldest order in the queue (s)",
            "Maximum",
            [["AWS/SQS", "ApproximateAgeOfOldestMessage", *_QUEUE]],
        ),
        ("Batches of orders at once", "Maximum", [["AWS/Lambda", "ConcurrentExecutions", *_WORKER]]),
        (
            "Order events announced",
            "Sum",
            [["AWS/SNS", metric, *_TOPIC] for metric in ("NumberOfMessagesPublished", "NumberOfNotificationsFailed")],
        ),
        ("Age of the change being announced (ms)", "Maximum", [["AWS/Lambda", "IteratorAge", *_EVENTS]]),
        (
            "Records imported, refused; imports failed",
            "Sum",
            [_of_importer(name) for name in ("OrdersProcessed", "OrderProcessingErrors", "ProcessingFailures")],
        ),
        (
            "Time to import a file (ms)",
            "p95",
            [_of_importer("ProcessingTime", stat=stat, label=stat) for stat in ("p50", "p95", "Maximum")],
        ),
        ("Records imported of a file (%): the worst", "Minimum", [_of_importer("SuccessRate")]),
        (
            "Dead letters waiting",
            "Maximum",
            [
                [*_WAITING, "QueueName", f"${{{queue.name_parameter}}}", {"label": queue.title}]
                for queue in DEAD_LETTER_QUEUES
            ],
        ),
    ]


def _of_route(route) -> list:
    dimensions = ("ApiName", "${ApiName}", "Method", route.method, "Resource", route.path, "Stage", "${StageName}")
    return ["AWS/ApiGateway", "Count", *dimensions, {"label": f"{route.method} {route.path}"}]


def _of_importer(metric: str, **options: str) -> list:
    """The function's own metrics carry the dimensions that handlers.telemetry gives to all."""
    return [metrics.NAMESPACE, metric, *_IMPORTER, *([options] if options else [])]


def _of_functions(metric: str) -> list[list]:
    return [
        [
            "AWS/Lambda",
            metric,
            "FunctionName",
            f"${{{camel(f'{function.key}_name')}}}",
            {"label": f"{function.name} {metric.lower()}"},
        ]
        for function in FUNCTIONS
    ]


def _graph(place: int, title: str, stat: str, metrics: list[list]) -> dict:
    row, column = divmod(place, 2)
    return {
        "type": "metric",
        "x": column * WIDTH,
        "y": row * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {
            "title": title,
            "region": "${AWS::Region}",
            "view": "timeSeries",
            "stat": stat,
            "period": 300,
            "metrics": metrics,
        },
    }
