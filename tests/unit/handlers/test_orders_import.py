"""An uploaded file becomes messages, a report and rejected records, over S3 and SQS in memory."""

import gzip
import json
from collections import Counter
from hashlib import sha256

import fastjsonschema
import pytest

from contract.documents import DOCUMENTS
from contract.imports import IMPORT_REPORT, REJECTED_RECORD, rejected_key, report_key
from contract.schemas import MIN_TIMESTAMP
from domain import admission, messages
from handlers import clients, orders_import
from handlers.repository import order_of
from tests.unit.handlers.importing import (
    BUCKET,
    KEY,
    UPLOADED_AT,
    VERSION,
    Context,
    World,
    attribute_values,
    event,
    jsonl,
    order,
    sqs_failure,
)
from tests.unit.handlers.pipeline import record as sqs_record

valid_report = fastjsonschema.compile(IMPORT_REPORT)
valid_rejection = fastjsonschema.compile(REJECTED_RECORD)
valid_message = fastjsonschema.compile(DOCUMENTS["OrderMessage"])


def test_each_record_becomes_an_order_in_a_message(monkeypatch):
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    items = [{"itemId": "ITEM-1", "quantity": 2, "price": 29.9}]
    with World(jsonl(order("ORD-1", items=items), order("ORD-2", timestamp=MIN_TIMESTAMP, priority="high"))) as world:
        report = world.run_all()
    first, second = world.orders()
    assert first == {
        "orderId": "ORD-1",
        "timestamp": UPLOADED_AT,
        "customerId": "CUST-1",
        "items": [{"productId": "ITEM-1", "quantity": 2, "price": 29.9}],
        "priority": "normal",
        "source": "import",
        "features": [],
        "sourceFile": f"s3://{BUCKET}/{KEY}",
        "processedDate": "2026-01-02",
    }
    assert (second["orderId"], second["timestamp"], second["priority"]) == ("ORD-2", MIN_TIMESTAMP, "high")
    for message, entry in zip(world.messages(), world.entries, strict=True):
        valid_message(message)
        expected = {"priority": message["priority"], "source": "import", "correlationId": "request-1"}
        assert attribute_values(entry) == expected and entry["MessageSystemAttributes"] == {}
    assert (report["status"], report["read"], report["queued"], report["rejected"]) == ("completed", 2, 2, 0)


def test_the_report_has_all_results_of_the_file():
    body = jsonl(order("ORD-1"), order("ORD-2", customerId=None), b"{", order("ORD-3"))
    with World(body) as world:
        world.run()
    report = world.report()
    valid_report(report)
    digest = sha256(world.objects[report["rejectedFiles"][0], None]).hexdigest()[: orders_import.DIGEST_LENGTH]
    assert report.pop("startedAt") <= report.pop("finishedAt") and report.pop("durationMs") >= 0
    assert report == {
        "status": "completed",
        "sourceFile": f"s3://{BUCKET}/{KEY}",
        "version": VERSION,
        "bytes": len(body),
        "format": "jsonl",
        "compressed": False,
        "read": 4,
        "queued": 2,
        "rejected": 2,
        "reasons": {"invalid_request": 2},
        "fault": None,
        "rejectedFiles": [rejected_key(KEY, VERSION, 1, 4, digest)],
        "invocations": 1,
    }


def test_rejected_records_are_written_unchanged_beside_the_report():
    bad = [json.dumps(order("ORD-2", customerId=None)).encode(), b'{"orderId": "\xff\x00\xe4"}', b'"\\ud800 \xc3\xa4"']
    body = jsonl(order("ORD-1"), *bad)
    with World(body) as world:
        world.run()
    lines = world.rejected()
    for line, record in zip(lines, bad, strict=True):
        valid_rejection(line)
        assert (line["byte"], line["bytes"]) == (body.index(record), len(record))
        assert line["text"].encode() == record or b"\\xff\x00\\xe4" in line["text"].encode()
    assert [(line["record"], line["line"]) for line in lines] == [(2, 2), (3, 3), (4, 4)]
    assert lines[0]["reason"] == "invalid_request" and lines[0]["details"] == ["customerId: is required"]


