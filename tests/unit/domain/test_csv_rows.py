"""CSV: rows become orders, and an invalid row rejects its own order only."""

import csv
import io
from decimal import Decimal
from itertools import groupby, islice
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.imports import CSV_COLUMNS, CSV_REQUIRED, MAX_RECORD_BYTES
from domain import csv_header, csv_rows, csv_survey, framing, validation
from domain.errors import OrderError
from domain.framing import Fault, Record, Window
from tests.unit.domain import csv_oracle

COLUMNS = [column.name for column in CSV_COLUMNS]
HEADER = b"orderId,customerId,productId,quantity,price\n"
SECRET = "Planted-Value-7c1"

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6).map(csv_rows.clean)
# Parts of CSV, in valid and invalid combinations.
BYTES = st.lists(
    st.sampled_from([b",", b'"', b"\n", b"\r\n", b" ", b"a", b"\xff", b"\0", b"a,c,p,1,2\n", b"b,c,p,1,2\n", b'""']),
    max_size=60,
).map(b"".join)
SIZES = st.integers(1, 40)


def window(data: bytes, size: int = 1 << 16, line: int = 1, byte: int = 0, number: int = 0) -> Window:
    return Window((data[at : at + size] for at in range(byte, len(data), size)), byte, line, number)


def survey(data: bytes, size: int = 1 << 16, columns: list[str] | None = None) -> csv_survey.Survey:
    source = window(data, size)
    return csv_survey.survey(source, columns or csv_header.read(source))


def read(data: bytes, size: int = 1 << 16) -> list[Record]:
    source = window(data, size)
    return list(csv_rows.orders(source, csv_header.read(source), survey(data, size).doubts))


def refusal(record: Record) -> list[str] | None:
    """Return the details, None for a record that is not refused."""
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
    assert first.text == data[first.byte : second.byte].replace(b"\r", b"").strip()
    assert second.text == b"pizza,o-2,c-2,1,10,,,,,,"


@settings(deadline=None)
@given(
    st.permutations(COLUMNS), st.lists(st.lists(CELL, min_size=len(COLUMNS), max_size=len(COLUMNS)), max_size=6), SIZES
)
def test_cells_of_a_csv_writer_are_read_unchanged(columns, rows, size):
    for number, row in enumerate(rows):
        row[columns.index("orderId")] = f"order-{number}"
        for column in CSV_COLUMNS:
            if column.type != "string":
                row[columns.index(column.name)] = {"integer": "7", "number": "1.5", "boolean": "True"}[column.type]
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


@pytest.mark.parametrize("cell, value", [("true", True), ("FALSE", False), ("yes", None), ("1", None), ("", None)])
def test_a_cell_for_a_boolean_is_true_or_false(cell, value):
    pattern, value_of, _ = csv_rows.READERS["boolean"]
    assert (value_of(cell) if pattern.fullmatch(cell) else None) is value


@settings(deadline=None)
@given(BYTES | st.binary(), SIZES, SIZES, st.sampled_from([8, 30, MAX_RECORD_BYTES]), st.data())
def test_any_rows_give_the_same_records_in_any_blocks_and_from_any_position(data, size, other, longest, draw):
    with (
        patch.object(framing, "MAX_RECORD_BYTES", longest),
        patch.object(csv_rows, "MAX_RECORD_BYTES", longest),
        patch.object(csv_rows, "HEAD_BYTES", 4),
    ):
        columns = list(CSV_REQUIRED)
        doubts = survey(data, size, columns).doubts
        records = list(csv_rows.orders(window(data, size), columns, doubts))
        assert records == list(csv_rows.orders(window(data, other), columns, doubts))
        refusals = [refusal(record) for record in records]
        again = survey(data, other, columns).doubts
        assert refusals == [refusal(each) for each in csv_rows.orders(window(data, other), columns, again)]
        for record in records:
            kept = 4 if record.length > longest else record.length
            assert len(record.text) == kept
            assert data[record.byte :].startswith(record.text.split(b"\n")[0])
            assert record.line == 1 + data.count(b"\n", 0, record.byte)
        done = draw.draw(st.integers(0, len(records)))
        first = window(data, size)
        assert list(islice(csv_rows.orders(first, columns, doubts), done)) == records[:done]
        line, byte = first.next
        rest = list(csv_rows.orders(window(data, size, line, byte, done), columns, doubts))
        assert rest == records[done:]
        assert [refusal(record) for record in rest] == refusals[done:]


