"""Messages of several orders: each order has its own result, and what settles one order does not wait for another.

`golden/messages_of_several/` has, for each released format, the records, the message made of them, and the items that
the worker stored. Golden files are added, never changed and never removed.
"""

import json
from pathlib import Path

import pytest

from contract.imports import ORDERS_PER_MESSAGE
from domain import messages, orders
from domain.errors import OrderError, UnknownFormat
from handlers import bulk
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.importing import World, event, jsonl
from tests.unit.handlers.pipeline import message, platform_id, record

DIRECTORY = Path(__file__).parent / "golden" / "messages_of_several"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.json"))}
# Their folder has become a partner's.
NO_LONGER_WRITTEN = {"format-2-imported"}
NEWEST = [
    name
    for name, each in GOLDEN.items()
    if each["message"]["format"] == messages.SEVERAL and name not in NO_LONGER_WRITTEN
]
golden_messages = pytest.mark.parametrize("name", GOLDEN)


def several(*orders_: object, **envelope: object) -> dict:
    return {"format": 2, "orders": list(orders_), **envelope}


def items_of(golden):
    """Return the golden items as in the table, not expired."""
    return [item | {"expiresAt": {"N": "9999999999"}} for item in golden["items"]]


def without_clock(items):
    return sorted(
        ({name: value for name, value in item.items() if name not in ("updatedAt", "expiresAt")} for item in items),
        key=lambda item: (item["orderId"]["S"], item["timestamp"]["N"]),
    )


# Formats


def test_each_released_format_has_its_golden_messages():
    assert {each["message"]["format"] for each in GOLDEN.values()} == set(range(messages.SEVERAL, messages.FORMAT + 1))


@pytest.mark.parametrize("name", NEWEST)
def test_a_new_message_equals_the_newest_golden_one(name):
    golden = GOLDEN[name]
    key = golden["message"]["orders"][0]["sourceFile"].removeprefix("s3://uploads/")
    with World(jsonl(*golden["given"]), key, golden["flags"]) as world:
        world.run(event(key))
    assert world.messages() == [golden["message"]]


@golden_messages
def test_a_message_of_any_released_format_becomes_the_same_orders_as_ever(pipeline, name):
    golden = GOLDEN[name]
    assert pipeline.work_on([record(golden["message"], {"correlationId": "request-1"})]) == []
    assert without_clock(pipeline.items()) == without_clock(golden["items"]) and pipeline.dead_letters() == []


@golden_messages
def test_orders_stored_by_an_earlier_version_are_recognised(pipeline, name):
    golden = GOLDEN[name]
    for item in items_of(golden):
        pipeline.database.put_item(TableName=TABLE, Item=item)
    before = pipeline.items()
    assert pipeline.work(golden["message"]) == []
    assert pipeline.items() == before and pipeline.dead_letters() == []
    others = [{**order, "customerId": "somebody-else"} for order in golden["message"]["orders"]]
    assert pipeline.work({**golden["message"], "orders": others}) == []
    assert [json.loads(letter["Body"]) for letter in pipeline.dead_letters()] == [{"format": 1, **o} for o in others]


@golden_messages
def test_a_worker_that_reads_one_order_only_returns_the_message_and_a_newer_one_stores_it(pipeline, monkeypatch, name):
    """After a rollback, and during a deployment."""
    with monkeypatch.context() as patch:
        patch.setattr(messages, "FORMAT", messages.ONE)
        assert pipeline.work(message("ALONE"), GOLDEN[name]["message"]) == [1]
        assert set(pipeline.orders()) == {"ALONE"} and pipeline.dead_letters() == []
    assert pipeline.work(message("ALONE"), GOLDEN[name]["message"]) == []
    wanted = {order["orderId"] for order in GOLDEN[name]["message"]["orders"]}
    assert set(pipeline.orders()) == wanted | {"ALONE"} and pipeline.dead_letters() == []


def test_one_order_is_written_so_that_every_worker_reads_it():
    assert json.loads(messages.write(['{"a":1}'])) == {"format": 1, "a": 1}
    assert json.loads(messages.write(['{"a":1}', '{"a":2}'])) == several({"a": 1}, {"a": 2})


def order(order_id="ORD-1", **changes):
    return message(order_id, **changes)


# An envelope that cannot be read


@pytest.mark.parametrize(
    "body, kind",
    [
        ({"format": 2}, OrderError),
        (several(), OrderError),
        ({"format": 2, "orders": None}, OrderError),
        ({"format": 2, "orders": {"0": order()}}, OrderError),
        ('{"format":2.0,"orders":[{}]}', OrderError),
        (several(*[7] * 101), OrderError),
        ({"format": 2, **order()}, UnknownFormat),
        (several(order(), compressed=True), UnknownFormat),
        ({**several(), "later": 1}, UnknownFormat),
        ({**several(order()), "format": 3}, UnknownFormat),
    ],
    ids=str,
)
def test_a_message_that_cannot_be_read_is_rejected_or_returned_as_a_whole(pipeline, body, kind):
    """A dead letter is the message, unchanged; what a newer version may have written is retried."""
    text = body if isinstance(body, str) else json.dumps(body)
    ((index, read),) = messages.read(text).items()
    assert index is None and isinstance(read, kind) and read.details
    assert pipeline.work(order("OTHER"), text) == ([1] if kind is UnknownFormat else [])
    assert set(pipeline.orders()) == {"OTHER"}
    assert [letter["Body"] for letter in pipeline.dead_letters()] == ([] if kind is UnknownFormat else [text])


