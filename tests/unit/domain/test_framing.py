"""Ends of records: the same as JSON's for any blocks of bytes, and found again behind an invalid record."""

import json
import tracemalloc
from itertools import islice
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.imports import MAX_RECORD_BYTES
from domain import framing, strict_json
from domain.errors import OrderError
from domain.framing import Fault, Record, Window

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=5), children, max_size=4),
)
LAYOUT = st.sampled_from([{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}, {"indent": 0}])
SIZES = st.integers(1, 40)
# Parts of JSON, in valid and invalid combinations.
BYTES = st.lists(
    st.sampled_from([*b'{}[],:"\\\n a1\xff\0', b'{"a":1}', b'"b":', b"\r\n"]).map(
        lambda token: token if isinstance(token, bytes) else bytes([token])
    ),
    max_size=60,
).map(b"".join)
CUTTERS = st.sampled_from([framing.lines, framing.objects, framing.elements])
SECRET = "Planted-Value-7c1"


def window(data: bytes, size: int = 1 << 16, line: int = 1, byte: int = 0, number: int = 0) -> Window:
    return Window((data[at : at + size] for at in range(byte, len(data), size)), byte, line, number)


def read(cutter, source: Window) -> tuple[list[Record], tuple | None]:
    """Return all records, and the fault that ended them, if any."""
    records = []
    try:
        for record in cutter(source):
            records.append(record)
    except Fault as fault:
        return records, (fault.reason, fault.line, fault.byte)
    return records, None


def outcome(record: Record) -> object:
    """Return the document, None for one that is refused."""
    try:
        return record.document()
    except OrderError as error:
        assert error.kind.code in ("invalid_request", "payload_too_large")
        return None


def outcomes(cutter, data: bytes) -> list:
    return [outcome(record) for record in read(cutter, window(data))[0]]


@settings(deadline=None)
@given(st.lists(ANY), LAYOUT, SIZES)
def test_the_records_of_an_array_are_its_elements(elements, layout, size):
    text = json.dumps(elements, **layout)
    try:
        expected = strict_json.loads(text)
    except ValueError:  # half a surrogate pair
        return
    records, fault = read(framing.elements, window(text.encode(), size))
    assert fault is None
    assert [strict_json.loads(record.text.decode()) for record in records] == expected
    assert [outcome(record) for record in records] == [e if isinstance(e, dict) else None for e in expected]


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=5), ANY, max_size=4)),
    LAYOUT,
    st.sampled_from(["", "\n", " \r\n\n"]),
    SIZES,
)
def test_objects_are_records_with_or_without_anything_between_them(objects, layout, between, size):
    texts = [json.dumps(each, **layout) for each in objects]
    records, fault = read(framing.objects, window(between.join(texts).encode("utf-8", "replace"), size))
    assert fault is None
    assert [record.text for record in records] == [text.encode("utf-8", "replace") for text in texts]


@settings(deadline=None)
@given(BYTES | st.binary(), SIZES)
def test_every_byte_of_lines_that_is_not_blank_is_in_one_record(data, size):
    records, fault = read(framing.lines, window(data, size))
    assert fault is None
    assert [record.text for record in records] == [
        line.strip(b" \t\r\n") for line in data.split(b"\n") if line.strip(b" \t\r\n")
    ]
    for record in records:
        assert data[record.byte : record.byte + record.length] == record.text
        assert record.line == 1 + data.count(b"\n", 0, record.byte)


@settings(deadline=None)
@given(BYTES | st.binary(), CUTTERS, SIZES, SIZES, st.sampled_from([8, 30, MAX_RECORD_BYTES]))
def test_any_bytes_give_the_same_records_and_fault_in_any_blocks(data, cutter, size, other, longest):
    with patch.object(framing, "MAX_RECORD_BYTES", longest), patch.object(framing, "HEAD_BYTES", 4):
        records, fault = read(cutter, window(data, size))
        assert (records, fault) == read(cutter, window(data, other))
        assert [record.number for record in records] == list(range(1, len(records) + 1))
        for record in records:
            outcome(record)
            kept = 4 if record.length > longest else record.length
            assert record.text == data[record.byte : record.byte + kept]
            assert record.line == 1 + data.count(b"\n", 0, record.byte)


