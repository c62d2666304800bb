"""Batches of messages, over moto: each is stored, duplicate, rejected or failed, exactly one of them."""

import json
from collections import Counter
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.documents import ORDER_MESSAGE
from contract.schemas import FEATURES
from domain.lifecycle import MOST_CHANGES
from domain.orders import Order
from handlers import bulk, orders_worker
from handlers.repository import OrdersTable, order_of
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.pipeline import SENT, message, platform_id, record

DAY = 86_400
MALFORMED = ["", "{", "null", "[]", "7", '"text"', "NaN", "[" * 100_000, '{"orderId": "a", "orderId": "b"}', "\ufeff{}"]
INVALID = [
    {},
    message(customerId=None),
    message(timestamp=None),
    message(timestamp="1"),
    message(timestamp=0),
    message(timestamp=253_402_300_800_000),
    message(source=1),
    message(format=None, customerId=7),
    message(format="1"),
    message(format=-1),
    message(format=True),
    message(format=1.5 - 0.5),
    message(items="none"),
    message(items=[{"productId": "p", "quantity": "2", "price": 1}]),
    message(items=[{"productId": "p", "quantity": 1, "price": 0.001}]),
    message(order_id="idempotency#x"),
    message(delivery=1),
    message(features="expressDelivery"),
    message(items=[]),
    message(items=[{"productId": "p", "quantity": 1, "price": 10**30}]),
    message(items=[{"productId": "p", "quantity": 10**30, "price": 29.99}]),
    message(items=[{"productId": "p", "quantity": 10**4000, "price": 29.99}]),
    message(items=[{"productId": "p", "quantity": -1, "price": 29.99}]),
]
NEWER = [
    message(format=2),
    message(format=3),
    message(format=10**30),
    message(format=3.0),
    message(format=3, items={"lines": 1}, customerId=None),
    message(extra=1),
    message(extra=1, customerId=7),
    message(source="api"),
    message(source="marketplace"),
    message(delivery="drone"),
    message(priority=""),
    message(payments=[{"method": "barter", "amount": 59.98}]),
    message(items=[{"productId": "p", "quantity": 1, "price": 1, "laterTip": 1}]),
    message(deliveryAddress={"street": "s", "city": "c", "zipCode": "z", "floor": 4}),
]


def test_a_message_becomes_an_order(pipeline, configure):
    configure(flags={"loyaltyProgram": True})
    assert pipeline.work_on([record(message("ORD-1", priority="high"), {"correlationId": "request-1"})]) == []
    (item,) = pipeline.orders().values()
    assert (item["status"]["S"], item["version"]["N"], item["source"]["S"]) == ("pending", "1", "pipeline")
    assert Decimal(item["totalAmount"]["N"]) == Decimal("59.98")
    assert item["timestamp"]["N"] == "1767323045000"
    assert item["loyaltyPoints"]["N"] == "59"
    assert (item["correlationId"]["S"], item["priority"]["S"]) == ("request-1", "high")
    (claim,) = pipeline.claims().values()
    assert set(claim) == {"orderId", "timestamp", "orderTimestamp", "fingerprint", "expiresAt"}
    assert claim["orderTimestamp"] == item["timestamp"]


def test_an_imported_order_has_its_file_and_date(pipeline):
    sent = message("ORD-1", source="import", sourceFile="orders/a.json", processedDate="2026-01-02")
    assert pipeline.work(sent) == []
    (item,) = pipeline.orders().values()
    order = order_of(item)
    assert (order["source"], order["sourceFile"], order["processedDate"]) == ("import", "orders/a.json", "2026-01-02")


