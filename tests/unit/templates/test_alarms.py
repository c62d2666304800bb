"""Alarms: each can go into ALARM, notifies once, and says what to do."""

import re

import pytest

from config import environment
from generator.functions import DEAD_LETTER_QUEUES, FUNCTIONS, QUEUES
from generator.naming import words
from tests.unit.templates.given import alarms_of, expression_of, metrics_of
from tests.unit.templates.support import of_type

WAITING = "ApproximateNumberOfMessagesVisible"
SHOULD_EXIST = {
    *("api-errors", "api-latency"),
    *(f"slo-{key}-fast-{window}" for key in ("availability", "latency") for window in ("1h", "5min")),
    *(f"slo-{key}-slow-{window}" for key in ("availability", "latency") for window in ("6h", "30min")),
    *(f"{function.name}-{kind}" for function in FUNCTIONS for kind in ("errors", "duration", "throttles")),
    "orders-command-concurrency",
    *(f"{words(queue.title)}-{kind}" for queue in QUEUES for kind in ("age", "depth")),
    *("order-events-age", "order-events-undelivered", "alerts-undelivered"),
    *(queue.alarm for queue in DEAD_LETTER_QUEUES),
    *("table-throttles", "table-system-errors"),
    *("keys-refused", "quota-exceeded", "requests-throttled"),
    *("import-failures", "import-success-rate", "orders-per-hour"),
    *("sync-path", "async-path", "import-path", "events-path"),
}
PROVISIONED = {"table-read-capacity", "table-write-capacity"}


@pytest.fixture(scope="module")
def alarms(monitoring) -> dict[str, dict]:
    return alarms_of(monitoring, "dev")


@pytest.fixture(scope="module")
def provisioned(monitoring) -> dict[str, dict]:
    return alarms_of(monitoring, "dev", BillingMode="PROVISIONED")


def test_these_alarms_exist_and_no_others(alarms, provisioned):
    assert set(alarms) == SHOULD_EXIST
    assert set(provisioned) == SHOULD_EXIST | PROVISIONED


def test_without_a_reservation_there_is_no_alarm_that_divides_by_it(monitoring):
    unreserved = alarms_of(monitoring, "dev", CommandReservedConcurrency="0")
    assert set(unreserved) == SHOULD_EXIST - {"orders-command-concurrency"}
    assert "OrdersCommandConcurrencyAlarm" not in unreserved["sync-path"]["AlarmRule"]


# Notifications


def children(composite: dict) -> set[str]:
    """Logical ids."""
    return set(re.findall(r'ALARM\("(\w+)"\)', composite["AlarmRule"]))


def notifying_twice_or_never(alarms: dict[str, dict]) -> set[str]:
    """Alarms that notify neither on their own nor by a composite alarm, or in both ways."""
    above: dict[str, list[dict]] = {}
    for alarm in alarms.values():
        for child in children(alarm) if "AlarmRule" in alarm else ():
            above.setdefault(child, []).append(alarm)

    def times(alarm: dict) -> int:
        return len(alarm.get("AlarmActions", ())) + sum(times(each) for each in above.get(alarm["LogicalId"], ()))

    return {name for name, alarm in alarms.items() if times(alarm) != 1}


@pytest.mark.parametrize("which", ["alarms", "provisioned"])
def test_every_alarm_notifies_once_on_its_own_or_by_the_composite_of_its_path(which, request):
    assert notifying_twice_or_never(request.getfixturevalue(which)) == set()


def test_an_alarm_that_never_notifies_and_one_that_notifies_twice_are_named(alarms):
    fewer = {name: alarm for name, alarm in alarms.items() if name != "events-path"}
    assert "order-events-age" in notifying_twice_or_never(fewer)
    twice = {**alarms, "api-errors": {**alarms["api-errors"], "AlarmActions": ["AlertsTopic"]}}
    assert notifying_twice_or_never(twice) == {"api-errors"}


def test_an_alarm_that_notifies_also_notifies_ok(alarms):
    for alarm in alarms.values():
        assert alarm.get("AlarmActions") == alarm.get("OKActions")
        assert alarm.get("AlarmActions") in (None, ["AlertsTopic"])