@settings(deadline=None)
@given(BYTES)
def test_no_visible_character_is_lost(data):
    kept = b"".join(record.text for record in csv_rows.orders(window(data), list(CSV_REQUIRED), lambda order_id: []))
    nothing = b' \t\r\n,"\0'
    assert kept.translate(None, nothing) == data.translate(None, nothing)


@pytest.mark.parametrize(
    ("row", "detail"),
    [
        (b"x,c,p,1.0,2", "quantity: must be an integer"),
        (b"x,c,p,\xd9\xa3,2", "quantity: must be an integer"),  # an Arabic digit
        (b"x,c,p,\xef\xbc\x92,2", "quantity: must be an integer"),  # a full-width one
        (b"x,c,p,1\xc2\xa0000,2", "quantity: must be an integer"),
        (b"x,c,p,1,1e3", "price: must be a plain decimal number"),
        (b'x,c,p,1,"1,000"', "price: must be a plain decimal number"),
        (b"x,c,p,1,NaN", "price: must be a plain decimal number"),
        (b"x,c,p,1," + b"9" * 5000, "price: must be a plain decimal number"),
        (b"x,c,p\xff,1,2", "must be UTF-8"),
        (b"x,c,p\0,1,2", "must not contain NUL characters"),
    ],
)
@pytest.mark.parametrize("below", [b"z,c,p,1,2\n", b'z,"c","p",1,2\n', b'"z",c,p,1,2\n', b""])
def test_a_row_with_a_certain_order_id_rejects_its_own_order_and_no_other(row, detail, below):
    data = HEADER + b"a,c,p,1,2\n\n" + row + b"\n" + below
    details = [refusal(record) for record in read(data)]
    assert details == [None, [f"line 4: {detail}"]] + [None] * bool(below)


UNCERTAIN = [
    (b"x,c,p,1", "has 4 cells, but the header row has 5"),
    (b"x,c,p,1,2,", "has 6 cells, but the header row has 5"),
    (b"x,y,c,p,1,2", "has 6 cells, but the header row has 5"),
    (b'x,"c,p,1,2', "has a quote too many or too few"),
    (b'x,c",p,1,2', "has a quote too many or too few"),
    (b'x,"c"d,p,1,2', "has a quote too many or too few"),
    (b'"x,c,p,1,2', "has a quote too many or too few"),
    (b'x,c,p,1,"2', "has a quote too many or too few"),
    (b",c,p,1,2", "orderId: is blank"),
    ("\u200b,c,p,1,2".encode(), "orderId: is blank"),
    ("a\u200bb,c,p,1,2".encode(), "orderId: must match"),
    (b"a\xff,c,p,1,2", "orderId: must match"),
    (b"a b,c,p,1,2", "orderId: must match"),
    ("\uff11,c,p,1,2".encode(), "orderId: must match"),
    (b"a\0b,c,p,1,2", "orderId: must match"),
]


@pytest.mark.parametrize(("row", "detail"), UNCERTAIN)
def test_a_row_without_a_certain_order_id_is_refused_with_the_adjacent_orders_and_their_other_rows(row, detail):
    data = b"k,c,p,1,2\nb,c,p,1,2\n" + row + b"\nd,c,p,1,2\ne,c,p,1,2\nb,c,p,1,2\n"
    a, b, uncertain, d, e, later = (refusal(record) for record in read(HEADER + data))
    assert (a, e) == (None, None)
    assert d == ["line 4 may belong to this order: see what is wrong there"]
    assert b == later == [*d, "orderId: rows of this order begin on lines 3, 7, but must be adjacent"]
    assert uncertain[0] == "the orders directly above and below are rejected, too"
    assert uncertain[1].startswith(f"line 4: {detail}") and len(uncertain) == 2


@pytest.mark.parametrize(("row", "detail"), UNCERTAIN)
def test_an_uncertain_row_inside_an_order_or_first_or_last_in_a_file_is_refused_too(row, detail):
    for rows, accepted in (
        ([b"b", row, b"b", b"k"], [False, False, False, True]),
        ([row, b"b", b"k"], [False, False, True]),
        ([b"k", b"b", row], [True, False, False]),
        ([b"k", b"b", row, row, b"d", b"e"], [True, False, False, False, False, True]),
    ):
        lines = [each if each == row else each + b",c,p,1,2" for each in rows]
        records = read(HEADER + b"\n".join(lines))
        assert [refusal(record) is None for record in records] == accepted


