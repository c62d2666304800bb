"""Money: exact to the cent, in and out."""

import json
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.fields import ITEM_FIELDS, ORDER_FIELDS
from contract.schemas import MAX_ITEMS, MAX_PRICE, MAX_QUANTITY
from domain import pricing, strict_json

LARGEST_TOTAL = sum(each.schema["maximum"] for each in ORDER_FIELDS if each.charged) + MAX_ITEMS * MAX_QUANTITY * sum(
    each.schema["maximum"] for each in ITEM_FIELDS if each.charged
)
cents = st.integers(0, MAX_PRICE * 100)
ITEMS = st.lists(
    st.fixed_dictionaries({"price": cents.map(lambda n: Decimal(n) / 100), "quantity": st.integers(1, MAX_QUANTITY)}),
    min_size=1,
    max_size=MAX_ITEMS,
)


@settings(deadline=None)
@given(ITEMS)
def test_a_total_is_exact(items):
    exact = sum(Fraction(item["price"]) * item["quantity"] for item in items)
    assert Fraction(pricing.total({"items": items})) == exact
    assert pricing.total({"items": items}) == pricing.total({"items": items[::-1]})


def test_the_largest_total_is_within_the_limit():
    assert LARGEST_TOTAL <= pricing.MAX_TOTAL


@given(st.integers(0, LARGEST_TOTAL * 100))
def test_an_amount_survives_json_without_loss(n):
    amount = pricing.to_cents(Decimal(n) / 100)
    assert strict_json.loads(strict_json.dumps({"amount": amount}))["amount"] == amount
    assert Decimal(repr(json.loads(strict_json.dumps(amount)))) == amount  # also for a reader with floats


@given(st.decimals(0, MAX_PRICE, places=2), st.integers(0, 6))
def test_trailing_zeros_are_no_decimals(amount, zeros):
    written = Decimal(f"{amount}{'0' * zeros}")
    assert str(pricing.to_cents(written)) == f"{amount:.2f}".replace("-", "")


@given(st.integers(0, MAX_PRICE), st.integers(1, 9), st.integers(3, 30))
def test_finer_than_a_cent_is_refused(whole, digit, places):
    assert pricing.to_cents(Decimal(f"{whole}.{'0' * (places - 1)}{digit}")) is None


@pytest.mark.parametrize("text", ["1e-400", "1e400", "0.1e-999999999999999999", "1E+999999999999999999"])
def test_extreme_exponents_are_refused_at_once(text):
    assert pricing.to_cents(Decimal(text)) is None


def test_minus_zero_is_zero():
    assert str(pricing.to_cents(Decimal("-0.0"))) == "0.00"


@given(ITEMS)
def test_points_are_the_whole_units(items):
    total = pricing.total({"items": items})
    assert pricing.loyalty_points(total) <= total < pricing.loyalty_points(total) + 1


@given(st.lists(cents, min_size=1, max_size=10))
def test_payments_match_to_the_cent_only(amounts):
    payments = [{"amount": Decimal(n) / 100} for n in amounts]
    total = Decimal(sum(amounts)) / 100
    assert pricing.payments_match(payments, total)
    assert not pricing.payments_match(payments, total + pricing.CENT)
