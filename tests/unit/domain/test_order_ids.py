"""The id of an order placed here is a UUIDv7 of its timestamp, so that its key is known from the id."""

import json
import random
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.schemas import ID_PATTERN, MAX_TIMESTAMP, MIN_TIMESTAMP
from domain import messages, orders, strict_json, validation
from domain.errors import OrderError
from tests.unit.domain.test_messages import submitted
from tests.unit.domain.test_orders import BODY, NOW, validated

TIMESTAMPS = st.integers(MIN_TIMESTAMP, MAX_TIMESTAMP)
TIMED = "fd-019b7ca9-8f2e-7aaa-baaa-aaaaaaaaaaaa"  # of NOW
UNTIMED = "fd-019b7ca9-8f2e-4aaa-baaa-aaaaaaaaaaaa"  # an earlier version's, of version 4


@given(TIMESTAMPS)
def test_an_id_is_a_version_7_uuid_of_its_timestamp(timestamp):
    order_id = orders.new_id(timestamp)
    value = uuid.UUID(order_id.removeprefix("fd-"))
    assert (value.version, value.variant, value.int >> 80) == (7, uuid.RFC_4122, timestamp)
    assert orders.timestamp_of(order_id) == timestamp
    assert orders.is_platform_id(order_id) and re.fullmatch(ID_PATTERN, order_id)


