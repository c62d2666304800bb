"""Orders stored many at once, over moto, with a script of failures: each is stored once, and never overwritten."""

import threading
from collections import Counter

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.orders import new_order
from handlers import bulk, faults
from handlers.repository import OrdersTable
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.pipeline import platform_id

TRANSIENT = [
    *("InternalServerError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"),
    *("ThrottlingError", "TransactionConflict"),
]
PERMANENT = ["AccessDenied", "ItemCollectionSizeLimitExceeded", "ResourceNotFound", "ValidationError"]


def order(order_id, customer="CUST-1"):
    request = {"customerId": customer, "items": [{"productId": "p", "quantity": 1, "price": 1}]}
    return new_order(request, order_id=order_id, now=1_767_323_045_000, features=(), ttl_days=90)


def orders(count, customer="CUST-1"):
    """Return orders with ids of the platform."""
    return [order(platform_id(number), customer) for number in range(count)]


def id_of(statement):
    return next(value["S"] for value in statement["Parameters"] if value.get("S", "").startswith("fd-"))


class Inserts:
    """INSERTs of which some fail: `.verdict` returns the error code of an orderId (None: no error), or raises."""

    def __init__(self, pipeline) -> None:
        self.pipeline = pipeline
        self.calls: list[str] = []
        self.sizes: list[int] = []
        self.verdict = lambda order_id: None
        self.real = pipeline.database.batch_execute_statement

    def __call__(self, *, Statements):
        self.sizes.append(len(Statements))
        ids = [id_of(each) for each in Statements]
        codes = [self.verdict(each) for each in ids]
        sent = [each for each, code in zip(Statements, codes, strict=True) if not code]
        done = iter(self.real(Statements=sent)["Responses"] if sent else [])
        return {"Responses": [{"Error": {"Code": code}} if code else next(done) for code in codes]}

    def store(self, batch):
        return bulk.store(OrdersTable(self.pipeline.database, TABLE), batch, 90, float("inf"))

    def stored(self):
        return {order_id: item["customerId"]["S"] for order_id, item in self.pipeline.orders().items()}


@pytest.fixture
def inserts(pipeline, monkeypatch):
    script = Inserts(pipeline)
    monkeypatch.setattr(pipeline.database, "batch_execute_statement", script)
    return script


def always(code, order_id):
    return lambda each: code if each == order_id else None


def codes_of(results):
    return {number: faults.code_of(result) for number, result in enumerate(results) if not isinstance(result, str)}


@pytest.mark.parametrize("code", TRANSIENT)
def test_of_a_batch_only_the_throttled_orders_are_sent_again(inserts, code):
    left = [platform_id(3), platform_id(7)] * 2

    def verdict(order_id):
        if order_id in left:
            left.remove(order_id)
            return code
        return None

    inserts.verdict = verdict
    assert inserts.store(orders(10)) == [bulk.STORED] * 10
    assert inserts.sizes == [10, 2, 2]
    assert len(inserts.stored()) == 10


def test_an_order_that_is_always_throttled_fails_alone(inserts):
    inserts.verdict = always("ThrottlingError", platform_id(3))
    results = inserts.store(orders(10))
    assert [results.index(each) for each in results if each != bulk.STORED] == [3]
    assert inserts.sizes == [10] + [1] * (bulk.ROUNDS - 1)


@pytest.mark.parametrize("code", [*PERMANENT, "AnErrorOfTomorrow", ""])
def test_an_order_that_dynamodb_refuses_fails_alone_and_at_once(inserts, code):
    inserts.real, real = lambda Statements: {"Responses": [respond(each) for each in Statements]}, inserts.real

    def respond(statement):
        if id_of(statement) == platform_id(3):
            return {"Error": {"Code": code} if code else {}}
        return real(Statements=[statement])["Responses"][0]

    assert list(codes_of(inserts.store(orders(10)))) == [3]
    assert inserts.sizes == [10]
    assert len(inserts.stored()) == 9


def test_a_call_that_fails_as_a_whole_is_halved(inserts):
    def verdict(order_id):
        if order_id == platform_id(3):
            raise ClientError({"Error": {"Code": "ValidationException"}}, "BatchExecuteStatement")

    inserts.verdict = verdict
    assert codes_of(inserts.store(orders(25))) == {3: "ValidationException"}
    assert len(inserts.stored()) == 24


def test_a_response_with_too_few_results_counts_nothing_as_stored(inserts, monkeypatch):
    short = lambda Statements: {"Responses": [{}] * (len(Statements) - 1)}  # noqa: E731
    monkeypatch.setattr(inserts.pipeline.database, "batch_execute_statement", short)
    assert [type(result) for result in inserts.store(orders(3))] == [ValueError] * 3


