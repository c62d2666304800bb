"""The monitoring stack: alarms that can fire, arrive and be acted on; a dashboard that shows data."""

import json

import pytest

from contract.routes import ROUTES
from generator.functions import FUNCTIONS
from tests.unit.templates.support import evaluate, of_type, root_parameters

GIVEN = {
    **{"ApiName": "food-delivery-dev", "StageName": "dev", "OrdersTableName": "orders"},
    **{"DeadLetterQueueName": "dead", "OrdersCommandName": "command", "OrdersQueryName": "query"},
}


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
    assert set(alarms) == {f"food-delivery-dev-{name}" for name in ("api-errors", "api-latency", "dead-letters")}
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["AlertsTopic"]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["ComparisonOperator"] == "GreaterThanThreshold"


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


def test_one_dead_letter_is_enough_for_an_alarm(alarms):
    alarm = alarms["food-delivery-dev-dead-letters"]
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 1)
    assert dimensions(alarm) == {"QueueName": "dead"}


def test_every_dead_letter_queue_is_watched(templates, alarms):
    queues = of_type(templates["data"], "SQS::Queue")
    watched = [alarm for alarm in alarms.values() if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"]
    assert len(queues) == len(watched)


def test_no_key_stands_between_alarms_and_their_topic(monitoring):
    (topic,) = of_type(monitoring, "SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic["Properties"]


@pytest.mark.parametrize(("address", "exists"), [("", False), ("ops@example.com", True)])
def test_an_address_is_subscribed_only_if_there_is_one(monitoring, address, exists):
    subscription = monitoring["Resources"]["AlertEmailSubscription"]
    found = evaluate(monitoring, {"Fn::If": [subscription["Condition"], True, False]}, {"AlertEmail": address})
    assert found is exists


def test_the_dashboard_shows_every_route_and_function_the_table_and_the_queue(dashboard):
    shown = {
        (metric[0], metric[1], frozenset(zip(metric[2:-1:2], metric[3::2], strict=False)))
        for widget in dashboard["widgets"]
        for metric in widget["properties"]["metrics"]
    }
    stage = {("ApiName", "food-delivery-dev"), ("Stage", "dev")}
    for name in ("Count", "4XXError", "5XXError", "Latency"):
        assert ("AWS/ApiGateway", name, frozenset(stage)) in shown
    for route in ROUTES:
        of_route = frozenset({*stage, ("Method", route.method), ("Resource", route.path)})
        assert ("AWS/ApiGateway", "Count", of_route) in shown
    for function in ("command", "query"):
        for name in ("Invocations", "Errors", "Throttles", "Duration"):
            assert ("AWS/Lambda", name, frozenset({("FunctionName", function)})) in shown
    for name in ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents"):
        assert ("AWS/DynamoDB", name, frozenset({("TableName", "orders")})) in shown
    assert ("AWS/SQS", "ApproximateNumberOfMessagesVisible", frozenset({("QueueName", "dead")})) in shown
    assert len(FUNCTIONS) == 2


def test_no_two_widgets_of_the_dashboard_overlap(dashboard):
    taken = [(widget["x"], widget["y"]) for widget in dashboard["widgets"]]
    assert len(taken) == len(set(taken))
    assert all(widget["x"] + widget["width"] <= 24 for widget in dashboard["widgets"])


def test_nothing_of_the_dashboard_is_left_unresolved(dashboard):
    assert "${" not in json.dumps(dashboard)
