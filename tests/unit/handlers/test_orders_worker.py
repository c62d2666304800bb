"""Batches of messages, over moto: each ends stored, duplicate, rejected or failed, and exactly one of them."""

import json
from collections import Counter
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.lifecycle import MOST_CHANGES
from handlers import bulk, orders_worker
from handlers.repository import OrdersTable
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.pipeline import CONTEXT, SENT, message, platform_id, record

DAY = 86_400
MALFORMED = ["", "{", "null", "[]", "7", '"text"', "NaN", "[" * 100_000, '{"orderId": "a", "orderId": "b"}', "\ufeff{}"]
INVALID = [
    {},
    message(customerId=None),
    message(timestamp=None),
    message(timestamp="1"),
    message(timestamp=0),
    message(timestamp=9_999_999_999_999),
    message(source="api"),
    message(items="none"),
    message(items=[{"productId": "p", "quantity": "2", "price": 1}]),
    message(items=[{"productId": "p", "quantity": 1, "price": 0.001}]),
    message(order_id="idempotency#x"),
    message(extra=1),
]


@pytest.fixture
def calls(pipeline):
    """The names of the calls to DynamoDB and SQS since the settings were read."""
    pipeline.work(message("warm-up"))
    made = []
    for client in (pipeline.database, pipeline.sqs):
        name = f"before-call.{client.meta.service_model.service_name}"
        client.meta.events.register(name, lambda model, **rest: made.append(model.name), unique_id="count")
    yield made
    for client in (pipeline.database, pipeline.sqs):
        client.meta.events.unregister(f"before-call.{client.meta.service_model.service_name}", unique_id="count")


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


def test_an_import_leaves_its_traces_on_the_order(pipeline):
    sent = message("ORD-1", source="import", sourceFile="orders/a.json", processedDate="2026-01-02")
    assert pipeline.work(sent) == []
    (item,) = pipeline.orders().values()
    assert (item["source"]["S"], item["sourceFile"]["S"], item["processedDate"]["S"]) == (
        "import",
        "orders/a.json",
        "2026-01-02",
    )


def test_the_good_are_stored_and_each_bad_one_ends_in_the_dead_letter_queue_with_its_reason(pipeline):
    pipeline.work(message("OLD"), message("OTHER"))
    good = [message("NEW-1"), message(platform_id(1)), message("NEW-2")]
    duplicates = [message("OLD"), message("OLD", timestamp=1_767_323_099_999, priority="high")]
    conflicts = [message("OTHER", customerId="someone-else"), message("OTHER", items=good[0]["items"] * 2)]
    refused = [message("X", delivery="express"), message("Y", payments=[{"method": "card", "amount": 59.98}])]
    batch = [*good, *duplicates, *conflicts, *MALFORMED, *INVALID, *refused]
    assert pipeline.work(*batch) == []
    assert set(pipeline.orders()) == {"OLD", "OTHER", "NEW-1", "NEW-2", platform_id(1)}
    letters = pipeline.dead_letters()
    sent = [each if isinstance(each, str) else json.dumps(each) for each in batch[5:]]
    assert Counter(letter["Body"] for letter in letters) == Counter(sent)
    reasons = Counter(letter["MessageAttributes"]["rejectionReason"]["StringValue"] for letter in letters)
    assert reasons == {
        "order_conflict": 2,
        "invalid_request": len(MALFORMED) + len(INVALID),
        "feature_disabled": 2,
    }
    assert all(letter["MessageAttributes"]["rejectionDetail"]["StringValue"] for letter in letters)


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


def test_an_expired_claim_that_is_still_there_still_holds(pipeline):
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


def test_ten_orders_with_ids_given_here_are_ten_puts_and_nothing_else(pipeline, calls):
    pipeline.work(*[message(platform_id(n)) for n in range(10)])
    assert calls == ["PutItem"] * 10


def test_ten_rejected_messages_are_one_call(pipeline, calls):
    pipeline.work(*["{"] * 10)
    assert calls == ["SendMessageBatch"]


def test_a_large_batch_is_split_into_full_transactions(pipeline, calls):
    batch = [message(platform_id(n) if n % 3 == 0 else f"ORD-{n}") for n in range(180)]
    assert pipeline.work(*batch) == []
    assert Counter(calls) == {"PutItem": 60, "TransactWriteItems": 3}
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
    order = messages.order_of(
        messages.read(text, largest["timestamp"]), now=1, features=(), ttl_days=90, correlation_id="x" * 128
    )
    # Names, values and braces as JSON are more than what DynamoDB counts.
    size = len(str(order).encode()) + len(str(claims.order_claim(order, 90)).encode())
    assert size * bulk.ORDERS_PER_TRANSACTION < 4 * 1024 * 1024


# Faults


