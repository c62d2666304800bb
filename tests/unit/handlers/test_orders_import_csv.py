"""CSV files, with invocations that stop anywhere: an order is queued with all its rows, or rejected with the reason."""

import gzip
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.imports import CSV_REQUIRED
from handlers import uploads
from tests.unit.domain import csv_oracle
from tests.unit.handlers.importing import World, event

HEADER = b"orderId,customerId,productId,quantity,price\n"
IDS = st.sampled_from(
    [
        "A1",
        "A1",
        "B1",
        "C1",
        "A1\u00a0",
        "\u200bB1",
        "\ufeffA1",
        "A\u200b1",
        "",
        " ",
        '"A1"',
        '"A1',
        "A 1",
        "A1,x,y",
        "\u00c41",
    ]
)
RESTS = st.sampled_from([",c,p,1,2", ",c,p,1,2", ",c,q,1,2", ",c,p,1", ',c,"p,1,2', ",c,p,1,2,"])
BLANK = st.sampled_from([b"", b",,,,", b'"", , ,,', b",", "\u00a0,,,\u200b,".encode()])
LINES = st.lists(st.builds(lambda order_id, rest: (order_id + rest).encode(), IDS, RESTS) | BLANK, max_size=14)
KEYS = st.sampled_from(["orders/a.csv", "orders/a.csv.gz"])


def imported(
    body: bytes, key: str = "orders/a.csv", at_a_time: int | None = None
) -> tuple[dict, list[dict], list[dict]]:
    """Return the report without fields of invocations, the rejected records, and the orders."""
    with World(gzip.compress(body, mtime=0) if key.endswith("gz") else body, key) as world:
        world.run_all(at_a_time, event(key))
        report, orders = world.report(key), world.orders()
        lines = [line for name in report.pop("rejectedFiles") for line in world.objects[name, None].splitlines()]
    for name in ("invocations", "startedAt", "finishedAt", "durationMs"):
        del report[name]
    return report, [json.loads(line) for line in lines], orders


@settings(deadline=None, max_examples=200)
@given(LINES, KEYS, st.integers(1, 6), st.sampled_from([b"\n", b"\r\n"]))
def test_an_order_is_queued_with_all_its_rows_or_not_at_all_for_any_end_of_invocations(lines, key, at_a_time, end):
    body = HEADER + end.join(lines)
    report, rejected, messages = imported(body, key)
    assert (report, rejected, messages) == imported(body, key, at_a_time)

    rows = csv_oracle.rows_of(lines, 0, len(CSV_REQUIRED))
    queued = {message["orderId"] for message in messages}
    assert queued == csv_oracle.whole_orders(rows, 0, len(CSV_REQUIRED))
    items = Counter((message["orderId"], item["productId"]) for message in messages for item in message["items"])
    assert items == Counter((each, line.split(b",")[2].decode()) for _, each, line in rows if each in queued)
    assert (report["rejected"] == 0) == all(order_id in queued for _, order_id, _ in rows)
    assert {line["line"] for line in rejected} >= {number for number, order_id, _ in rows if order_id is None}


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.sampled_from([b",", b'"', b"\n", b"\r", b"A1,c,p,1,2\n", b"A1", b"B1,c,p,1,2\n", b"\xff", b"\0"]),
        max_size=40,
    ),
    KEYS,
    st.integers(1, 6),
)
def test_any_bytes_have_the_same_result_for_any_end_of_invocations(pieces, key, more):
    body = HEADER + b"".join(pieces)
    whole = imported(body, key)
    assert imported(body, key, max(1, whole[0]["read"] // 14 + 1, more)) == whole


@pytest.mark.parametrize("invisible", ["\u00a0", "\u2003", "\u200b", "\ufeff"])
def test_an_invisible_character_does_not_divide_an_order(invisible):
    report, _, (message,) = imported(HEADER + f"A1,c,p,1,2\nA1{invisible},c,q,1,2\n".encode())
    assert (report["read"], report["queued"], report["rejected"]) == (1, 1, 0)
    assert [item["productId"] for item in message["items"]] == ["p", "q"]


def test_rows_beyond_what_one_request_fetches_count_as_well(monkeypatch):
    monkeypatch.setattr(uploads, "RANGE_BYTES", 64)
    between = b"".join(b"B%d,c,p,1,2\n" % number for number in range(50))
    report, rejected, messages = imported(HEADER + b"A1,c,p,1,2\n" + between + b"A1,c,q,1,2\n", at_a_time=8)
    assert "A1" not in [message["orderId"] for message in messages] and len(messages) == 50
    assert [line["line"] for line in rejected] == [2, 53]
    assert all("lines 2, 53" in line["details"][0] for line in rejected)
    assert (report["status"], report["reasons"]) == ("completed", {"invalid_request": 2})
