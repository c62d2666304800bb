"""What the dashboard shows, from orders down to what carries them: rows of widgets, under headings."""

from contract.errors import ERRORS
from contract.metrics import PATHS
from contract.routes import ROUTES, Route
from contract.schemas import STATUSES
from generator.alarms import api, business, functions, objectives, queues, table
from generator.alarms.spec import Metric, own, used_in
from generator.dashboard.widgets import Widget, computed, graph, heading, line, lines_of, numbers
from generator.firewall import GROUPS, RATE_LIMIT
from generator.firewall import NAME as FIREWALL
from generator.functions import BY_KEY
from generator.queues import DEAD_LETTER_QUEUES

Rows = list[list[Widget]]


def every() -> Rows:
    return [
        *([heading("Orders")], *orders()),
        *([heading("Promises")], promises()),
        *([heading("API")], *requests()),
        *([heading("Functions")], *of_functions()),
        *([heading("Orders accepted to be stored later")], *pipeline()),
        *([heading("Changes announced, alerts sent")], announcements()),
        *([heading("Files imported")], imports()),
        *([heading("Table")], orders_table()),
    ]


def orders() -> Rows:
    stored = {f"stored{place}": own("OrderStored", "Sum", path=path) for place, path in enumerate(PATHS)}
    total = f"SUM([{', '.join(stored)}])"
    changed = {status: own("OrderStatusChanged", "Sum", status=status) for status in STATUSES[1:]}
    ceiling = business.orders_per_hour()
    return [
        [
            graph("Orders stored, by path", _by_path("OrderStored", "Sum"), stacked=True),
            graph("Value of orders, by path", _by_path("OrderValue", "Sum"), stacked=True),
            graph("Orders of an hour (% of maxOrdersPerHour)", lines_of([ceiling], ["of the ceiling"]), [ceiling]),
        ],
        [
            graph("Orders moved to a status", [line(metric, status) for status, metric in changed.items()]),
            numbers(
                "Of the orders stored in this time (%)",
                [
                    *computed(f"100 * ended / {total}", "delivered", {"ended": changed["delivered"], **stored}, "_0"),
                    *computed(f"100 * ended / {total}", "cancelled", {"ended": changed["cancelled"], **stored}, "_1"),
                ],
            ),
            graph(
                "Orders refused, by reason", [line(own("OrderRejected", "Sum", reason=code), code) for code in ERRORS]
            ),
        ],
    ]


def promises() -> list[Widget]:
    left = []
    for place, each in enumerate(objectives.OBJECTIVES):
        expression = f"100 - 100 * {objectives.burn_rate(each)}"
        left += computed(expression, each.title, used_in(expression, each.watched), f"_{place}")
    return [numbers("Error budget left, of the requests in this time (%)", left), *map(_burn, objectives.OBJECTIVES)]


def _burn(objective: objectives.Objective) -> Widget:
    windows = [alarm for alarm in objectives.alarms() if alarm.key.startswith(f"slo-{objective.key}-")]
    labels = [alarm.key.rsplit("-", 1)[-1] for alarm in windows]
    return graph(f"{objective.title}: budget used, times as fast as allowed", lines_of(windows, labels), windows)


def requests() -> Rows:
    errors, latency = api.alarms()
    return [
        [
            graph(
                "Requests and errors",
                [line(api.metric(name, "Sum"), name) for name in ("Count", "4XXError", "5XXError")],
            ),
            graph("Requests answered 5XX (%)", lines_of([errors], ["5XX"]), [errors]),
            graph(
                "Latency (ms)",
                [
                    *(line(api.metric("Latency", stat), f"{stat} as clients see it") for stat in ("p50", "p95", "p99")),
                    line(api.metric("IntegrationLatency", "p95"), "p95 in the function"),
                ],
                [latency],
            ),
        ],
        [
            graph("Requests by route", [_of_route(route, "Count", "Sum") for route in ROUTES]),
            graph("Latency by route, p95 (ms)", [_of_route(route, "Latency", "p95") for route in ROUTES], [latency]),
            graph("From acceptance to the table, by path, p95 (ms)", _by_path("OrderProcessingLatency", "p95")),
        ],
    ]


def of_functions() -> Rows:
    known = functions.functions.FUNCTIONS
    names = [function.name for function in known]
    errors = [functions.errors(function) for function in known]
    durations = [functions.duration(function) for function in known]
    throttles = [functions.throttles(function) for function in known]
    return [
        [
            graph("Invocations", _of_each("Invocations", "Sum")),
            graph("Invocations that failed (%)", lines_of(errors, names), errors),
            graph("Duration, p95 (ms)", lines_of(durations, names), yAxis={"left": {"min": 0}}),
        ],
        [
            graph("Throttles", lines_of(throttles, names)),
            graph("At once", _of_each("ConcurrentExecutions", "Maximum")),
            graph("Cold starts", [line(own("ColdStart", "Sum", service=name), name) for name in names]),
        ],
    ]


