"""The expressions of alarms, evaluated over samples by `emulator.metric_math`, in place of CloudWatch."""

import re

import pytest

from emulator import metric_math
from tests.unit.templates.given import alarms_of, expression_of, metrics_of

COMPARE = {"GreaterThanThreshold": lambda a, b: a > b, "LessThanThreshold": lambda a, b: a < b}


@pytest.fixture(scope="module")
def alarms(monitoring) -> dict[str, dict]:
    return alarms_of(monitoring, "prod", BillingMode="PROVISIONED")


def value(alarm: dict, samples: dict[str, float | None]) -> float | None:
    """One data point. A metric that is left out of `samples` has no data."""
    ids = {query["Id"] for query in alarm["Metrics"] if "MetricStat" in query}
    assert set(samples) <= ids | {"requests"}  # of which a short window of latency needs no number
    return metric_math.evaluate(expression_of(alarm), dict.fromkeys(ids) | samples)


def breaches(alarm: dict, samples: dict[str, float | None]) -> bool:
    """Whether one data point breaches the threshold."""
    found = value(alarm, samples)
    if found is None:
        return alarm["TreatMissingData"] == "breaching"
    return COMPARE[alarm["ComparisonOperator"]](found, float(alarm["Threshold"]))


CASES = [
    # The averages of Errors and of 5XXError are fractions.
    ("orders-query-errors", {}, False),
    ("orders-query-errors", {"failed": 0}, False),
    ("orders-query-errors", {"failed": 0.01}, False),
    ("orders-query-errors", {"failed": 0.0101}, True),
    ("orders-query-errors", {"failed": 1}, True),
    ("api-errors", {}, False),
    ("api-errors", {"failed": 0.01}, False),
    ("api-errors", {"failed": 0.0101}, True),
    ("api-errors", {"failed": 1}, True),
    # 80 of the 100 that prod reserves.
    ("orders-command-concurrency", {}, False),
    ("orders-command-concurrency", {"running": 80}, False),
    ("orders-command-concurrency", {"running": 81}, True),
    # Five minutes, in milliseconds.
    ("order-events-age", {}, False),
    ("order-events-age", {"age": 300_000}, False),
    ("order-events-age", {"age": 300_001}, True),
    # Any one of the table and its indexes; the others have no data then.
    ("table-throttles", {}, False),
    ("table-throttles", {"write2": 1}, True),
    ("table-throttles", {"read0": 3, "write1": 2}, True),
    ("table-system-errors", {}, False),
    ("table-system-errors", {"transactWriteItems": 1}, True),
    # 80 % of 5 units a second, over five minutes: 1,200 units.
    ("table-write-capacity", {}, False),
    ("table-write-capacity", {"used0": 1200, "provided0": 5}, False),
    ("table-write-capacity", {"used0": 1201, "provided0": 5}, True),
    ("table-write-capacity", {"used0": 10, "provided0": 5, "used1": 1500, "provided1": 5}, True),
    ("table-read-capacity", {"provided0": 5, "provided1": 5, "provided2": 5}, False),
]


@pytest.mark.parametrize(("name", "samples", "expected"), CASES)
def test_an_alarm_goes_into_alarm_exactly_at_its_limit(alarms, name, samples, expected):
    assert breaches(alarms[name], samples) is expected


# SLOs: 99.9 % not 5XX, 99 % within 500 ms; three bad requests at least

AVAILABILITY = [
    ("fast-1h", {}, False),
    ("fast-1h", {"failed": 0, "share": 0}, False),
    ("fast-1h", {"failed": 1, "share": 1}, False),  # too little to believe in
    ("fast-1h", {"failed": 2, "share": 1}, False),
    ("fast-1h", {"failed": 3, "share": 1}, True),
    ("fast-1h", {"failed": 2, "share": 2 / 150}, False),
    ("fast-1h", {"failed": 3, "share": 3 / 150}, True),  # 2 % are 20 times 0.1 %
    ("fast-1h", {"failed": 143, "share": 0.0143}, False),
    ("fast-1h", {"failed": 145, "share": 0.0145}, True),
    ("fast-5min", {"share": 0}, False),
    ("fast-5min", {"share": 1 / 12}, True),  # only confirms
    ("slow-6h", {"failed": 5, "share": 5 / 900}, False),
    ("slow-6h", {"failed": 6, "share": 6 / 900}, True),
    ("slow-30min", {"share": 1 / 75}, True),
    ("slow-30min", {}, False),
]
LATENCY = [
    ("fast-1h", {}, False),
    ("fast-1h", {"requests": 2, "within": 0}, False),
    ("fast-1h", {"requests": 3, "within": 0}, True),
    ("fast-1h", {"requests": 1000, "within": 85.5}, True),
    ("fast-1h", {"requests": 1000, "within": 85.7}, False),
    ("fast-1h", {"requests": 1000, "within": 99}, False),
    ("fast-5min", {"requests": 12, "within": 100}, False),
    ("fast-5min", {"requests": 12, "within": 75}, True),
    ("slow-6h", {"requests": 900, "within": 94.1}, False),
    ("slow-6h", {"requests": 900, "within": 93.9}, True),
    ("slow-30min", {"requests": 75, "within": 94.1}, False),
    ("slow-30min", {"requests": 75, "within": 93.9}, True),
]


