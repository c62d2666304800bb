"""Rates beside a seed's: in turn, and without the seed where its code is missing or fails."""

from benchmarks.rates import SeedFailed, rates
from benchmarks.rows import at_least


def taking(*values: float):
    left = iter(values)
    return lambda: next(left)


def test_contestants_are_compared_with_the_seed_of_the_same_round():
    contestants = {"seed": taking(100, 50), "ours": taking(300, 150)}
    seed, ours = rates(contestants, 2, {"ours": at_least(3, "ratio")}, "seed")
    assert (seed.what, seed.taken.median, seed.ratio) == ("seed", 75, None)
    assert ours.ratio == (3, 3, 3)
    assert ours.is_met


def test_a_missing_seed_leaves_no_ratio():
    seed, ours = rates({"ours": taking(300)}, 1, {"ours": at_least(3, "ratio")}, "seed", "not here")
    assert (seed.taken, seed.note) == (None, "not measured: not here")
    assert (ours.taken.median, ours.ratio, ours.is_met) == (300, None, None)


def test_a_seed_that_fails_does_not_keep_ours_from_being_measured():
    def failing() -> float:
        raise SeedFailed("too slow")

    seed, ours = rates({"seed": failing, "ours": taking(300)}, 1, {}, "seed")
    assert seed.note == "not measured: too slow"
    assert ours.taken.median == 300
