"""The dashboard is complete, has no empty graph, and fits a laptop."""

import json
import re
from dataclasses import replace
from itertools import product

import pytest

from config import environment
from contract import metrics
from contract.routes import ROUTES
from generator import dashboard as dashboard_module
from generator import functions, refusals
from generator.dashboard import rows
from generator.functions import DEAD_LETTER_QUEUES, FUNCTIONS, QUEUES
from tests.unit.templates.given import PREFIX, alarms_of, expression_of, metrics_of, parameters
from tests.unit.templates.support import evaluate, everywhere

WAITING = "ApproximateNumberOfMessagesVisible"


def shown_in(monitoring: dict, name: str, **changes: str) -> dict:
    properties = monitoring["Resources"]["Dashboard"]["Properties"]
    resolved = evaluate(monitoring, properties, parameters(name, **changes))
    assert resolved["DashboardName"] == f"food-delivery-{name}"
    return json.loads(resolved["DashboardBody"])


@pytest.fixture(scope="module")
def dashboard(monitoring) -> dict:
    return shown_in(monitoring, "dev")


def lines(board: dict) -> list[list]:
    return [line for widget in board["widgets"] for line in widget["properties"].get("metrics", ())]


def metric_lines(board: dict) -> list[list]:
    return [line for line in lines(board) if isinstance(line[0], str)]


def dimensions(line: list) -> dict[str, str]:
    words = [word for word in line if isinstance(word, str)]
    return dict(zip(words[2::2], words[3::2], strict=True))


def shown_metrics(board: dict) -> set[tuple]:
    return {(line[0], line[1], frozenset(dimensions(line).items())) for line in metric_lines(board)}


def without(board: dict, title: str) -> dict:
    """The dashboard without a widget."""
    fewer = [widget for widget in board["widgets"] if widget["properties"].get("title") != title]
    assert len(fewer) == len(board["widgets"]) - 1
    return {"widgets": fewer}


# Everything is on it


def missing(board: dict) -> set[str]:
    """What should be on the dashboard and is not: functions, routes, queues, the table's parts."""
    stage = {"ApiName": "food-delivery-dev", "Stage": "dev"}
    wanted = {
        **{name: ("AWS/ApiGateway", name, stage) for name in ("Count", "4XXError", "5XXError", "Latency")},
        **{
            f"{route.method} {route.path} {stat}": (
                "FoodDelivery",
                "RequestLatency",
                {"Environment": "dev", "operation": route.operation},
                stat,
            )
            for route in ROUTES
            for stat in ("SampleCount", "p95")
        },
        **{
            f"{function.name} {name}": ("AWS/Lambda", name, {"FunctionName": function.name})
            for function in FUNCTIONS
            for name in ("Invocations", "Errors", "Duration", "Throttles", "ConcurrentExecutions")
        },
        **{
            f"{function.name} ColdStart": (
                "FoodDelivery",
                "ColdStart",
                {"Environment": "dev", "service": function.name},
            )
            for function in FUNCTIONS
        },
        **{
            queue: ("AWS/SQS", WAITING, {"QueueName": queue})
            for queue in (each.title for each in (*QUEUES, *DEAD_LETTER_QUEUES))
        },
        **{
            f"{queue.title} age": ("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": queue.title})
            for queue in QUEUES
        },
        "stream age": ("AWS/Lambda", "IteratorAge", {"FunctionName": "orders-events"}),
        **{
            f"{topic} failed": ("AWS/SNS", "NumberOfNotificationsFailed", {"TopicName": topic})
            for topic in ("OrderEvents", "AlertsTopic.TopicName")
        },
        **{
            f"{part} {name}": ("AWS/DynamoDB", name, {"TableName": "orders", **index})
            for part, index in (
                ("table", {}),
                *(
                    (name, {"GlobalSecondaryIndexName": name})
                    for name in ("customerIdIndex", "partnerCustomerIndex", "processedDateIndex")
                ),
            )
            for name in ("ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents")
        },
        **{
            f"{path} {name} {stat}": ("FoodDelivery", name, {"Environment": "dev", "path": path}, stat)
            for path in ("sync", "async", "import")
            for name, stat in (("OrderValue", "SampleCount"), ("OrderValue", "Sum"), ("OrderProcessingLatency", "p95"))
        },
    }
    shown = shown_metrics(board)
    for line in metric_lines(board):
        shown.add((line[0], line[1], frozenset(dimensions(line).items()), line[-1]["stat"]))
    return {
        name
        for name, (space, metric, at, *stat) in wanted.items()
        if (space, metric, frozenset(at.items()), *stat) not in shown
    }


def test_every_function_route_queue_topic_path_and_part_of_the_table_is_on_it(dashboard):
    assert missing(dashboard) == set()


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Throttles", "orders-events Throttles"),
        ("Invocations that failed (%)", "orders-query Errors"),
        ("Requests by route", "POST /orders/async SampleCount"),
        ("Dead letters waiting", "OrderEventsDLQ"),
        ("Throttled", "customerIdIndex ReadThrottleEvents"),
        ("Value of orders, by path", "import OrderValue Sum"),
    ],
)
def test_a_widget_that_is_taken_away_is_missed(dashboard, title, named):
    assert named in missing(without(dashboard, title))


