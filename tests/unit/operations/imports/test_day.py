"""`--imported`: the stored orders of a day, by file."""

import json

import boto3
import pytest

from contract.shards import shard_of
from deployer import cli
from deployer.errors import Exit
from operations.imports import day
from tests.unit.operations.imports.test_stored import DATE, NOW, item
from tests.unit.operations.queues.dead_letter_world import ROOT

ROOT_WITH_TABLE = {**ROOT, "Outputs": {**ROOT["Outputs"], "OrdersTableName": {"Value": "orders"}}}


@pytest.fixture
def table(bare):
    bare.deploy(ROOT_WITH_TABLE)
    client = boto3.client("dynamodb")
    keys = {"orderId": "S", "timestamp": "N", "processedDate": "S"}
    client.create_table(
        TableName="orders",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in keys.items()],
        KeySchema=_keys("orderId"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "processedDateIndex",
                "KeySchema": _keys("processedDate"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["sourceFile", "totalAmount"]},
            }
        ],
    )

    def put(shard, order_id, *more):
        found = item(order_id, NOW, *more)
        client.put_item(TableName="orders", Item={**found, "processedDate": {"S": shard}})

    return put


def _keys(partition):
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": "timestamp", "KeyType": "RANGE"}]


def test_orders_are_counted_and_added_up_by_file(bare, table):
    for number in range(30):
        order_id = f"ORD-{number}"
        table(shard_of(DATE, order_id), order_id, "0.10", f"s3://uploads/orders/{'b' if number % 3 else 'a'}.csv")
    table(DATE, "OLD", "1000.00", "s3://uploads/orders/a.csv")
    table(shard_of("2026-11-29", "NEXT"), "NEXT")
    result = bare.run(day.run, day=DATE)
    assert result == {
        "result": "listed",
        "date": DATE,
        "orders": 31,
        "totalAmount": "1003.00",
        "files": [
            {"sourceFile": "s3://uploads/orders/a.csv", "orders": 11, "totalAmount": "1001.00"},
            {"sourceFile": "s3://uploads/orders/b.csv", "orders": 20, "totalAmount": "2.00"},
        ],
    }
    said = bare.said.getvalue()
    assert f"{DATE}: orders 31, files 2, total 1,003.00" in said
    assert [line.split() for line in said.splitlines()[-2:]] == [
        ["11", "1,001.00", "s3://uploads/orders/a.csv"],
        ["20", "2.00", "s3://uploads/orders/b.csv"],
    ]


def test_a_day_without_imports_has_none(bare, table, capsys):
    assert cli.main(["--env", "dev", "--imported", DATE, "--output", "json"]) == Exit.OK
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"result": "listed", "date": DATE, "orders": 0, "totalAmount": "0", "files": []}
    assert f"{DATE}: orders 0, files 0, total 0" in printed.err


def test_a_file_name_moves_no_cursor(bare, table):
    table(DATE, "OLD", "1", "s3://uploads/orders/\x1b[2J.csv")
    assert bare.run(day.run, day=DATE)["files"][0]["sourceFile"] == "s3://uploads/orders/\x1b[2J.csv"
    assert "\x1b" not in bare.said.getvalue()


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "20261128", "2026-11-28#3", "2026-W48-6"])
def test_what_is_no_day_is_refused(text, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--env", "dev", "--imported", text])
    assert end.value.code == Exit.USAGE
    assert "must be a day such as 2026-11-28" in capsys.readouterr().err
