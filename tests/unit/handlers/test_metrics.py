"""The handlers write exactly the metrics that contract.metrics declares, and alarms and the dashboard read."""

import copy
import json

import pytest

from contract import metrics
from contract.partners import RANDOM_LENGTH, TIERS, key_of
from contract.schemas import SOURCES
from contract.settings import API_CONFIG
from domain import callers
from domain.callers import Caller
from handlers import emf, telemetry
from tests.unit.handlers.sessions import SESSIONS, documents, output_of, samples

pytestmark = pytest.mark.xdist_group("sessions")  # one process runs each session, once

VALUES = {"Environment": ("test",), "service": ("orders",), "version": ("local",), **metrics.VALUES}


# Each dimension, with the most values that it may have.
BOUNDS = {
    "Environment": 1,
    "service": 10,
    "version": 2,
    "path": 3,
    "operation": 20,
    "reason": 40,
    "status": 10,
    "tier": 4,
}


@pytest.fixture(scope="module")
def lines():
    return [line for session in SESSIONS for line in output_of(session)[1]]


@pytest.fixture
def written(capsys):
    """Flush, and return the documents."""
    emf._documents.clear()

    def read():
        emf.flush()
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read


def undeclared(lines):
    """Return what differs from contract.metrics or from CloudWatch's format."""
    found = set()
    for document in documents(lines):
        seen = []
        for name, unit, dimensions, values, namespace in samples([document]):
            metric = metrics.METRICS.get(name)
            seen.append((name, frozenset(dimensions)))
            if metric is None or (namespace, unit) != (metrics.NAMESPACE, metric.unit):
                found.add(f"{name}: not declared so")
            elif tuple(dimensions) != metric.dimensions:
                found.add(f"{name}: not declared by {', '.join(dimensions)}")
            found |= {f"{name}: {key} {value}" for key, value in dimensions.items() if value not in VALUES.get(key, ())}
            if not 1 <= len(values) <= 100 or not all(isinstance(value, (int, float)) for value in values):
                found.add(f"{name}: not from 1 to 100 numbers")
        found |= {f"{name}: twice in a document" for name, at in seen if seen.count((name, at)) > 1}
    return found


def unwritten(lines):
    """Return what contract.metrics declares and no session writes."""
    written = {(each.name, frozenset(each.dimensions)) for each in samples(lines)}
    declared = {(metric.name, frozenset(metric.dimensions)) for metric in metrics.METRICS.values()}
    return declared - written


def test_everything_written_is_declared_with_its_dimensions_and_their_values(lines):
    assert len(documents(lines)) > 30
    assert undeclared(lines) == set()


@pytest.mark.parametrize("metric", metrics.METRICS.values(), ids=metrics.METRICS)
def test_no_metric_has_a_dimension_without_a_bound(metric):
    """A metric by partner, customer, order or key would cost as much as a metric for each of them."""
    assert set(metric.dimensions) <= BOUNDS.keys()
    for name in set(metric.dimensions) - {"Environment", "service", "version"}:
        assert 1 <= len(metrics.VALUES[name]) <= BOUNDS[name]


def test_a_request_counts_for_the_tier_of_its_caller():
    found = {callers.of_key(key_of("acme", tier, "x" * RANDOM_LENGTH), "id").metric_tier for tier in TIERS}
    found |= {callers.of_key("the-operators-key-value", "id").metric_tier, Caller(customer="subject").metric_tier}
    assert found == set(metrics.VALUES["tier"])


def test_everything_declared_is_written(lines):
    assert unwritten(lines) == set()


@pytest.mark.parametrize("name", ["OrderValue", "OrderProcessingLatency"])
def test_orders_are_logged_on_every_path(lines, name):
    assert {each.dimensions["path"] for each in samples(lines) if each.name == name} == {"sync", "async", "import"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda d: d["_aws"]["CloudWatchMetrics"][0]["Metrics"][0].update(Unit="Seconds"), "not declared so"),
        (lambda d: d["_aws"]["CloudWatchMetrics"][0].update(Namespace="Orders"), "not declared so"),
        (lambda d: d["_aws"]["CloudWatchMetrics"][0]["Dimensions"].append(["Environment"]), "not declared by"),
        (lambda d: d["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].append("path"), "not declared by"),
        (lambda d: d["_aws"]["CloudWatchMetrics"].append(d["_aws"]["CloudWatchMetrics"][0]), "twice"),
        (lambda d: d.update(path="ORD-1"), "path ORD-1"),
        (lambda d: d.update(OrderValue=[1] * 101), "not from 1 to 100 numbers"),
        (lambda d: d.update(OrderValue="1"), "not from 1 to 100 numbers"),
    ],
)
def test_a_difference_is_named(lines, change, named):
    document = copy.deepcopy(next(line for line in documents(lines) if "OrderValue" in line))
    assert undeclared([document]) == set()
    change(document)
    assert any(named in each for each in undeclared([document]))


