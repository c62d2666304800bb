"""The header row: read as any program writes it, or refused with advice, without quoting the file."""

import pytest

from contract.imports import CSV_OPTIONAL, CSV_REQUIRED, MAX_RECORD_BYTES
from domain import csv_header
from domain.framing import Fault, Window
from tests.unit.domain.test_csv_rows import read, refusal, window

NAMES = ",".join(CSV_REQUIRED)
PERSON = "Alice,Smith,alice@example.com,Elm Street 5,Springfield"


def columns(text: str | bytes, size: int = 1 << 16) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return csv_header.read(window(data, size))


def fault_of(text: str | bytes) -> Fault:
    with pytest.raises(Fault) as fault:
        columns(text)
    return fault.value


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", ""])
@pytest.mark.parametrize(
    "written",
    [
        NAMES,
        '"' + NAMES.replace(",", '","') + '"',
        " orderId ,\ufeffcustomerId,\u00a0itemId\u200b,quantity,price\t",
        "sep=,\n" + NAMES,
        '"sep=,"\r\n' + NAMES,
        "\n \n" + NAMES,
    ],
)
def test_a_header_row_is_read_however_it_is_written(written, end, size):
    assert columns(written + end, size) == list(CSV_REQUIRED)


@pytest.mark.parametrize("unnamed", [1, 3])
def test_unnamed_columns_at_the_end_are_accepted_if_blank(unnamed):
    header = NAMES + ", " * unnamed + "\n"
    assert columns(header) == [*CSV_REQUIRED, *[""] * unnamed]
    extra = "," * unnamed
    rows = [
        f"a,c,p,1,2{extra}",
        f"b,c,p,1,2{extra}",
        f"y,c,p,1,2{extra}",
        "z,c,p,1,2",
        f"d,c,p,1,2{extra} x",
        f"e,c,p,1,2{extra},",
    ]
    details = [refusal(record) for record in read((header + "\n".join(rows)).encode())]
    assert details[:2] == [None, None] and all(details[2:])
    # In a row that lacks a cell, any cell may be the missing one.
    assert details[3][1] == f"line 5: has 5 cells, but the header row has {5 + unnamed}"
    assert details[4][1] == "line 6: has text below a column without a name"
    assert details[5][1] == f"line 7: has {6 + unnamed} cells, but the header row has {5 + unnamed}"


def test_a_row_that_lacks_its_first_cell_is_not_read_one_column_off():
    header = "street,orderId,customerId,productId,quantity,price,zipCode,\n"
    rows = ["Elm,a,c,p,1,2,1234,", "a,c,p,1,2,1234,", "Elm,k,c,p,1,2,1234,", "Elm,b,c,p,1,2,1234,"]
    details = [refusal(record) for record in read((header + "\n".join(rows)).encode())]
    assert all(details[:3]) and details[3] is None


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("orderId,customerId,productId,quantity", "(missing: price)"),
        ("orderId,customerId,itemId,productId,quantity,price", "(given twice: productId)"),
        (NAMES + ",Unheard,x y", "(unknown: column 6, column 7)"),
        (NAMES + ",,city", "(without a name: column 6)"),
        ("OrderID,customer_id,product id,quantity,price", "column 1; did you mean orderId?, column 2; did you mean"),
        (PERSON, "(unknown: column 1, column 2, column 3, column 4, column 5; missing: orderId, customerId,"),
        (PERSON, "the first row of a file must name its columns"),
        ('{"orderId": 1}', "not CSV"),
        ('"orderId', "not CSV"),
        ("x" * (MAX_RECORD_BYTES + 2), "not CSV"),
        (NAMES.replace(",", ";"), "separated by commas, and here they are separated by semicolons"),
        ('"' + NAMES.replace(",", '"\t"') + '"', "separated by tabs"),
        (NAMES.replace(",", "|"), "separated by vertical bars"),
        ("orderId;customerId;productId;quantity;price,00", "separated by semicolons"),
        ("sep=;\n" + NAMES, "its first line says otherwise: save the file as CSV with commas"),
        ("SEP=\t\n" + NAMES, "its first line says otherwise"),
        (NAMES + "," * 1_000, "more than 1000 columns"),
        (NAMES + "\ra,c,p,1,2\rb,c,p,1,2\r", "carriage returns alone"),
    ],
)
def test_a_header_that_is_not_one_is_a_fault_that_says_what_to_do(header, reason):
    fault = fault_of("\n" + header + "\na,c,p,1,2\n")
    assert reason in fault.reason
    assert (fault.line, fault.byte) == (2, 1)
    if "wrong columns" in fault.reason:
        assert all(column in fault.reason for column in (*CSV_REQUIRED, *CSV_OPTIONAL))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "\r", '","', '"', "\n"])
def test_a_file_without_a_header_row_is_not_quoted(separator):
    reason = fault_of(PERSON.replace(",", separator)).reason
    assert not [word for word in ("Alice", "Smith", "example", "Elm", "Spring") if word.lower() in reason.lower()]


def test_a_header_too_long_for_memory_is_read_a_few_blocks_at_a_time():
    longest = 0

    def blocks():
        nonlocal longest
        for _ in range(100):
            yield b"x" * 65_536
            longest = max(longest, len(source.data))

    source = Window(blocks())
    with pytest.raises(Fault):
        csv_header.read(source)
    assert longest <= 2 * MAX_RECORD_BYTES
