"""Bulk import through the bucket: every record of a file is stored, known already, or listed with its reason."""

import gzip
import json
import time
import uuid
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from contract import imports, shards
from tests.e2e.import_kit import (
    as_csv,
    as_json,
    as_jsonl,
    finished_imports,
    imported,
    order,
    orders,
    short_of_time,
    upload,
    zipped,
)
from tests.e2e.pipeline_kit import counts, dead_letters, drained, receive_all
from tests.e2e.support import ROOT, deploy
from tests.waiting import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def importing(deployment):
    """The shared deployment, without what earlier tests left in its queues."""
    drained(deployment)
    dead_letters(deployment)
    return deployment


def assert_each_stored_once(deployment, records: list[dict]) -> None:
    found = deployment.orders_of(record["orderId"] for record in records)
    assert {order_id: len(items) for order_id, items in found.items() if len(items) != 1} == {}


def assert_complete(report: dict, number: int) -> None:
    exact = {"status": "completed", "read": number, "queued": number, "rejected": 0, "reasons": {}, "fault": None}
    assert {key: report[key] for key in exact} == exact


def test_a_file_as_the_seed_means_it_becomes_orders_with_their_source(importing):
    """An array, pretty-printed; the order without an id is refused, as the seed refuses it."""
    good = orders(3)
    nameless = {key: value for key, value in order("x").items() if key != "orderId"}
    uploaded = upload(importing, f"{uuid.uuid4()}.json", as_json([*good, nameless]))
    report = uploaded.report()
    assert (report["status"], report["read"], report["queued"], report["rejected"]) == ("completed", 4, 3, 1)
    assert report["reasons"] == {"invalid_request": 1}
    assert report["sourceFile"] == f"s3://{uploaded.bucket}/{uploaded.key}"
    [refused] = uploaded.rejected()
    assert (refused["record"], refused["details"]) == (4, ["orderId: is required"])
    assert json.loads(refused["text"]) == nameless
    drained(importing)
    assert_each_stored_once(importing, good)
    found = imported(importing)[uploaded.uri]
    assert sorted(item["orderId"]["S"] for item in found) == sorted(record["orderId"] for record in good)
    [item] = importing.orders_of([good[0]["orderId"]])[good[0]["orderId"]]
    assert item["source"] == {"S": "import"}
    assert Decimal(item["totalAmount"]["N"]) == Decimal("25.98")
    assert shards.date_of(item["processedDate"]["S"]) == report["startedAt"][:10]


@pytest.mark.parametrize("number", [200, pytest.param(10_000, marks=[pytest.mark.load, pytest.mark.timeout(3600)])])
def test_many_orders_in_each_format_are_stored_once_and_counted_exactly(importing, number):
    files = {
        "array.json": as_json,
        "lines.jsonl.gz": lambda records: zipped(as_jsonl(records)),
        "rows.csv": as_csv,
    }
    sent = {}
    for name, written in files.items():
        records = orders(number)
        sent[upload(importing, f"{uuid.uuid4()}-{name}", written(records))] = records
    for uploaded in sent:
        report = uploaded.report()
        assert_complete(report, number)
        assert report["rejectedFiles"] == []
    drained(importing)
    assert_each_stored_once(importing, [record for records in sent.values() for record in records])
    indexed = imported(importing)
    for uploaded in sent:
        assert len(indexed[uploaded.uri]) == number
    assert dead_letters(importing) == []


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson", "a.csv", "A.JSON"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "with BOM"])
@pytest.mark.parametrize("packed", [False, True], ids=["", "gzip"])
def test_every_format_plain_and_zipped_with_and_without_bom(importing, name, bom, packed):
    records = orders(3)
    written = {"json": as_json, "csv": as_csv}.get(name.rpartition(".")[2].lower(), as_jsonl)(records)
    content = bom + written
    suffix = ".gz" if packed else ""
    uploaded = upload(importing, f"{uuid.uuid4()}-{name}{suffix}", zipped(content) if packed else content)
    report = uploaded.report()
    assert_complete(report, 3)
    assert report["compressed"] is packed
    drained(importing)
    assert_each_stored_once(importing, records)


