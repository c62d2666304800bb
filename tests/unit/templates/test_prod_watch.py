"""Production: what happens is logged, traced and, if it fails, kept and notified.

Each test removes the safeguard of one resource and expects that resource to be named.
"""

import json

import pytest

from tests.unit.templates.given import alarms_of
from tests.unit.templates.production import Resources, lacking, of
from tests.unit.templates.test_alarms import notifying_twice_or_never
from tests.unit.templates.test_watched import unwatched, unwatched_functions

# Logs and traces


def kept_for_ever(resources: Resources) -> set[str]:
    return lacking(resources, "Logs::LogGroup", that=lambda group: int(group.get("RetentionInDays", 0)) > 0)


def test_every_log_group_has_a_retention(prod, broken):
    assert kept_for_ever(prod) == set()
    path = ("compute.OrdersWorkerLogs", "Properties", "RetentionInDays")
    assert kept_for_ever(broken(*path)) == {"compute.OrdersWorkerLogs"}


def logging_elsewhere(resources: Resources) -> set[str]:
    """Functions whose logs go to a group that Lambda makes, and that is kept for ever."""
    groups = {title.split(".")[1] for title in of(resources, "Logs::LogGroup")}
    return lacking(
        resources,
        "Lambda::Function",
        that=lambda function: function.get("LoggingConfig", {}).get("LogGroup") in groups,
    )


def test_every_function_logs_to_a_group_of_its_stack_as_json_and_without_details(prod, broken):
    assert logging_elsewhere(prod) == set()
    assert logging_elsewhere(broken("compute.OrdersEventsLogs")) == {"compute.OrdersEventsFunction"}
    for function in of(prod, "Lambda::Function").values():
        logging = function["Properties"]["LoggingConfig"]
        assert (logging["LogFormat"], logging["ApplicationLogLevel"]) == ("JSON", "INFO")


def untraced(resources: Resources) -> set[str]:
    return (
        lacking(resources, "ApiGateway::Stage", that=lambda stage: stage.get("TracingEnabled") is True)
        | lacking(resources, "Lambda::Function", that=lambda each: each.get("TracingConfig") == {"Mode": "Active"})
        | lacking(resources, "SNS::Topic", that=lambda topic: topic.get("TracingConfig") == "Active")
        # No trace leads to either: alerts come from CloudWatch, changes from the table's stream.
    ) - {"monitoring.AlertsTopic", "compute.OrdersEventsFunction"}


def test_requests_are_traced_from_the_gateway_to_the_topic(prod, broken):
    assert untraced(prod) == set()
    path = ("compute.OrdersIntakeFunction", "Properties", "TracingConfig")
    assert untraced(broken(*path)) == {"compute.OrdersIntakeFunction"}
    assert untraced(broken("data.OrderEvents", "Properties", "TracingConfig")) == {"data.OrderEvents"}


def may_trace(resources: Resources) -> set[str]:
    """ARNs of the topics that X-Ray lets SNS trace."""
    documents = [
        json.loads(each["Properties"]["PolicyDocument"]) for each in of(resources, "XRay::ResourcePolicy").values()
    ]
    return {
        statement["Condition"]["StringLike"]["aws:SourceArn"] for each in documents for statement in each["Statement"]
    }


def test_sns_may_send_the_traces_of_its_topic_and_only_those(prod):
    assert may_trace(prod) == {"OrderEvents"}
    (policy,) = of(prod, "XRay::ResourcePolicy").values()
    (statement,) = json.loads(policy["Properties"]["PolicyDocument"])["Statement"]
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


# Nothing fails unnoticed


def given_up(resources: Resources) -> set[str]:
    """What gives up on a message, an event or a record without keeping it."""

    def mapping_keeps(mapping: dict) -> bool:
        # A queue keeps failures by its redrive policy.
        return "StartingPosition" not in mapping or "OnFailure" in mapping.get("DestinationConfig", {})

    dead = {
        title.split(".")[1]
        for title, queue in of(resources, "SQS::Queue").items()
        if "redrivePermission" in str(queue["Properties"].get("RedriveAllowPolicy"))
    }
    queues = {title for title, queue in of(resources, "SQS::Queue").items() if title.split(".")[1] not in dead}
    return (
        {title for title in queues if "RedrivePolicy" not in resources[title]["Properties"]}
        | lacking(resources, "Lambda::EventSourceMapping", that=mapping_keeps)
        | lacking(resources, "Lambda::EventInvokeConfig", that=lambda each: "OnFailure" in each["DestinationConfig"])
        | lacking(
            resources, "Events::Rule", that=lambda rule: all("DeadLetterConfig" in each for each in rule["Targets"])
        )
    )


def test_every_permanent_failure_is_kept(prod, broken):
    assert given_up(prod) == set()
    for title, *path in (
        ("data.OrderQueue", "Properties", "RedrivePolicy"),
        ("compute.OrdersStreamToEvents", "Properties", "DestinationConfig"),
        ("compute.OrderFilesRule", "Properties", "Targets", 0, "DeadLetterConfig"),
    ):
        assert given_up(broken(title, *path)) == {title}


@pytest.fixture(scope="module")
def alarms(monitoring) -> dict[str, dict]:
    return alarms_of(monitoring, "prod")


def test_every_dead_letter_queue_is_watched(templates, alarms):
    assert unwatched(templates, alarms) == set()
    for name, queue in (("rejected-orders", "OrderQueueDLQ"), ("failed-imports", "OrderImportDLQ")):
        assert unwatched(templates, {key: each for key, each in alarms.items() if key != name}) == {queue}


def test_every_function_has_its_alarms(alarms):
    assert unwatched_functions(alarms) == set()
    fewer = {key: each for key, each in alarms.items() if key != "orders-import-throttles"}
    assert unwatched_functions(fewer) == {("orders-import", "Throttles")}


def test_every_alarm_notifies_once(alarms):
    assert notifying_twice_or_never(alarms) == set()
    fewer = {key: each for key, each in alarms.items() if key != "import-path"}
    assert {"import-failures", "orders-import-errors"} <= notifying_twice_or_never(fewer)


def unheard_topics(resources: Resources) -> set[str]:
    """Topics of alerts without a subscriber."""
    subscribed = {each["Properties"]["TopicArn"] for each in of(resources, "SNS::Subscription").values()}
    return {
        title for title in of(resources, "SNS::Topic") if "Alerts" in title and title.split(".")[1] not in subscribed
    }


def test_alerts_have_a_subscriber(prod, broken):
    assert unheard_topics(prod) == set()
    assert unheard_topics(broken("monitoring.AlertEmailSubscription")) == {"monitoring.AlertsTopic"}


def test_orders_and_alerts_go_to_separate_topics(prod, alarms):
    assert set(of(prod, "SNS::Topic")) == {"data.OrderEvents", "monitoring.AlertsTopic"}
    assert all(each.get("AlarmActions", ["AlertsTopic"]) == ["AlertsTopic"] for each in alarms.values())


def test_placing_orders_cannot_be_starved_by_other_functions(prod, broken):
    def unreserved(resources: Resources) -> set[str]:
        command = {"compute.OrdersCommandFunction": resources["compute.OrdersCommandFunction"]}
        return lacking(
            command, "Lambda::Function", that=lambda each: int(each.get("ReservedConcurrentExecutions", 0)) >= 100
        )

    assert unreserved(prod) == set()
    path = ("compute.OrdersCommandFunction", "Properties", "ReservedConcurrentExecutions")
    assert unreserved(broken(*path)) == {"compute.OrdersCommandFunction"}
