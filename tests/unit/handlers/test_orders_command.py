"""POST /orders and PUT /orders/{orderId}, over moto."""

import base64
import json
import re
from decimal import Decimal

import pytest

from tests.unit.handlers.api import order


def test_an_order_is_stored_once_and_returned_completely(api):
    answer = api.post()
    assert answer.status == 201
    body = answer.body
    assert answer.headers["Location"] == f"/dev/orders/{body['orderId']}"
    assert answer.headers["ETag"] == '"1"'
    assert re.fullmatch("fd-[0-9a-f-]{36}", body["orderId"])
    assert body["status"] == "pending" and body["version"] == 1 and body["source"] == "api"
    assert body["totalAmount"] == 25.1
    assert body["createdAt"] == body["updatedAt"]
    assert "fingerprint" not in body and "expiresAt" not in body
    (stored,) = api.items()
    assert stored["orderId"]["S"] == body["orderId"]
    assert Decimal(stored["totalAmount"]["N"]) == Decimal("25.1")
    assert int(stored["expiresAt"]["N"]) == body["timestamp"] // 1000 + 90 * 86_400
    assert api.get(body["orderId"]).text == answer.text


@pytest.mark.parametrize(
    "body",
    [
        None, "", "null", "[]", "1", '"text"', "{", "{]", "NaN", "nul", "\ufeff{}",
        '{"customerId": NaN}', '{"price": 1e400}', "[" * 100_000, '{"a":' * 5000,
        '{"a": ' + "9" * 5000 + "}", '{"a": 1e99999999999999999999}',
        json.dumps(order(customerId="\ud800")),
        json.dumps(order(deliveryAddress={"street": "\udc00", "city": "x", "zipCode": "1"})),
        '{"customerId": "a", "customerId": "b"}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_400_and_not_stored(api, body):
    answer = api.post(body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert answer.details
    assert api.items() == []


@pytest.mark.parametrize(
    "item, detail",
    [
        ({"quantity": 0}, "items[0].quantity: must be at least 1"),
        ({"quantity": -1}, "items[0].quantity: must be at least 1"),
        ({"quantity": 2.0}, "items[0].quantity: must be an integer"),
        ({"quantity": 1.5}, "items[0].quantity: must be an integer"),
        ({"quantity": "2"}, "items[0].quantity: must be an integer"),
        ({"quantity": True}, "items[0].quantity: must be an integer"),
        ({"quantity": None}, "items[0].quantity: must be an integer"),
        ({"price": -1}, "items[0].price: must be at least 0"),
        ({"price": 0.001}, "items[0].price: must have at most 2 decimals"),
        ({"price": 100_001}, "items[0].price: must be at most 100000"),
        ({"price": "1"}, "items[0].price: must be a number"),
        ({"productId": "abc\n"}, "items[0].productId: must match ^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"),
        ({"totalAmount": 1}, "items[0].totalAmount: is not a known field"),
        ({"extra": 1}, "items[0]: field 4 is not a known field"),
        ({"<script>": 1}, "items[0]: field 4 is not a known field"),
        ({"Quantitiy": 1}, "items[0]: field 4 is not a known field; did you mean quantity?"),
    ],
)
def test_a_bad_item_is_named_without_its_value(api, item, detail):
    answer = api.post(order(items=[{"productId": "p", "quantity": 1, "price": 1, **item}]))
    assert (answer.status, answer.details) == (400, [detail])
    assert api.items() == []


def test_every_problem_is_reported_at_once(api):
    answer = api.post({"items": [{"productId": "p", "quantity": 0}], "deliveryAddress": {"street": " "}})
    assert answer.details == [
        "customerId: is required",
        "items[0].price: is required",
        "items[0].quantity: must be at least 1",
        "deliveryAddress.city: is required",
        "deliveryAddress.zipCode: is required",
        "deliveryAddress.street: must not be blank",
    ]


def test_ten_thousand_bad_items_give_a_short_answer(api):
    answer = api.post(order(items=[{"quantity": 0}] * 5_000))
    assert answer.status == 400 and len(answer.text) < 3_000


def test_a_body_beyond_the_limit_is_413(api):
    assert api.post(json.dumps(order()) + " " * 1_000_000).status == 413


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "", "application/jsonx", None])
def test_another_media_type_is_415(api, media):
    sent = {"Content-Type": media} if media is not None else {"Content-Type": ""}
    assert (api.post(headers=sent).status, api.items()) == (415, [])


@pytest.mark.parametrize("name", ["Content-Type", "content-type", "CONTENT-TYPE"])
@pytest.mark.parametrize("media", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"])
def test_header_names_and_media_types_in_any_case(api, name, media):
    assert (
        api.post(
            json.dumps(order()), headers={"Content-Type": media} if name == "Content-Type" else {name: media}
        ).status
        == 201
    )


def test_base64_bodies(api):
    text = base64.b64encode(json.dumps(order()).encode()).decode()
    assert api.post(text, base64=True).status == 201
    assert api.post(base64.b64encode(b'"\xff"').decode(), base64=True).status == 400
    assert api.post("***", base64=True).status == 400


def test_status_moves_on_and_the_version_with_it(api):
    placed = api.post().body
    for version, status in enumerate(("processing", "out_for_delivery", "delivered"), start=2):
        answer = api.put(placed["orderId"], status, if_match=f'"{version - 1}"')
        assert (answer.status, answer.body["status"], answer.body["version"]) == (200, status, version)
        assert answer.headers["ETag"] == f'"{version}"'
    assert api.get(placed["orderId"]).text == answer.text
    assert answer.body["createdAt"] == placed["createdAt"]


@pytest.mark.parametrize("timestamp", [False, True])
def test_put_answers_the_same_with_and_without_the_timestamp(api, timestamp):
    placed = api.post().body

    def put(status, **options):
        query = {"query": {"timestamp": str(placed["timestamp"])}} if timestamp else {}
        return api.put(placed["orderId"], status, **options, **query)

    assert put("pending").status == 200
    assert put("delivered").code == "illegal_transition"
    assert put("processing", if_match='"2"').code == "version_mismatch"
    assert put("processing", if_match='W/"1"').code == "version_mismatch"
    assert put("processing", if_match='"abc"').code == "version_mismatch"
    assert put("processing", if_match="1").code == "invalid_request"
    assert put("processing", if_match='"7", "1"').body["version"] == 2
    assert put("processing").body["version"] == 2
    assert put("processing", if_match='"1"').code == "version_mismatch"
    assert put("cancelled", if_match="*").body["version"] == 3
    refused = put("processing")
    assert (refused.status, refused.details) == (
        409,
        ["status: cannot change from cancelled to processing; allowed: nothing"],
    )
    assert api.get(placed["orderId"]).body["version"] == 3


@pytest.mark.parametrize("if_match", [None, "*", '"1"', 'W/"1"'])
@pytest.mark.parametrize("status", ["pending", "processing", "delivered"])
@pytest.mark.parametrize("query", [None, {"timestamp": "946684800000"}])
def test_put_to_an_unknown_order_is_404_and_creates_nothing(api, status, if_match, query):
    for order_id in ("nobody", "a/b", "x" * 200, "%", "idempotency#x"):
        answer = api.put(order_id, status, if_match=if_match, query=query)
        assert (answer.status, answer.code) == (404, "not_found")
    assert api.items() == []


@pytest.mark.parametrize("body", [{}, {"status": "lost"}, {"status": None}, {"status": "pending", "x": 1}, []])
def test_put_checks_its_body(api, body):
    assert api.put(api.post().body["orderId"], body).status == 400