def pipeline() -> Rows:
    by_key = {alarm.key: alarm for alarm in queues.alarms()}
    age, depth = by_key["order-queue-age"], by_key["order-queue-depth"]
    worker = BY_KEY["orders_worker"].name
    return [
        [
            graph(
                "Accepted and done with",
                [
                    line(queues.metric("OrderQueueName", "NumberOfMessagesSent", "Sum"), "accepted"),
                    line(queues.metric("OrderQueueName", "NumberOfMessagesDeleted", "Sum"), "done with"),
                ],
            ),
            graph(
                "In the queue",
                [
                    *lines_of([depth], ["waiting"]),
                    line(
                        queues.metric("OrderQueueName", "ApproximateNumberOfMessagesNotVisible", "Maximum"),
                        "being stored",
                    ),
                ],
                [depth],
            ),
            graph("Age of the oldest order in the queue (s)", lines_of([age], ["oldest"]), [age]),
        ],
        [
            graph(
                "Dead letters waiting",
                [line(queues.waiting(queue.name_parameter, "Maximum"), queue.title) for queue in DEAD_LETTER_QUEUES],
            ),
            graph(
                "Stored again, tried again",
                [line(own(name, "Sum", service=worker), name) for name in ("OrderDuplicate", "OrderRetried")],
            ),
            graph(
                "Orders of a batch", [line(own("BatchSize", stat, service=worker), stat) for stat in ("p50", "Maximum")]
            ),
        ],
    ]


def announcements() -> list[Widget]:
    (age,) = (alarm for alarm in queues.alarms() if alarm.key == "order-events-age")
    service = BY_KEY["orders_events"].name
    return [
        graph(
            "Order events",
            [line(own(name, "Sum", service=service), name) for name in ("EventsPublished", "EventsFailed")],
        ),
        graph("Age of the change being announced (s)", lines_of([age], ["oldest"]), [age]),
        graph(
            "Delivered by SNS, and not",
            [
                line(queues.topic(topic, name), f"{title} {word}")
                for title, topic in queues.TOPICS.items()
                for name, word in (
                    ("NumberOfNotificationsDelivered", "delivered"),
                    ("NumberOfNotificationsFailed", "failed"),
                )
            ],
        ),
    ]


def imports() -> list[Widget]:
    rate = business.import_success_rate()
    counts = {"OrdersProcessed": "queued", "OrderProcessingErrors": "refused", "ProcessingFailures": "imports failed"}
    return [
        graph("Records", [line(business.of_importer(name, "Sum"), label) for name, label in counts.items()]),
        graph(
            "Time to import a file (ms)",
            [line(business.of_importer("ProcessingTime", stat), stat) for stat in ("p50", "p95", "Maximum")],
        ),
        graph("Records queued of a file, the worst (%)", lines_of([rate], ["worst file"]), [rate]),
    ]


def orders_table() -> list[Widget]:
    return [
        graph(
            "Capacity units used",
            [
                line(table.metric(f"Consumed{direction}CapacityUnits", "Sum", part), f"{part} {direction.lower()}")
                for part in table.PARTS
                for direction in table.DIRECTIONS
            ],
        ),
        graph(
            "Throttled",
            [
                line(table.metric(f"{direction}ThrottleEvents", "Sum", part), f"{part} {direction.lower()}")
                for part in table.PARTS
                for direction in table.DIRECTIONS
            ],
        ),
        graph(
            "DynamoDB's own errors",
            [
                line(table.metric("SystemErrors", "Sum", Operation=operation), operation)
                for operation in table.operations()
            ],
        ),
    ]


def firewall() -> list[Widget]:
    """Only where there is one: the last row, so that its absence leaves no gap."""

    def of(name: str, rule: str) -> Metric:
        return Metric("AWS/WAFV2", name, "Sum", {"WebACL": FIREWALL, "Region": "${AWS::Region}", "Rule": rule})

    return [
        graph(
            "Firewall: let through and refused",
            [line(of(f"{word}Requests", "ALL"), word.lower()) for word in ("Allowed", "Blocked")],
        ),
        graph(
            "Firewall: refused, by rule", [line(of("BlockedRequests", rule), rule) for rule in (RATE_LIMIT, *GROUPS)]
        ),
    ]


def _by_path(name: str, stat: str) -> list[list]:
    return [line(own(name, stat, path=path), path) for path in PATHS]


def _of_each(name: str, stat: str) -> list[list]:
    return [line(functions.metric(function, name, stat), function.name) for function in functions.functions.FUNCTIONS]


def _of_route(route: Route, name: str, stat: str) -> list:
    """By method and resource: the stage writes these because its detailed metrics are on."""
    stage = api.metric(name, stat)
    dimensions = {
        "ApiName": stage.dimensions["ApiName"],
        "Method": route.method,
        "Resource": route.path,
        "Stage": stage.dimensions["Stage"],
    }
    return line(Metric(stage.namespace, name, stat, dimensions), f"{route.method} {route.path}")
