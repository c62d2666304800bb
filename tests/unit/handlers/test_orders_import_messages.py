"""The messages that an import sends: full, small enough, of one priority, and all sent before anything is reported."""

import json
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.imports import BYTES_PER_MESSAGE, MAX_RECORD_BYTES, ORDERS_PER_MESSAGE
from contract.schemas import PRIORITIES
from domain import imports
from domain.files import Record
from domain.imports import Accepted
from handlers.queue_batches import size_of
from tests.unit.handlers.importing import Context, World, event, jsonl, order, sqs_failure

REQUEST = 65_536  # bytes that SQS bills as one request


def accepted(number, size=100, priority="normal", length=0):
    return Accepted(Record(number, number, 0, length, b"", read=None), priority, "x" * size)


SIZES = st.one_of(st.integers(1, 600), st.integers(1, MAX_RECORD_BYTES))
ORDERS = st.lists(st.tuples(SIZES, st.sampled_from(PRIORITIES), SIZES), max_size=120)


@settings(deadline=None)
@given(ORDERS)
def test_every_order_is_in_one_message_of_its_priority_and_messages_are_full(given_):
    orders = [accepted(n, *each) for n, each in enumerate(given_)]
    groups = list(imports.groups(orders))
    assert sorted(each.record.number for group in groups for each in group) == list(range(len(orders)))
    for group in groups:
        assert len({each.priority for each in group}) == 1 and len(group) <= ORDERS_PER_MESSAGE
        assert len(group) == 1 or sum(each.size for each in group) <= BYTES_PER_MESSAGE
    for priority in PRIORITIES:
        ours = [group for group in groups if group[0].priority == priority]
        assert [each for group in ours for each in group] == [each for each in orders if each.priority == priority]
        for group, after in pairwise(ours):
            is_full = len(group) == ORDERS_PER_MESSAGE
            assert is_full or sum(each.size for each in group) + after[0].size > BYTES_PER_MESSAGE


def test_what_is_kept_until_sqs_has_it_is_bounded_for_records_of_blanks_too():
    """A record of 200 KB may be an order of 100 bytes: twenty calls of ten full messages would keep 1 GB."""
    groups = list(imports.groups(accepted(n, 100, length=200_000) for n in range(10)))
    assert [len(group) for group in groups] == [1] * 10


def test_a_message_with_its_attributes_is_billed_as_one_request():
    records = [
        order(f"ORD-{n}", customerId="c" * (1 + n * 37 % 128), items=ITEMS[: 1 + n * 7 % 100]) for n in range(400)
    ]
    with World(jsonl(*records), flags={"loyaltyProgram": True}) as world:
        world.run(context=Context(request_id="r" * 128))
    assert len(world.queued_ids()) == 400
    sizes = [size_of(entry) for entry in world.entries]
    assert max(sizes) <= REQUEST and sorted(sizes)[1] > REQUEST - 8_000


ITEMS = [{"productId": f"ITEM-{n:030}", "quantity": 1, "price": 1.5} for n in range(100)]


def test_a_record_larger_than_that_goes_alone():
    large = order("LARGE", items=ITEMS)
    padded = json.dumps(large, indent=100).encode().replace(b"\n", b" ")
    assert REQUEST < len(padded) < MAX_RECORD_BYTES
    with World(jsonl(order("A"), padded, order("B"))) as world:
        world.run()
    assert sorted(map(tuple, world.ids_by_message())) == [("A",), ("B",), ("LARGE",)]
    assert {message["format"] for message in world.messages()} == {1}


def test_a_message_holds_orders_of_one_priority_and_says_which():
    records = [order(f"ORD-{n}", priority=PRIORITIES[n % 3 == 0]) for n in range(90)]
    with World(jsonl(*records)) as world:
        world.run()
    for message, entry in zip(world.messages(), world.entries, strict=True):
        (priority,) = {each["priority"] for each in message["orders"]}
        assert entry["MessageAttributes"]["priority"]["StringValue"] == priority
    assert Counter(len(message["orders"]) for message in world.messages()) == {25: 3, 10: 1, 5: 1}


@pytest.mark.parametrize("guilty", [{"ORD-7"}, {"ORD-0", "ORD-24", "ORD-25"}, {f"ORD-{n}" for n in range(60)}])
def test_of_a_message_that_sqs_refuses_only_the_guilty_records_are_rejected(guilty):
    sent = []

    def on_send(entries):
        sent.extend(entries)
        return [
            sqs_failure(entry, "InvalidMessageContents", True)
            for entry in entries
            if any(f'"{order_id}"' in entry["MessageBody"] for order_id in guilty)
        ]

    with World(jsonl(*[order(f"ORD-{n}") for n in range(60)])) as world:
        world.on_send = on_send
        report = world.run_all()
    wanted = [f"ORD-{n}" for n in range(60)]
    assert sorted(world.queued_ids()) == sorted(set(wanted) - guilty)
    assert [wanted[line["record"] - 1] for line in world.rejected()] == sorted(guilty, key=wanted.index)
    assert {line["details"][0] for line in world.rejected()} == {"record: the queue refused it: InvalidMessageContents"}
    assert (report["read"], report["queued"], report["rejected"]) == (60, 60 - len(guilty), len(guilty))
    refused_together = {name for name in wanted if {f"ORD-{n}" for n in range(int(name[4:]) // 25 * 25, 60)} & guilty}
    assert len(sent) <= 3 + len(refused_together)


@pytest.mark.parametrize("records", [4, 26, 40])
def test_open_messages_are_sent_before_anything_is_reported_or_continued(records):
    """A continuation starts behind the last record that was read, so each one before must be on the queue."""
    events = []
    body = jsonl(*[order(f"ORD-{n}", priority=PRIORITIES[n % 2]) if n % 5 else b"{" for n in range(60)])
    with World(body) as world:
        world.on_send = lambda entries: events.append("send")
        world.on_put = lambda key: events.append(key.rpartition("/")[2].partition(".")[2].partition(".")[0] or "report")
        world.on_invoke = lambda payload: events.append("invoke")
        world.run(context=Context(records))
        assert world.report()["queued"] == len(world.queued_ids()) == sum(1 for n in range(records) if n % 5)
        assert json.loads(world.payloads[0])["continuation"]["position"]["record"] == records
        assert events[-3:] == ["rejected", "json", "invoke"] and set(events[:-3]) <= {"send"}
        world.run_all(records, json.loads(world.payloads.popleft()))
    assert sorted(world.queued_ids()) == sorted(f"ORD-{n}" for n in range(60) if n % 5)


def test_open_messages_are_sent_before_a_fault_ends_the_file():
    body = json.dumps([order(f"ORD-{n}", priority=PRIORITIES[n % 2]) for n in range(7)]).encode()[:-1]
    with World(body, "orders/a.json") as world:
        world.run(event("orders/a.json"))
    assert world.report("orders/a.json")["queued"] == len(world.queued_ids()) == 7
