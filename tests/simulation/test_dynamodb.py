"""The table in memory answers as moto does, for the calls that the handlers make.

Hypothesis draws calls of the real `OrdersTable` and `bulk`'s statements; each is made to both, and the answers, the
errors and the items must be equal. For PartiQL's INSERT, moto is only asked to put the item on a condition
(tests/unit/handlers/conftest.py).
"""

from contextlib import contextmanager
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from domain import claims, orders
from domain.callers import Caller
from handlers import bulk
from handlers.repository import OrdersTable
from tests.simulation import dynamodb
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.conftest import make_database

NOW = 1_767_323_045_000

PARTNERS = (None, "acme", "acme", "bistro")

numbers = st.integers(1, 4)
callers = st.sampled_from([Caller(), Caller(partner="acme"), Caller(partner="bistro"), Caller(customer="customer-1")])
calls = st.one_of(
    st.tuples(st.just("insert"), numbers, numbers),
    st.tuples(st.just("insert_with_claim"), numbers, numbers),
    st.tuples(st.just("statements"), st.lists(numbers, min_size=1, max_size=4, unique=True), numbers),
    st.tuples(st.just("transaction"), st.lists(numbers, min_size=1, max_size=4, unique=True), numbers),
    st.tuples(st.just("set_status"), numbers, st.tuples(st.sampled_from([None, (1,), (2,), (1, 2)]), callers)),
    st.tuples(st.just("get"), numbers, st.tuples(st.booleans(), callers)),
    st.tuples(st.just("claim"), numbers, st.none()),
    st.tuples(st.just("page"), numbers, st.tuples(st.sampled_from([None, "pending", "processing"]), callers)),
)


def order(number: int, variant: int, prefix: str = "fd") -> orders.Order:
    """Return one of a few orders; those of one number have the same key."""
    wanted = {
        **Caller(partner=PARTNERS[number - 1]).owned,
        "customerId": f"customer-{number % 2}",
        "items": [{"productId": "p", "quantity": variant, "price": Decimal("1.10")}],
    }
    return orders.new_order(
        wanted, order_id=f"{prefix}-{number}", now=NOW + number, features=(), ttl_days=40_000, source="pipeline"
    )


def claim(number: int, variant: int) -> dict:
    return {**claims.order_claim(order(number, variant, "id"), 40_000), "claimedOrderId": f"id-{number}"}


def make(table: OrdersTable, call: tuple) -> object:
    """Make one call; return what it returns, or the code and the details of its error."""
    name, first, second = call
    try:
        return _make(table, name, first, second)
    except ClientError as error:
        reasons = error.response.get("CancellationReasons", [])
        return (
            error.response["Error"]["Code"],
            error.response.get("Item"),
            [(reason["Code"], reason.get("Item")) for reason in reasons],
        )


def _make(table: OrdersTable, name: str, first, second) -> object:
    match name:
        case "insert":
            return table.insert(order(first, second))
        case "insert_with_claim":
            return table.insert_with_claim(order(first, second, "id"), claim(first, second))
        case "statements":
            statements = [table.insert_statement(order(number, second)) for number in first]
            responses = table.client.batch_execute_statement(Statements=statements)["Responses"]
            return [response.get("Error", {}).get("Code") for response in responses]
        case "transaction":
            documents = [each for number in first for each in bulk._documents(order(number, second, "id"), 40_000)]
            table.client.transact_write_items(TransactItems=[{"Put": table.put_if_absent(each)} for each in documents])
            return None
        case "set_status":
            return table.set_status(
                f"fd-{first}",
                NOW + first,
                "processing",
                allowed_from=("pending",),
                versions=second[0],
                caller=second[1],
                change_id=f"change-{first}",
                now=NOW + 10,
                expires_at=NOW,
            )
        case "get":
            return table.get(f"fd-{first}", NOW + first if second[0] else None, second[1])
        case "claim":
            return table.claim(f"id-{first}")
        case "page":
            return table.page(second[1], f"customer-{first % 2}", first, None, second[0])
    raise AssertionError(name)


@pytest.fixture
def real(monkeypatch):
    """A client of moto, with the table."""
    monkeypatch.setattr("random.uniform", lambda low, high: 0)
    with mock_aws():
        yield make_database()


class InMemory:
    """A client of the table in memory, without what lies between."""

    exceptions = dynamodb.EXCEPTIONS

    def __init__(self) -> None:
        self.table = dynamodb.Table()

    def __getattr__(self, name: str):
        return self.table.operations[name]


def items_of(client) -> list[dict]:
    return sorted(client.scan(TableName=TABLE)["Items"], key=dynamodb.key_of)


def wipe(client) -> None:
    for item in items_of(client):
        client.delete_item(TableName=TABLE, Key={name: item[name] for name in ("orderId", "timestamp")})


@contextmanager
def compared(client):
    wipe(client)
    memory = InMemory()
    yield OrdersTable(client, TABLE), OrdersTable(memory, TABLE)
    assert sorted(memory.table.items.values(), key=dynamodb.key_of) == items_of(client)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(calls, min_size=1, max_size=8))
def test_the_table_in_memory_answers_as_moto(real, drawn):
    with compared(real) as (moto, memory):
        for call in drawn:
            assert make(memory, call) == make(moto, call), call