def test_a_new_function_is_on_it_without_another_edit(monkeypatch):
    new = replace(FUNCTIONS[0], key="orders_refund")
    monkeypatch.setattr(functions, "FUNCTIONS", (*FUNCTIONS, new))
    shown = [line[:4] for row in rows.of_functions() for widget in row for line in widget.properties["metrics"]]
    for name in ("Invocations", "Errors", "Duration", "Throttles", "ConcurrentExecutions"):
        assert ("AWS/Lambda", name, "FunctionName", "${OrdersRefundName}") in shown


def unseen_alarms(board: dict, alarms: dict[str, dict], name: str) -> set[str]:
    arns = [arn for widget in board["widgets"] for arn in widget["properties"].get("alarms", ())]
    assert len(arns) == len(set(arns))
    shown = {arn.split(":alarm:")[1].removeprefix(PREFIX.format(name)) for arn in arns}
    assert shown <= set(alarms), "an alarm that does not exist"
    return set(alarms) - shown


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {}) for name in environment.available()),
        ("dev", {"BillingMode": "PROVISIONED"}),
        ("dev", {"CommandReservedConcurrency": "0"}),
    ],
)
def test_every_alarm_that_exists_shows_its_state_on_it(monitoring, name, changes):
    assert unseen_alarms(shown_in(monitoring, name, **changes), alarms_of(monitoring, name, **changes), name) == set()


def test_an_alarm_that_is_not_on_it_is_named(monitoring, dashboard):
    board = json.loads(json.dumps(dashboard).replace(f'"{arn_of("orders-per-hour")}", ', ""))
    assert unseen_alarms(board, alarms_of(monitoring, "dev"), "dev") == {"orders-per-hour"}


def arn_of(name: str) -> str:
    return f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:food-delivery-dev-{name}"


def test_what_an_alarm_computes_the_dashboard_computes_too(monitoring, dashboard):
    shown = {re.sub(r"_\d+\b", "", line[0]["expression"]) for line in lines(dashboard) if isinstance(line[0], dict)}
    computed = {expression_of(alarm) for alarm in alarms_of(monitoring, "dev").values() if "Metrics" in alarm}
    # A sum of throttles and of system errors, and a share of a reservation: shown as what they are made of.
    bare = {expression for expression in computed if not expression.startswith(("SUM", "100 * running"))}
    assert bare <= shown


def test_the_firewall_is_on_it_where_there_is_one(monitoring):
    def firewall(name: str) -> bool:
        return any(line[0] == "AWS/WAFV2" for line in lines(shown_in(monitoring, name)))

    assert (firewall("dev"), firewall("prod")) == (False, True)


# Nothing stays empty


def test_every_metric_of_the_dashboard_carries_its_dimensions(dashboard):
    # Without them a graph stays empty: CloudWatch does not add up what is written with dimensions.
    assert not [line for line in metric_lines(dashboard) if not dimensions(line)]


def unwritten(found: set[tuple[str, str, frozenset]]) -> set[str]:
    """Own metrics that no function writes with this name, these dimensions and these values."""
    services = {function.name for function in FUNCTIONS}
    bad = set()
    for space, name, at in found:
        values = dict(at)
        if space != metrics.NAMESPACE:
            continue
        declared = metrics.METRICS[name].dimensions if name in metrics.METRICS else None
        known = all(values[key] in of for key, of in metrics.VALUES.items() if key in values)
        known = known and values.get("service", next(iter(services))) in services
        if declared is None or set(values) != set(declared) or not known:
            bad.add(name)
    return bad


def watched(alarms: dict[str, dict]) -> set[tuple[str, str, frozenset]]:
    return {
        (metric["Namespace"], metric["MetricName"], frozenset(metric["Dimensions"].items()))
        for alarm in alarms.values()
        for metric in metrics_of(alarm)
    }


OF_FILTERS = {each.metric for each in refusals.REFUSALS}  # which write them by environment: test_refusals.py


def test_every_metric_of_ours_on_it_or_in_an_alarm_is_one_that_functions_or_metric_filters_write(monitoring, dashboard):
    assert unwritten(shown_metrics(dashboard) | watched(alarms_of(monitoring, "dev"))) == OF_FILTERS


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("OrderValeu", {"Environment": "dev", "path": "sync"}),
        ("OrderValue", {"Environment": "dev"}),
        ("OrderValue", {"Environment": "dev", "path": "fax"}),
        ("ColdStart", {"Environment": "dev", "service": "orders-refund"}),
    ],
)
def test_a_metric_that_nobody_writes_is_named(name, at):
    assert unwritten({("FoodDelivery", name, frozenset(at.items()))}) == {name}


# By service, but written by one function only.
OF_WORKER = ("OrderDuplicate", "OrderRetried")
OF_IMPORT = ("OrdersProcessed", "OrderProcessingErrors", "ProcessingFailures", "ProcessingTime", "SuccessRate")
WRITER = dict.fromkeys(OF_WORKER, "orders-worker") | dict.fromkeys(OF_IMPORT, "orders-import")
WRITER["EventsFailed"] = "orders-events"
NOT_READ = {("OrderStatusChanged", "pending"): "the first status is no change: no function writes it"}