# Each order alone


NOT_ORDERS = [7, None, "x", [], {}, order(customerId=7), order(items=[]), order(timestamp=0), order(order_id=None)]
NEWER = [order(laterTip=1), order(source="marketplace"), order(delivery="drone"), order(format=1), order(format=3)]


@pytest.mark.parametrize("bad", NOT_ORDERS, ids=str)
def test_one_order_that_is_not_valid_rejects_only_itself(pipeline, bad):
    assert pipeline.work(several(order("A"), bad, order("B"))) == []
    assert set(pipeline.orders()) == {"A", "B"}
    (letter,) = pipeline.dead_letters()
    assert json.loads(letter["Body"]) == ({"format": 1, **bad} if bad and isinstance(bad, dict) else bad)
    assert letter["MessageAttributes"]["rejectionReason"]["StringValue"] == "invalid_request"


@pytest.mark.parametrize("newer", NEWER, ids=str)
def test_one_order_of_a_newer_version_returns_the_message_and_the_others_are_stored(pipeline, newer):
    sent = several(order("A"), newer, order("B"))
    assert pipeline.work(sent, order("C")) == [0]
    assert set(pipeline.orders()) == {"A", "B", "C"}
    before = pipeline.items()
    assert pipeline.work(sent) == [0]
    assert pipeline.items() == before and pipeline.dead_letters() == []


@pytest.mark.parametrize("where", [0, 12, 24])
def test_of_twenty_five_orders_with_one_that_conflicts_all_others_are_stored(pipeline, where):
    pipeline.work(order("TAKEN", customerId="somebody-else"))
    batch = [order(f"ORD-{n}") for n in range(25)]
    batch[where] = order("TAKEN")
    own = {"priority": "normal", "source": "import", "correlationId": "request-1"}
    assert pipeline.work_on([record(several(*batch), own)]) == []
    assert len(pipeline.orders()) == 25
    (letter,) = pipeline.dead_letters()
    assert json.loads(letter["Body"]) == {"format": 1, **order("TAKEN")}
    values = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert values.pop("rejectionDetail") and values == {**own, "rejectionReason": "order_conflict"}
    # Redriven when its cause is fixed.
    pipeline.database.delete_item(TableName=TABLE, Key={"orderId": {"S": "TAKEN"}, "timestamp": {"N": "0"}})
    key = {name: pipeline.orders()["TAKEN"][name] for name in ("orderId", "timestamp")}
    pipeline.database.delete_item(TableName=TABLE, Key=key)
    assert pipeline.work(letter["Body"]) == []
    assert pipeline.orders()["TAKEN"]["customerId"]["S"] == "CUST-12345"


@pytest.mark.parametrize("ids", [["A", "B", "A"], [platform_id(1), "B", platform_id(1)]])
def test_the_same_order_twice_in_one_message_or_in_two_is_stored_once(pipeline, ids):
    same = several(*map(order, ids))
    assert pipeline.work(same, same, order(ids[0])) == []
    assert set(pipeline.orders()) == set(ids) and pipeline.dead_letters() == []


def test_conflicting_orders_in_one_message_are_one_order_and_one_dead_letter(pipeline):
    assert pipeline.work(several(order("A"), order("B"), order("A", customerId="somebody-else"))) == []
    assert pipeline.orders()["A"]["customerId"]["S"] == "CUST-12345"
    (letter,) = pipeline.dead_letters()
    assert json.loads(letter["Body"]) == {"format": 1, **order("A", customerId="somebody-else")}


@pytest.mark.parametrize("envelope", ['{"format":2,"orders":[%s]}', '{ "orders" : [ %s ] ,\n "format": 2 }'])
def test_a_dead_letter_has_the_text_of_its_order_digit_by_digit(pipeline, envelope):
    """A number may have more digits than a float: rounded, the order might be accepted when it is redriven."""
    exact = (
        '{"items":[{"productId":"p","quantity":1,"price":29.990000000000000000001}],'
        + json.dumps(order(items=None))[1:]
    )
    for texts in ([exact], [json.dumps(order("A")), exact], ["[1, {}]", exact, '"]["']):
        assert pipeline.work(envelope % " , ".join(texts)) == []
        assert f'{{"format":1,{exact[1:]}' in [letter["Body"] for letter in pipeline.dead_letters()]


# Failures