DOWN = [
    EndpointConnectionError(endpoint_url="x"),
    ReadTimeoutError(endpoint_url="x"),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems"),
    ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem"),
    ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem"),
]


@pytest.mark.parametrize("failure", [*DOWN, RuntimeError("a bug")], ids=repr)
def test_with_dynamodb_down_every_message_waits_and_is_stored_afterwards(pipeline, monkeypatch, failure):
    def fail(**request):
        raise failure

    batch = [record(message(f"ORD-{n}")) for n in range(3)] + [record(message(platform_id(n))) for n in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.database, "put_item", fail)
        patch.setattr(pipeline.database, "transact_write_items", fail)
        assert pipeline.work_on([*batch, record("{")]) == [0, 1, 2, 3, 4, 5]
    assert pipeline.items() == [] and pipeline.reasons() == ["invalid_request"]
    assert pipeline.work_on(batch) == []
    assert len(pipeline.orders()) == 6


def test_a_write_that_succeeded_unheard_is_a_duplicate_afterwards(pipeline, monkeypatch):
    def unheard(real):
        def call(**request):
            real(**request)
            raise ReadTimeoutError(endpoint_url="x")

        return call

    batch = [message("ORD-1"), message("ORD-2"), message(platform_id(1))]
    with monkeypatch.context() as patch:
        for name in ("put_item", "transact_write_items"):
            patch.setattr(pipeline.database, name, unheard(getattr(pipeline.database, name)))
        assert pipeline.work(*batch) == [0, 1, 2]
    before = pipeline.items()
    assert pipeline.work(*batch) == []
    assert pipeline.items() == before and pipeline.reasons() == []


def test_a_process_killed_after_storing_does_nothing_twice(pipeline, monkeypatch):
    batch = [message("ORD-1"), "{", message("ORD-1", customerId="someone-else")]
    with monkeypatch.context() as patch:
        patch.setattr(orders_worker, "_reject", lambda batch: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.work(*batch)
    assert pipeline.work(*batch) == []
    assert pipeline.orders()["ORD-1"]["customerId"]["S"] == "CUST-12345"
    assert pipeline.reasons() == ["invalid_request", "order_conflict"]


def test_nothing_new_is_begun_when_time_is_running_out(pipeline, monkeypatch, calls):
    monkeypatch.setattr(CONTEXT, "get_remaining_time_in_millis", lambda: 0)
    assert pipeline.work(message("ORD-1"), message(platform_id(1)), "{") == [0, 1]
    assert calls == ["SendMessageBatch"]


def test_settings_that_cannot_be_read_stop_nothing(pipeline, monkeypatch):
    from handlers import clients

    monkeypatch.setattr(clients.ssm(), "get_parameters", lambda **request: {"Parameters": []})
    assert pipeline.work(message("ORD-1")) == []
    assert set(pipeline.orders()) == {"ORD-1"}


@pytest.fixture
def transactions(pipeline, monkeypatch):
    """Decides over each transaction: set `.verdict`, a function of the order ids that may raise."""

    class Script:
        sizes: list[int] = []
        verdict = staticmethod(lambda ids: None)

        @staticmethod
        def cancel(codes):
            reasons = [{"Code": code} for code in codes]
            raise pipeline.database.exceptions.TransactionCanceledException(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )

    script = Script()
    script.sizes = []
    real = pipeline.database.transact_write_items

    def transact_write_items(**request):
        ids = [put["Put"]["Item"]["orderId"]["S"] for put in request["TransactItems"]][::2]
        script.sizes.append(len(ids))
        script.verdict(ids)
        return real(**request)

    monkeypatch.setattr(pipeline.database, "transact_write_items", transact_write_items)
    return script


def test_a_conflict_spoils_the_transaction_once_and_the_others_are_stored_once(pipeline, transactions):
    pipeline.work(message("BAD"))
    transactions.sizes.clear()
    batch = [message(f"ORD-{n}") for n in range(9)] + [message("BAD", customerId="someone-else")]
    assert pipeline.work(*batch) == []
    assert transactions.sizes == [10, 9]
    assert len(pipeline.orders()) == 10 and pipeline.reasons() == ["order_conflict"]


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_an_order_that_others_are_writing_is_tried_again_alone(pipeline, transactions, code):
    busy = ["ORD-3"] * 3

    def verdict(ids):
        if busy and busy[0] in ids:
            bad = busy.pop()
            transactions.cancel([c for each in ids for c in ([code, "None"] if each == bad else ["None", "None"])])

    transactions.verdict = verdict
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(10)]) == []
    assert sorted(transactions.sizes) == [1, 1, 1, 9, 10]
    assert len(pipeline.orders()) == 10