def test_valid_orders_are_stored_and_each_invalid_one_is_a_dead_letter_with_its_reason(pipeline):
    pipeline.work(message("OLD"), message("OTHER"))
    good = [message("NEW-1"), message(platform_id(1)), message("NEW-2")]
    duplicates = [message("OLD"), message("OLD", timestamp=1_767_323_099_999, priority="high")]
    conflicts = [message("OTHER", customerId="someone-else"), message("OTHER", items=good[0]["items"] * 2)]
    batch = [*good, *duplicates, *conflicts, *MALFORMED, *INVALID]
    assert pipeline.work(*batch) == []
    assert set(pipeline.orders()) == {"OLD", "OTHER", "NEW-1", "NEW-2", platform_id(1)}
    letters = pipeline.dead_letters()
    sent = [each if isinstance(each, str) else json.dumps(each) for each in batch[5:]]
    assert Counter(letter["Body"] for letter in letters) == Counter(sent)
    reasons = Counter(letter["MessageAttributes"]["rejectionReason"]["StringValue"] for letter in letters)
    assert reasons == {
        "order_conflict": 2,
        "invalid_request": len(MALFORMED) + len(INVALID),
    }
    assert all(letter["MessageAttributes"]["rejectionDetail"]["StringValue"] for letter in letters)


@pytest.mark.parametrize("body", NEWER, ids=str)
def test_a_message_of_a_newer_version_goes_back_to_the_queue_only(pipeline, body):
    assert pipeline.work(message("OTHER-1"), body, message("OTHER-2")) == [1]
    assert set(pipeline.orders()) == {"OTHER-1", "OTHER-2"} and pipeline.dead_letters() == []


@pytest.mark.parametrize(
    "accepted",
    [
        message(timestamp=9_999_999_999_999),
        message(delivery="express"),
        message(delivery="express", features=[]),
        message(payments=[{"method": "card", "amount": 59.98}]),
        message(payments=[{"method": "card", "amount": 1}], features=["multiplePayments"]),
        message(features=list(FEATURES) * 10),
        message(items=[{"productId": "p", "quantity": 1, "price": 1}] * 101),
        message(items=[{"productId": "p", "quantity": 1001, "price": 100_001}]),
        message(deliveryAddress={"street": " ", "city": "c" * 999, "zipCode": "\u200b"}),
    ],
    ids=str,
)
def test_an_accepted_order_is_not_checked_again_by_clock_flags_or_limits(pipeline, configure, accepted):
    configure({"maxItemsPerOrder": 1}, {"expressDelivery": False, "multiplePayments": False})
    assert pipeline.work(accepted) == []
    (stored,) = pipeline.orders().values()
    assert pipeline.dead_letters() == [] and stored["timestamp"]["N"] == str(accepted["timestamp"])


def test_the_same_message_any_number_of_times_is_one_order(pipeline):
    for order_id in ("ORD-1", platform_id(1)):
        assert pipeline.work(*[message(order_id)] * 3) == []
        assert pipeline.work(message(order_id)) == []
    assert len(pipeline.orders()) == 2 and len(pipeline.claims()) == 1
    assert pipeline.reasons() == []


def test_two_bodies_with_one_id_in_a_batch_are_one_order_and_one_conflict(pipeline):
    assert pipeline.work(message("ORD-1"), message("ORD-2"), message("ORD-1", customerId="someone-else")) == []
    assert pipeline.orders()["ORD-1"]["customerId"]["S"] == "CUST-12345"
    assert len(pipeline.orders()) == 2
    (letter,) = pipeline.dead_letters()
    assert json.loads(letter["Body"])["customerId"] == "someone-else"


@pytest.mark.parametrize("order_id", ["ORD-1", platform_id(1)])
def test_an_order_redelivered_after_its_status_moved_on_does_not_move_back(pipeline, api, order_id):
    pipeline.work(message(order_id))
    assert api.put(order_id, "processing").status == 200
    before = pipeline.items()
    assert pipeline.work(message(order_id)) == []
    assert pipeline.items() == before
    assert api.get(order_id).body["status"] == "processing"


