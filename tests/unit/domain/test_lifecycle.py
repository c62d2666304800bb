"""The state machine of an order."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.schemas import STATUSES
from domain import lifecycle
from domain.callers import Caller
from domain.errors import OrderError

OPERATOR, CUSTOMER = Caller("key"), Caller(customer="subject")
ALLOWED = {
    ("pending", "processing"),
    ("processing", "out_for_delivery"),
    ("out_for_delivery", "delivered"),
    ("pending", "cancelled"),
    ("processing", "cancelled"),
}


def test_it_knows_exactly_the_statuses_of_the_contract():
    assert tuple(lifecycle.TRANSITIONS) == STATUSES


@pytest.mark.parametrize("before, after", list(itertools.product(STATUSES, STATUSES)))
def test_exactly_the_known_transitions_are_allowed(before, after):
    assert (before in lifecycle.predecessors(after, OPERATOR)) == ((before, after) in ALLOWED)


@pytest.mark.parametrize("before, after", list(itertools.product(STATUSES, STATUSES)))
def test_a_customer_may_cancel_what_is_pending_and_nothing_else(before, after):
    assert (before in lifecycle.predecessors(after, CUSTOMER)) == ((before, after) == ("pending", "cancelled"))


@given(st.lists(st.sampled_from(STATUSES), max_size=30))
def test_for_any_requests_an_order_moves_forward_and_ends(wanted):
    status, path = lifecycle.INITIAL, [lifecycle.INITIAL]
    for after in wanted:
        if status in lifecycle.predecessors(after, OPERATOR):
            status = after
            path.append(status)
    assert len(path) == len(set(path)) <= 4
    assert set(itertools.pairwise(path)) <= ALLOWED


@pytest.mark.parametrize(
    "order, versions, code",
    [
        ({"status": "delivered", "version": 4}, (3,), "version_mismatch"),
        ({"status": "delivered", "version": 4}, (), "version_mismatch"),
        ({"status": "delivered", "version": 4}, (4,), "illegal_transition"),
        ({"status": "delivered", "version": 4}, None, "illegal_transition"),
        ({"status": "processing", "version": 4}, (3,), "version_mismatch"),
    ],
)
def test_why_an_order_did_not_change(order, versions, code):
    with pytest.raises(OrderError) as refused:
        lifecycle.check_unchanged(order, "processing", versions, OPERATOR)
    assert refused.value.kind.code == code


@pytest.mark.parametrize("versions", [None, (4,), (1, 4)])
def test_asking_for_the_status_it_has_is_no_error(versions):
    lifecycle.check_unchanged({"status": "processing", "version": 4}, "processing", versions, OPERATOR)