def test_the_example_of_rfc_9562_has_its_time():
    assert orders.timestamp_of("fd-017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == 1_645_557_742_000


def test_every_random_bit_varies_and_no_other():
    seen = [uuid.UUID(orders.new_id(NOW).removeprefix("fd-")).int for _ in range(200)]
    ones, zeros = 0, 0
    for each in seen:
        ones, zeros = ones | each, zeros | ~each & (1 << 128) - 1
    assert ones & zeros == 0xFFF << 64 | (1 << 62) - 1


@given(TIMESTAMPS, TIMESTAMPS)
def test_ids_sort_by_time(one, other):
    earlier, later = sorted([one, other])
    assert orders.new_id(earlier) < orders.new_id(later) or earlier == later


def test_a_hundred_thousand_orders_in_one_millisecond_have_different_ids():
    assert len({orders.new_id(NOW) for _ in range(100_000)}) == 100_000


def test_a_clock_that_goes_back_and_the_same_seed_repeat_no_id():
    random.seed(1)
    first = [orders.new_id(NOW + offset) for offset in (0, 5, -5, 0)]
    random.seed(1)
    again = [orders.new_id(NOW + offset) for offset in (0, 5, -5, 0)]
    assert len({*first, *again}) == 8
    assert [orders.timestamp_of(each) for each in again] == [NOW, NOW + 5, NOW - 5, NOW]


@pytest.mark.parametrize("timestamp", [-1, 0, MIN_TIMESTAMP - 1, MAX_TIMESTAMP + 1, 1 << 48, (1 << 48) + NOW])
def test_no_id_has_a_time_that_no_order_has(timestamp):
    with pytest.raises(ValueError, match=str(timestamp)):
        orders.new_id(timestamp)


def of(milliseconds: int) -> str:
    return f"fd-{milliseconds:012x}"[:11] + "-" + f"{milliseconds:012x}"[8:] + TIMED[16:]


def test_the_bounds_of_a_timestamp_are_those_of_an_order():
    assert of(NOW) == TIMED and orders.timestamp_of(TIMED) == NOW
    assert orders.timestamp_of(of(MIN_TIMESTAMP)) == MIN_TIMESTAMP
    assert orders.timestamp_of(of(MAX_TIMESTAMP)) == MAX_TIMESTAMP < 1 << 48


@pytest.mark.parametrize(
    "order_id",
    [
        UNTIMED,
        "fk-" + "0" * 64,
        "ORD-1",
        "",
        "fd-",
        "fd-1",
        of(0),  # the timestamp of claims
        of(MIN_TIMESTAMP - 1),
        of(MAX_TIMESTAMP + 1),
        TIMED.removeprefix("fd-"),
        TIMED.replace("fd-", "fk-"),
        TIMED.replace("fd-", "FD-"),
        TIMED.upper(),
        TIMED.replace("baaa", "Baaa"),
        TIMED.replace("-7", "-6"),
        TIMED.replace("-7", "-8"),
        TIMED.replace("baaa", "caaa"),
        TIMED.replace("baaa", "7aaa"),
        TIMED.replace("-", ""),
        TIMED[:-1],
        TIMED + "a",
        TIMED + "\n",
        " " + TIMED,
        TIMED.replace("aaaaaaaaaaaa", "aaaaaaaaaaag"),
        TIMED.replace("019b", "\u066019b"),
    ],
)
def test_no_other_id_has_a_time(order_id):
    assert orders.timestamp_of(order_id) is None


def test_no_random_id_of_an_earlier_version_has_a_time():
    assert {orders.timestamp_of(f"fd-{uuid.uuid4()}") for _ in range(1_000)} == {None}


@given(st.text(max_size=60) | st.text("fd-0123456789abcdef7", min_size=30, max_size=45))
def test_an_id_with_a_time_is_the_one_spelling_of_it(text):
    timestamp = orders.timestamp_of(text)
    assert timestamp is None or text == "fd-" + str(uuid.UUID(text.removeprefix("fd-")))


def made(now, order_id=None, accepted_at=None):
    return orders.new_order(
        validated(BODY), now=now, order_id=order_id, accepted_at=accepted_at, features=(), ttl_days=1
    )


@given(TIMESTAMPS, TIMESTAMPS | st.none())
def test_an_order_placed_here_has_the_time_of_its_id(now, accepted_at):
    order = made(now, accepted_at=accepted_at)
    assert orders.timestamp_of(order["orderId"]) == order["timestamp"] == (now if accepted_at is None else accepted_at)


@given(st.none() | st.integers(MIN_TIMESTAMP, NOW + validation.FUTURE_MS))
def test_a_message_has_the_time_of_its_id(sent):
    document = {"customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 1}]}
    submission = submitted(document if sent is None else {**document, "timestamp": sent})
    message = messages.accepted(submission, now=NOW, source="pipeline", features=())
    assert orders.timestamp_of(message["orderId"]) == message["timestamp"] == (NOW if sent is None else sent)
    # Months later, from the dead-letter queue.
    (read,) = messages.read(strict_json.dumps(message)).values()
    order = messages.order_of(read, now=NOW + 10**10, settings={}, ttl_days=1, correlation_id=None)
    assert (order["orderId"], order["timestamp"]) == (message["orderId"], message["timestamp"])


@pytest.mark.parametrize("order_id", ["mine", "fk-" + "0" * 64, UNTIMED])
def test_an_id_without_a_time_goes_with_any(order_id):
    assert made(NOW, order_id, NOW - 1)["timestamp"] == NOW - 1


@pytest.mark.parametrize("accepted_at", [NOW - 1, NOW + 1, None])
def test_an_order_with_another_time_than_its_id_is_refused(accepted_at):
    with pytest.raises(OrderError) as refused:
        made(NOW + 5, TIMED, accepted_at)
    assert (refused.value.kind.code, refused.value.details) == (
        "invalid_request",
        ["timestamp: must be the time in the orderId"],
    )
    assert made(NOW + 5, TIMED, NOW)["timestamp"] == NOW


def test_a_client_cannot_choose_an_id_with_a_time():
    document = {"orderId": TIMED, "customerId": "c", "items": [{"productId": "p", "quantity": 1, "price": 1}]}
    for check in (validation.order_submission, validation.import_record):
        with pytest.raises(OrderError) as refused:
            check(strict_json.loads(json.dumps(document)), NOW)
        assert refused.value.details == ["orderId: must not start with fd-"]