def test_an_order_of_a_csv_file_is_stored_with_all_its_rows_or_not_at_all(importing):
    whole, apart, above, below, last = (record["orderId"] for record in orders(5))
    ids = [whole, f"{whole}\u00a0", apart, f"\u200b{whole[:-1]}-", apart, above, "", below, last]
    rows = [f"{order_id},CUST-1,PIZZA-{n},1,2.50\n" for n, order_id in enumerate(ids)]
    content = f"{','.join(imports.CSV_REQUIRED)}\n{''.join(rows)}"
    uploaded = upload(importing, f"{uuid.uuid4()}.csv", content.encode())
    report = uploaded.report()
    assert (report["status"], report["read"], report["queued"]) == ("completed", 8, 3)
    assert [each["line"] for each in uploaded.rejected()] == [4, 6, 7, 8, 9]
    drained(importing)
    stored = importing.orders_of([whole, apart, above, below, last])
    assert [len(stored[each]) for each in (whole, apart, above, below, last)] == [1, 0, 0, 0, 1]
    assert len(stored[whole][0]["items"]["L"]) == 2
    assert dead_letters(importing) == []


@pytest.mark.parametrize("indent", [None, 2])
def test_a_single_object_is_a_file_of_one_order(importing, indent):
    [record] = orders(1)
    uploaded = upload(importing, f"{uuid.uuid4()}.json", json.dumps(record, indent=indent).encode())
    assert_complete(uploaded.report(), 1)
    drained(importing)
    assert_each_stored_once(importing, [record])


def test_a_file_uploaded_again_under_its_name_or_another_brings_no_order_twice(importing):
    records = orders(200)
    name = f"{uuid.uuid4()}.json"
    first = upload(importing, name, as_json(records))
    again = upload(importing, name, as_json(records))
    renamed = upload(importing, f"other-{name}", zipped(as_json(records)))
    assert first.version != again.version
    for uploaded in (first, again, renamed):
        assert_complete(uploaded.report(), 200)
    drained(importing)
    assert_each_stored_once(importing, records)
    assert dead_letters(importing) == []


def test_an_event_delivered_twice_at_once_brings_no_order_twice(importing):
    records = orders(500)
    uploaded = upload(importing, f"{uuid.uuid4()}.jsonl", as_jsonl(records) + b"broken\n")
    event = json.dumps(uploaded.event)

    def deliver(_) -> int:
        functions = importing.client("lambda")
        return functions.invoke(
            FunctionName=importing.outputs["OrdersImportFunction"],
            Qualifier="live",
            InvocationType="Event",
            Payload=event,
        )["StatusCode"]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(deliver, range(2))) == [202, 202]
    report = uploaded.report()
    assert (report["read"], report["queued"], report["rejected"]) == (501, 500, 1)
    eventually(lambda: finished_imports(importing, uploaded) == 3, "all three deliveries have ended")
    drained(importing)
    assert len(uploaded.rejected()) == 1
    assert_each_stored_once(importing, records)
    assert dead_letters(importing) == []


def test_one_id_with_two_contents_in_a_file_is_one_order_and_one_conflict(importing):
    [record] = orders(1)
    other = {**record, "customerId": "CUST-OTHER"}
    uploaded = upload(importing, f"{uuid.uuid4()}.json", as_json([record, record, other]))
    assert_complete(uploaded.report(), 3)
    drained(importing)
    assert_each_stored_once(importing, [record])
    [refused] = dead_letters(importing)
    assert refused["reason"] == "order_conflict"
    body = json.loads(refused["body"])
    assert (body["format"], body["orderId"], body["customerId"]) == (1, record["orderId"], "CUST-OTHER")