@pytest.mark.parametrize(
    "changes, reason, detail",
    [
        ({"orderId": None}, "invalid_request", "orderId: is required"),
        ({"orderId": "fd-mine"}, "invalid_request", "orderId: must not start with fd-"),
        ({"orderId": "fk-mine"}, "invalid_request", "orderId: must not start with fk-"),
        ({"source": "api"}, "invalid_request", "source: is not a known field"),
        ({"timestamp": UPLOADED_AT + 300_001}, "invalid_request", "timestamp: must not be more than 5 minutes in the future"),
        ({"items": [{"productId": "a", "quantity": 1, "price": 1}] * 3}, "invalid_request", "items: must have at most 2 items"),
        ({"delivery": "express"}, "feature_disabled", "delivery: express is not available"),
        ({"payments": [{"method": "card", "amount": 1}]}, "payment_mismatch", "payments: must sum to 59.98"),
    ],
)  # fmt: skip
def test_a_record_that_the_api_would_refuse_is_rejected(changes, reason, detail):
    with World(jsonl(order(**changes)), flags={"multiplePayments": True}, maxItemsPerOrder=2) as world:
        report = world.run_all()
    (line,) = world.rejected()
    looked_up = [admission.NOT_STORED]
    assert (line["reason"], line["details"]) == (reason, [detail] + looked_up * len(world.looked_up))
    assert world.looked_up == (["ORD-1"] if {"items", "delivery"} & set(changes) else [])
    assert report["reasons"] == {reason: 1} and world.bodies == []


@pytest.mark.parametrize(
    "record", [b"[" * 100_000, b"[1]", b"null", b'"x"', b"1", b'{"a": NaN}', b'{"a": 1e999999999}', b"\xff"]
)
def test_no_invalid_record_ends_a_file(record):
    with World(jsonl(record, order())) as world:
        report = world.run_all()
    assert world.queued_ids() == ["ORD-1"] and report["reasons"] == {"invalid_request": 1}


def test_a_record_that_is_too_large_is_rejected_with_its_beginning():
    with World(jsonl(order(customerId="x" * 300_000), order())) as world:
        world.run()
    (line,) = world.rejected()
    assert (line["reason"], len(line["text"])) == ("payload_too_large", 1024) and line["bytes"] > 300_000
    assert world.queued_ids() == ["ORD-1"]


def test_flags_are_evaluated_for_each_customer_and_sent_along():
    customers = [f"CUST-{n}" for n in range(40)]
    records = [order(f"ORD-{n}", customerId=name, delivery="express") for n, name in enumerate(customers * 2)]
    with World(jsonl(*records), flags={"expressDelivery": 50, "loyaltyProgram": True}) as world:
        report = world.run_all()
    assert 10 < report["queued"] < 70 and report["reasons"] == {"feature_disabled": 80 - report["queued"]}
    assert all(each["features"] == ["expressDelivery", "loyaltyProgram"] for each in world.orders())


def test_the_worker_can_store_what_the_import_sends():
    with World(jsonl(order())) as world:
        world.run()
    stored = messages.order_of(
        messages.read(world.bodies[0])[None],
        now=UPLOADED_AT + 1,
        settings={},
        ttl_days=90,
        correlation_id="r",
    )
    assert (stored["sourceFile"], stored["processedDate"]) == (f"s3://{BUCKET}/{KEY}", "2026-01-02")


@pytest.mark.parametrize(
    "key, body, expected",
    [
        ("orders/a.json", json.dumps([order("ORD-1"), order("ORD-2")]).encode(), ("json", False)),
        ("orders/a.jsonl", jsonl(order("ORD-1"), order("ORD-2")), ("jsonl", False)),
        ("orders/a.jsonl.gz", gzip.compress(jsonl(order("ORD-1"), order("ORD-2")), mtime=0), ("jsonl", True)),
        (
            "orders/a.csv",
            b"orderId,customerId,productId,quantity,price\nORD-1,CUST-1,ITEM-1,2,29.99\nORD-2,CUST-1,ITEM-1,2,29.99\n",
            ("csv", False),
        ),
    ],
)
def test_every_format_makes_the_same_orders(key, body, expected):
    with World(body, key) as world:
        world.run_all(given=event(key))
    report = world.report(key)
    assert (report["format"], report["compressed"], report["bytes"]) == (*expected, len(body))
    assert [(each["orderId"], each["items"]) for each in world.orders()] == [
        (name, [{"productId": "ITEM-1", "quantity": 2, "price": 29.99}]) for name in ("ORD-1", "ORD-2")
    ]


@pytest.mark.parametrize("body", [b"", b"\n \n", b" "])
def test_a_file_without_records_is_completed(body):
    with World(body) as world:
        report = world.run_all()
    valid_report(report)
    assert (report["status"], report["read"], report["rejectedFiles"]) == ("completed", 0, [])
    assert set(world.objects) == {(KEY, VERSION), (report_key(KEY, VERSION), None)}


def test_rejected_records_are_written_when_the_buffer_is_full_each_range_once(monkeypatch):
    monkeypatch.setattr(orders_import, "REJECTED_BYTES", 1_000)
    with World(jsonl(*[order(f"ORD-{n}", customerId="x" * 200 if n % 3 else "ok") for n in range(60)])) as world:
        report = world.run_all()
    assert len(report["rejectedFiles"]) > 5
    ranges = [tuple(map(int, key.split(".")[-3].split("-"))) for key in report["rejectedFiles"]]
    assert ranges[0][0] == 1 and [first for first, _ in ranges[1:]] == [last + 1 for _, last in ranges[:-1]]
    assert [line["record"] for line in world.rejected()] == [n + 1 for n in range(60) if n % 3]
    assert report["rejected"] == 40 and len(world.queued_ids()) == 20
    for key, (first, last) in zip(report["rejectedFiles"], ranges, strict=True):
        lines = world.objects[key, None].splitlines()
        assert all(first <= json.loads(line)["record"] <= last for line in lines)