def busy(table, *order_ids):
    """Return an `on_call` that fails as DynamoDB does while other requests write these orders."""

    def on_call(ids):
        if set(ids) & set(order_ids):
            table.cancel(
                [{"Code": "TransactionConflict" if each in order_ids else "None"} for each in ids for _ in "12"]
            )

    return on_call


def test_a_message_with_a_failed_order_returns_and_its_rejected_ones_wait_for_it(pipeline, table):
    pipeline.work(order("TAKEN", customerId="somebody-else"))
    first, second = several(order("A"), order("BUSY"), order("TAKEN"), 7), several(order("B"), order("TAKEN"))
    table.on_call = busy(table, "BUSY")
    assert pipeline.work(first, second) == [0]
    assert set(table.orders()) == {"TAKEN", "A", "B"} and pipeline.reasons() == ["order_conflict"]
    table.on_call = busy(table)
    assert pipeline.work(first) == []
    assert set(table.orders()) == {"TAKEN", "A", "B", "BUSY"}
    assert pipeline.reasons() == ["invalid_request", "order_conflict"]


@pytest.mark.parametrize("response", [{"Failed": [{"Id": "0"}]}, {}], ids=["failed", "not_confirmed"])
def test_a_message_whose_dead_letter_cannot_be_sent_returns(pipeline, monkeypatch, response):
    sent = several(order("A"), 7, order("B"))
    with monkeypatch.context() as patch:
        patch.setattr(pipeline.sqs, "send_message_batch", lambda **request: response)
        assert pipeline.work(order("C"), sent) == [1]
    assert pipeline.work(sent) == []
    assert set(pipeline.orders()) == {"A", "B", "C"} and pipeline.reasons() == ["invalid_request"]


def test_only_messages_with_a_failed_order_return(pipeline, table, batch):
    table.on_call = busy(table, "ORD-3-7", "ORD-8-0", "ORD-8-24")
    assert pipeline.work(*batch) == [3, 8]
    assert len(table.orders()) == 247
    table.on_call = busy(table)
    assert pipeline.work(batch[3], batch[8]) == []
    assert len(table.orders()) == 250 and pipeline.dead_letters() == []


# Calls


@pytest.fixture
def batch():
    return [several(*[order(f"ORD-{m}-{n}") for n in range(25)]) for m in range(10)]


def test_a_full_batch_is_five_transactions(pipeline, table, batch):
    """0.02 calls for each order, and 0.028 with Lambda's ReceiveMessage and DeleteMessageBatch."""
    assert pipeline.work(*batch) == []
    assert table.calls == [50] * 5 and len(table.orders()) == 250
    assert (len(table.calls) + 2) / 250 <= 0.03


def test_a_stored_message_that_is_delivered_again_costs_one_look(pipeline, table, batch):
    pipeline.work(*batch)
    before = dict(table.items)
    for again, looks in ((batch[:1], [25]), (batch[:2], [50]), (batch, [50] * 5)):
        table.calls.clear()
        assert pipeline.work(*again) == [] and table.calls == looks
    assert table.items == before


def test_a_message_that_is_stored_in_part_costs_two(pipeline, table, batch):
    pipeline.work(*batch[0]["orders"][:13])
    table.calls.clear()
    assert pipeline.work(batch[0]) == []
    assert table.calls == [25, 12]


def test_all_dead_letters_of_a_batch_share_calls(pipeline, calls):
    assert pipeline.work(*[several(order(f"ORD-{n}"), 7, 8) for n in range(10)]) == []
    assert calls == ["TransactWriteItems", "SendMessageBatch", "SendMessageBatch"]


def test_the_orders_of_a_message_divide_a_transaction():
    assert bulk.ORDERS_PER_TRANSACTION % ORDERS_PER_MESSAGE == 0


# Logs and metrics


def test_each_order_has_its_log_line_and_counts(pipeline, caplog, capsys):
    pipeline.work(order("TAKEN", customerId="somebody-else"))
    caplog.clear(), capsys.readouterr()
    sent = record(several(order("A"), order("TAKEN"), 7, order("A"), order(laterTip=1)), {"correlationId": "request-1"})
    pipeline.work_on([sent, record(several(order("B"), order("TAKEN")))])
    lines = [each for each in caplog.records if getattr(each, "message_id", None) == sent["messageId"]]
    assert [(line.message, line.order_id) for line in lines] == [
        ("order stored", "A"),
        ("order is there already", "A"),
        ("rejection postponed", None),
        ("rejection postponed", "TAKEN"),
        ("message not known to this version", None),
    ]
    assert {line.correlation_id for line in lines} == {"request-1"}
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (len(metrics["OrderValue"]), metrics["OrderDuplicate"]) == (2, 1)
    assert (metrics["OrderRetried"], metrics["OrderRejected"]) == ([1, 1, 1], 1)


def test_an_id_given_here_may_stand_beside_chosen_ones(pipeline):
    assert orders.is_platform_id(platform_id(1))
    assert pipeline.work(several(order(platform_id(1)), order("A"))) == []
    assert set(pipeline.orders()) == {platform_id(1), "A"}