def test_a_claim_outlives_its_order_however_late_each_change_comes(pipeline, monkeypatch):
    now = 1_767_323_045_000
    monkeypatch.setattr(orders_worker, "_now", lambda: now)
    pipeline.work(message("ORD-1"))
    claim, order = pipeline.claims()["ORD-1"], pipeline.orders()["ORD-1"]
    assert int(order["expiresAt"]["N"]) == now // 1000 + 90 * DAY
    # Changed at the last moment of each life, which makes one life more than there are changes.
    assert int(claim["expiresAt"]["N"]) == now // 1000 + 90 * DAY * (MOST_CHANGES + 1) + 30 * DAY


def test_an_expired_claim_that_is_not_deleted_yet_is_still_valid(pipeline):
    pipeline.work(message("ORD-1"))
    pipeline.database.put_item(TableName=TABLE, Item={**pipeline.claims()["ORD-1"], "expiresAt": {"N": "1"}})
    pipeline.work(message("ORD-1", customerId="someone-else"))
    assert pipeline.reasons() == ["order_conflict"]


def test_an_order_dated_back_does_not_expire_at_once(pipeline, monkeypatch):
    monkeypatch.setattr(orders_worker, "_now", lambda: 1_767_323_045_000)
    pipeline.work(message("ORD-1", timestamp=1))
    order = pipeline.orders()["ORD-1"]
    assert order["timestamp"]["N"] == "1"
    assert int(order["expiresAt"]["N"]) == 1_767_323_045 + 90 * DAY


# Calls


def test_ten_orders_with_ids_of_the_clients_choice_are_one_transaction(pipeline, calls):
    pipeline.work(*[message(f"ORD-{n}") for n in range(10)])
    assert calls == ["TransactWriteItems"]


def test_orders_with_platform_ids_are_one_call_for_25_of_them(pipeline, calls):
    pipeline.work(*[message(platform_id(n)) for n in range(26)])
    assert calls == ["BatchExecuteStatement"] * 2
    assert len(pipeline.orders()) == 27 and len(pipeline.claims()) == 1


def test_a_second_delivery_of_orders_with_platform_ids_is_one_more_call(pipeline, calls):
    batch = [message(platform_id(n)) for n in range(25)]
    pipeline.work(*batch)
    stored = pipeline.orders()
    calls.clear()
    assert pipeline.work(*batch) == []
    assert calls == ["BatchExecuteStatement", "TransactWriteItems"]
    assert pipeline.orders() == stored and pipeline.dead_letters() == []


def test_ten_rejected_messages_are_one_call(pipeline, calls):
    pipeline.work(*["{"] * 10)
    assert calls == ["SendMessageBatch"]


def test_a_large_batch_is_split_into_full_transactions(pipeline, calls):
    batch = [message(platform_id(n) if n % 3 == 0 else f"ORD-{n}") for n in range(180)]
    assert pipeline.work(*batch) == []
    assert Counter(calls) == {"BatchExecuteStatement": 3, "TransactWriteItems": 3}
    assert len(pipeline.orders()) == 181


def test_fifty_of_the_largest_orders_fit_into_a_transaction():
    from contract import schemas
    from domain import claims, messages

    wide = "\U0001f355"
    largest = message(
        "A" * 128,
        customerId="B" * 128,
        items=[{"productId": "C" * 128, "quantity": 1000, "price": 99_999.99}] * schemas.MAX_ITEMS,
        deliveryAddress={"street": wide * 200, "city": wide * 100, "zipCode": wide * 20},
        delivery="standard",
        payments=[{"method": "voucher", "amount": 99_999_999.99}] * schemas.MAX_PAYMENTS,
        sourceFile=wide * 1024,
        features=["multiplePayments"],
    )
    largest["payments"][0] = {"method": "card", "amount": 9_999_999_000 - 9 * 99_999_999.99}
    text = json.dumps(largest)
    assert len(text) < 1_048_576 / 10
    order = messages.order_of(messages.read(text)[None], now=1, settings={}, ttl_days=90, correlation_id="x" * 128)
    # JSON has more bytes than DynamoDB counts.
    size = len(str(order).encode()) + len(str(claims.order_claim(order, 90)).encode())
    assert size * bulk.ORDERS_PER_TRANSACTION < 4 * 1024 * 1024
    # An update adds changeId, but an INSERT has every other attribute. DynamoDB takes 8,192 characters.
    every = dict.fromkeys(Order.__annotations__, "")
    assert len(OrdersTable(None, "T" * 255).insert_statement(every)["Statement"]) < 8192


