"""CSV: rows become orders, and a row that is wrong costs its own order and no other."""

import csv
import io
from decimal import Decimal
from itertools import islice
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.imports import CSV_OPTIONAL, CSV_REQUIRED, MAX_RECORD_BYTES
from domain import csv_rows, framing, validation
from domain.errors import OrderError
from domain.framing import Fault, Record, Window

COLUMNS = [*CSV_REQUIRED, *CSV_OPTIONAL]
HEADER = b"orderId,customerId,productId,quantity,price\n"
SECRET = "Planted-Value-7c1"

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6).map(str.strip)
# What CSV is made of, put together well or badly.
BYTES = st.lists(
    st.sampled_from([b",", b'"', b"\n", b"\r\n", b" ", b"a", b"\xff", b"\0", b"a,c,p,1,2\n", b"b,c,p,1,2\n", b'""']),
    max_size=60,
).map(b"".join)
SIZES = st.integers(1, 40)


def window(data: bytes, size: int = 1 << 16, line: int = 1, byte: int = 0, number: int = 0) -> Window:
    return Window((data[at : at + size] for at in range(byte, len(data), size)), byte, line, number)


def read(data: bytes, size: int = 1 << 16) -> list[Record]:
    source = window(data, size)
    return list(csv_rows.orders(source, csv_rows.header(source)))


def refusal(record: Record) -> list[str] | None:
    """The details, None for a record that is not refused."""
    try:
        record.document()
    except OrderError as error:
        assert error.kind.code in ("invalid_request", "payload_too_large")
        return error.details
    return None


def written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def test_rows_of_one_order_are_an_order_with_its_address_and_numbers():
    data = b"""itemId,orderId,customerId,quantity,price,timestamp,priority,delivery,street,city,zipCode\r
pizza,o-1,c-1,2,12.50,1763000000000,high,express,"12, ""Old"" Street\nFlat 3",Z\xc3\xbcrich,8001\r
cola,o-1,c-1,1,3,,,,,,\r
pizza,o-2,c-2,1,10,,,,,,\r
"""
    first, second = read(data)
    assert first.document() == {
        "orderId": "o-1",
        "customerId": "c-1",
        "timestamp": 1763000000000,
        "priority": "high",
        "delivery": "express",
        "items": [
            {"productId": "pizza", "quantity": 2, "price": Decimal("12.50")},
            {"productId": "cola", "quantity": 1, "price": Decimal(3)},
        ],
        "deliveryAddress": {"street": '12, "Old" Street\nFlat 3', "city": "Zürich", "zipCode": "8001"},
    }
    assert second.document() == {
        "orderId": "o-2",
        "customerId": "c-2",
        "items": [{"productId": "pizza", "quantity": 1, "price": Decimal(10)}],
    }
    validation.check("OrderSubmission", first.document())
    assert (first.number, first.line, second.number, second.line) == (1, 2, 2, 5)
    assert first.text == data[first.byte : first.byte + first.length]
    assert second.text == b"pizza,o-2,c-2,1,10,,,,,,"


@settings(deadline=None)
@given(st.permutations(COLUMNS), st.lists(st.lists(CELL, min_size=11, max_size=11), max_size=6), SIZES)
def test_what_a_csv_writer_writes_is_read_cell_by_cell(columns, rows, size):
    for number, row in enumerate(rows):
        row[columns.index("orderId")] = f"order-{number}"
        for column, cell in (("quantity", "7"), ("price", "1.5"), ("timestamp", "9")):
            row[columns.index(column)] = cell
    records = read(written([columns, *rows]), size)
    assert len(records) == len(rows)
    for record, row in zip(records, rows, strict=True):
        document = record.document()
        (item,) = document.pop("items")
        flat = document | item | document.pop("deliveryAddress", {})
        flat.pop("deliveryAddress", None)
        assert {name: str(value) for name, value in flat.items()} == {
            name: cell for name, cell in zip(columns, row, strict=True) if cell
        }


@settings(deadline=None)
@given(BYTES | st.binary(), SIZES, SIZES, st.sampled_from([8, 30, MAX_RECORD_BYTES]), st.data())
def test_any_rows_give_the_same_records_however_they_come_and_wherever_reading_stopped(
    data, size, other, longest, draw
):
    with (
        patch.object(framing, "MAX_RECORD_BYTES", longest),
        patch.object(csv_rows, "MAX_RECORD_BYTES", longest),
        patch.object(framing, "HEAD_BYTES", 4),
    ):
        columns = list(CSV_REQUIRED)
        records = list(csv_rows.orders(window(data, size), columns))
        assert records == list(csv_rows.orders(window(data, other), columns))
        for record in records:
            refusal(record)
            kept = 4 if record.length > longest else record.length
            assert record.text == data[record.byte : record.byte + kept]
            assert record.line == 1 + data.count(b"\n", 0, record.byte)
        assert sum(record.length for record in records) >= sum(
            len(line.strip(b" \t\r\n")) for line in data.split(b"\n")
        )
        done = draw.draw(st.integers(0, len(records)))
        first = window(data, size)
        assert list(islice(csv_rows.orders(first, columns), done)) == records[:done]
        line, byte = first.next
        assert list(csv_rows.orders(window(data, size, line, byte, done), columns)) == records[done:]


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (b"x,c,p,1", "line 4: must have 5 fields"),
        (b"x,c,p,1,2,", "line 4: must have 5 fields"),
        (b"x,c,p,1.0,2", "line 4: quantity: must be an integer"),
        (b"x,c,p,\xd9\xa3,2", "line 4: quantity: must be an integer"),
        (b"x,c,p,1,1e3", "line 4: price: must be a plain decimal number"),
        (b"x,c,p,1,NaN", "line 4: price: must be a plain decimal number"),
        (b"x,c,p,1," + b"9" * 5000, "line 4: price: must be a plain decimal number"),
        (b"x,c,p\xff,1,2", "line 4: must be UTF-8"),
        (b"x,c,p\0,1,2", "line 4: must not contain NUL characters"),
        (b'x,"c,p,1,2', "line 4: has a quote too many or too few"),
        (b'x,c",p,1,2', "line 4: has a quote too many or too few"),
        (b'x,"c"d,p,1,2', "line 4: has a quote too many or too few"),
        (b'"x,c,p,1,2', "line 4: has a quote too many or too few"),
        (b'x,c,p,1,"2', "line 4: has a quote too many or too few"),
    ],
)
@pytest.mark.parametrize("below", [b"z,c,p,1,2\n", b'z,"c","p",1,2\n', b'"z",c,p,1,2\n', b""])
def test_a_bad_row_is_refused_with_its_line_and_the_rows_around_it_are_read(row, detail, below):
    data = HEADER + b"a,c,p,1,2\n\n" + row + b"\n" + below
    details = [refusal(record) for record in read(data)]
    assert details == [None, [detail]] + [None] * bool(below)