@pytest.mark.parametrize(
    "row",
    [
        b"a,c,p,1,2,00",  # a decimal comma
        b"a,c,p,1",
        b"x,a,c,p,1,2",
        b'a,"c,p,1,2',
        b'="a",c,p,1,2',
        b'"=""a""",c,p,1,2',
        b"'a,c,p,1,2",
        b'"a" ,c,p,1,2',
    ],
)
def test_a_row_that_seems_to_name_a_distant_order_rejects_that_order(row):
    data = HEADER + b"a,c,p,1,2\nk,c,p,1,2\nb,c,p,1,2\n" + row
    details = [refusal(record) for record in read(data)]
    assert details[0] == ["line 5 may belong to this order: see what is wrong there"]
    assert details[1] is None and details[2] and details[3]


def test_too_many_uncertain_rows_reject_every_order():
    with patch.object(csv_survey, "MAX_SUSPECTS", 2):
        uncertain = [b"q-%d,c,p,1" % number for number in range(3)]
        last = read(HEADER + b"a,c,p,1,2\nk,c,p,1,2\n" + b"\n".join(uncertain))[0]
        assert refusal(last) == ["too many rows of the file may belong to any order"]
        assert refusal(read(HEADER + b"a,c,p,1,2\nk,c,p,1,2\n" + uncertain[0])[0]) is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_cell_with_the_end_of_a_row_and_the_beginning_of_another_is_refused(end):
    header = b"orderId,customerId,productId,quantity,price,street,city\n"
    data = header + f'a,c,p,1,2,"Main St,Bern{end}b,c,p,1,2,Side St",Bern\n'.encode()
    assert all(refusal(record) for record in read(data))