def test_dead_letters_do_not_mask_the_next_incident_of_a_path(alarms):
    lasting = {queue.alarm for queue in DEAD_LETTER_QUEUES}
    assert all(alarms[name]["AlarmActions"] for name in lasting)


def test_a_composite_alarm_refers_only_to_alarms_that_exist(alarms, provisioned):
    for found in (alarms, provisioned):
        known = {alarm["LogicalId"] for alarm in found.values()}
        for alarm in found.values():
            if "AlarmRule" in alarm:
                assert children(alarm) and children(alarm) <= known


def test_a_path_is_in_alarm_if_any_alarm_is_but_a_budget_burns_only_if_the_long_and_the_short_window_say_so(alarms):
    terms = alarms["sync-path"]["AlarmRule"].split(" OR ")
    pairs = [term for term in terms if " AND " in term]
    assert '(ALARM("SloLatencySlow6hAlarm") AND ALARM("SloLatencySlow30minAlarm"))' in pairs
    assert {re.sub(r"Slo(\w+?)(\d+\w+?)Alarm", r"\1", each) for each in pairs} == {
        f'(ALARM("{key}{burn}") AND ALARM("{key}{burn}"))'
        for key in ("Availability", "Latency")
        for burn in ("Fast", "Slow")
    }
    assert not any("Slo" in term for term in terms if term not in pairs)
    for path in ("async", "import", "events"):
        assert " AND " not in alarms[f"{path}-path"]["AlarmRule"]


# What CloudWatch takes (PutMetricAlarm, PutCompositeAlarm; user guide, "Metric math" of alarms)


def test_alarms_are_within_cloudwatchs_limits(provisioned):
    for name, alarm in provisioned.items():
        assert len(alarm["AlarmName"]) <= 255
        assert len(alarm["AlarmDescription"]) <= 1024
        if "AlarmRule" in alarm:
            # With the physical names, which are longer than logical ids.
            assert len(alarm["AlarmRule"]) + 40 * len(children(alarm)) <= 10_240
            assert len(children(alarm)) <= 100
            continue
        watched = metrics_of(alarm)
        assert 1 <= len(watched) <= 10, name
        (period,) = {metric["Period"] for metric in watched}
        assert period % 60 == 0
        longest = 7 * 86_400 if period >= 3600 else 86_400
        assert period * alarm["EvaluationPeriods"] <= longest
        assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]


def test_every_id_of_an_expression_is_a_name_that_cloudwatch_takes_and_is_used(provisioned):
    for alarm in provisioned.values():
        if "Metrics" in alarm:
            ids = [query["Id"] for query in alarm["Metrics"]]
            assert len(ids) == len(set(ids))
            assert all(re.fullmatch(r"[a-z]\w*", each) for each in ids)
            words = set(re.findall(r"\b[a-z]\w*", expression_of(alarm)))
            assert words == set(ids) - {"result"}


# What they say


def test_every_alarm_says_what_it_means_and_what_to_do_first(provisioned):
    for alarm in provisioned.values():
        assert " First: " in alarm["AlarmDescription"]


def test_every_alarm_chooses_how_missing_data_count_and_says_why(monitoring):
    for title, alarm in of_type(monitoring, "CloudWatch::Alarm").items():
        assert alarm["Properties"]["TreatMissingData"] in ("notBreaching", "breaching", "ignore", "missing"), title
        assert len(alarm["Metadata"]["MissingData"]) > 20, title


@pytest.mark.parametrize("name", environment.available())
def test_thresholds_come_from_the_environments_file(monitoring, name):
    settings = environment.load(name).monitoring
    found = {key: float(each["Threshold"]) for key, each in alarms_of(monitoring, name).items() if "Threshold" in each}
    assert found["api-errors"] == found["orders-worker-errors"] == settings.error_rate_percent
    assert found["api-latency"] == found["orders-query-duration"] == settings.latency_p95_ms
    assert found["orders-command-concurrency"] == settings.reserved_concurrency_percent
    assert found["order-queue-age"] == settings.queue_age_seconds
    assert found["order-queue-depth"] == settings.queue_depth
    assert found["order-events-age"] == settings.stream_age_seconds
    assert found["import-success-rate"] == settings.import_success_percent
    assert found["orders-per-hour"] == settings.orders_per_hour_percent
