"""The monitoring stack: alarms that can fire, arrive and be acted on; a dashboard that shows data."""

import json
import os
import subprocess
import sys

import pytest

from contract.routes import ROUTES
from generator import monitoring as monitoring_module
from generator import outputs
from generator.functions import FUNCTIONS
from generator.queues import DEAD_LETTER_QUEUES
from tests.unit.templates.support import evaluate, everywhere, of_type, root_parameters

GIVEN = {
    **{"ApiName": "food-delivery-dev", "StageName": "dev", "OrdersTableName": "orders"},
    **{outputs.camel(f"{function.key}_name"): function.name for function in FUNCTIONS},
    **{"OrderQueueName": "OrderQueue", "OrderEventsTopicName": "OrderEvents"},
    **{queue.name_parameter: queue.title for queue in DEAD_LETTER_QUEUES},
}
WAITING = "ApproximateNumberOfMessagesVisible"


@pytest.fixture(scope="module")
def alarms(monitoring) -> dict[str, dict]:
    parameters = {**root_parameters("dev"), **GIVEN}
    found = [
        evaluate(monitoring, each["Properties"], parameters)
        for each in of_type(monitoring, "CloudWatch::Alarm").values()
    ]
    return {each["AlarmName"]: each for each in found}


@pytest.fixture(scope="module")
def dashboard(monitoring) -> dict:
    properties = monitoring["Resources"]["Dashboard"]["Properties"]
    resolved = evaluate(monitoring, properties, {**root_parameters("dev"), **GIVEN})
    assert resolved["DashboardName"] == "food-delivery-dev"
    return json.loads(resolved["DashboardBody"])


def dimensions(alarm: dict) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def test_every_alarm_notifies_and_takes_it_back_and_stays_silent_without_data(alarms):
    names = {
        *("api-errors", "api-latency", "dead-letters", "rejected-orders", "unannounced-events"),
        *("order-queue-age", "order-queue-depth", "order-events-age"),
        *("failed-imports", "import-failures", "import-success-rate"),
    }
    assert set(alarms) == {f"food-delivery-dev-{name}" for name in names}
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["AlertsTopic"]
        assert alarm["TreatMissingData"] == "notBreaching"
        below = name.endswith("success-rate")
        assert alarm["ComparisonOperator"] == ("LessThanThreshold" if below else "GreaterThanThreshold")


def test_every_alarm_says_what_it_means_and_what_to_do_first(alarms):
    for alarm in alarms.values():
        assert " First: " in alarm["AlarmDescription"]
        assert len(alarm["AlarmDescription"]) <= 1024


