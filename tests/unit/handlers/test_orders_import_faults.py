"""Unreadable files and failures of AWS: only what is done is reported as done, and no queued order is lost."""

import gzip
import json
import threading

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.response import StreamingBody

from handlers import orders_import
from handlers.orders_import import ImportFailed
from tests.unit.handlers.importing import Context, World, event, failure, jsonl, order, sqs_failure
from tests.unit.handlers.pipeline import DOWN
from tests.unit.handlers.test_orders_import import valid_report
from tests.unit.handlers.test_uploads import Broken

TWO = [order("ORD-1"), order("ORD-2")]
UNREADABLE = {
    "orders/prose.json": b"Dear sirs,",
    "orders/columns.csv": b"a,b,c\n1,2,3\n",
    "orders/short.csv": b"orderId,customerId\n1,2\n",
    "orders/packed.jsonl.gz": b"\x1f\x8bnot gzip at all",
    "orders/utf16.jsonl": jsonl(*TWO).decode().encode("utf-16"),
}
BREAKING = {
    "orders/cut.json": json.dumps(TWO).encode()[:-1],
    "orders/text behind.json": json.dumps(TWO).encode() + b" and more",
    "orders/cut.jsonl.gz": gzip.compress(jsonl(*TWO), mtime=0)[:-8],
}


@pytest.mark.parametrize("key", UNREADABLE)
def test_a_file_without_a_readable_record_is_reported_failed_and_raised(key):
    with World(UNREADABLE[key], key) as world:
        for _ in range(2):  # Lambda retries
            with pytest.raises(ImportFailed):
                world.run(event(key))
    report = world.report(key)
    valid_report(report)
    assert (report["status"], report["read"], report["rejectedFiles"]) == ("failed", 0, [])
    assert report["fault"]["reason"] and report["finishedAt"] and world.bodies == []


@pytest.mark.parametrize("key", BREAKING)
@pytest.mark.parametrize("at_a_time", [None, 1])
def test_records_before_a_fault_are_imported_and_no_exception_is_raised(key, at_a_time):
    with World(BREAKING[key], key) as world:
        world.run_all(at_a_time, event(key))
    report = world.report(key)
    valid_report(report)
    assert (report["status"], report["read"], report["queued"]) == ("broken", 2, 2)
    assert report["fault"]["byte"] > 0 and world.queued_ids() == ["ORD-1", "ORD-2"]


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchVersion", "NoSuchKey"])
@pytest.mark.parametrize("at", [0, 4])
def test_a_deleted_file_is_raised_and_not_reported_as_read(code, at, monkeypatch):
    monkeypatch.setattr(orders_import.uploads, "RANGE_BYTES", 4)

    def on_get(start, piece):
        if start == at:
            raise failure(code, "GetObject")

    with World(jsonl(*TWO)) as world:
        world.on_get = on_get
        with pytest.raises(ImportFailed):
            world.run()
    assert world.report() is None


def test_an_incomplete_body_loses_no_record(monkeypatch):
    monkeypatch.setattr(orders_import.uploads, "RANGE_BYTES", 50)
    breaks = list(range(0, 2_000, 100))

    def on_get(start, piece):
        if start in breaks:
            breaks.remove(start)
            return StreamingBody(Broken(piece, None), len(piece))

    with World(jsonl(*[order(f"ORD-{n}") for n in range(20)])) as world:
        world.on_get = on_get
        report = world.run_all()
    assert (report["status"], report["queued"]) == ("completed", 20)
    assert world.queued_ids() == [f"ORD-{n}" for n in range(20)] and len(breaks) < 5


@pytest.mark.parametrize("error", [*DOWN[:3], failure("AccessDenied"), failure("QueueDoesNotExist")], ids=repr)
def test_while_sqs_is_down_no_report_is_written_and_the_retry_imports_all(error):
    def on_send(entries):
        raise error

    records = [order(f"ORD-{n}", customerId="c" if n % 2 else None) for n in range(50)]
    threads = threading.active_count()
    with World(jsonl(*records)) as world:
        world.on_send = on_send
        with pytest.raises(ImportFailed):
            world.run(context=Context(milliseconds=2_300))
        assert threading.active_count() == threads
        assert len(world.objects) == 1 and world.bodies == [] and not world.payloads
        world.on_send = lambda entries: None
        report = world.run_all()
    assert (report["read"], report["queued"], report["rejected"], len(world.queued_ids())) == (50, 25, 25, 25)


def test_entries_that_sqs_never_takes_are_not_reported_as_queued():
    with World(jsonl(*[order(f"ORD-{n}") for n in range(50)])) as world:
        world.on_send = lambda entries: [sqs_failure(entry) for entry in entries if '"ORD-7"' in entry["MessageBody"]]
        with pytest.raises(ImportFailed):
            world.run(context=Context(milliseconds=2_300))
    assert world.report() is None and "ORD-7" not in world.queued_ids()


def test_after_a_self_invocation_an_outage_of_sqs_leaves_the_rest_to_the_retry():
    with World(jsonl(*[order(f"ORD-{n}") for n in range(20)])) as world:
        world.run(context=Context(5))
        payload = world.payloads.popleft()

        def on_send(entries):
            raise EndpointConnectionError(endpoint_url="x")

        world.on_send = on_send
        with pytest.raises(ImportFailed):
            world.run(payload, Context(milliseconds=2_300))
        assert (world.report()["status"], world.report()["queued"]) == ("running", 5)
        world.on_send = lambda entries: None
        world.run(payload)
    assert (world.report()["status"], world.report()["queued"]) == ("completed", 20)
    assert world.queued_ids() == [f"ORD-{n}" for n in range(20)]


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_a_failed_write_is_raised(suffix):
    def on_put(key):
        if key.endswith(suffix):
            raise failure("SlowDown", "PutObject")

    with World(jsonl(order(), b"{")) as world:
        world.on_put = on_put
        with pytest.raises(ImportFailed):
            world.run()
        assert world.report() is None
        world.on_put = lambda key: None
        report = world.run_all()
    assert (report["read"], report["rejected"], len(world.rejected())) == (2, 1, 1)


def test_a_fault_of_the_function_is_raised_and_rejects_nothing(monkeypatch):
    monkeypatch.setattr(orders_import.admission, "refusal", lambda *arguments: 1 / 0)
    with World(jsonl(order())) as world, pytest.raises(ImportFailed):
        world.run()
    assert len(world.objects) == 1


def test_an_exception_quotes_no_file():
    def on_get(start, piece):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "secret"}}, "GetObject")

    with World(jsonl(order())) as world:
        world.on_get = on_get
        with pytest.raises(ImportFailed) as raised:
            world.run()
    assert "secret" not in str(raised.value) and raised.value.__suppress_context__


def test_a_report_is_no_upload():
    with World() as world, pytest.raises(ImportFailed):
        world.run(event("reports/orders/a.json/v.json"))
    assert not world.gets and len(world.objects) == 1
