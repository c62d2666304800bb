"""What alarms watch: every function, queue, stream, part of the table, and each goes into ALARM in time."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from troposphere import Ref

from config import environment
from contract.routes import ROUTES
from generator import alarms as inventory_of_alarms
from generator import functions
from generator.functions import DEAD_LETTER_QUEUES, FUNCTIONS, QUEUES
from generator.naming import words
from tests.unit.templates.given import alarms_of, metrics_of
from tests.unit.templates.support import evaluate, everywhere, of_type, root_parameters

WAITING = "ApproximateNumberOfMessagesVisible"


@pytest.fixture(scope="module")
def alarms(monitoring) -> dict[str, dict]:
    return alarms_of(monitoring, "dev")


@pytest.fixture(scope="module")
def provisioned(monitoring) -> dict[str, dict]:
    return alarms_of(monitoring, "dev", BillingMode="PROVISIONED")


# Functions


def unwatched_functions(alarms: dict[str, dict]) -> set[tuple[str, str]]:
    """(function, metric) that no alarm watches."""
    watched = {
        (metric["Dimensions"]["FunctionName"], metric["MetricName"])
        for alarm in alarms.values()
        for metric in metrics_of(alarm)
        if metric["Namespace"] == "AWS/Lambda"
    }
    return {(each.name, name) for each in FUNCTIONS for name in ("Errors", "Duration", "Throttles")} - watched


def test_every_function_has_alarms_on_errors_duration_and_throttles(alarms):
    assert unwatched_functions(alarms) == set()


@pytest.mark.parametrize("kind", ["errors", "duration", "throttles"])
def test_a_function_without_one_of_its_alarms_is_named(alarms, kind):
    fewer = {name: alarm for name, alarm in alarms.items() if name != f"orders-events-{kind}"}
    assert unwatched_functions(fewer) == {("orders-events", kind.capitalize())}


def test_a_new_function_has_all_alarms_and_a_path_without_another_edit(monkeypatch):
    new = replace(FUNCTIONS[0], key="orders_refund", path="async", slow_share=0.1)
    monkeypatch.setattr(functions, "FUNCTIONS", (*FUNCTIONS, new))
    (path,) = (each for each in inventory_of_alarms.composites() if each.key == "async-path")
    found = {each.key for each in inventory_of_alarms.members(path)}
    assert {f"orders-refund-{kind}" for kind in ("errors", "duration", "throttles", "concurrency")} <= found


def test_a_function_that_answers_requests_has_the_apis_limit_and_the_others_a_share_of_their_timeout(alarms):
    answering = {route.function for route in ROUTES}
    for function in FUNCTIONS:
        threshold = float(alarms[f"{function.name}-duration"]["Threshold"])
        if function.key in answering:
            assert threshold == 500
        else:
            assert function.timeout * 1000 / 10 < threshold < function.timeout * 1000


# Queues, stream and imports


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
        metric["Dimensions"]["QueueName"]
        for alarm in alarms.values()
        for metric in metrics_of(alarm)
        if metric["MetricName"] == WAITING and (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 1)
    }
    return dead_letter_queues(templates) - watched


def test_one_dead_letter_in_any_queue_that_takes_them_is_enough_for_an_alarm(templates, alarms):
    assert dead_letter_queues(templates) == {queue.title for queue in DEAD_LETTER_QUEUES}
    assert unwatched(templates, alarms) == set()


def test_a_dead_letter_queue_without_an_alarm_is_named(templates, alarms):
    fewer = {name: alarm for name, alarm in alarms.items() if name != "unannounced-events"}
    assert unwatched(templates, fewer) == {"OrderEventsDLQ"}


def notified_of_one_retry(queues: dict[str, dict], ages: dict[str, float]) -> list[str]:
    """Queues whose age has a limit within their visibility timeout."""
    return [title for title, age in ages.items() if age <= queues[title]["Properties"]["VisibilityTimeout"]]


@pytest.mark.parametrize("name", environment.available())
def test_one_retry_of_one_message_is_no_alarm(templates, name):
    alarms = alarms_of(templates["monitoring"], name)
    ages = {queue.title: float(alarms[f"{words(queue.title)}-age"]["Threshold"]) for queue in QUEUES}
    assert notified_of_one_retry(of_type(templates["data"], "SQS::Queue"), ages) == []


def test_no_environment_may_set_a_limit_within_the_visibility_timeout(templates, root):
    least = {
        queue.title: root["Parameters"][limit.data["Ref"]]["MinValue"] if isinstance(limit, Ref) else limit
        for queue in QUEUES
        for limit in [queue.age_limit]
    }
    queues = of_type(templates["data"], "SQS::Queue")
    assert notified_of_one_retry(queues, least) == []
    assert notified_of_one_retry(queues, {"OrderQueue": 370}) == ["OrderQueue"]


@pytest.mark.parametrize("name", environment.available())
def test_a_blocked_stream_goes_into_alarm_long_before_its_records_expire(templates, name):
    alarm = alarms_of(templates["monitoring"], name)["order-events-age"]
    mapping = templates["compute"]["Resources"]["OrdersStreamToEvents"]["Properties"]
    (metric,) = metrics_of(alarm)
    assert metric["MetricName"] == "IteratorAge"
    notifies_after = float(alarm["Threshold"]) + metric["Period"] * alarm["EvaluationPeriods"]
    assert notifies_after < mapping["MaximumRecordAgeInSeconds"] / 10


def test_a_failed_import_notifies_once_for_its_three_attempts_and_before_its_event_is_a_dead_letter(templates, alarms):
    alarm = alarms["import-failures"]
    retries = templates["compute"]["Resources"]["OrdersImportInvokeConfig"]["Properties"]["MaximumRetryAttempts"]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Threshold"]) == ("ProcessingFailures", "Sum", 0)
    # Lambda waits one minute before the first retry and two before the second.
    assert (retries, alarm["EvaluationPeriods"]) == (2, 1)
    assert alarm["Period"] >= 60 + 120


def test_one_bad_file_among_good_ones_raises_an_alarm(alarms):
    alarm = alarms["import-success-rate"]
    assert (alarm["MetricName"], alarm["Statistic"]) == ("SuccessRate", "Minimum")
    assert alarm["ComparisonOperator"] == "LessThanThreshold"


def written_by(compute: dict, title: str) -> dict:
    """A metric as this function writes it."""
    given = evaluate(compute, compute["Resources"][title]["Properties"]["Environment"], root_parameters("dev"))
    script = "from handlers import emf; emf.add('ProcessingFailures', 1); emf.flush()"
    environment = {**os.environ, **given["Variables"]}
    printed = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True).stdout
    return json.loads(printed)


def test_alarms_look_for_the_importers_metrics_where_it_writes_them(templates, alarms):
    document = written_by(templates["compute"], "OrdersImportFunction")
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    (keys,) = directive["Dimensions"]
    for name in ("import-failures", "import-success-rate"):
        (metric,) = metrics_of(alarms[name])
        assert metric["Namespace"] == directive["Namespace"]
        assert metric["Dimensions"] == {key: document[key] for key in keys}


# The table


def test_throttles_of_the_table_and_of_each_of_its_indexes_are_watched(templates, alarms):
    read_by_no_function = {("processedDateIndex", "Read")}
    assert unwatched_parts(templates["data"], alarms["table-throttles"]) == read_by_no_function
    for index in indexes(templates["data"]):
        alarm = alarms["table-throttles"]
        fewer = {**alarm, "Metrics": [query for query in alarm["Metrics"] if index not in json.dumps(query)]}
        assert unwatched_parts(templates["data"], fewer) == {(index, "Read"), (index, "Write")} | read_by_no_function


def indexes(data: dict) -> list[str]:
    return [each["IndexName"] for each in data["Resources"]["OrdersTable"]["Properties"]["GlobalSecondaryIndexes"]]


def unwatched_parts(data: dict, alarm: dict) -> set[tuple[str, str]]:
    watched = {
        (metric["Dimensions"].get("GlobalSecondaryIndexName", "table"), metric["MetricName"])
        for metric in metrics_of(alarm)
    }
    parts = {(part, kind) for part in ("table", *indexes(data)) for kind in ("Read", "Write")}
    return {(part, kind) for part, kind in parts if (part, f"{kind}ThrottleEvents") not in watched}


def test_system_errors_are_watched_of_each_operation_that_functions_call(alarms):
    watched = {metric["Dimensions"]["Operation"] for metric in metrics_of(alarms["table-system-errors"])}
    assert watched == {"BatchExecuteStatement", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"}


def test_capacity_is_watched_of_the_table_and_each_index_against_what_is_provisioned(templates, provisioned):
    for kind in ("Read", "Write"):
        found = {
            (metric["Dimensions"].get("GlobalSecondaryIndexName"), metric["MetricName"])
            for metric in metrics_of(provisioned[f"table-{kind.lower()}-capacity"])
        }
        assert found == {
            (part, f"{word}{kind}CapacityUnits")
            for part in (None, *indexes(templates["data"]))
            for word in ("Consumed", "Provisioned")
        }
