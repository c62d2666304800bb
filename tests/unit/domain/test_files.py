"""Uploaded files: format detected, unpacked in bounded pieces, resumed at any position as if never interrupted."""

import gzip
import json
import tracemalloc
import zlib
from contextlib import suppress
from itertools import islice
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.imports import FORMATS
from domain import files
from domain.errors import OrderError
from domain.files import Fault, Record, Upload, open_upload

HEADER = b"orderId,customerId,productId,quantity,price\n"
TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b'"',
    b"\\",
    b"\n",
    b" ",
    b"a",
    b"\xff",
    b"\0",
    b'{"a":1}',
    b'{"b":\n[]}',
    b"x,c,p,1,2\n",
    b"y,c,p,1,2\n",
    b"y,c,p,1,3\n",
]
STARTS = st.sampled_from(
    [b"", b"\xef\xbb\xbf", b"\n", b"[", b"{", HEADER, b"\xef\xbb\xbf" + HEADER, b"\x1f\x8b", b"\xff\xfe"]
)
CONTENT = st.builds(
    lambda start, tokens: start + b"".join(tokens),
    STARTS,
    st.lists(st.sampled_from(TOKENS) | st.binary(max_size=3), max_size=40),
)
KEYS = st.sampled_from(["orders/a.json", "orders/a.jsonl", "orders/a.csv", "orders/a"])
SIZES = st.integers(1, 40)
SECRET = "Planted-Value-7c1"


def fetcher(data: bytes, size: int = 1000):
    return lambda offset: (data[at : at + size] for at in range(offset, len(data), size))


def packed(data: bytes, members: int = 1, padding: int = 0) -> bytes:
    step = -(-len(data) // members) or 1
    return b"".join(gzip.compress(data[at : at + step], mtime=0) for at in range(0, len(data) or 1, step)) + bytes(
        padding
    )


def read(upload: Upload) -> tuple[list[Record], tuple | None]:
    """Return all records, and the fault that ended them, if any."""
    records = []
    try:
        for record in upload:
            records.append(record)
    except Fault as fault:
        return records, (fault.reason, fault.line, fault.byte)
    return records, None


def outcome(record: Record) -> object:
    """Return the order, or why there is none."""
    try:
        return record.document()
    except OrderError as error:
        return error.kind.code, error.details


def texts(key: str, data: bytes) -> list[bytes]:
    return [record.text for record in open_upload(key, fetcher(data))]


@pytest.mark.parametrize("pack", [bytes, packed])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("key", "data", "format"),
    [
        ("orders/a.jsonl", b'{"a":1}\n{"b":2}\n', "jsonl"),
        ("orders/a.NDJSON", b'{"a":1}\n{"b":2}\n', "jsonl"),
        ("orders/a.jsonl.gz", b'{"a":1}\n{"b":2}\n', "jsonl"),
        ("orders/a.json", b'\n{"a":1}\n{"b":2}', "json"),
        ("orders/a.json.GZ", b'{\n"a":1}{\n"b":2\n}', "json"),
        ("orders/a.json", b' [{"a":1},\n{"b":2}]', "json"),
        ("orders/a.csv.d/a", b'[{"a":1},{"b":2}]', "json"),
        ("orders/a.txt", b'[{"a":1},{"b":2}]', "json"),
        ("orders/a.Csv.gz", HEADER + b"a,c,p,1,2\nb,c,p,1,2\n", "csv"),
        ("orders/a.csv", b"\n" + HEADER + b"a,c,p,1,2\nb,c,p,1,2\n", "csv"),
    ],
)
def test_the_name_and_the_first_bytes_determine_the_format(key, data, format, mark, pack):
    upload = open_upload(key, fetcher(pack(mark + data)))
    assert (upload.format, upload.compressed) == (format, pack is packed)
    assert upload.format in FORMATS
    records = list(upload)
    assert len(records) == 2
    for record in records:
        assert (mark + data)[record.byte : record.byte + record.length] == record.text
        assert isinstance(record.document(), dict)


