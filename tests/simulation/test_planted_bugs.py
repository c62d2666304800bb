"""Each planted bug is found in at most 200 seeds, and described in few steps."""

from collections.abc import Iterator

import pytest

from tests.simulation import planted
from tests.simulation.choices import Choices
from tests.simulation.shrinking import described, shrink
from tests.simulation.world import Run, run

SEEDS = 200
STEPS, CHOICES = 50, 9


@pytest.mark.parametrize(
    ("plant", "rules"), planted.BUGS.items(), ids=lambda each: each.__name__ if callable(each) else ""
)
def test_a_planted_bug_is_found_and_described_in_few_steps(plant, rules):
    with plant():
        smallest = next(filter(is_short, (shrink(each, attempts=150, enough=is_short) for each in _failing())), None)
    assert smallest is not None, f"not found in {SEEDS} seeds, or not described in {STEPS} steps"
    assert smallest.violation.rule in rules, described(smallest)
    assert str(smallest.history[-1]).endswith(str(smallest.violation))


def _failing() -> Iterator[Run]:
    return (found for found in (run(Choices(seed)) for seed in range(SEEDS)) if found.violation)


def is_short(found: Run) -> bool:
    """Equal steps, as the attempts of a call, are read as one."""
    return len({(step.actor, step.text) for step in found.history}) <= STEPS and len(found.choices) <= CHOICES
