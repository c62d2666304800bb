"""What the dashboard shows, from orders down to the table: rows of widgets, under headings."""

from troposphere import Ref, Sub

from contract.errors import ERRORS
from contract.metrics import ASYNC, IMPORT, PATHS, VALUES
from contract.routes import ROUTES, Route
from contract.schemas import STATUSES
from generator.alarms import api, business, functions, keys, objectives, queues, table
from generator.alarms.spec import Expression, Metric, listed, own
from generator.alarms.table import FILLED
from generator.dashboard.widgets import Line, Widget, computed, graph, heading, line, lines_of, numbers
from generator.firewall import GROUPS, RATE_LIMIT
from generator.firewall import NAME as FIREWALL
from generator.functions import BY_KEY, CONSUMERS, DEAD_LETTER_QUEUES, QUEUES
from generator.queues import ORDER_QUEUE, Queue
from generator.triggers import StreamTrigger

Rows = list[list[Widget]]


def every() -> Rows:
    return [
        *([heading("Orders")], *orders()),
        *([heading("SLOs")], slos()),
        *([heading("API")], *requests()),
        *([heading("Functions")], *of_functions()),
        *([heading("Queues")], *(queue_row(queue) for queue in QUEUES), processing()),
        *([heading("Order events and alerts")], notifications()),
        *([heading("Imports")], imports()),
        *([heading("Table")], orders_table()),
    ]


def orders() -> Rows:
    stored = {f"stored{index}": own("OrderValue", "SampleCount", path=path) for index, path in enumerate(PATHS)}
    share = f"100 * {{ended}} / SUM({listed(stored)})"
    changed = {status: own("OrderStatusChanged", "Sum", status=status) for status in STATUSES[1:]}
    limit = business.orders_per_hour()
    return [
        [
            graph("Orders stored, by path", _by_path("OrderValue", "SampleCount"), stacked=True),
            graph("Value of orders, by path", _by_path("OrderValue", "Sum"), stacked=True),
            graph("Orders per hour (% of maxOrdersPerHour)", lines_of([limit], ["of the limit"]), [limit]),
        ],
        [
            graph("Orders moved to a status", [line(metric, status) for status, metric in changed.items()]),
            numbers(
                "Of the orders stored in this time (%)",
                [
                    line
                    for index, status in enumerate(("delivered", "cancelled"))
                    for line in computed(Expression(share, {"ended": changed[status], **stored}), status, f"_{index}")
                ],
            ),
            graph(
                "Orders refused, by reason", [line(own("OrderRejected", "Sum", reason=code), code) for code in ERRORS]
            ),
        ],
    ]


def slos() -> list[Widget]:
    left = []
    for index, each in enumerate(objectives.OBJECTIVES):
        left += computed(Expression(f"100 - 100 * {objectives.burn_rate(each)}", each.values), each.title, f"_{index}")
    return [numbers("Error budget left, of the requests in this time (%)", left), *map(_burn, objectives.OBJECTIVES)]


def _burn(objective: objectives.Objective) -> Widget:
    windows = [alarm for alarm in objectives.alarms() if alarm.key.startswith(f"slo-{objective.key}-")]
    labels = [alarm.key.rsplit("-", 1)[-1] for alarm in windows]
    return graph(f"{objective.title}: burn rate of the error budget", lines_of(windows, labels), windows)


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
            graph("Requests by route", [_of_route(route, "SampleCount") for route in ROUTES]),
            graph(
                "Latency by route, in the function, p95 (ms)", [_of_route(route, "p95") for route in ROUTES], [latency]
            ),
            graph("From acceptance to the table, by path, p95 (ms)", _by_path("OrderProcessingLatency", "p95")),
        ],
        callers(),
    ]


