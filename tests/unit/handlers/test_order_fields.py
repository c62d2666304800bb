"""Each field of a request, on each ingestion path and back to the client."""

import csv
import io
import json
from decimal import Decimal

import pytest

from contract.documents import IMPORT_RECORD
from contract.imports import CSV_COLUMNS
from contract.models import ORDER_REQUEST, ORDER_SUBMISSION
from domain import pricing
from tests.unit.domain.examples import example
from tests.unit.handlers.importing import World, event, jsonl

FLAGS = {"expressDelivery": True, "multiplePayments": True}


def payable(schema):
    """Return an order with every field of `schema`, whose payments add up."""
    order = example(schema)
    (payment,) = order["payments"]
    payment["amount"] = float(pricing.total(json.loads(json.dumps(order), parse_int=Decimal)))
    return order


def posted(api, pipeline):
    sent = payable(ORDER_REQUEST)
    answer = api.post(sent)
    assert answer.status == 201, answer.body
    return sent, answer.body["orderId"]


def submitted(api, pipeline):
    sent = payable(ORDER_SUBMISSION)
    assert api.submit(sent).status == 202
    assert pipeline.work(*(each["Body"] for each in pipeline.queued())) == []
    return sent, sent["orderId"]


def imported(sent, body, key, pipeline):
    with World(body, key=key, flags=FLAGS) as world:
        world.run(event(key))
        assert world.report(key)["queued"] == 1, world.objects
    assert pipeline.work(*world.bodies) == []
    return sent, sent["orderId"]


def from_json(api, pipeline):
    sent = payable(IMPORT_RECORD)
    return imported(sent, jsonl(sent), "orders/a.jsonl", pipeline)


def from_csv(api, pipeline):
    sent = payable(IMPORT_RECORD)
    parts = {
        "": sent,
        **{name: part for name, part in sent.items() if isinstance(part, dict)},
        "items": sent["items"][0],
    }
    text = io.StringIO()
    csv.writer(text).writerows(
        [[each.name for each in CSV_COLUMNS], [parts[each.parent][each.name] for each in CSV_COLUMNS]]
    )
    del sent["payments"]  # a list, as no row has one
    return imported(sent, text.getvalue().encode(), "orders/a.csv", pipeline)


@pytest.mark.parametrize("place", [posted, submitted, from_json, from_csv], ids=lambda place: place.__name__)
def test_each_field_that_was_sent_is_stored_shown_and_kept(pipeline, api, configure, place):
    configure(flags=FLAGS)
    sent, order_id = place(api, pipeline)
    for shown in (api.get(order_id).body, api.put(order_id, "processing").body, api.get(order_id).body):
        assert {name: shown.get(name) for name in sent} == sent
