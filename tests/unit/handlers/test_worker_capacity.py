"""The worker's settings fit its work: a large import neither throttles its orders back to the queue nor runs out of time."""

import pytest

from config import environment
from contract.imports import ORDERS_PER_MESSAGE
from generator.functions import BY_KEY
from handlers import bulk

UNITS_PER_ORDER = 4  # an order of 1 KB and its claim, in a transaction
NEW_TABLE = 4_000  # write units a second, on demand
ENVIRONMENTS = pytest.mark.parametrize("name", environment.available())


def orders_in_a_batch(name):
    return environment.load(name).pipeline.batch_size * ORDERS_PER_MESSAGE


@ENVIRONMENTS
def test_the_workers_at_once_want_no_more_of_a_new_table_than_it_takes_while_they_retry(monkeypatch, name):
    pauses = []
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)
    monkeypatch.setattr(bulk.time, "sleep", pauses.append)
    for round_ in range(bulk.LAST_ROUND):
        bulk._pause(round_)
    wanted = environment.load(name).pipeline.maximum_concurrency * orders_in_a_batch(name) * UNITS_PER_ORDER
    assert wanted / NEW_TABLE < sum(pauses)


@ENVIRONMENTS
def test_the_last_third_of_the_time_is_enough_to_reject_every_order_of_a_batch(name):
    calls = orders_in_a_batch(name) / 10
    longest = environment.load(name).api_config["defaultTimeout"] / 1000  # a call that takes longer is the last
    assert calls * longest <= BY_KEY["orders_worker"].timeout / 3


@ENVIRONMENTS
def test_a_batch_fits_into_the_payload_of_an_invocation(name):
    """Lambda would divide it: 6 MB, with every message as JSON in JSON."""
    assert environment.load(name).pipeline.batch_size * 2 * 65_536 < 6_000_000
