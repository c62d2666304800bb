"""An imported order is stored under a shard of its day, and read with the day alone."""

import pytest

from contract import shards
from domain.callers import Caller
from handlers.attributes import from_item
from handlers.repository import OrdersTable, item_of
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.pipeline import message, platform_id, record

DATE = "2026-01-02"


def imported(order_id, **changes):
    return message(order_id, **{"source": "import", "sourceFile": "s3://b/a", "processedDate": DATE, **changes})


@pytest.mark.parametrize("order_id", ["ORD-1", platform_id(1), "fd-019b7ca9-8c88-7000-8000-000000000001"])
def test_every_way_to_store_an_order_gives_its_date_a_shard(pipeline, order_id):
    assert pipeline.work(imported(order_id)) == []
    (item,) = pipeline.orders().values()
    assert item["processedDate"]["S"] == shards.shard_of(DATE, order_id)
    assert OrdersTable(pipeline.database, TABLE).get(order_id, None, Caller())["processedDate"] == DATE


def test_a_claim_and_an_order_that_was_not_imported_have_none(pipeline):
    pipeline.work(imported("ORD-1"), message("ORD-2"))
    assert [item for item in pipeline.claims().values() if "processedDate" in item] == []
    assert "processedDate" not in pipeline.orders()["ORD-2"]


def test_a_redelivery_in_any_batch_leaves_one_item(pipeline):
    records = [record(imported(f"ORD-{n}")) for n in range(60)]
    assert pipeline.work_on(records) == []
    before = pipeline.items()
    assert pipeline.work_on(records[::-1]) == [] and pipeline.work_on(records[:1]) == []
    assert pipeline.items() == before and pipeline.dead_letters() == []
    used = {item["processedDate"]["S"] for item in pipeline.orders().values()}
    assert len(used) > shards.PROCESSED_DATE_SHARDS / 2


def test_an_order_stored_under_the_date_alone_is_read_and_changed(api, pipeline):
    pipeline.work(imported("ORD-1"))
    (item,) = pipeline.orders().values()
    pipeline.database.put_item(TableName=TABLE, Item={**item, "processedDate": {"S": DATE}})
    assert api.put("ORD-1", "processing").status == 200
    assert pipeline.work(imported("ORD-1")) == []  # a redelivery: stored already
    (after,) = pipeline.orders().values()
    assert after["processedDate"] == {"S": DATE}


def test_a_change_of_status_keeps_the_shard(api, pipeline):
    pipeline.work(imported("ORD-1"))
    assert api.put("ORD-1", "processing").status == 200
    (item,) = pipeline.orders().values()
    assert item["processedDate"]["S"] == shards.shard_of(DATE, "ORD-1")


def test_an_item_is_not_the_document_it_is_made_of():
    document = {"orderId": "ORD-1", "processedDate": DATE}
    assert from_item(item_of(document))["processedDate"] == shards.shard_of(DATE, "ORD-1")
    assert document["processedDate"] == DATE