ITEM = {"productId": "p", "quantity": 1, "price": 1}
# Text of a record that must be refused; the good ones around it must be stored.
BAD = {
    "not JSON": b'{"orderId": ',
    "invalid UTF-8": b'{"orderId": "\xff\xfe"}',
    "not an object": b"[1, 2]",
    "null": b"null",
    "a key twice": b'{"orderId": "a", "orderId": "b"}',
    "not a number": b'{"orderId": "a", "customerId": "c", "items": [{"productId": "p", "quantity": NaN, "price": 1}]}',
    "infinite": b'{"orderId": "a", "customerId": "c", "items": [{"productId": "p", "quantity": 1e999, "price": 1}]}',
    "half a surrogate pair": b'{"orderId": "a", "customerId": "\\ud800", "items": []}',
    "nested deeply": b'{"orderId": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "5 MB": b'{"orderId": "' + b"x" * 5_000_000 + b'"}',
    "no items": order("BAD", items=[]),
    "no customer": order("BAD", customerId=""),
    "an unknown field": order("BAD", totalAmount=1),
    "an id of the platform's": order("fd-1"),
    "a fraction of a cent": order("BAD", items=[{**ITEM, "price": 0.001}]),
    "in the future": order("BAD", timestamp=253_402_300_799_999),
    "a feature that is off": order("BAD", delivery="express"),
    "too many items": order("BAD", items=[ITEM] * 101),
}
REASONS = {"5 MB": "payload_too_large", "a feature that is off": "feature_disabled"}


@pytest.mark.parametrize("name", ["half-bad.jsonl", "half-bad.json"])
def test_a_file_half_bad_gives_its_good_orders_and_a_reason_for_each_bad_one(importing, name):
    good = orders(len(BAD))
    bad = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in BAD.values()]
    if name.endswith("json"):
        bad[0] = b'{"orderId": tru}'  # cut short, in an array, it would swallow its neighbour
    pairs = zip(good, bad, strict=True)
    texts = [text for record, refused in pairs for text in (json.dumps(record).encode(), refused)]
    content = b"\n".join(texts) if name.endswith("jsonl") else b"[" + b",\n".join(texts) + b"]"
    uploaded = upload(importing, f"{uuid.uuid4()}-{name}", content)
    report = uploaded.report()
    assert (report["status"], report["read"]) == ("completed", 2 * len(good))
    assert (report["queued"], report["rejected"]) == (len(good), len(good))
    refused = uploaded.rejected()
    assert [each["record"] for each in refused] == list(range(2, 2 * len(good) + 1, 2))
    assert [each["reason"] for each in refused] == [REASONS.get(what, "invalid_request") for what in BAD]
    assert dict(Counter(each["reason"] for each in refused)) == report["reasons"]
    assert all(each["details"] for each in refused)
    assert [each["line"] for each in refused] == [each["record"] for each in refused]
    drained(importing)
    assert_each_stored_once(importing, good)
    assert dead_letters(importing) == []


def test_an_array_cut_off_keeps_what_came_before_and_says_where_it_broke(importing):
    good = orders(50)
    content = as_json(good)
    cut = content.rindex(b'"quantity"')
    uploaded = upload(importing, f"{uuid.uuid4()}.json", content[:cut])
    report = uploaded.report()
    assert (report["status"], report["read"], report["queued"]) == ("broken", 49, 49)
    assert report["fault"]["line"] == content.count(b"\n", 0, content.rindex(b'"orderId"'))
    assert "50" in report["fault"]["reason"]
    drained(importing)
    assert_each_stored_once(importing, good[:49])