def test_an_entry_refused_by_the_queue_is_rejected_in_its_range(monkeypatch):
    monkeypatch.setattr(orders_import, "REJECTED_BYTES", 300)
    records = [order(f"ORD-{n}", customerId=None if n % 10 == 9 else "c") for n in range(30)]
    with World(jsonl(*records)) as world:
        world.on_send = lambda entries: [
            sqs_failure(entry, "InvalidMessageContents", True) for entry in entries if '"ORD-5"' in entry["MessageBody"]
        ]
        report = world.run_all()
    assert (report["read"], report["queued"], report["rejected"]) == (30, 26, 4) and len(world.queued_ids()) == 26
    assert [line["record"] for line in world.rejected()] == [6, 10, 20, 30]
    assert world.rejected()[0]["details"] == ["record: the queue refused it: InvalidMessageContents"]
    assert "ORD-5" in world.rejected()[0]["text"]


def test_messages_are_full_and_go_in_full_calls():
    with World(jsonl(*[order(f"ORD-{n}") for n in range(495)])) as world:
        world.run()
    assert [len(each["orders"]) for each in world.messages()] == [25] * 19 + [20]
    assert world.sizes == [10, 10]


def test_a_file_of_five_thousand_orders_takes_less_than_one_call_in_25_orders(monkeypatch):
    calls = Counter()
    with World(jsonl(*[order(f"ORD-{n}") for n in range(5_000)])) as world:
        for name in ("get_object", "put_object", "send_message_batch", "get_item", "invoke"):
            real = getattr(world, name)
            monkeypatch.setattr(
                world, name, lambda real=real, name=name, **request: calls.update([name]) or real(**request)
            )
        assert world.run_all()["queued"] == 5_000
    assert calls == {"get_object": 1, "put_object": 1, "send_message_batch": 20}
    assert calls.total() / 5_000 <= 0.04


def test_the_trace_header_is_sent_along(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    with World(jsonl(order())) as world:
        world.run()
    header = world.entries[0]["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"]
    assert header == "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


def test_the_day_is_that_of_the_upload_in_utc():
    with World(jsonl(order())) as world:
        world.run({**event(), "time": "2026-01-02T23:30:00-02:00"})
    assert world.orders()[0]["processedDate"] == "2026-01-03"


def test_a_bucket_without_versions_names_the_report_by_the_etag(monkeypatch):
    with World(jsonl(order())) as world:
        world.objects[KEY, None] = world.objects.pop((KEY, VERSION))
        real = world.get_object
        monkeypatch.setattr(
            world, "get_object", lambda IfMatch, **rest: real(**rest, VersionId=None) if IfMatch == '"abc"' else None
        )
        world.run(event(version=None))
    assert world.report(version="abc")["queued"] == 1


def test_a_file_uploaded_twice_stores_each_order_once(pipeline):
    """Over moto, with the real clients, and with the worker behind the queue."""
    s3 = clients.s3()
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    body = jsonl(*[order(f"ORD-{n}") for n in range(12)], order("BAD", items=[]))
    for time in ("2026-01-02T03:04:05Z", "2026-01-03T03:04:05Z"):
        version = s3.put_object(Bucket=BUCKET, Key=KEY, Body=body)["VersionId"]
        orders_import.handler({**event(version=version), "time": time}, Context())
        report = json.loads(s3.get_object(Bucket=BUCKET, Key=report_key(KEY, version))["Body"].read())
        assert (report["read"], report["queued"], report["rejected"]) == (13, 12, 1)
        (line,) = s3.get_object(Bucket=BUCKET, Key=report["rejectedFiles"][0])["Body"].read().splitlines()
        assert json.loads(line)["record"] == 13
        records = [
            sqs_record(sent["Body"], {name: each["StringValue"] for name, each in sent["MessageAttributes"].items()})
            for sent in pipeline.queued()
        ]
        assert len(records) == 1 and pipeline.work_on(records) == []
    stored = pipeline.orders()
    assert set(stored) == {f"ORD-{n}" for n in range(12)} and pipeline.reasons() == []
    assert {order_of(item)["processedDate"] for item in stored.values()} == {"2026-01-02"}
    assert {item["sourceFile"]["S"] for item in stored.values()} == {f"s3://{BUCKET}/{KEY}"}
    assert {item["correlationId"]["S"] for item in stored.values()} == {"request-1"}
    assert {item["source"]["S"] for item in stored.values()} == {"import"}