@pytest.mark.parametrize(("window", "samples", "expected"), AVAILABILITY)
def test_availability_burns_as_the_sre_workbook_says(alarms, window, samples, expected):
    assert breaches(alarms[f"slo-availability-{window}"], samples) is expected


@pytest.mark.parametrize(("window", "samples", "expected"), LATENCY)
def test_latency_burns_by_the_share_of_requests_that_took_too_long(alarms, window, samples, expected):
    assert breaches(alarms[f"slo-latency-{window}"], samples) is expected


def test_latency_is_counted_by_the_same_limit_as_its_alarm(alarms):
    stats = {metric["Stat"] for name, alarm in alarms.items() if "slo-latency" in name for metric in metrics_of(alarm)}
    assert stats == {"Sum", "PR(:500)"}


def test_windows_are_as_long_as_their_names(alarms):
    seconds = {"1h": 3600, "5min": 300, "6h": 21_600, "30min": 1800}
    found = [(name.rsplit("-", 1)[1], alarm) for name, alarm in alarms.items() if re.match(r"slo-\w+-\w+-", name)]
    assert len(found) == 8
    for window, alarm in found:
        assert {metric["Period"] for metric in metrics_of(alarm)} == {seconds[window]}
        assert alarm["EvaluationPeriods"] == 1


# CloudWatch may ignore TreatMissingData for AWS/DynamoDB: an alarm that needs it would stay in ALARM for good

WRITTEN_ALWAYS = ("ProvisionedReadCapacityUnits", "ProvisionedWriteCapacityUnits")


def of_dynamodb(alarms: dict[str, dict]) -> dict[str, dict]:
    return {
        name: alarm
        for name, alarm in alarms.items()
        if any(metric["Namespace"] == "AWS/DynamoDB" for metric in metrics_of(alarm))
    }


def unfilled(alarm: dict) -> bool:
    """Whether its value, or that it has one, hangs on how CloudWatch treats what DynamoDB does not write."""
    if "Metrics" not in alarm:
        return True
    written = {
        query["Id"]: 5.0
        for query in alarm["Metrics"]
        if "MetricStat" in query and query["MetricStat"]["Metric"]["MetricName"] in WRITTEN_ALWAYS
    }
    return value(alarm, written) != 0


def test_an_alarm_on_a_dynamodb_metric_fills_gaps_itself(alarms):
    found = of_dynamodb(alarms)
    assert set(found) == {"table-throttles", "table-system-errors", "table-read-capacity", "table-write-capacity"}
    assert not [name for name, alarm in found.items() if unfilled(alarm)]


def test_a_gap_that_is_not_filled_is_found(alarms):
    for name, alarm in of_dynamodb(alarms).items():
        plain = re.sub(r"FILL\((\w+), 0\)", r"\1", expression_of(alarm))
        result, *watched = alarm["Metrics"]
        assert unfilled({**alarm, "Metrics": [{**result, "Expression": plain}, *watched]}), name


def test_an_alarm_that_fills_gaps_goes_into_alarm_if_its_data_come_three_minutes_late(alarms):
    """What has not come yet is 0 to it, and none of the data points that it needs may be among that."""
    filling = {name: alarm for name, alarm in alarms.items() if "Metrics" in alarm and "FILL" in expression_of(alarm)}
    assert set(filling) == set(of_dynamodb(alarms))
    for name, alarm in filling.items():
        (period,) = {metric["Period"] for metric in metrics_of(alarm)}
        spare = alarm["EvaluationPeriods"] - alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"])
        assert spare * period >= 180, name


# Nothing is left out


def test_every_expression_has_samples_above_and_below_its_limit(alarms):
    tested = {(name, expected) for name, _, expected in CASES}
    tested |= {(f"slo-availability-{window}", expected) for window, _, expected in AVAILABILITY}
    tested |= {(f"slo-latency-{window}", expected) for window, _, expected in LATENCY}
    # One function stands for all, writing for reading: their expressions are the same but for ids.
    alike = {name for name in alarms if name.endswith("-errors") and name.startswith("orders-")} | {
        "table-read-capacity"
    }
    computed = {name for name, alarm in alarms.items() if "Metrics" in alarm} - alike | {"orders-query-errors"}
    assert computed <= {name for name, expected in tested if expected}
    assert computed <= {name for name, expected in tested if not expected}


def test_all_functions_compute_their_errors_alike(alarms):
    found = [alarm for name, alarm in alarms.items() if name.startswith("orders-") and name.endswith("-errors")]
    assert {expression_of(alarm) for alarm in found} == {"100 * failed"}


@pytest.mark.parametrize("wrong", ["failed", "10 * failed", "100 - 100 * failed"])
def test_a_wrong_expression_fails_its_samples(alarms, wrong):
    alarm = alarms["orders-query-errors"]
    broken = {**alarm, "Metrics": [{"Id": "result", "Expression": wrong, "ReturnData": True}, *alarm["Metrics"][1:]]}
    cases = [case for case in CASES if case[0] == "orders-query-errors"]
    assert [samples for _, samples, expected in cases if breaches(broken, samples) is not expected]
