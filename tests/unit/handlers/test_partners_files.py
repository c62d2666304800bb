"""Files of partners: the folder below the prefix says whose a file is, and the import never mixes them."""

import json

import pytest

from contract import imports as contract
from domain import imports
from handlers.repository import order_of
from tests.unit.handlers.importing import Context, World, event, jsonl, order

WHOSE = {
    "orders/acme/x.jsonl": "acme",
    "orders/acme/2026/x.jsonl": "acme",
    "orders/acme//x.jsonl": "acme",
    "orders/fd-x/x.jsonl": "fd-x",
    "orders/x.jsonl": None,
    "orders/2026/x.jsonl": None,
    "orders/acme/": "acme",
    "orders/acme": None,
    "orders//acme/x.jsonl": None,
    "orders/Acme/x.jsonl": None,
    "orders/acme~X/x.jsonl": None,
    "orders/acme-/x.jsonl": None,
    "orders/operator/x.jsonl": None,
    "orders/ac me/x.jsonl": None,
    f"orders/{'a' * 33}/x.jsonl": None,
    "orders/acme\n/x.jsonl": None,
    "orders/../acme/x.jsonl": None,
}


@pytest.mark.parametrize("key", WHOSE, ids=repr)
def test_the_folder_says_whose_a_file_is(key):
    assert contract.partner_of(key) == WHOSE[key]


@pytest.mark.parametrize("key", [key for key in WHOSE if key.endswith((".jsonl", "acme/"))], ids=repr)
def test_orders_of_a_file_are_its_partners(key):
    partner = WHOSE[key]
    with World(jsonl(order("X"), order("Y")), key) as world:
        world.run(event(key))
    assert world.queued_ids() == ([f"{partner}~X", f"{partner}~Y"] if partner else ["X", "Y"])
    assert {each.get("partner") for each in world.orders()} == {partner}


def test_the_same_file_of_two_partners_and_the_operator_makes_three_orders(pipeline):
    for key in ("orders/acme/x.jsonl", "orders/bistro/x.jsonl", "orders/x.jsonl"):
        with World(jsonl(order("X")), key) as world:
            world.run(event(key))
        assert pipeline.work(world.bodies[0]) == []
    assert pipeline.dead_letters() == []
    stored = {order_of(item)["orderId"]: order_of(item).get("partner") for item in pipeline.orders().values()}
    assert stored == {"acme~X": "acme", "bistro~X": "bistro", "X": None}


def test_a_record_cannot_name_a_partner_or_an_order_of_one():
    key = "orders/acme/x.jsonl"
    with World(jsonl(order("bistro~X"), order("acme~X"), order("X", partner="bistro")), key) as world:
        world.run(event(key))
        report = world.report(key)
    assert (report["queued"], report["rejected"], report["reasons"]) == (0, 3, {"invalid_request": 3})


def test_reports_are_under_the_partners_folder_and_have_the_records_as_they_were():
    key = "orders/acme/x.jsonl"
    with World(jsonl(order("X"), order("Y", customerId=None)), key) as world:
        world.run(event(key))
        written = [each for each, version in world.objects if version is None]
        (line,) = [json.loads(world.objects[each, None]) for each in written if each.endswith(".jsonl")]
    assert written and all(each.startswith("reports/orders/acme/") for each in written)
    assert json.loads(line["text"])["orderId"] == "Y"


def test_the_longest_key_keeps_its_partners_folder():
    key = f"orders/acme/{'x' * 1000}.jsonl"
    assert contract.report_key(key, "v").startswith("reports/orders/acme/")


def test_a_continuation_keeps_the_partner_that_the_import_began_with():
    key = "orders/acme/x.jsonl"
    with World(jsonl(*(order(f"X{n}") for n in range(6))), key) as world:
        world.run_all(2, event(key))
        assert world.invocations > 2
    assert {each["partner"] for each in world.orders()} == {"acme"} and len(world.orders()) == 6


def test_a_continuation_of_an_earlier_version_stays_the_operators():
    key = "orders/acme/x.jsonl"
    with World(jsonl(*(order(f"X{n}") for n in range(4))), key) as world:
        world.run(event(key), Context(2))
        rest = json.loads(world.payloads.popleft())
        assert rest["continuation"].pop("partner") == "acme"
        world.bodies.clear()
        world.run(rest)
    assert world.queued_ids() == ["X2", "X3"] and not [each for each in world.orders() if "partner" in each]


def test_a_continuation_of_the_operators_file_is_known_to_earlier_versions():
    document = imports.continuation(imports.Progress(1, "request-1"))
    assert "partner" not in document
    assert imports.continuation(imports.Progress(1, "request-1", partner="acme"))["partner"] == "acme"


def test_a_setting_looks_up_the_partners_claim_only():
    key, express = "orders/acme/x.jsonl", order("X", delivery="express")
    with World(jsonl(express), key) as world:
        world.claims["X"] = world.claims["bistro~X"] = {"orderId": "X", "fingerprint": "another's"}
        world.run(event(key))
        assert world.looked_up == ["acme~X"]
    assert world.queued_ids() == []