# Anything


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
FIELDS = [*sorted(ORDER_MESSAGE["properties"]), "extra"]
ALMOST = st.tuples(st.sampled_from(FIELDS), JSON | st.sampled_from(["express", [], 0, 1, 2])).map(
    lambda pair: json.dumps({**message(), pair[0]: pair[1]})
)
IDS = st.sampled_from(["A", "B", "C", platform_id(1), platform_id(2)])
GOOD = st.tuples(IDS, st.sampled_from(["one", "two"])).map(
    lambda pair: json.dumps(message(pair[0], customerId=pair[1]))
)
BODIES = (
    st.binary(max_size=40).map(lambda raw: raw.decode(errors="surrogateescape")) | JSON.map(json.dumps) | ALMOST | GOOD
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BODIES, max_size=12), st.sets(st.integers(0, 11)))
def test_any_message_has_exactly_one_result(pipeline, bodies, throttled):
    """Its order is stored, now or before; it is in the dead-letter queue; or it is reported."""
    calls, letters, reported = [], [], []

    def sometimes(real):
        def call(**request):
            calls.append(1)
            if len(calls) - 1 in throttled:
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")
            return real(**request)

        return call

    def collect(**request):
        letters.extend(entry["MessageBody"] for entry in request["Entries"])
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    records = [record(body) for body in bodies]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("batch_execute_statement", "transact_write_items"):
            patch.setattr(pipeline.database, name, sometimes(getattr(pipeline.database, name)))
        patch.setattr(pipeline.sqs, "send_message_batch", collect)
        patch.setattr(orders_worker, "_report", reported.append)
        failed = pipeline.work_on(records)
    (batch,) = reported
    ways = [set(batch.stored), set(batch.duplicate), set(batch.rejected), set(batch.failed)]
    assert sum(map(len, ways)) == len(set().union(*ways)) == len(batch) == len(bodies)
    assert set(failed) == {key.record for key in ways[3]}
    assert Counter(letters) == Counter(bodies[key.record] for key in ways[2])
    stored = pipeline.orders()
    for key in ways[0] | ways[1]:
        sent = json.loads(bodies[key.record])
        assert stored[sent["orderId"]]["customerId"]["S"] == sent["customerId"]


def test_the_delay_is_measured_from_the_moment_the_queue_had_the_message(pipeline, monkeypatch, capsys):
    monkeypatch.setattr(orders_worker, "_now", lambda: int(SENT) + 250)
    pipeline.work(message("ORD-1"))
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert documents[-1]["OrderProcessingLatency"] == 250


def test_many_workers_at_once_store_each_order_once(pipeline):
    """moto's table is one process's: threads stand for workers; the end-to-end tests use processes."""
    from concurrent.futures import ThreadPoolExecutor

    ids = [f"ORD-{n}" for n in range(10)] + [platform_id(n) for n in range(10)]
    batch = [message(each) for each in ids] + [message(each, customerId="someone-else") for each in ids]
    table = OrdersTable(pipeline.database, TABLE)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: orders_worker.bulk.store(table, orders_of(batch), 90, float("inf")), range(4)))
    assert len(pipeline.orders()) == 20 and len(pipeline.claims()) == 10


def orders_of(batch):
    from domain import messages

    read = [messages.read(json.dumps(each))[None] for each in batch]
    return [messages.order_of(each, now=1, settings={}, ttl_days=90, correlation_id=None) for each in read]