def test_an_unwritten_metric_is_named(lines):
    without = [line for line in lines if "OrderStatusChanged" not in line]
    assert unwritten(without) == {("OrderStatusChanged", frozenset(metrics.BY_STATUS))}


def test_every_source_of_orders_has_a_path():
    assert set(telemetry.PATH_OF) == set(SOURCES)
    assert set(telemetry.PATH_OF.values()) == set(metrics.PATHS)


def test_one_document_has_all_metrics_unless_a_dimension_has_two_values(written):
    emf.add("ColdStart", 1)
    emf.add("OrderValue", 25.1, path="sync")
    emf.add("OrderProcessingLatency", 12, path="sync")
    emf.add("HourlyLimitUsed", 0.5)
    emf.add("OrderRejected", 1, reason="timeout")
    (document,) = written()
    assert {(each.name, tuple(each.dimensions)) for each in samples([document])} == {
        ("ColdStart", ("Environment", "service")),
        ("OrderValue", ("Environment", "path")),
        ("OrderProcessingLatency", ("Environment", "path")),
        ("HourlyLimitUsed", ("Environment",)),
        ("OrderRejected", ("Environment", "reason")),
    }
    assert written() == []


def test_values_of_two_paths_are_separate(written):
    for path, value in (("async", 1), ("import", 2), ("async", 3)):
        emf.add("OrderValue", value, path=path)
    first, second = written()
    assert (first["path"], first["OrderValue"], second["path"], second["OrderValue"]) == ("async", [1, 3], "import", 2)


def test_values_of_all_paths_are_one_series(written):
    for path in ("async", "import"):
        emf.add("OrderValue", 1, path=path)
        emf.add("HourlyLimitUsed", 0.5)
    assert [each.values for each in samples(written()) if each.name == "HourlyLimitUsed"] == [[0.5, 0.5]]


def test_an_environment_without_a_dashboard_writes_only_what_alarms_read(written, monkeypatch):
    monkeypatch.setattr(emf, "_DASHBOARD", False)
    emf.add("ColdStart", 1)
    assert written() == []
    for name, metric in metrics.METRICS.items():
        emf.add(
            name, 1, **{key: "any" for key in metric.dimensions if key not in ("Environment", "service", "version")}
        )
    (document,) = written()
    assert {each.name for each in samples([document])} == {name for name, each in metrics.METRICS.items() if each.alarm}


def test_more_values_than_a_document_takes_are_several(written):
    for value in range(250):
        emf.add("OrderValue", value, path="import")
    found = written()
    assert [len(document["OrderValue"]) for document in found] == [100, 100, 50]
    assert [value for document in found for value in document["OrderValue"]] == list(range(250))


@pytest.mark.parametrize("name", ["OrdersByCustomer", "OrderValue"])
def test_a_metric_that_is_not_declared_or_lacks_a_dimension_cannot_be_written(written, name):
    with pytest.raises(KeyError):
        emf.add(name, 1)
    assert written() == []


@pytest.mark.parametrize("per_hour", [1, 7, 150, 1000, 10_000, 999_983])
def test_the_limit_of_an_hour_is_exceeded_by_one_order_too_many_and_not_by_the_last_allowed(monkeypatch, per_hour):
    values = []
    monkeypatch.setattr(emf, "add", lambda name, value: values.append(value))
    telemetry.hourly_limit_used(1, per_hour)
    (each,) = values
    total = 0.0
    for _ in range(per_hour):  # as CloudWatch adds them up; sum() compensates for rounding
        total += each
    assert 99.999 < total <= 100 < total + each


def test_the_highest_limit_of_an_hour_is_exact(monkeypatch):
    most, values = API_CONFIG["maxOrdersPerHour"].highest, []
    monkeypatch.setattr(emf, "add", lambda name, value: values.append(value))
    telemetry.hourly_limit_used(1, most)
    assert values[0] * most <= 100 < values[0] * (most + 1)
