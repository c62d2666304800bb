"""A file that takes longer than a function may run: with any continuations, each record counts once."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.imports import MAX_INVOCATIONS, MAX_KEY_BYTES
from contract.schemas import PRIORITIES
from handlers import orders_import
from handlers.orders_import import ImportFailed
from tests.unit.handlers.importing import Context, Killed, World, event, failure, jsonl, order, sqs_failure
from tests.unit.handlers.test_orders_import import valid_report


def mixed(number):
    """Make every third record invalid, and give every second one two items."""
    item = {"productId": "ITEM-1", "quantity": 1, "price": 1}
    return [
        order(f"ORD-{n}", customerId=None if n % 3 == 0 else "c", items=[item] * (1 + n % 2)) for n in range(number)
    ]


def good(number):
    return [f"ORD-{n}" for n in range(number) if n % 3]


def bad(number):
    return [n + 1 for n in range(number) if n % 3 == 0]


def as_csv(records):
    rows = (
        f"{each['orderId']},{each.get('customerId', '')},{item['productId']},{item['quantity']},{item['price']}\n"
        for each in records
        for item in each["items"]
    )
    return b"orderId,customerId,productId,quantity,price\n" + "".join(rows).encode()


FORMATS = {
    "orders/a.jsonl": lambda records: jsonl(*records),
    "orders/a.json": lambda records: json.dumps(records).encode(),
    "orders/a.csv": as_csv,
    "orders/a.jsonl.gz": lambda records: gzip.compress(jsonl(*records), mtime=0),
}


@pytest.mark.parametrize("key", FORMATS)
@pytest.mark.parametrize("at_a_time", [2, 3, 7, 19, 20, 21])
def test_a_file_is_read_to_its_end_by_many_invocations(key, at_a_time):
    records = mixed(20)
    with World(FORMATS[key](records), key) as world:
        world.run_all(at_a_time, event(key))
        report = world.report(key)
        rejected = [
            json.loads(line) for name in report["rejectedFiles"] for line in world.objects[name, None].splitlines()
        ]
    valid_report(report)
    assert world.queued_ids() == good(20)
    assert (report["status"], report["read"], report["queued"], report["rejected"]) == ("completed", 20, 13, 7)
    assert report["invocations"] == world.invocations == 20 // at_a_time + 1
    assert report["reasons"] == {"invalid_request": 7}
    assert [line["record"] for line in rejected] == bad(20)
    assert {entry["MessageAttributes"]["correlationId"]["StringValue"] for entry in world.entries} == {"request-1"}


def test_a_running_import_has_a_running_report():
    with World(jsonl(*mixed(5))) as world:
        world.run(context=Context(2))
        first = world.report()
        world.run(world.payloads.popleft(), Context(2))
        second = world.report()
    valid_report(first)
    assert (first["status"], first["read"], first["queued"], first["finishedAt"]) == ("running", 2, 1, None)
    assert (second["read"], second["invocations"], second["startedAt"]) == (4, 2, first["startedAt"])


def test_a_continuation_is_the_event_and_where_to_resume():
    with World(jsonl(*mixed(5))) as world:
        world.run(context=Context(2))
        world.run(world.payloads[0], Context(2))
    for payload, read in zip(world.payloads, (2, 4), strict=True):
        sent = json.loads(payload)
        continuation = sent.pop("continuation")
        assert sent == event() and continuation["read"] == read


@pytest.mark.parametrize(
    "milliseconds, kept", [(900_000, 60_000), (100_000, 20_000), (5_000, 2_000), (300_000, 60_000)]
)
def test_a_fifth_of_the_time_is_reserved_within_bounds(milliseconds, kept):
    for left, handed_over in ((kept, 0), (kept - 1, 1)):
        context = Context(milliseconds=milliseconds)
        with World(jsonl(*mixed(5))) as world:
            answers = iter([milliseconds])
            context.get_remaining_time_in_millis = lambda answers=answers, left=left: next(answers, left)
            world.run(context=context)
        assert len(world.payloads) == handed_over


def test_an_invocation_without_time_reads_one_record_all_the_same():
    with World(jsonl(*mixed(3))) as world:
        world.run_all(1)
    assert world.invocations == 4 and world.report()["read"] == 3


def test_more_invocations_than_there_may_be_end_the_file_with_a_fault():
    body = jsonl(*mixed(40))
    with World(body) as world:
        report = world.run_all(2)
    valid_report(report)
    assert world.invocations == report["invocations"] == MAX_INVOCATIONS
    assert (report["status"], report["read"]) == ("broken", 30) and report["finishedAt"]
    assert report["queued"] + report["rejected"] == 30 and len(world.queued_ids()) == report["queued"]
    fault = report["fault"]
    assert fault["line"] == 30 and "15 invocations" in fault["reason"]
    assert fault["byte"] == sum(len(line) + 1 for line in body.splitlines()[:29])


def test_the_last_invocation_may_read_the_file_to_its_end():
    with World(jsonl(*mixed(2 * MAX_INVOCATIONS - 1))) as world:
        report = world.run_all(2)
    assert (report["status"], report["invocations"]) == ("completed", MAX_INVOCATIONS)


def test_a_file_with_too_many_rejected_records_ends_with_a_fault_and_can_be_continued_until_then(monkeypatch):
    monkeypatch.setattr(orders_import, "REJECTED_BYTES", 1)
    monkeypatch.setattr(orders_import, "MAX_REJECTED_FILES", 5)
    with World(jsonl(*mixed(40))) as world:
        report = world.run_all(7)
    assert report["status"] == "broken" and "too many" in report["fault"]["reason"]
    assert (report["rejected"], report["fault"]["line"]) == (5, 13) and len(report["rejectedFiles"]) == 5


def test_the_longest_continuation_fits_into_an_asynchronous_invocation():
    key = "orders/" + "\u0001" * (MAX_KEY_BYTES - len("orders/"))
    highest = 10 * 1024**3
    ranges = [[highest, highest, "d" * orders_import.DIGEST_LENGTH]] * (orders_import.MAX_REJECTED_FILES - 2)
    with World(jsonl(*mixed(5)), key) as world:
        world.run(event(key), Context(2))
        sent = json.loads(world.payloads.popleft())
        sent["continuation"]["ranges"] = ranges
        world.run(sent, Context(2))
    (payload,) = world.payloads
    assert 100_000 < len(payload) < 200_000


# Invocations that run twice or are killed.


def test_a_crash_between_self_invocation_and_return_does_no_harm():
    with World(jsonl(*mixed(20))) as world:

        def die(payload):
            world.on_invoke = lambda payload: None
            raise Killed

        world.on_invoke = die
        with pytest.raises(Killed):
            world.run(context=Context(4))
        world.run_all(4)  # Lambda retries, although the continuation is invoked already
    report = world.report()
    assert (report["status"], report["read"], report["queued"], report["rejected"]) == ("completed", 20, 13, 7)
    assert set(world.queued_ids()) == set(good(20))
    assert [line["record"] for line in world.rejected()] == bad(20)


def test_two_invocations_at_once_do_no_harm():
    with World(jsonl(*mixed(20))) as world:

        def twin(start, piece):
            world.on_get = lambda start, piece: None
            world.run(context=Context(3))

        world.on_get = twin
        report = world.run_all(7)
    assert (report["status"], report["read"], report["queued"], report["rejected"]) == ("completed", 20, 13, 7)
    assert set(world.queued_ids()) == set(good(20))
    assert [line["record"] for line in world.rejected()] == bad(20)


@pytest.mark.parametrize("moment", ["on_send", "on_put", "on_get"])
def test_an_invocation_killed_anywhere_is_completed_by_its_retry(moment):
    for call in range(12):
        with World(jsonl(*mixed(20))) as world:
            calls = iter(range(call))

            def die(*arguments, calls=calls, world=world):
                if next(calls, None) is None:
                    setattr(world, moment, lambda *arguments: None)
                    raise Killed

            setattr(world, moment, die)
            pending, killed = [json.dumps(event()).encode()], 0
            while pending:
                try:
                    world.run(pending[-1], Context(4))
                except Killed:
                    killed += 1
                    continue
                pending.pop()
                pending += world.payloads
                world.payloads.clear()
        report = world.report()
        assert (report["status"], report["read"], report["rejected"]) == ("completed", 20, 7)
        assert set(world.queued_ids()) == set(good(20))
        assert [line["record"] for line in world.rejected()] == bad(20)
        assert killed == 1 or call > 3


def test_an_invocation_that_cannot_invoke_its_continuation_raises_and_the_retry_invokes_it():
    with World(jsonl(*mixed(20))) as world:

        def refuse(payload):
            world.payloads.clear()
            raise failure("TooManyRequestsException", "Invoke")

        world.on_invoke = refuse
        with pytest.raises(ImportFailed):
            world.run(context=Context(4))
        assert world.report()["status"] == "running"
        world.on_invoke = lambda payload: None
        report = world.run_all(4)
    assert (report["status"], report["read"], report["invocations"]) == ("completed", 20, 6)


RECORDS = st.lists(
    st.one_of(
        st.sampled_from(PRIORITIES),
        st.sampled_from([b"{", b"[]", b'{"orderId": "x"}', b"{\xff", b'{"a":"\\ud800"}', b'{"a": 1, "a": 2}']),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=200)
@given(RECORDS, st.sampled_from(["orders/a.jsonl", "orders/a.jsonl.gz"]), st.data())
def test_every_good_record_is_queued_and_every_bad_one_rejected_once(kinds, key, data):
    records = [order(f"ORD-{n}", priority=kind) if kind in PRIORITIES else kind for n, kind in enumerate(kinds)]
    wanted = [n for n, kind in enumerate(kinds) if kind in PRIORITIES]
    chance = data.draw(st.randoms(use_true_random=False))
    body = jsonl(*records)
    with World(gzip.compress(body) if key.endswith("gz") else body, key) as world:
        troubles = data.draw(st.integers(0, 20))

        def on_send(entries):
            nonlocal troubles
            troubles -= 1
            if troubles > 0 and chance.random() < 0.3:
                raise failure(chance.choice(["ThrottlingException", "ServiceUnavailable"]), "SendMessageBatch")
            return [sqs_failure(entry) for entry in entries if troubles > 0 and chance.random() < 0.3]

        world.on_send = on_send
        payloads = [json.dumps(event(key)).encode()]
        while payloads:
            # Any waiting event is next; any may be delivered twice.
            payload = payloads[chance.randrange(len(payloads))]
            if world.invocations > 30 or chance.random() < 0.8:
                payloads.remove(payload)
            world.run(payload, Context(chance.choice([None, *range(5, 40)])))
            payloads += world.payloads
            world.payloads.clear()
        report = world.report(key)
        lines = [
            json.loads(line) for name in report["rejectedFiles"] for line in world.objects[name, None].splitlines()
        ]
    valid_report(report)
    assert set(world.queued_ids()) == {f"ORD-{n}" for n in wanted}
    assert [line["record"] for line in lines] == [n + 1 for n in range(len(records)) if n not in wanted]
    assert (report["read"], report["queued"]) == (len(records), len(wanted))
    assert report["rejected"] == len(lines) == sum(report["reasons"].values())
    assert report["status"] == "completed"


def test_runs_that_reject_different_records_write_different_objects():
    """A setting changes between two runs: the report of each lists what it rejected itself."""
    express = order("ORD-2", delivery="express")
    with World(jsonl(order("ORD-1", customerId=None), express), flags={"expressDelivery": True}) as world:
        first = world.run_all()
        world._flags = {"expressDelivery": False}
        second = world.run_all()
    for report in (first, second):
        lines = [line for name in report["rejectedFiles"] for line in world.objects[name, None].splitlines()]
        assert len(lines) == report["rejected"]
    assert (first["rejected"], second["rejected"]) == (1, 2)


def test_runs_that_reject_the_same_records_write_the_same_object():
    with World(jsonl(*mixed(3))) as world:
        assert world.run_all()["rejectedFiles"] == world.run_all()["rejectedFiles"]