@pytest.mark.parametrize("key", ["orders/", "orders/a.json", "orders/a.jsonl", "orders/a.csv", "orders/a.gz"])
@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf", b"\n" * 200_000])
@pytest.mark.parametrize("pack", [bytes, packed])
def test_an_empty_file_has_no_records_and_no_fault(key, data, pack):
    upload = open_upload(key, fetcher(pack(data)))
    assert upload.format in FORMATS
    assert list(upload) == []
    assert list(open_upload(key, fetcher(pack(data)), json.loads(json.dumps(upload.position())))) == []


@pytest.mark.parametrize(
    ("key", "data", "reason"),
    [
        ("orders/a.json", SECRET.encode(), "neither"),
        ("orders/a", HEADER, "neither"),
        ("orders/a.json", b"\x89PNG\r\n", "neither"),
        ("orders/a.csv", b'{"orderId":1}', "header"),
        ("orders/a.csv", "orderId".encode("utf-16"), "save it as UTF-8"),
        ("orders/a.jsonl", "{}".encode("utf-16"), "save it as UTF-8"),
        ("orders/a.json", "[]".encode("utf-32"), "save it as UTF-8"),
        ("orders/a.json", b"\xfe\xff\0[", "save it as UTF-8"),
        ("orders/a.json", b"\x1f\x8b" + SECRET.encode(), "gzip data is damaged"),
        ("orders/a.json", gzip.compress(b"[]", mtime=0)[:8], "in the middle of its gzip data"),
        ("orders/a.json.gz", b"PK\3\4", "neither"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault_that_says_what_can(key, data, reason):
    with pytest.raises(Fault, match=reason) as fault:
        open_upload(key, fetcher(data))
    assert SECRET not in str(fault.value)
    if reason == "neither":
        assert all(name in fault.value.reason for name in (".jsonl", ".ndjson", ".csv", ".gz"))


@settings(deadline=None)
@given(CONTENT, KEYS, st.booleans(), st.integers(1, 3), SIZES, st.integers(2, 40), st.data())
def test_reading_resumes_at_a_position_as_if_it_had_not_stopped(content, key, pack, members, size, block, draw):
    data = packed(content, members, padding=draw.draw(st.integers(0, 5))) if pack else content
    if pack and draw.draw(st.booleans()):
        at = draw.draw(st.integers(0, len(data)))
        data = data[:at] + draw.draw(st.sampled_from([b"", b"\0\xff", b"junk"]))
    with patch.object(files, "BLOCK_BYTES", block):
        try:
            records, fault = read(open_upload(key, fetcher(data, size)))
        except Fault:
            return
        assert [record.number for record in records] == list(range(1, len(records) + 1))
        done = draw.draw(st.integers(0, len(records)))
        first = open_upload(key, fetcher(data, size))
        assert list(islice(first, done)) == records[:done]
        position = json.loads(json.dumps(first.position()))
        rest = open_upload(key, fetcher(data, draw.draw(SIZES)), position)
        assert (rest.format, rest.compressed) == (first.format, first.compressed)
        assert rest.position() == position
        again, fault_again = read(rest)
        assert (again, fault_again) == (records[done:], fault)
        assert [outcome(record) for record in again] == [outcome(record) for record in records[done:]]


@settings(deadline=None)
@given(CONTENT | st.binary(), KEYS, SIZES)
def test_any_bytes_are_records_and_at_most_one_fault(content, key, size):
    with suppress(Fault):
        for record in open_upload(key, fetcher(content, size)):
            if key.endswith(".csv"):  # a record is its rows, without blank rows between them
                assert content[record.byte :].startswith(record.text.split(b"\n")[0])
            else:
                assert content[record.byte : record.byte + record.length] == record.text
            with suppress(OrderError):
                record.document()


@pytest.mark.parametrize("members", [1, 2, 7])
@pytest.mark.parametrize("padding", [0, 1, 100_000])
def test_gzip_members_are_one_file_and_zeros_behind_them_are_nothing(members, padding):
    data = b"".join(b'{"n":%d}\n' % n for n in range(5000))
    assert texts("orders/a.jsonl", packed(data, members, padding)) == data.split()
    assert texts("orders/a.jsonl", packed(data, 1, padding) + packed(data, members)) == data.split() * 2


@pytest.mark.parametrize(
    "spoil", [lambda data: data[: len(data) // 2], lambda data: data[:-1], lambda data: data + b"x"]
)
def test_damaged_gzip_keeps_the_records_before_the_damage(spoil):
    lines = [json.dumps({"n": n, "crc": zlib.crc32(bytes(n))}).encode() for n in range(3000)]
    records, fault = read(open_upload("orders/a.jsonl", fetcher(spoil(packed(b"\n".join(lines) + b"\n")))))
    assert 1400 < len(records) <= 3000
    assert [record.text for record in records] == lines[: len(records)]
    reason, line, byte = fault
    assert "gzip data" in reason
    assert line == len(records) + 1
    assert 0 <= byte - records[-1].byte - records[-1].length < 40


def test_a_wrong_checksum_is_a_fault_behind_the_records():
    data = bytearray(packed(b'{"n":1}\n{"n":2}\n'))
    data[-6] ^= 1
    records, fault = read(open_upload("orders/a.jsonl", fetcher(bytes(data))))
    assert ([record.text for record in records], fault) == (
        [b'{"n":1}', b'{"n":2}'],
        ("the gzip data is damaged", 3, 16),
    )


@pytest.mark.parametrize("pack", [bytes, packed])
def test_a_file_that_is_too_long_once_unpacked_keeps_the_records_within(pack):
    data = b'{"a":1}\n' * 10
    with patch.object(files, "MAX_UNPACKED_BYTES", 80):
        assert len(texts("orders/a.jsonl", pack(data))) == 10
    with patch.object(files, "MAX_UNPACKED_BYTES", 79):
        upload = open_upload("orders/a.jsonl", fetcher(pack(data)))
        assert list(islice(upload, 5))
        records, fault = read(open_upload("orders/a.jsonl", fetcher(pack(data)), upload.position()))
    assert len(records) == 4
    assert fault == ("the file, unpacked, has more than 79 bytes", 10, 79)


def test_plain_files_are_fetched_from_the_position_on_and_packed_ones_from_their_beginning():
    data = b'{"a":1}\n{"a":2}\n{"a":3}\n'
    for stored, offset in ((data, 15), (packed(data), 0)):
        upload = open_upload("orders/a.jsonl", fetcher(stored))
        next_two = islice(upload, 2)
        list(next_two)
        asked = []

        def fetch(start, stored=stored, asked=asked):
            asked.append(start)
            return fetcher(stored)(start)

        (last,) = open_upload("orders/a.jsonl", fetch, upload.position())
        assert (last.number, last.line, last.byte, asked) == (3, 3, 16, [offset])


def test_a_gzip_bomb_is_unpacked_in_bounded_pieces():
    packer = zlib.compressobj(9, wbits=files._GZIP_FORMAT)
    bomb = b"".join(
        [
            packer.compress(b"[" + b"0" * 999_999),
            *(packer.compress(bytes(1_000_000)) for _ in range(99)),
            packer.flush(),
        ]
    )
    tracemalloc.start()
    try:
        ((record,), fault) = read(open_upload("orders/a", fetcher(bomb, len(bomb))))
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
    assert (record.length, fault) == (99_999_999, ("the array is not closed", 1, 100_000_000))


def test_an_exception_of_fetch_is_raised_with_the_position_behind_the_last_record():
    def broken(offset):
        yield from fetcher(b'{"a":1}\n' * 3)(offset)
        yield b'{"a":'
        raise ConnectionError

    with patch.object(files, "BLOCK_BYTES", 8):
        upload = open_upload("orders/a.jsonl", broken)
        records = []
        with pytest.raises(ConnectionError):
            records.extend(upload)
    assert upload.position()["record"] in (2, 3)
    assert list(open_upload("orders/a.jsonl", fetcher(b'{"a":1}\n' * 4), upload.position()))[-1].number == 4