@pytest.mark.parametrize("bad", [b'b,c,"q,1,2', b'b,c,q",1,2', b"b,c,q", b"b,c,q\xff,1,2", b"b,d,q,1,2", b"b,c,q,x,2"])
def test_an_order_with_a_bad_row_is_refused_whole(bad):
    for rows in ([bad, b"b,c,p,1,2"], [b"b,c,p,1,2", bad], [b"b,c,p,1,2", bad, b"b,c,r,1,2"]):
        records = read(HEADER + b"\n".join([b"a,c,p,1,2", *rows, b"c,c,p,1,2"]))
        assert [refusal(record) is None for record in records] == [True, False, True]


def test_what_is_the_orders_must_be_equal_or_blank_in_each_row():
    header = b"orderId,customerId,productId,quantity,price,city\n"
    (record,) = read(header + b"a,c,p,1,2,\na,,p,1,2,Bern\na,c,p,1,2,Bern\n")
    assert record.document()["deliveryAddress"] == {"city": "Bern"}
    (record,) = read(header + b"a,c,p,1,2,Bern\na,c,p,1,2,Basel\n")
    assert refusal(record) == ["line 3: city: is not what a row of the order above says"]


def test_a_row_without_an_order_id_is_a_record_of_its_own():
    records = read(HEADER + b",c,p,1,2\n,c,p,1,2\n , , , , \na,c,p,1,2\n")
    assert ["orderId" in record.document() for record in records] == [False, False, False, True]


def test_details_are_bounded():
    (record,) = read(HEADER + b"a,c,p,x,2\n" * 50)
    assert len(refusal(record)) == validation.MAX_DETAILS + 1
    assert refusal(record)[-1] == "and 30 more"


@pytest.mark.parametrize("size", [997, 1 << 16, 1 << 20])
def test_an_order_longer_than_a_record_may_be_is_refused_with_all_its_rows(size):
    row = b"a,c,p,1,2\n"
    long, last = read(HEADER + row * (MAX_RECORD_BYTES // len(row) + 1) + b"b,c,p,1,2\n", size)
    assert refusal(long) == [f"record: must have at most {MAX_RECORD_BYTES} bytes"]
    assert (len(long.text), long.text[:10], refusal(last)) == (framing.HEAD_BYTES, row, None)
    # A field may be as long as the record, whatever the csv module thinks of it.
    (longest,) = read(HEADER + b"a,c," + b"p" * (MAX_RECORD_BYTES - 8) + b",1,2\n", size)
    assert len(longest.document()["items"][0]["productId"]) == MAX_RECORD_BYTES - 8


@pytest.mark.parametrize("size", [997, 1 << 16, 1 << 20])
def test_a_quote_that_nothing_closes_spoils_its_row_and_no_other(size):
    rows = b"".join(b"o-%d,c,p,1,2\n" % number for number in range(2 * MAX_RECORD_BYTES // 12))
    details = [refusal(record) for record in read(HEADER + b'a,"c,p,1,2\n' + rows, size)]
    assert details[0] == ["line 2: has a quote too many or too few"]
    assert len(details) == 1 + rows.count(b"\n") and not any(details[1:])


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"orderId,customerId,productId,quantity", "missing: price"),
        (b"orderId,customerId,itemId,productId,quantity,price", "given twice: productId"),
        (b"orderId,customerId,productId,quantity,price,Note,x y,,<b>", "unknown: Note, (a column)"),
        (b"\0", "unknown: (a column); missing: orderId, customerId, productId, quantity, price"),
        (b'{"orderId": 1}', "not CSV"),
        (b'"orderId', "not CSV"),
        (b"x" * (MAX_RECORD_BYTES + 1), "not CSV"),
    ],
)
def test_a_header_that_is_not_one_is_a_fault_that_says_why(header, reason):
    with pytest.raises(Fault) as fault:
        read(b"\n" + header + b"\na,c,p,1,2\n")
    assert reason in fault.value.reason
    assert "<b>" not in fault.value.reason
    assert (fault.value.line, fault.value.byte) == (2, 1)
    if "not CSV" not in reason:
        assert all(column in fault.value.reason for column in COLUMNS)


def test_a_record_says_nothing_of_its_text_when_it_is_refused():
    secret = SECRET.encode()
    records = read(HEADER + b'a,c,p,%b,%b\nb,"%b,p,1,2\nc,%b,p,1\n' % (secret, secret, secret, secret))
    assert len(records) == 3
    assert all(SECRET not in str(refusal(record)) for record in records)
