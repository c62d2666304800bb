"""Two hundred seeds break no rule, and a seed gives the same run twice."""

import pytest

from tests.simulation.checker import STORED_ONCE
from tests.simulation.choices import Choices
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.shrinking import described, shrink
from tests.simulation.world import run

SEEDS = 200
PARTS = 8  # to share among the processes of pytest-xdist


@pytest.mark.parametrize("part", range(PARTS))
def test_no_rule_is_broken(part):
    for seed in range(part, SEEDS, PARTS):
        found = run(Choices(seed))
        assert found.violation is None, f"seed {seed}\n{described(shrink(found))}"


@pytest.mark.parametrize("seed", range(5))
def test_a_seed_gives_the_same_run_twice(seed):
    first, second = run(Choices(seed)), run(Choices(seed))
    assert first.history == second.history
    assert first.choices == second.choices


@pytest.mark.parametrize("seed", range(5))
def test_the_record_of_a_run_replays_it(seed):
    first = run(Choices(seed))
    assert run(Choices(0, only=first.choices)).history == first.history


def test_a_task_that_has_not_begun_is_killed_quietly():
    scheduler = Scheduler()
    process = Process(scheduler, lambda installed: None)
    scheduler.spawn(process, lambda: None)
    process.kill()
    scheduler.run(scheduler.now)


# A message that is stored at once, but not deleted; the operator finds it among the dead letters days later.
LATE_REDRIVE = {
    "client: client-0": 5,
    "redrive: operator is away": 1,
    "later: days": 3,
    "deployment: time to live": 1,
    **{f"fault: delete message of order-0{times}": "delete lost" for times in ("", *(f" ({n})" for n in range(2, 6)))},
}


def test_an_order_outlives_its_message(monkeypatch):
    """With a time to live of one day the order expires, and its message stores it again."""
    assert run(Choices(0, only=LATE_REDRIVE)).violation is None
    monkeypatch.setattr("tests.simulation.releases.TTL_DAYS", ("90", "1"))
    assert run(Choices(0, only=LATE_REDRIVE)).violation.rule == STORED_ONCE