def test_an_order_that_others_never_stop_writing_fails_alone(pipeline, transactions):
    def verdict(ids):
        if "ORD-3" in ids:
            transactions.cancel(
                [c for each in ids for c in (["TransactionConflict" if each == "ORD-3" else "None"] * 2)]
            )

    transactions.verdict = verdict
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(10)]) == [3]
    assert len(pipeline.orders()) == 9
    assert len(transactions.sizes) == bulk.ROUNDS + 1


def invalid():
    return ClientError({"Error": {"Code": "ValidationException"}}, "TransactWriteItems")


@pytest.mark.parametrize("size", [1, 2, 10, 50, 60])
def test_an_order_that_cannot_be_written_is_found_and_fails_alone(pipeline, transactions, size):
    def verdict(ids):
        if "ORD-0" in ids:
            raise invalid()

    transactions.verdict = verdict
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(size)]) == [0]
    assert len(pipeline.orders()) == size - 1
    assert len(transactions.sizes) <= 15


def test_a_cancellation_for_a_reason_of_its_own_fails_that_order_only(pipeline, transactions):
    def verdict(ids):
        if "ORD-1" in ids:
            transactions.cancel([c for each in ids for c in ("None", "ValidationError" if each == "ORD-1" else "None")])

    transactions.verdict = verdict
    assert pipeline.work(message("ORD-1"), message("ORD-2")) == [0]
    assert set(pipeline.orders()) == {"ORD-2"}


def test_every_order_of_a_throttled_table_gets_its_turn(pipeline, transactions):
    """A table with few units refuses what one by one it takes."""
    transactions.verdict = lambda ids: transactions.cancel(["ThrottlingError"] * 2 * len(ids)) if len(ids) > 1 else None
    assert pipeline.work(*[message(f"ORD-{n}") for n in range(10)]) == []
    assert len(pipeline.orders()) == 10


def test_an_order_without_its_claim_is_still_never_overwritten(pipeline):
    pipeline.work(message("ORD-1"))
    key = {"orderId": {"S": "ORD-1"}, "timestamp": {"N": "0"}}
    pipeline.database.delete_item(TableName=TABLE, Key=key)
    assert pipeline.work(message("ORD-1"), message("ORD-2")) == []
    assert pipeline.work(message("ORD-1", customerId="someone-else")) == []
    assert pipeline.reasons() == ["order_conflict"]
    assert pipeline.orders()["ORD-1"]["customerId"]["S"] == "CUST-12345"


# The dead-letter queue


def test_a_rejected_message_keeps_its_body_and_attributes(pipeline):
    own = {"priority": "high", "source": "pipeline", "correlationId": "request-1", "binary": b"\x00\xff"}
    assert pipeline.work_on([record(" {not json} ", own)]) == []
    (letter,) = pipeline.dead_letters()
    assert letter["Body"] == " {not json} "
    values = {
        name: each.get("StringValue", each.get("BinaryValue")) for name, each in letter["MessageAttributes"].items()
    }
    assert values == {**own, "rejectionReason": "invalid_request", "rejectionDetail": "body: must be valid JSON"}


def test_a_rejected_message_keeps_its_trace(pipeline, monkeypatch):
    sent = []
    monkeypatch.setattr(pipeline.sqs, "send_message_batch", lambda **request: sent.append(request) or {})
    pipeline.work("{")
    (entry,) = sent[0]["Entries"]
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    assert entry["MessageSystemAttributes"] == {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}


def test_a_message_put_back_and_rejected_again_has_its_latest_reason(pipeline):
    attributes = {f"a{n}": "x" for n in range(7)} | {"rejectionReason": "old", "rejectionDetail": "old", "z": "x"}
    pipeline.work_on([record("{", attributes)])
    (letter,) = pipeline.dead_letters()
    assert letter["MessageAttributes"]["rejectionReason"]["StringValue"] == "invalid_request"
    assert len(letter["MessageAttributes"]) == 10


def test_reasons_are_short_and_repeat_no_value(pipeline):
    secret = "Planted-Value-7c1"
    pipeline.work(message("ORD-1", items=[{"productId": f"{secret} x", "quantity": 0, secret + "!": 1}] * 100))
    (letter,) = pipeline.dead_letters()
    detail = letter["MessageAttributes"]["rejectionDetail"]["StringValue"]
    assert len(detail) == 256 and secret not in detail


@pytest.mark.parametrize("failure", [*DOWN[:3], ClientError({"Error": {"Code": "AccessDenied"}}, "x")], ids=repr)
def test_what_the_dead_letter_queue_cannot_take_is_tried_again(pipeline, monkeypatch, failure):
    tries = []

    def fail(**request):
        tries.append(len(request["Entries"]))
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(pipeline.sqs, "send_message_batch", fail)
        assert pipeline.work(message("ORD-1"), *["{"] * 25) == list(range(1, 26))
    assert set(pipeline.orders()) == {"ORD-1"}
    assert tries[0] == 10 and (len(tries) == 1 or tries[3:] == [1] * 25)