def callers() -> list[Widget]:
    refused, quota, throttled = keys.alarms()
    by_tier = [line(own("RequestReceived", "Sum", tier=tier), tier) for tier in VALUES["tier"]]
    return [
        graph("Requests by tier of the caller", by_tier, stacked=True),
        graph("Requests without a valid API key", lines_of([refused], ["an hour"]), [refused]),
        graph("Requests over a limit of their key", lines_of([quota, throttled], ["quota", "rate"]), [throttled]),
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
            graph("Concurrent executions", _of_each("ConcurrentExecutions", "Maximum")),
            graph(
                "Cold starts and configuration fallbacks",
                [
                    *(line(own("ColdStart", "Sum", service=name), name) for name in names),
                    line(own("ConfigurationFallback", "Sum"), "configuration fallbacks"),
                ],
            ),
        ],
    ]


def queue_row(queue: Queue) -> list[Widget]:
    age, depth = queues.age(queue), queues.depth(queue)
    return [
        graph(
            f"{queue.title}: messages",
            [
                line(queues.metric(queue, f"NumberOfMessages{word}", "Sum"), word.lower())
                for word in ("Sent", "Deleted")
            ],
        ),
        graph(
            f"{queue.title}: depth",
            [
                *lines_of([depth], ["waiting"]),
                line(queues.metric(queue, "ApproximateNumberOfMessagesNotVisible", "Maximum"), "in flight"),
            ],
            [depth],
        ),
        graph(f"{queue.title}: age of the oldest message (s)", lines_of([age], ["oldest"]), [age]),
    ]


def processing() -> list[Widget]:
    worker = CONSUMERS[ORDER_QUEUE]
    stored = {
        f"stored{index}": own("OrderValue", "SampleCount", path=path) for index, path in enumerate((ASYNC, IMPORT))
    }
    invocations = functions.metric(worker, "Invocations", "Sum")
    mean = Expression(f"SUM({listed(stored, FILLED)}) / {{invocations}}", {**stored, "invocations": invocations})
    return [
        graph(
            "Dead letters waiting",
            [line(queues.waiting(queue, "Maximum"), queue.title) for queue in DEAD_LETTER_QUEUES],
        ),
        graph(
            "Duplicate and retried orders",
            [line(own(name, "Sum", service=worker.name), name) for name in ("OrderDuplicate", "OrderRetried")],
        ),
        graph("Orders stored by an invocation, in the mean", computed(mean, "orders")),
    ]


def notifications() -> list[Widget]:
    announcer = BY_KEY["orders_events"]
    assert isinstance(announcer.trigger, StreamTrigger)
    age = functions.stream_age(announcer, announcer.trigger)
    return [
        graph(
            "Order events",
            [
                line(queues.topic(queues.TOPICS["OrderEvents"], "NumberOfMessagesPublished"), "published"),
                line(own("EventsFailed", "Sum", service=announcer.name), "failed"),
            ],
        ),
        graph("Age of the oldest change to announce (s)", lines_of([age], ["oldest"]), [age]),
        graph(
            "Delivered by SNS, and failed",
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
            "DynamoDB system errors",
            [
                line(table.metric("SystemErrors", "Sum", Operation=operation), operation)
                for operation in table.operations()
            ],
        ),
    ]


def firewall() -> list[Widget]:
    """Under a condition, so it is the last row: without it there is no gap."""

    def of(name: str, rule: str) -> Metric:
        return Metric("AWS/WAFV2", name, "Sum", {"WebACL": Sub(FIREWALL), "Region": Ref("AWS::Region"), "Rule": rule})

    return [
        graph(
            "Firewall: requests allowed and blocked",
            [line(of(f"{word}Requests", "ALL"), word.lower()) for word in ("Allowed", "Blocked")],
        ),
        graph(
            "Firewall: requests blocked, by rule",
            [line(of("BlockedRequests", rule), rule) for rule in (RATE_LIMIT, *GROUPS)],
        ),
    ]


def _by_path(name: str, stat: str) -> list[Line]:
    return [line(own(name, stat, path=path), path) for path in PATHS]


def _of_each(name: str, stat: str) -> list[Line]:
    return [line(functions.metric(function, name, stat), function.name) for function in functions.functions.FUNCTIONS]


def _of_route(route: Route, stat: str) -> Line:
    return line(own("RequestLatency", stat, operation=route.operation), f"{route.method} {route.path}")
