"""Who may see what: a partner its own orders, the operator all. Another's order is answered like one that does not exist."""

import io
import json

import pytest

from contract.routes import ROUTES
from contract.schemas import STATUSES
from domain import claims
from domain.callers import Caller
from handlers import repository, telemetry, visibility
from handlers.attributes import to_item
from tests.unit.handlers.api import event, order, send

MISSING = "fd-019b7ca9-8f2e-7000-8000-00000000dead"


@pytest.fixture
def acme(api):
    return api.by("acme")


@pytest.fixture
def bistro(api):
    return api.by("bistro")


def without_request_id(answer):
    """Return all that a client gets, but the id of its request."""
    document = json.loads(answer.text)
    request_id = document.get("error", {}).pop("requestId", None)
    headers = {**answer.headers}
    assert request_id in (None, headers.pop("X-Request-Id"))
    return answer.status, headers, json.dumps(document)


def queued(pipeline):
    """Let the worker store what is on the queue."""
    for sent in pipeline.queued():
        assert pipeline.work(sent["Body"]) == []


def test_a_partners_order_has_its_name_and_the_operators_has_none(api, acme):
    assert acme.post().body["partner"] == "acme"
    assert "partner" not in api.post().body
    assert sorted(item.get("partner", {}).get("S", "") for item in api.orders()) == ["", "acme"]
    assert {item.get("partnerCustomer", {}).get("S") for item in api.orders()} == {None, "acme~customer-1"}


def test_the_key_of_a_list_is_the_tables_alone(api, acme):
    placed = acme.post().body
    for answer in (acme.get(placed["orderId"]), acme.put(placed["orderId"], "processing"), api.get(placed["orderId"])):
        assert "partnerCustomer" not in answer.text
    assert "partnerCustomer" not in acme.customer("customer-1").text


def test_a_partner_reads_its_own_order_and_the_operator_every_order(api, acme, bistro):
    own, others = acme.post().body["orderId"], bistro.post().body["orderId"]
    assert acme.get(own).status == 200
    assert api.get(own).status == api.get(others).status == 200
    assert without_request_id(acme.get(others)) == without_request_id(acme.get(MISSING))


ANSWERS = (
    {},
    {"query": {"timestamp": "1767323045678"}},
    {"if_match": '"1"'},
    {"if_match": '"7"'},
    {"if_match": 'W/"1"'},
    {"if_match": "*"},
    {"headers": {"Idempotency-Key": "k"}},
    {"if_match": '"1"', "headers": {"Idempotency-Key": "k"}},
)


@pytest.mark.parametrize("options", ANSWERS, ids=str)
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("place", ["sync", "async"])
def test_a_change_of_anothers_order_is_a_change_of_none(api, acme, bistro, pipeline, place, status, options):
    if place == "sync":
        others = bistro.post().body["orderId"]
    else:
        others = bistro.submit(order(orderId="X")).body["orderId"]
        queued(pipeline)
        others = f"bistro~{others}"
    bistro.put(others, "processing", headers={"Idempotency-Key": "k"})
    before = api.items()
    assert without_request_id(acme.put(others, status, **options)) == without_request_id(
        acme.put(MISSING, status, **options)
    )
    assert acme.put(others, status, **options).code == "not_found"
    assert api.items() == before


def test_the_right_time_of_anothers_order_does_not_reveal_it(acme, bistro):
    others = bistro.post().body
    at = {"timestamp": str(others["timestamp"])}
    assert without_request_id(acme.get(others["orderId"], query=at)) == without_request_id(acme.get(MISSING, query=at))
    assert without_request_id(acme.put(others["orderId"], "pending", query=at)) == without_request_id(
        acme.put(MISSING, "pending", query=at)
    )


def test_a_partner_changes_its_own_order_without_a_read(acme, api, calls):
    own = acme.post().body["orderId"]
    calls.clear()
    assert acme.put(own, "processing").body["status"] == "processing"
    assert calls == ["UpdateItem"]
    assert api.put(own, "out_for_delivery").status == 200


def test_an_order_of_before_is_the_operators(api, acme):
    placed = api.post().body
    assert acme.get(placed["orderId"]).code == acme.put(placed["orderId"], "processing").code == "not_found"
    assert acme.customer("customer-1").body == {"orders": [], "count": 0}


# Ids that clients choose.


def test_two_partners_and_the_operator_may_choose_the_same_id(api, acme, bistro, pipeline):
    callers = {"acme": acme, "bistro": bistro, "": api}
    for quantity, caller in enumerate(callers.values(), 1):
        accepted = caller.submit(order(orderId="X", items=[{"productId": "p", "quantity": quantity, "price": 1}]))
        assert accepted.body["orderId"] == "X" and accepted.headers["Location"] == "/dev/orders/X"
    queued(pipeline)
    assert pipeline.dead_letters() == []
    for quantity, (name, caller) in enumerate(callers.items(), 1):
        shown = caller.get("X").body
        assert (shown["orderId"], shown.get("partner", ""), shown["totalAmount"]) == ("X", name, quantity)
        assert [each["orderId"] for each in caller.customer("customer-1").body["orders"] if name] == ["X"] * bool(name)
    assert {each["orderId"] for each in api.customer("customer-1").body["orders"]} == {"X", "acme~X", "bistro~X"}
    assert api.get("acme~X").body["orderId"] == "acme~X"
    assert acme.get("acme~X").text == acme.get("X").text
    assert without_request_id(acme.get("bistro~X")) == without_request_id(acme.get(MISSING))
    assert acme.put("X", "processing").body["orderId"] == "X"
    assert (api.get("acme~X").body["version"], api.get("bistro~X").body["version"]) == (2, 1)