# What is written by version, the alarms of a release read: test_releases.py.
BY_EVERY_VERSION = {name: each for name, each in metrics.METRICS.items() if "version" not in each.dimensions}


def series_written() -> set[tuple[str, str, frozenset]]:
    """Each combination of a metric with values of its dimensions: CloudWatch charges for each."""
    everyone = [function.name for function in FUNCTIONS]
    found = set()
    for name, metric in BY_EVERY_VERSION.items():
        values = {"Environment": ["dev"], "service": [WRITER[name]] if name in WRITER else everyone}
        values |= metrics.VALUES
        for combination in product(*(values[key] for key in metric.dimensions)):
            if (name, combination[-1]) not in NOT_READ:
                found.add((metrics.NAMESPACE, name, frozenset(zip(metric.dimensions, combination, strict=True))))
    return found


def test_every_series_that_functions_write_is_read_by_an_alarm_or_on_the_dashboard(monitoring, dashboard):
    assert series_written() - shown_metrics(dashboard) - watched(alarms_of(monitoring, "dev")) == set()


def test_a_series_that_nobody_reads_is_named(dashboard, monitoring, monkeypatch):
    unread = metrics.CustomMetric("OrderCreated", "Count")
    monkeypatch.setitem(BY_EVERY_VERSION, unread.name, unread)
    left = series_written() - shown_metrics(dashboard) - watched(alarms_of(monitoring, "dev"))
    assert {name for _, name, _ in left} == {"OrderCreated"}


def test_without_a_dashboard_functions_write_exactly_the_metrics_that_alarms_read(monitoring):
    read = {name for space, name, _ in watched(alarms_of(monitoring, "dev")) if space == metrics.NAMESPACE}
    assert {metric.name for metric in BY_EVERY_VERSION.values() if metric.alarm} == read - OF_FILTERS


def test_every_expression_of_a_graph_uses_metrics_of_the_same_graph_and_no_id_twice(dashboard):
    for widget in dashboard["widgets"]:
        found = widget["properties"].get("metrics", [])
        ids = [line[-1]["id"] for line in found if "id" in line[-1]]
        assert len(ids) == len(set(ids)), widget["properties"]["title"]
        for line in found:
            if "expression" in line[-1]:
                assert set(re.findall(r"[a-z]\w*", line[-1]["expression"])) <= set(ids)


def test_nothing_of_the_dashboard_is_left_unresolved(monitoring):
    for name in environment.available():
        assert "${" not in json.dumps(shown_in(monitoring, name))


def test_thresholds_are_drawn_as_numbers(monitoring, dashboard):
    drawn = [value["value"] for path, value in everywhere(dashboard) if path[-2:-1] == ("horizontal",)]
    assert drawn and all(isinstance(value, int | float) for value in drawn)
    assert shown_in(monitoring, "dev", LatencyP95Ms="321") != dashboard


# It can be read


@pytest.mark.parametrize("name", environment.available())
def test_no_two_widgets_overlap_and_none_leaves_the_grid(monitoring, name):
    taken: set[tuple[int, int]] = set()
    for widget in shown_in(monitoring, name)["widgets"]:
        across = range(widget["x"], widget["x"] + widget["width"])
        down = range(widget["y"], widget["y"] + widget["height"])
        cells = {(x, y) for x in across for y in down}
        assert not cells & taken
        assert across.stop <= 24
        taken |= cells


def test_at_most_three_widgets_share_a_row_so_that_a_laptop_shows_them(dashboard):
    rows_of = [widget["y"] for widget in dashboard["widgets"]]
    assert max(map(rows_of.count, rows_of)) <= 3
    assert min(widget["width"] for widget in dashboard["widgets"] if widget["type"] == "metric") >= 8


def test_it_begins_with_what_to_look_at_first_and_the_alarms(dashboard):
    first, *_ = dashboard["widgets"]
    assert "First" in first["properties"]["markdown"]
    assert [widget["type"] for widget in dashboard["widgets"][:5]] == ["text"] * 3 + ["alarm"] * 2


def test_it_is_within_cloudwatchs_limits(monitoring):
    # CloudWatch user guide, "CloudWatch service quotas" (dashboards); 100 alarms to an alarm widget.
    for name in environment.available():
        board = shown_in(monitoring, name)
        assert len(board["widgets"]) <= 500
        assert len(metric_lines(board)) <= 2500
        assert all(len(widget["properties"].get("metrics", ())) <= 500 for widget in board["widgets"])
        assert all(len(widget["properties"].get("alarms", ())) <= 100 for widget in board["widgets"])


def test_titles_are_unique_so_that_people_can_name_a_graph(dashboard):
    titles = [widget["properties"]["title"] for widget in dashboard["widgets"] if "title" in widget["properties"]]
    assert len(titles) == len(set(titles))
    assert dashboard_module.FIREWALL_ROW not in titles