def test_a_gzip_file_cut_off_keeps_what_came_before(importing):
    good = orders(500)
    packed = gzip.compress(as_jsonl(good), 9)
    uploaded = upload(importing, f"{uuid.uuid4()}.jsonl.gz", packed[: len(packed) // 2])
    report = uploaded.report()
    assert report["status"] == "broken"
    # The last line may be cut as well: then it is the one that is refused.
    assert 0 < report["queued"] < 500
    assert report["read"] - report["queued"] <= 1
    drained(importing)
    assert_each_stored_once(importing, good[: report["queued"]])


def test_a_zip_bomb_of_a_gigabyte_is_rejected_and_later_files_are_imported(importing):
    """As lines: one record far too large; as an array: nothing that could be read."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = bytes(1_000_000)
    zeros = b"".join(packer.compress(megabyte) for _ in range(1000)) + packer.flush()
    as_lines = upload(importing, f"{uuid.uuid4()}.jsonl.gz", zeros)
    report = as_lines.report()
    assert (report["status"], report["read"], report["rejected"]) == ("completed", 1, 1)
    [refused] = as_lines.rejected()
    assert (refused["reason"], refused["bytes"]) == ("payload_too_large", 1_000_000_000)
    as_array = upload(importing, f"{uuid.uuid4()}.json.gz", zeros)
    assert as_array.report()["status"] == "failed"
    [record] = orders(1)
    assert_complete(upload(importing, f"{uuid.uuid4()}.json", as_json([record])).report(), 1)


@pytest.mark.parametrize("content", [b"", b" \n\n", zipped(b"")], ids=["no byte", "blanks", "zipped nothing"])
@pytest.mark.parametrize("name", ["empty.json", "empty.jsonl", "empty.csv", "folder/"])
def test_an_empty_file_is_complete_with_no_record(importing, name, content):
    assert_complete(upload(importing, f"{uuid.uuid4()}-{name}", content).report(), 0)


@pytest.mark.parametrize(
    "name",
    ["two words.json", "a+b.json", "100%.json", "50%2F50.json", "größe 食べ物 🍕.json", "deep/er/than that.json"],
)
def test_a_key_is_not_decoded(importing, name):
    [record] = orders(1)
    uploaded = upload(importing, f"{uuid.uuid4()}/{name}", as_json([record]))
    assert_complete(uploaded.report(), 1)
    drained(importing)
    [item] = imported(importing)[uploaded.uri]
    assert item["orderId"]["S"] == record["orderId"]


def test_a_file_outside_the_prefix_is_ignored(importing):
    bucket = importing.outputs["UploadBucketName"]
    [record] = orders(1)
    key = f"elsewhere/{uuid.uuid4()}.json"
    answer = importing.client("s3").put_object(Bucket=bucket, Key=key, Body=as_json([record]))
    # Something that is imported, after it, to know that its turn has come.
    upload(importing, f"{uuid.uuid4()}.json", as_json(orders(1))).report()
    drained(importing)
    assert importing.orders_of([record["orderId"]]) == {record["orderId"]: []}
    about = importing.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"reports/{key}")
    assert about["KeyCount"] == 0, answer


def dead_letter_about(deployment, uploaded) -> dict:
    """The document in OrderImportDLQ about this version; those of other tests' files may come at any time."""

    def found() -> dict | None:
        letters = receive_all(deployment, deployment.outputs["OrderImportDlqUrl"])
        bodies = [json.loads(letter["Body"]) for letter in letters if uploaded.version in letter["Body"]]
        return bodies[0] if bodies else None

    return eventually(found, "the failed import is a dead letter")


def test_a_file_that_cannot_be_read_ends_among_the_dead_letters_with_a_report(importing):
    uploaded = upload(importing, f"{uuid.uuid4()}.csv", b"name,age\nBob,7\n")
    report = uploaded.report()
    assert report["status"] == "failed"
    assert "orderId" in report["fault"]["reason"]
    body = dead_letter_about(importing, uploaded)
    assert body["requestContext"]["approximateInvokeCount"] == 3
    assert body["responsePayload"]["errorMessage"] == report["fault"]["reason"]


def test_a_version_that_is_gone_ends_among_the_dead_letters(importing):
    uploaded = upload(importing, f"{uuid.uuid4()}.json", as_json(orders(1)))
    uploaded.report()
    event = uploaded.event
    importing.client("s3").delete_object(Bucket=uploaded.bucket, Key=uploaded.key, VersionId=uploaded.version)
    importing.client("lambda").invoke(
        FunctionName=importing.outputs["OrdersImportFunction"],
        Qualifier="live",
        InvocationType="Event",
        Payload=json.dumps(event),
    )
    assert dead_letter_about(importing, uploaded)["requestContext"]["condition"] == "RetriesExhausted"


@pytest.mark.parametrize(
    ("name", "written"),
    [("rest.json", as_json), ("rest.jsonl", as_jsonl), ("rest.csv.gz", lambda records: zipped(as_csv(records)))],
)
def test_what_one_invocation_has_no_time_for_is_continued_by_the_next(importing, name, written):
    good = orders(300)
    mixed = [each for record in good for each in (record, *[order(f"BAD-{n}", customerId="no id") for n in range(4)])]
    with short_of_time(importing, looks=len(mixed) // 3):
        uploaded = upload(importing, f"{uuid.uuid4()}-{name}", written(mixed))
        report = uploaded.report()
    assert report["invocations"] == 4
    counted = (report["status"], report["read"], report["queued"], report["rejected"])
    assert counted == ("completed", len(mixed), len(good), len(mixed) - len(good))
    refused = uploaded.rejected()
    assert [each["record"] for each in refused] == [n for n in range(1, len(mixed) + 1) if n % 5 != 1]
    drained(importing)
    assert_each_stored_once(importing, good)


def test_deploy_py_imports_a_file_and_prints_what_became_of_it(importing, tmp_path):
    good = orders(30)
    file = tmp_path / "orders of today.json"
    file.write_bytes(as_json([*good, {"orderId": "secret-text"}]))
    options = ("--env", "dev", "--local", "--import", str(file))
    done = deploy(*options, local_dir=importing.local_dir)
    assert done.returncode == 1, done.stdout + done.stderr  # one was rejected
    for text in ("orders of today.json", "31", "30", "customerId: is required"):
        assert text in done.stdout
    assert "secret-text" not in done.stdout
    assert_each_stored_once(importing, good)
    as_document = deploy(*options, "--output", "json", local_dir=importing.local_dir)
    document = json.loads(as_document.stdout)
    assert (document["report"]["read"], document["report"]["rejected"], document["exitCode"]) == (31, 1, 1)
    file.write_bytes(as_json(good))
    assert deploy(*options, local_dir=importing.local_dir).returncode == 0


def test_deploy_py_refuses_what_is_no_order_file_before_it_uploads(importing, tmp_path):
    bucket = importing.outputs["UploadBucketName"]
    before = importing.client("s3").list_object_versions(Bucket=bucket)
    for name, content in (("empty.json", b""), ("photo.png", b"\x89PNG"), (None, b"")):
        path = tmp_path / (name or "absent.json")
        if name:
            path.write_bytes(content)
        done = deploy("--env", "dev", "--local", "--import", str(path), local_dir=importing.local_dir)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        assert path.name in done.stderr
    after = importing.client("s3").list_object_versions(Bucket=bucket)
    assert len(after.get("Versions", [])) == len(before.get("Versions", []))


def test_an_import_shows_in_metrics_without_a_call_to_cloudwatch(importing):
    [record] = orders(1)
    upload(importing, f"{uuid.uuid4()}.json", as_json([record, {}])).report()
    dimensions = [{"Name": "Environment", "Value": "dev"}]

    def total(metric: str) -> float:
        points = importing.client("cloudwatch").get_metric_statistics(
            Namespace="FoodDelivery",
            MetricName=metric,
            Dimensions=[*dimensions, {"Name": "service", "Value": "orders-import"}],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 60,
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(point["Sum"] for point in points)

    eventually(lambda: total("SuccessRate") > 0, "SuccessRate")
    # dev has no dashboard, and no alarm reads the others.
    assert not any(map(total, ("OrdersProcessed", "OrderProcessingErrors", "ProcessingTime")))


def test_the_sample_files_of_the_project_are_imported_whole(importing):
    for file in sorted((ROOT / "examples" / "import").iterdir()):
        report = upload(importing, f"{uuid.uuid4()}-{file.name}", file.read_bytes()).report()
        assert (report["status"], report["rejected"]) == ("completed", 0), file.name
        assert report["read"] > 1
    drained(importing)
    assert counts(importing) == (0, 0)