@pytest.mark.parametrize("chosen", ["acme~X", "bistro~X", "~X", "X~", "~"])
def test_a_chosen_id_has_no_qualifier(acme, api, chosen):
    for caller in (acme, api):
        answer = caller.submit(order(orderId=chosen))
        assert answer.code == "invalid_request" and answer.details[0].startswith("orderId: must match")


@pytest.mark.parametrize("name", ["fd-x", "fk-x", "fd", "async", "customer", "a"])
def test_a_partners_name_may_look_like_anything(api, pipeline, name):
    partner = api.by(name)
    for _ in range(2):
        assert partner.submit(order(orderId="X")).body["orderId"] == "X"
    assert partner.submit(order(orderId="X", customerId="customer-2")).status == 202
    queued(pipeline)
    assert pipeline.reasons() == ["order_conflict"]
    assert partner.get("X").body["orderId"] == partner.get(f"{name}~X").body["orderId"] == "X"
    assert partner.put("X", "processing").status == 200
    assert api.get(f"{name}~X").body["status"] == "processing"


def test_the_longest_id_of_the_partner_with_the_longest_name(api, pipeline):
    name, chosen = "a" * 32, "X" * 128
    partner = api.by(name)
    assert partner.submit(order(orderId=chosen)).status == 202
    queued(pipeline)
    assert partner.get(chosen).body["orderId"] == partner.get(f"{name}~{chosen}").body["orderId"] == chosen
    (shown,) = partner.customer("customer-1", limit=1).body["orders"]
    assert shown["orderId"] == chosen


# Idempotency.


def test_a_replay_works_with_the_key_after_a_rotation(api, acme, pipeline):
    rotated = api.by("acme", "premium", key_id="another-key")
    headers = {"Idempotency-Key": "k"}
    first = acme.post(headers=headers)
    again = rotated.post(headers=headers)
    assert (again.text, again.headers["Idempotency-Replayed"]) == (first.text, "true")
    assert acme.put(first.body["orderId"], "processing", '"1"', headers=headers).status == 200
    assert rotated.put(first.body["orderId"], "processing", '"1"', headers=headers).status == 200
    keyed = acme.submit(order(), headers=headers).body["orderId"]
    assert rotated.submit(order(), headers=headers).body["orderId"] == keyed
    queued(pipeline)
    assert len(api.orders()) == 2 and rotated.get(keyed).body["orderId"] == keyed


def test_the_same_idempotency_key_of_two_callers_are_two(api, acme, bistro, pipeline):
    headers = {"Idempotency-Key": "k"}
    answers = [caller.post(headers=headers) for caller in (acme, bistro, api)]
    assert all(answer.status == 201 and "Idempotency-Replayed" not in answer.headers for answer in answers)
    assert bistro.post(order(customerId="customer-2"), headers=headers).code == "idempotency_conflict"
    ids = {caller.submit(order(), headers=headers).body["orderId"] for caller in (acme, bistro, api)}
    assert len(ids) == 3
    queued(pipeline)
    for caller in (acme, bistro):
        assert [caller.get(keyed).status for keyed in sorted(ids)].count(200) == 1


def test_an_operators_claim_of_before_is_replayed(api):
    """Its scope is the id of the API key."""
    headers = {"Idempotency-Key": "k"}
    first = api.post(headers=headers)
    (claim,) = [item for item in api.items() if item["timestamp"]["N"] == "0"]
    assert claim["orderId"]["S"] == f"idempotency#{claims._digest('key-id-1', 'k')}"
    assert api.post(headers=headers).text == first.text


@pytest.mark.parametrize("anothers", [True, False])
def test_a_refusal_by_a_setting_does_not_reveal_anothers_order(api, acme, bistro, pipeline, configure, anothers):
    express = order(orderId="X", delivery="express")
    configure(flags={"expressDelivery": True})
    if anothers:
        assert bistro.submit(express).status == api.submit(express).status == 202
        assert bistro.post(order(delivery="express"), headers={"Idempotency-Key": "k"}).status == 201
        queued(pipeline)
    configure(flags={"expressDelivery": False})
    refused = acme.submit(express)
    assert (refused.code, len(refused.details)) == ("feature_disabled", 2)  # the second: it is not stored
    refused = acme.post(order(delivery="express"), headers={"Idempotency-Key": "k"})
    assert (refused.code, len(refused.details)) == ("feature_disabled", 1)


