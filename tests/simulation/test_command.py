"""The command: it replays a seed, and tells which seeds fail."""

import os
import subprocess
import sys

from tests.simulation import __main__ as command
from tests.simulation import planted
from tests.simulation.checker import NOT_LOST


def test_a_seed_that_breaks_no_rule_is_replayed(capsys):
    assert command.replay(3) == 0
    assert "seed 3: no rule is broken" in capsys.readouterr().out


def test_a_seed_that_breaks_a_rule_is_shrunk(capsys):
    with planted.acknowledged_before_stored():
        assert command.replay(0) == 1
    *steps, broken, size = capsys.readouterr().out.splitlines()
    assert steps[-1].endswith(broken.removeprefix("seed 0: ")) and NOT_LOST in broken
    assert size.startswith("2 choices of ")


def test_the_seeds_that_fail_are_listed(capsys):
    assert command.run_many(range(2), processes=1) == 0
    with planted.acknowledged_before_stored():
        assert command.run_many(range(2), processes=1) == 1
    printed = capsys.readouterr().out
    assert f"seed 0: {NOT_LOST}" in printed and "make simulate SEED=0" in printed


def test_a_seed_gives_the_same_steps_in_any_process():
    """Whatever the order of Python's sets is there."""
    command_line = [sys.executable, "-m", "tests.simulation", "9"]
    first, second = (
        subprocess.run(command_line, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    )
    assert first == second and first.count(b"\n") > 100