@settings(deadline=None)
@given(BYTES | st.binary(), CUTTERS, SIZES, st.data())
def test_reading_resumes_behind_any_record_as_if_it_had_not_stopped(data, cutter, size, draw):
    with patch.object(framing, "MAX_RECORD_BYTES", 20), patch.object(framing, "HEAD_BYTES", 4):
        records, fault = read(cutter, window(data, size))
        done = draw.draw(st.integers(0, len(records)))
        first = window(data, size)
        assert list(islice(cutter(first), done)) == records[:done]
        line, byte = first.next
        assert read(cutter, window(data, size, line, byte, done)) == (records[done:], fault)


@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        (b'{"id":"a,"x":{"y":[1]}}', "the quote behind a value"),
        (b'{"id":a","x":{"y":[1]}}', "the quote before a value"),
        (b'{"id:"a","x":{"y":[1]}}', "the quote behind a key"),
        (b'{id":"a","x":{"y":[1]}}', "the quote before a key"),
        (b'{"id":"a","x":{"y":[1]},"z":"b}', "the last quote"),
        (b'{"id":"a","x":[{"y":"b},{"y":"c"}]}', "a quote before a bracket"),
        (b'{"id":"say "hi" to}"}', "an escape"),
        (b'{"id":"a"",  "x":{}}', "a quote too many"),
        (b'{"id":"\\x","y":"\xff"}', "text"),
        (b'{"id":NaN}', "a number"),
        (b'{"id":1,"id":2}', "one key of two"),
        (b"[" * 5000 + b"]" * 5000, "shallowness"),
        (b"", "all"),
    ],
)
@pytest.mark.parametrize("between", [b",", b", ", b",\n", b"\n  ,  "])
def test_a_bad_record_in_an_array_fails_alone(bad, wrong, between):
    good = [b'{"n":%d}' % n for n in range(4)]
    data = b"[" + between.join([*good[:2], bad, *good[2:]]) + b"]"
    assert outcomes(framing.elements, data) == [{"n": 0}, {"n": 1}, None, {"n": 2}, {"n": 3}], wrong
    assert read(framing.elements, window(data))[1] is None


def test_a_missing_quote_rejects_one_object_of_several_on_one_line_or_many():
    bad = b'{"id":"a,"x":{"y":"}"}}'
    assert outcomes(framing.objects, b'{"n":0}\n{"id":"a}\n{"n":1}') == [{"n": 0}, None, {"n": 1}]
    assert outcomes(framing.objects, b'{"n":0}{"id":"a}{"n":1}{"n":2}') == [{"n": 0}, None, {"n": 1}, {"n": 2}]
    pretty = b'{\n "id": "a,\n "x": {\n  "y": 1\n }\n}\n{"n":1}'
    assert outcomes(framing.objects, pretty) == [None, {"n": 1}]
    # Brackets in the text of such a record count as brackets: the record is rejected in pieces.
    assert outcomes(framing.objects, bad + b'\n{"n":1}') == [None, None, {"n": 1}]


@pytest.mark.parametrize("garbage", [b"x", b"]", b"}", b",", b"# {}", b'"a"', b"[1,", b', {"b":2}'])
def test_text_between_objects_is_a_refused_record_to_the_end_of_its_line(garbage):
    assert outcomes(framing.objects, b'{"n":0}' + garbage + b'\n{"n":1}') == [{"n": 0}, None, {"n": 1}]


@pytest.mark.parametrize(
    ("data", "outcomes_of_it"),
    [
        (b"[]", []),
        (b" [ \n ] \n", []),
        (b"[,]", [None, None]),
        (b'[{"a":1},]', [{"a": 1}, None]),
        (b"[{},,{}]", [{}, None, {}]),
        (b'[1,"a",null,[{}]]', [None] * 4),
        (b"[{} {}]", [None]),
        (b"[{}},{}]", [None, {}]),
    ],
)
def test_each_text_between_commas_is_a_record(data, outcomes_of_it):
    assert outcomes(framing.elements, data) == outcomes_of_it
    assert read(framing.elements, window(data))[1] is None