def test_the_error_alarm_compares_a_fraction_with_a_fraction(alarms):
    alarm = alarms["food-delivery-dev-api-errors"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/ApiGateway", "5XXError", "Average")
    assert float(alarm["Threshold"]) == 0.01  # 1 % in environments/dev.toml
    assert dimensions(alarm) == {"ApiName": "food-delivery-dev", "Stage": "dev"}


def test_the_latency_alarm_watches_what_clients_see(alarms):
    alarm = alarms["food-delivery-dev-api-latency"]
    assert (alarm["MetricName"], alarm["ExtendedStatistic"], alarm["Threshold"]) == ("Latency", "p95", "500")
    assert "Statistic" not in alarm


def dead_letter_queues(templates) -> set[str]:
    """Logical id of every queue that takes what failed: for another queue, a function, an event source."""
    outputs_of_data = {name: each["Value"] for name, each in templates["data"]["Outputs"].items()}
    found = set()
    for template in templates.values():
        for path, value in everywhere(template["Resources"]):
            named = path and path[-1] in ("deadLetterTargetArn", "TargetArn", "Destination")
            if named or path[-2:] == ("DeadLetterConfig", "Arn"):
                reference = outputs_of_data[value["Ref"]] if "Ref" in value else value
                found.add(reference["Fn::GetAtt"][0])
    return found


def unwatched(templates, alarms) -> set[str]:
    """Dead-letter queues without an alarm that one message sets off."""
    watched = {
        dimensions(alarm)["QueueName"]
        for alarm in alarms.values()
        if alarm["MetricName"] == WAITING and (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 1)
    }
    return dead_letter_queues(templates) - watched


def test_one_dead_letter_in_any_queue_that_takes_them_is_enough_for_an_alarm(templates, alarms):
    assert dead_letter_queues(templates) == {queue.title for queue in DEAD_LETTER_QUEUES}
    assert unwatched(templates, alarms) == set()


def test_a_dead_letter_queue_without_an_alarm_is_noticed(templates, alarms):
    fewer = {name: alarm for name, alarm in alarms.items() if not name.endswith("unannounced-events")}
    assert unwatched(templates, fewer) == {"OrderEventsDLQ"}


def test_orders_that_wait_raise_an_alarm_but_one_retry_does_not(templates, alarms):
    age, depth = alarms["food-delivery-dev-order-queue-age"], alarms["food-delivery-dev-order-queue-depth"]
    assert (age["MetricName"], age["Statistic"]) == ("ApproximateAgeOfOldestMessage", "Maximum")
    assert age["Threshold"] > templates["data"]["Resources"]["OrderQueue"]["Properties"]["VisibilityTimeout"]
    assert (depth["MetricName"], depth["Threshold"]) == (WAITING, 1000)
    assert dimensions(age) == dimensions(depth) == {"QueueName": "OrderQueue"}


def test_a_stream_that_is_held_up_raises_an_alarm_long_before_its_changes_are_given_up(templates, alarms):
    alarm = alarms["food-delivery-dev-order-events-age"]
    mapping = templates["compute"]["Resources"]["OrdersStreamToEvents"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/Lambda", "IteratorAge")
    assert dimensions(alarm) == {"FunctionName": "orders-events"}
    rings_after = alarm["Threshold"] / 1000 + alarm["Period"] * alarm["EvaluationPeriods"]
    assert rings_after < mapping["MaximumRecordAgeInSeconds"] / 10
    assert alarm["Threshold"] == monitoring_module.OLDEST_CHANGE_MS


def test_a_failed_import_rings_once_for_its_three_attempts_and_before_it_is_given_up(templates, alarms):
    alarm = alarms["food-delivery-dev-import-failures"]
    retries = templates["compute"]["Resources"]["OrdersImportPatience"]["Properties"]["MaximumRetryAttempts"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("ProcessingFailures", "Sum", 0)
    # Lambda waits one minute before the first retry and two before the second.
    assert (retries, alarm["EvaluationPeriods"]) == (2, 1)
    assert alarm["Period"] >= 60 + 120


def test_one_bad_file_among_good_ones_raises_an_alarm(alarms):
    alarm = alarms["food-delivery-dev-import-success-rate"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("SuccessRate", "Minimum")
    assert 50 <= alarm["Threshold"] < 100  # percent, as the metric is


def written_by(compute: dict, title: str) -> dict:
    """A metric as this function writes it."""
    given = evaluate(compute, compute["Resources"][title]["Properties"]["Environment"], root_parameters("dev"))
    script = "from handlers import telemetry as t; t.count('Any'); t.metrics.flush_metrics()"
    environment = {**os.environ, **given["Variables"]}
    printed = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True).stdout
    return json.loads(printed)


def test_alarms_and_dashboard_look_for_the_importers_metrics_where_it_writes_them(templates, alarms, dashboard):
    document = written_by(templates["compute"], "OrdersImportFunction")
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    (keys,) = directive["Dimensions"]
    written = {name: document[name] for name in keys}
    watched = [alarm for alarm in alarms.values() if alarm["Namespace"] == directive["Namespace"]]
    assert [dimensions(alarm) for alarm in watched] == [written, written]
    assert {alarm["MetricName"] for alarm in watched} == {"ProcessingFailures", "SuccessRate"}
    shown = [metric for metric in metrics_of(dashboard) if metric[0] == directive["Namespace"]]
    assert {metric[1] for metric in shown} == {
        *("OrdersProcessed", "OrderProcessingErrors", "ProcessingFailures", "ProcessingTime", "SuccessRate")
    }
    assert all(dimensions_shown(metric) == written for metric in shown)


def metrics_of(dashboard: dict) -> list[list]:
    return [metric for widget in dashboard["widgets"] for metric in widget["properties"]["metrics"]]


def dimensions_shown(metric: list) -> dict[str, str]:
    words = [word for word in metric if isinstance(word, str)]
    return dict(zip(words[2::2], words[3::2], strict=True))


def test_every_metric_of_the_dashboard_carries_its_dimensions(dashboard):
    # Without them a graph stays empty: CloudWatch does not add up what is written with dimensions.
    assert not [metric for metric in metrics_of(dashboard) if not dimensions_shown(metric)]


def test_no_key_stands_between_alarms_and_their_topic(monitoring):
    (topic,) = of_type(monitoring, "SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic["Properties"]


@pytest.mark.parametrize(("address", "exists"), [("", False), ("ops@example.com", True)])
def test_an_address_is_subscribed_only_if_there_is_one(monitoring, address, exists):
    subscription = monitoring["Resources"]["AlertEmailSubscription"]
    found = evaluate(monitoring, {"Fn::If": [subscription["Condition"], True, False]}, {"AlertEmail": address})
    assert found is exists


def test_the_dashboard_shows_every_route_and_function_the_table_the_queues_and_the_topic(dashboard):
    shown = {(metric[0], metric[1], frozenset(dimensions_shown(metric).items())) for metric in metrics_of(dashboard)}
    stage = {("ApiName", "food-delivery-dev"), ("Stage", "dev")}
    for name in ("Count", "4XXError", "5XXError", "Latency"):
        assert ("AWS/ApiGateway", name, frozenset(stage)) in shown
    for route in ROUTES:
        of_route = frozenset({*stage, ("Method", route.method), ("Resource", route.path)})
        assert ("AWS/ApiGateway", "Count", of_route) in shown
    for function in FUNCTIONS:
        for name in ("Invocations", "Errors", "Throttles", "Duration"):
            assert ("AWS/Lambda", name, frozenset({("FunctionName", function.name)})) in shown
    for name in ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents"):
        assert ("AWS/DynamoDB", name, frozenset({("TableName", "orders")})) in shown
    for queue in ("OrderQueue", *(queue.title for queue in DEAD_LETTER_QUEUES)):
        assert ("AWS/SQS", WAITING, frozenset({("QueueName", queue)})) in shown
    assert ("AWS/SQS", "ApproximateAgeOfOldestMessage", frozenset({("QueueName", "OrderQueue")})) in shown
    assert ("AWS/Lambda", "IteratorAge", frozenset({("FunctionName", "orders-events")})) in shown
    assert ("AWS/SNS", "NumberOfMessagesPublished", frozenset({("TopicName", "OrderEvents")})) in shown


def test_no_two_widgets_of_the_dashboard_overlap(dashboard):
    taken = [(widget["x"], widget["y"]) for widget in dashboard["widgets"]]
    assert len(taken) == len(set(taken))
    assert all(widget["x"] + widget["width"] <= 24 for widget in dashboard["widgets"])


def test_nothing_of_the_dashboard_is_left_unresolved(dashboard):
    assert "${" not in json.dumps(dashboard)
