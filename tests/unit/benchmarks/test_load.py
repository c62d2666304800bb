"""The summary of a load: percentiles of good answers, errors and throttled requests apart, the highest rate that holds."""

import math

import pytest

from benchmarks.load.summary import Sample, Step, highest_rate
from benchmarks.sections.load import FLOOR, ORDERS, latencies, limits


def sample(milliseconds: float = 10, operation: str = "POST /orders", status: int = 201, error: str | None = None):
    return Sample(0.0, operation, milliseconds, status, error)


THROTTLED = sample(1, status=429, error="throttled")
FAILED = sample(2, status=503, error="answered 503")
UNANSWERED = sample(3, status=0, error="connection refused")


def step(*samples: Sample, rate: int = 1) -> Step:
    return Step(rate, seconds=len(samples) / rate, samples=list(samples))


def test_percentiles_are_of_good_answers_of_one_operation_or_of_all():
    taken = step(*(sample(n) for n in range(1, 102)), sample(1000, "GET /orders"), THROTTLED, FAILED, UNANSWERED)
    assert [taken.percentile(n, "POST /orders") for n in (50, 95, 99)] == [51, 96, 100]
    assert taken.percentile(99) == pytest.approx(100.99)
    assert taken.percentile(50, "PUT /orders") == math.inf
    assert taken.operations == ["GET /orders", "POST /orders"]


def test_throttled_requests_are_no_errors_and_neither_are_part_of_the_throughput():
    taken = step(sample(), sample(), THROTTLED, THROTTLED, THROTTLED, FAILED, UNANSWERED, rate=7)
    assert (taken.throttled, taken.errors, taken.throughput) == (3, 2, 2)


def test_a_step_is_one_line():
    assert str(step(sample(10), sample(20), FAILED, THROTTLED, rate=2)) == (
        "2 requests/s: p50 15 ms, p95 20 ms, p99 20 ms; 1.0 good answers/s, 1 errors, 1 throttled"
    )


@pytest.mark.parametrize(
    ("samples", "held"),
    [
        ([sample(500)] * 100, True),
        ([sample(501)] * 100, False),
        ([sample(10)] * 100 + [FAILED], False),
        ([sample(10)] * 100 + [THROTTLED], False),
        ([sample(10)] * 99 + [sample(9_000)], True),
    ],
)
def test_a_rate_holds_if_all_is_answered_and_99_percent_in_time(samples, held):
    assert Step(10, 10, samples).holds(500) is held


def test_a_rate_does_not_hold_if_fewer_requests_are_answered():
    assert Step(10, 10, [sample()] * 95).holds(500)
    assert not Step(10, 10, [sample()] * 94).holds(500)
    assert not Step(10, 10, []).holds(500)


@pytest.mark.parametrize(("limit", "found"), [(0, 0), (15, 12), (16, 16), (100, 96), (127, 112), (5000, 1024)])
def test_the_highest_rate_is_doubled_then_halved(limit, found):
    tried = []
    assert highest_rate(lambda rate: tried.append(rate) or rate <= limit, 16, 1024) == found
    assert len(tried) <= 8 and len(set(tried)) == len(tried)


def test_the_rows_compare_with_the_floor_of_the_same_round():
    floor = [step(*[sample(5, "floor", 200)] * 3), step(*[sample(50, "floor", 200)] * 3)]
    orders = [step(*[sample(10)] * 3), step(*[sample(100)] * 2, FAILED, THROTTLED)]
    rows = {row.what: row for row in latencies({FLOOR: floor, ORDERS: orders})}
    assert rows["all operations: p50"].ratio == (2, 2, 2)
    assert rows["POST /orders: p95"].ratio == (2, 2, 2)
    assert (rows["all operations: errors"].taken.median, rows["all operations: errors"].is_met) == (1, False)
    assert rows["all operations: throttled"].taken.median == 1
    _, highest = limits({FLOOR: [100, 200], ORDERS: [50, 50]})
    assert highest.ratio.median == 0.375 and highest.is_met
    with pytest.raises(SystemExit, match="too busy"):
        limits({FLOOR: [100, 0], ORDERS: [50, 50]})


def test_a_load_without_a_good_answer_is_no_measurement():
    with pytest.raises(SystemExit, match="answered 503"):
        latencies({FLOOR: [step(sample(5, "floor", 200))], ORDERS: [step(FAILED)]})