@pytest.mark.parametrize(
    ("cutter", "data", "whole", "fault"),
    [
        (framing.elements, b'[{"a":1},\n{"b":', 1, ("the file ends in the middle of record 2", 2, 10)),
        (framing.elements, b'[{"a":1},\n{"b":"x', 1, ("the file ends in the middle of record 2", 2, 10)),
        (framing.elements, b'[{"a":1},\n{"b":1}\n', 2, ("the array is not closed", 3, 18)),
        (framing.elements, b'[{"a":1},\n', 1, ("the array is not closed", 2, 10)),
        (framing.elements, b"[", 0, ("the array is not closed", 1, 1)),
        (framing.elements, b"[{}]\n\nx", 1, ("there is more behind the end of the array", 3, 6)),
        (framing.elements, b"[{}][{}]", 1, ("there is more behind the end of the array", 1, 4)),
        (framing.objects, b'{"a":1}\n {"b":[', 1, ("the file ends in the middle of record 2", 2, 9)),
    ],
)
def test_a_file_that_ends_too_early_or_too_late_keeps_its_records(cutter, data, whole, fault):
    records, found = read(cutter, window(data))
    assert (len(records), found) == (whole, fault)


def test_a_last_line_without_a_newline_is_a_record_cut_or_not():
    assert outcomes(framing.lines, b'{"a":1}\r\n\r\n{"b":2}') == [{"a": 1}, {"b": 2}]
    assert outcomes(framing.lines, b'{"a":1}\n{"b":') == [{"a": 1}, None]


@pytest.mark.parametrize("cutter", [framing.lines, framing.objects, framing.elements])
def test_the_longest_record_is_read_and_a_longer_one_is_refused_by_its_length_with_its_beginning_kept(cutter):
    def record(length: int) -> bytes:
        return b'{"a":"' + b"x" * (length - 8) + b'"}'

    separator = b"," if cutter is framing.elements else b"\n"
    data = separator.join([record(MAX_RECORD_BYTES), record(MAX_RECORD_BYTES + 1), b'{"b":1}'])
    if cutter is framing.elements:
        data = b"[" + data + b"]"
    longest, longer, last = read(cutter, window(data, 1000))[0]
    assert len(longest.document()["a"]) == MAX_RECORD_BYTES - 8
    assert (longer.length, longer.text) == (MAX_RECORD_BYTES + 1, record(5000)[: framing.HEAD_BYTES])
    with pytest.raises(OrderError) as refused:
        longer.document()
    assert refused.value.kind.code == "payload_too_large"
    assert refused.value.details == [f"record: must have at most {MAX_RECORD_BYTES} bytes"]
    assert last.document() == {"b": 1}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_missing_quote_in_a_record_that_is_too_long_has_one_result_for_any_blocks(size):
    data = b'[{"a":"xxxxxxxxxxxxxxxxxxxxxxxx","b":"y},{"c":1}},{"d":1}]'
    with patch.object(framing, "MAX_RECORD_BYTES", 20):
        records, fault = read(framing.elements, window(data, size))
    # The beginning of that string is discarded, and the first of the two brackets with it.
    assert [(record.byte, record.length) for record in records] == [(1, 48), (50, 7)]
    assert fault is None


@pytest.mark.parametrize("size", [1000, 1 << 16, 1 << 20])
def test_blanks_do_not_count_however_many(size):
    blanks = b" \n" * MAX_RECORD_BYTES
    good, longer, last = read(
        framing.elements, window(b"[{}" + blanks + b",{" + blanks + b"}," + blanks + b"{}]", size)
    )[0]
    assert (good.document(), last.document(), longer.length) == ({}, {}, 2 + len(blanks))


@pytest.mark.parametrize(
    ("cutter", "start", "filling", "records"),
    [
        (framing.lines, b"", b"\0", 1),
        (framing.lines, b"", b" ", 0),
        (framing.objects, b'{"a":"', b"x", 0),
        (framing.objects, b'{"a":"', b"\\", 0),
        (framing.objects, b"{", b"{", 0),
        (framing.objects, b"{", b'"a",', 0),
        (framing.objects, b"{", b'"a" "b', 0),
        (framing.elements, b"[", b"0", 1),
        (framing.elements, b"[", b'"', 1),
        (framing.elements, b"[{}", b" ", 1),
    ],
)
def test_a_record_of_any_length_takes_bounded_memory(cutter, start, filling, records):
    block = filling * (65_536 // len(filling))
    source = Window(iter([start, *[block] * 160]))
    tracemalloc.start()
    try:
        assert len(read(cutter, source)[0]) == records
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_RECORD_BYTES
    finally:
        tracemalloc.stop()


def test_a_shown_or_refused_record_is_not_quoted():
    (record,) = read(framing.lines, window(b'{"a":"%s}' % SECRET.encode()))[0]
    with pytest.raises(OrderError) as refused:
        record.document()
    assert SECRET not in f"{record!r}{refused.value.details}"