def test_orders_that_exist_are_looked_at_together(inserts, pipeline, calls):
    inserts.store([*orders(10), *orders(15)[10:12]])
    calls.clear()
    batch = [*orders(10), *orders(12, "someone-else")[10:], *orders(15)[12:]]
    assert inserts.store(batch) == [bulk.DUPLICATE] * 10 + [bulk.CONFLICT] * 2 + [bulk.STORED] * 3
    assert calls == ["BatchExecuteStatement", "TransactWriteItems"]
    assert set(inserts.stored().values()) == {"CUST-1", "CUST-12345"}


def test_an_order_that_was_deleted_before_the_look_is_stored(inserts):
    inserts.verdict = lambda order_id: "DuplicateItem"
    assert inserts.store(orders(3)) == [bulk.STORED] * 3
    assert len(inserts.stored()) == 3


def test_a_retry_of_the_sdk_after_a_lost_response_is_no_conflict(inserts):
    real = inserts.real

    def twice(Statements):
        real(Statements=Statements)
        return real(Statements=Statements)

    inserts.real = twice
    assert inserts.store(orders(3)) == [bulk.DUPLICATE] * 3


def test_an_id_twice_in_a_batch_is_two_calls(inserts):
    first, other = order(platform_id(1)), order(platform_id(1), "someone-else")
    assert inserts.store([first, first, other]) == [bulk.STORED, bulk.DUPLICATE, bulk.CONFLICT]
    assert inserts.sizes == [1, 1, 1]


# Anything

IDS = st.sampled_from([*"ABC", *map(platform_id, range(30))])
BATCHES = st.lists(st.tuples(IDS, st.sampled_from(["one", "two"])), min_size=1, max_size=40)
WHOLE = [
    ReadTimeoutError(endpoint_url="x"),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "x"),
    ClientError({"Error": {"Code": "ValidationException"}}, "x"),
    RuntimeError("a bug"),
]
FAULTS = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.sampled_from(["before", "after"]), st.sampled_from(WHOLE)),
        st.tuples(st.sampled_from(["refused", "unsure"]), st.sampled_from([*TRANSIENT, *PERMANENT])),
    ),
    max_size=12,
)


class Faulty:
    """A call to DynamoDB that fails by a script: before it is made, after (its response is lost), or for one order.

    That order is refused, or stored in spite of its error.
    """

    def __init__(self, real, script, lock) -> None:
        self.real, self.script, self.lock = real, script, lock

    def __call__(self, **request):
        with self.lock:
            kind, error = (self.script.pop() if self.script else None) or ("", None)
        if kind == "before":
            raise error
        if kind == "refused" and "Statements" in request:
            rest = request["Statements"][1:]
            responses = self.real(Statements=rest)["Responses"] if rest else []
            return {"Responses": [{"Error": {"Code": error}}, *responses]}
        response = self.real(**request)
        if kind == "unsure" and "Statements" in request:
            response["Responses"][0] = {"Error": {"Code": error}}
        if kind == "after":
            raise error
        return response


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BATCHES, FAULTS)
def test_with_any_failures_an_order_is_stored_once_and_the_first_one_stays(pipeline, batch, script):
    for item in pipeline.items():
        key = {name: item[name] for name in ("orderId", "timestamp")}
        pipeline.database.delete_item(TableName=TABLE, Key=key)
    sent = [order(order_id, customer) for order_id, customer in batch]
    table, lock = OrdersTable(pipeline.database, TABLE), threading.Lock()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("batch_execute_statement", "transact_write_items"):
            patch.setattr(pipeline.database, name, Faulty(getattr(pipeline.database, name), script, lock))
        first = bulk.store(table, sent, 90, float("inf"))
    kept = {order_id: item["customerId"]["S"] for order_id, item in pipeline.orders().items()}
    second = bulk.store(table, sent, 90, float("inf"))
    stored = {order_id: item["customerId"]["S"] for order_id, item in pipeline.orders().items()}
    assert stored == stored | kept, "an order was overwritten"
    assert set(stored) == {order_id for order_id, _ in batch}
    assert set(pipeline.claims()) == {order_id for order_id in stored if order_id in "ABC"}
    times = Counter(order_id for (order_id, _), result in zip(batch, first, strict=True) if result == bulk.STORED)
    assert max(times.values(), default=1) == 1, "an order was stored twice"
    for (order_id, customer), early, late in zip(batch, first, second, strict=True):
        same = stored[order_id] == customer
        assert late in ((bulk.STORED, bulk.DUPLICATE) if same else (bulk.CONFLICT,))
        assert isinstance(early, Exception) or (early == bulk.CONFLICT) == (not same)