def test_an_order_that_a_setting_refuses_now_is_accepted_again_from_its_partner(api, acme, bistro, pipeline, configure):
    express = order(orderId="X", delivery="express")
    configure(flags={"expressDelivery": True})
    first = acme.submit(express)
    queued(pipeline)
    configure(flags={"expressDelivery": False})
    again = acme.submit(express)
    assert (again.status, again.body["timestamp"]) == (202, first.body["timestamp"])
    assert "messageId" in first.body and "messageId" not in again.body  # it is stored
    assert (again.body["orderId"], again.headers["Location"]) == ("X", "/dev/orders/X")
    assert bistro.submit(express).code == "feature_disabled"


# Lists.


def test_a_list_has_the_callers_orders_in_exact_pages(api, acme, bistro):
    own, others = [], []
    for _ in range(5):
        own.append(acme.post().body["orderId"])
        others.append(bistro.post().body["orderId"])
    listed, token = [], None
    for _ in range(3):
        page = acme.customer("customer-1", limit=2, nextToken=token).body
        listed += [each["orderId"] for each in page["orders"]]
        token = page.get("nextToken")
        assert page["count"] == 2 or token is None
    assert sorted(listed) == sorted(own) and token is None
    assert api.customer("customer-1", limit=100).body["count"] == 10


def test_a_token_is_valid_for_its_caller_only_and_beyond_a_rotation(api, acme, bistro):
    for caller in (acme, bistro, api) * 3:
        caller.post()
    token = acme.customer("customer-1", limit=1).body["nextToken"]
    rotated = api.by("acme", "premium", key_id="another-key")
    assert rotated.customer("customer-1", limit=5, nextToken=token).body["count"] == 2
    for other in (bistro, api):
        assert other.customer("customer-1", nextToken=token).code == "invalid_request"
    token = api.customer("customer-1", limit=1).body["nextToken"]
    assert acme.customer("customer-1", nextToken=token).code == "invalid_request"


# Keys and telemetry.


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
@pytest.mark.parametrize("key", [None, "", "fdp_acme", "fdp_acme_s" + "R" * 31, "fdp_operator_s" + "R" * 32])
def test_no_route_is_open_without_a_key_or_with_a_malformed_one(api, route, key):
    path = {name: "X" for name in route.path_parameters}
    before = api.items()
    answer = send(event(route.method, route.path, order(), api_key=key, **path))
    assert (answer.status, answer.code) == ((401, "unauthorized") if route.scope else (403, "forbidden"))
    assert api.items() == before


def test_a_requests_lines_have_the_partner_and_its_tier_and_never_the_key(api, pipeline, monkeypatch, capsys):
    monkeypatch.setattr(telemetry.logger.handlers[0], "stream", written := io.StringIO())
    premium, other = api.by("acme", "premium", random="Planted" * 4 + "Pkey"), api.by("bistro")
    placed = premium.post(headers={"Idempotency-Key": "k"}).body["orderId"]
    premium.get(placed)
    premium.put(placed, "processing")
    premium.put(placed, "pending")
    premium.submit(order(orderId="X"))
    other.customer("customer-1")
    api.get(placed)
    send(event("GET", "/orders/{orderId}", api_key=premium.key["api_key"] + "x", orderId=placed))
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    requests = [(line.get("partner"), line.get("tier")) for line in lines if line.get("message") == "request"]
    assert requests == [("acme", "premium")] * 5 + [("bistro", "standard"), (None, None), (None, None)]
    everything = [written.getvalue(), capsys.readouterr().out, repr(pipeline.queued()), repr(api.items())]
    assert not [text for text in everything if "fdp_" in text or "Planted" in text]


# One rule, as Python and as DynamoDB's condition.

CALLERS = [Caller("key"), Caller("key", "acme", "standard"), Caller(customer="customer-1"), Caller("key", "bistro")]


@pytest.mark.parametrize("caller", CALLERS, ids=str)
@pytest.mark.parametrize("partner", [None, "acme"])
@pytest.mark.parametrize("customer", ["customer-1", "customer-2", "acme"])
def test_the_condition_of_a_write_is_what_the_caller_sees(api, aws, caller, partner, customer):
    owner = api if partner is None else api.by(partner)
    placed = owner.post(order(customerId=customer)).body
    table = repository.OrdersTable(aws, "orders-test")
    key = placed["orderId"], placed["timestamp"]
    is_seen = table.get(*key, Caller())
    assert caller.sees(is_seen) == (table.get(*key, caller) is not None)
    condition, operands = visibility.condition(caller)
    now = placed["timestamp"] + 1
    changed, after = table.set_status(
        *key,
        "processing",
        caller=caller,
        allowed_from=("pending",),
        versions=None,
        change_id="change",
        now=now,
        expires_at=now,
    )
    assert changed == caller.sees(is_seen) and (after is None) != changed
    assert bool(condition) == (not caller.sees_all) and set(to_item(operands)) == set(operands)