def test_entries_that_the_dead_letter_queue_refuses_are_tried_again(pipeline, monkeypatch):
    real = pipeline.sqs.send_message_batch

    def one_refused(**request):
        kept = [entry for entry in request["Entries"] if entry["MessageBody"] != "{2"]
        answer = real(QueueUrl=request["QueueUrl"], Entries=kept)
        refused = [entry for entry in request["Entries"] if entry not in kept]
        return {
            **answer,
            "Failed": [{"Id": each["Id"], "SenderFault": False, "Code": "InternalError"} for each in refused],
        }

    monkeypatch.setattr(pipeline.sqs, "send_message_batch", one_refused)
    assert pipeline.work("{0", "{1", "{2", "{3") == [2]
    assert len(pipeline.reasons()) == 3


def test_one_message_that_cannot_be_sent_does_not_keep_the_others(pipeline, monkeypatch):
    real = pipeline.sqs.send_message_batch

    def picky(**request):
        if any(entry["MessageBody"] == "{2" for entry in request["Entries"]):
            raise ClientError({"Error": {"Code": "InvalidParameterValue"}}, "SendMessageBatch")
        return real(**request)

    monkeypatch.setattr(pipeline.sqs, "send_message_batch", picky)
    assert pipeline.work("{0", "{1", "{2", "{3") == [2]
    assert len(pipeline.reasons()) == 3


def test_large_messages_share_no_call_and_one_too_large_for_its_reason_stays(pipeline, monkeypatch):
    sent = []

    def send(**request):
        sizes = [len(entry["MessageBody"]) for entry in request["Entries"]]
        assert sum(sizes) < 1_048_576
        sent.append(sizes)
        return {}

    monkeypatch.setattr(pipeline.sqs, "send_message_batch", send)
    sizes = [1_048_576, 1_000_000, 200_000, 200_000, 30_000, 10]
    assert pipeline.work(*["{" * size for size in sizes]) == [0]
    assert sent == [[1_000_000], [200_000], [200_000, 30_000, 10]]


# Anything


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=8,
)
ALMOST = st.tuples(st.sampled_from(sorted(message())), JSON).map(
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
def test_any_message_ends_in_exactly_one_way(pipeline, bodies, throttled):
    """Four ways: a message is stored or there already, in the dead-letter queue, or reported."""
    real, calls, letters, told = pipeline.database.transact_write_items, [], [], []

    def sometimes(**request):
        calls.append(1)
        if len(calls) - 1 in throttled:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "TransactWriteItems")
        return real(**request)

    def collect(**request):
        letters.extend(entry["MessageBody"] for entry in request["Entries"])
        return {}

    records = [record(body) for body in bodies]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline.database, "transact_write_items", sometimes)
        patch.setattr(pipeline.sqs, "send_message_batch", collect)
        patch.setattr(orders_worker, "_tell", told.append)
        failed = pipeline.work_on(records)
    (batch,) = told
    ways = [set(batch.stored), set(batch.duplicate), set(batch.rejected), set(batch.failed)]
    assert sum(map(len, ways)) == len(set().union(*ways)) == len(bodies)
    assert set(failed) == ways[3]
    assert Counter(letters) == Counter(bodies[place] for place in ways[2])
    stored = pipeline.orders()
    for place in ways[0] | ways[1]:
        sent = json.loads(bodies[place])
        assert stored[sent["orderId"]]["customerId"]["S"] == sent["customerId"]


def test_the_delay_is_measured_from_the_moment_the_queue_had_the_message(pipeline, monkeypatch, capsys):
    monkeypatch.setattr(orders_worker, "_now", lambda: int(SENT) + 250)
    pipeline.work(message("ORD-1"))
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert documents[-1]["OrderStoreDelay"] == [250.0]


def test_many_workers_at_once_store_each_order_once(pipeline):
    """moto's table is one process's: threads play the workers; the end-to-end tests use processes."""
    from concurrent.futures import ThreadPoolExecutor

    batch = [message(f"ORD-{n}") for n in range(10)] + [
        message(f"ORD-{n}", customerId="someone-else") for n in range(10)
    ]
    table = OrdersTable(pipeline.database, TABLE)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: orders_worker.bulk.store(table, orders_of(batch), 90, float("inf")), range(4)))
    assert len(pipeline.orders()) == len(pipeline.claims()) == 10


def orders_of(batch):
    from domain import messages

    read = [messages.read(json.dumps(each), 1_767_323_045_000) for each in batch]
    return [messages.order_of(each, now=1, features=(), ttl_days=90, correlation_id=None) for each in read]