INVISIBLE = ["\u00a0", "\u2003", "\u3000", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u0085", "\t", " ", "\0"]


@pytest.mark.parametrize("invisible", INVISIBLE)
@pytest.mark.parametrize("written", ["{0}a", "a{0}", '"{0}a{0}"', "a{0}{0}"])
def test_invisible_characters_around_an_order_id_are_ignored(invisible, written):
    row = written.format(invisible) + ",c,q,1,2\n"
    (record,) = read(HEADER + b"a,c,p,1,2\n" + row.encode() + b"a,c,r,1,2\n")
    if invisible == "\0":
        assert refusal(record) == ["line 3: must not contain NUL characters"]
    else:
        assert [item["productId"] for item in record.document()["items"]] == ["p", "q", "r"]
        assert record.document()["orderId"] == "a"


@pytest.mark.parametrize(
    "blank",
    [b"", b",,,,", b" , ,\t,,", b'"","",,,', b'""', "\u00a0,\u200b,,,\ufeff".encode(), b",", b",,,,,,,,", b"\0"],
)
def test_a_row_of_blank_cells_is_no_row_and_divides_no_order(blank):
    for end in (b"\n", b"\r\n", b"\r\r\n"):
        rows = [blank, b"a,c,p,1,2", blank, b"a,c,q,1,2", blank, b"b,c,p,1,2", blank, blank]
        a, b = read(HEADER + end.join(rows))
        assert [len(each.document()["items"]) for each in (a, b)] == [2, 1]
        assert a.text.split() == [b"a,c,p,1,2", b"a,c,q,1,2"] and b.text == b"b,c,p,1,2"


def test_blank_rows_do_not_count_as_part_of_the_order_above():
    blank = b",,,,\n" * (MAX_RECORD_BYTES // 4)
    a, b = read(HEADER + b"a,c,p,1,2\n" + blank + b"a,c,q,1,2\nb,c,p,1,2\n" + blank)
    assert (len(a.document()["items"]), b.document()["orderId"]) == (2, "b")


def test_rows_that_are_not_adjacent_are_refused_even_if_equal():
    a, x, b = b"a,c,p,1,2", b"a,c,q,1,2", b"b,c,p,1,2"
    apart = ["orderId: rows of this order begin on lines 2, 4, but must be adjacent"]
    for rows, expected in (
        ([a, b, x], [apart, None, apart]),
        ([a, b, a], [apart, None, apart]),  # may be a repetition or two items
        ([a, x, b, a, x], [[apart[0].replace("4", "5")], None, [apart[0].replace("4", "5")]]),
        ([a, a, b], [None, None]),
    ):
        assert [refusal(record) for record in read(HEADER + b"\n".join(rows))] == expected
    many = refusal(read(HEADER + b"\n".join(b"a,c,p,%d,2\nb,c,p,1,2" % n for n in range(1, 10)))[0])
    assert many == ["orderId: rows of this order begin on lines 2, 4, 6, 8, 10 and others, but must be adjacent"]


def test_two_missing_quotes_do_not_hide_the_row_between_them():
    header = b"orderId,customerId,productId,quantity,price,street,city\n"
    rows = [b'a,c,p,1,2,"Main St,Bern', b'b,c,p,1,2,Side St",Bern', b"c,c,p,1,2,Main St,Bern"]
    records = read(header + b"\n".join(rows))
    assert [record.text for record in records] == rows
    assert not [record for record in records if refusal(record) is None]
    (address,) = read(header + b'a,c,p,1,2,"Main St, 5\nFlat 3, left","Bern\n"')
    assert address.document()["deliveryAddress"]["street"] == "Main St, 5\nFlat 3, left"


CELLS = st.sampled_from(
    ["a", "b", "d", "a\u00a0", "\u200ba", "\ufeffb", "a\u200bb", "", " ", '"a"', '"b', "a b", "a,x,y"]
)
LINES = st.builds(
    lambda order_id, rest: f"{order_id}{rest}".encode(errors="surrogateescape"),
    CELLS,
    st.sampled_from([",c,p,1,2", ",c,p,1,2", ",c,p,1,3", ",,p,1,2", ",c,p,1", ",,,,", ',c,"p,1,2', ",c,p\udcff,1,2"]),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(LINES, max_size=12), SIZES, st.sampled_from([b"\n", b"\r\n"]))
def test_an_order_is_complete_or_not_accepted(lines, size, end):
    data = HEADER + end.join(lines)
    rows = csv_oracle.rows_of(lines, 0, len(CSV_REQUIRED))
    whole = csv_oracle.whole_orders(rows, 0, len(CSV_REQUIRED))
    accepted = [record.document() for record in read(data, size) if refusal(record) is None]
    for document in accepted:
        assert document["orderId"] in whole
        assert len(document["items"]) in {
            len(list(group)) for key, group in groupby(rows, lambda row: row[1]) if key == document["orderId"]
        }
    bad = {order_id for _, order_id, line in rows if b"\xff" in line}
    assert {document["orderId"] for document in accepted} == whole - bad


def test_fields_of_the_order_must_be_equal_or_blank_in_each_row():
    header = b"orderId,customerId,productId,quantity,price,city\n"
    (record,) = read(header + b"a,c,p,1,2,\na,,p,1,2,Bern\na,c,p,1,2,Bern\n")
    assert record.document()["deliveryAddress"] == {"city": "Bern"}
    (record,) = read(header + b"a,c,p,1,2,Bern\na,c,p,1,2,Basel\n")
    assert refusal(record) == ["line 3: city: is not what a row of the order above says"]


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
    # A field may be as long as the record; the csv module's default limit is lower.
    (longest,) = read(HEADER + b"a,c," + b"p" * (MAX_RECORD_BYTES - 8) + b",1,2\n", size)
    assert len(longest.document()["items"][0]["productId"]) == MAX_RECORD_BYTES - 8


@pytest.mark.parametrize("size", [997, 1 << 16, 1 << 20])
def test_an_unclosed_quote_rejects_its_row_and_the_adjacent_order(size):
    rows = b"".join(b"o-%d,c,p,1,2\n" % number for number in range(2 * MAX_RECORD_BYTES // 12))
    details = [refusal(record) for record in read(HEADER + b'a,"c,p,1,2\n' + rows, size)]
    assert details[0][1] == "line 2: has a quote too many or too few"
    assert details[1] == ["line 2 may belong to this order: see what is wrong there"]
    assert len(details) == 1 + rows.count(b"\n") and not any(details[2:])


def test_a_file_of_too_many_lines_ends_with_a_fault_there():
    with patch.object(csv_rows, "MAX_CSV_LINES", 3):
        source = window(HEADER + b"a,c,p,1,2\nb,c,p,1,2\na,c,q,1,2\n")
        found = csv_rows.orders(source, csv_header.read(source), survey(source.data).doubts)
        assert next(found).document()["orderId"] == "a"
        assert refusal(next(found)) == ["the file cannot be read behind rows of this order: there may be more of them"]
        assert source.next == (4, source.data.index(b"a,c,q"))
        with pytest.raises(Fault, match="at most 3 lines") as fault:
            next(found)
        assert fault.value.line == 4


def test_a_refused_record_is_not_quoted():
    secret = SECRET.encode()
    records = read(HEADER + b'a,c,p,%b,%b\nb,"%b,p,1,2\nc,%b,p,1\n' % (secret, secret, secret, secret))
    assert len(records) == 3
    assert all(SECRET not in str(refusal(record)) for record in records)
