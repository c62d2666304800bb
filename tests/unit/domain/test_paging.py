"""nextToken: opaque, bound to its list, and invalid after any change."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.schemas import ID_PATTERN, STATUSES, TOKEN_PATTERN
from domain import paging, parameters
from domain.callers import Caller
from domain.errors import OrderError

ids = st.from_regex(ID_PATTERN, fullmatch=True).filter(lambda text: not text.endswith("\n"))
timestamps = st.integers(1, parameters.MAX_TIMESTAMP)
statuses = st.none() | st.sampled_from(STATUSES)
OPERATOR = Caller("key-id-1")
ACME = Caller("key-id-2", "acme", "standard")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def refused(token, customer, status, caller=OPERATOR):
    with pytest.raises(OrderError) as error:
        paging.decode(token, caller, customer, status)
    return error.value.kind.status == 400


@given(ids, timestamps, ids, statuses)
def test_a_token_decodes_to_its_position(order_id, timestamp, customer, status):
    token = paging.encode((order_id, timestamp), OPERATOR, customer, status)
    assert paging.decode(token, OPERATOR, customer, status) == (order_id, timestamp)
    assert re.fullmatch(TOKEN_PATTERN, token)


@given(ids, timestamps, ids, statuses, ids, statuses)
def test_a_token_is_refused_for_another_list(order_id, timestamp, customer, status, other, other_status):
    token = paging.encode((order_id, timestamp), OPERATOR, customer, status)
    if (customer, status) != (other, other_status):
        assert refused(token, other, other_status)


@given(ids, timestamps, ids, statuses)
def test_a_token_is_refused_for_another_caller_and_lasts_beyond_a_key(order_id, timestamp, customer, status):
    own = ACME.qualified(order_id), timestamp
    token = paging.encode(own, ACME, customer, status)
    assert paging.decode(token, ACME._replace(key="rotated", tier="premium"), customer, status) == own
    for other in (OPERATOR, Caller("key-id-3", "bistro"), Caller(customer=customer), Caller(customer="acme")):
        assert refused(token, customer, status, other)
    token = paging.encode((order_id, timestamp), OPERATOR, customer, status)
    assert paging.decode(token, Caller("key-id-4"), customer, status) == (order_id, timestamp)
    assert refused(token, customer, status, ACME)


@given(ids, timestamps, ids, st.data())
def test_any_changed_character_is_refused(order_id, timestamp, customer, data):
    token = paging.encode((order_id, timestamp), OPERATOR, customer, None)
    index = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.sampled_from(ALPHABET).filter(lambda c: c != token[index]))
    assert refused(token[:index] + character + token[index + 1 :], customer, None)
    assert refused(token[:index], customer, None)
    assert refused(token + character, customer, None)


@given(st.text(max_size=600))
def test_any_text_is_a_token_or_400(text):
    assert refused(text, "customer-1", None)


@pytest.mark.parametrize("position", [("#", 1), ("order", 0), ("order", -1), ("order", 10**40)])
def test_a_position_no_order_can_have_is_refused_though_its_digest_is_right(position):
    assert refused(paging.encode(position, OPERATOR, "customer-1", None), "customer-1", None)


@pytest.mark.parametrize(
    "token, position, customer, status",
    [
        ("94zXlKvBd_8MACrbMTpPUkQtMQ", ("ORD-1", 1), "CUST-1", None),
        (
            "VD-A9xHFbg_giXnxMTc2NzMyMzA0NTY3ODpmZC0wMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDE",
            ("fd-00000000-0000-4000-8000-000000000001", 1767323045678),
            "CUST-1",
            "pending",
        ),
        (
            "Pyf7pAb8Pwhotqo9MjUzNDAyMzAwNzk5OTk5OmEuYjpjX2QtZQ",
            ("a.b:c_d-e", 253402300799999),
            "x:y",
            "out_for_delivery",
        ),
    ],
)
def test_a_token_of_an_earlier_version_is_still_valid(token, position, customer, status):
    """Clients may hold such tokens during a deployment: never change them."""
    assert paging.decode(token, OPERATOR, customer, status) == position


def test_no_token_is_the_first_page():
    assert paging.decode(None, OPERATOR, "customer-1", None) is None
