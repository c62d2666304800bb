"""Gradual rollouts are stable, monotonic, uniform and independent."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import flags

CUSTOMERS = [f"customer-{n}" for n in range(4_000)]


@given(st.text(), st.text())
def test_off_and_on_apply_to_all_customers(flag, customer):
    assert flags.is_on(flag, True, customer) and flags.is_on(flag, 100, customer)
    assert not flags.is_on(flag, False, customer) and not flags.is_on(flag, 0, customer)


@given(st.text(), st.floats(0, 100), st.floats(0, 100))
def test_a_customer_keeps_a_flag_while_the_percentage_grows(customer, one, other):
    low, high = sorted((one, other))
    assert flags.is_on("f", low, customer) <= flags.is_on("f", high, customer)


@pytest.mark.parametrize("percentage", [1, 12.5, 50, 99])
def test_the_share_is_about_the_percentage(percentage):
    share = sum(flags.is_on("f", percentage, customer) for customer in CUSTOMERS) / len(CUSTOMERS)
    assert abs(share - percentage / 100) < 0.025


def test_two_flags_pick_their_customers_independently():
    both = sum(flags.is_on("f", 50, c) and flags.is_on("g", 50, c) for c in CUSTOMERS) / len(CUSTOMERS)
    assert abs(both - 0.25) < 0.025


def test_the_choice_is_the_same_in_another_process():
    program = "from domain import flags; print(''.join(str(int(flags.is_on('f', 50, f'c{n}'))) for n in range(64)))"
    runs = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True,
                       env={"PYTHONPATH": sys.path[0] or ".", "PYTHONHASHSEED": seed}).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert runs == {"".join(str(int(flags.is_on("f", 50, f"c{n}"))) for n in range(64))}


def test_enabled_names_the_flags_that_are_on():
    assert flags.enabled({"a": True, "b": False, "c": 100, "d": 0}, "x") == {"a", "c"}
