"""What the API refuses: each with the right 4xx in the one error shape, and nothing written."""

import json
import uuid

import pytest

from tests.e2e.support import order_for

pytestmark = pytest.mark.e2e

ITEM = {"productId": "A", "quantity": 1, "price": 1.5}


def with_item(**changes) -> dict:
    return order_for("CUST-refused", items=[{**ITEM, **changes}])


def raw(field: str, literal: str) -> bytes:
    """An order whose item has `literal` as it stands in the JSON text, for what json.dumps cannot write."""
    return json.dumps(with_item(**{field: "@@"})).replace('"@@"', literal).encode()


def without(field: str) -> dict:
    return {k: v for k, v in order_for("CUST-refused").items() if k != field}


def check_error(response, status: int, code: str | None = None) -> dict:
    assert response.status_code == status, f"{response.status_code}: {response.text[:500]}"
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "requestId"}
    assert error["code"] == code if code else True
    assert error["message"] and error["requestId"]
    assert isinstance(error["details"], list) and all(isinstance(d, str) for d in error["details"])
    assert "$context" not in response.text
    assert response.headers["access-control-allow-origin"] == "*"
    return error


BAD_BODIES = {
    "malformed JSON": b'{"customerId": ',
    "empty body": b"",
    "an array": b"[]",
    "null": b"null",
    "a number": b"42",
    "a missing customer": without("customerId"),
    "missing items": without("items"),
    "a missing address": without("deliveryAddress"),
    "an extra field": order_for("CUST-refused", totalAmount=1),
    "an extra item field": with_item(discount=1),
    "no items": order_for("CUST-refused", items=[]),
    "quantity 0": with_item(quantity=0),
    "a negative quantity": with_item(quantity=-1),
    "a fractional quantity": with_item(quantity=1.5),
    "quantity 2.0": raw("quantity", "2.0"),
    "a quantity as text": with_item(quantity="2"),
    "quantity true": with_item(quantity=True),
    "quantity 1e400": raw("quantity", "1e400"),
    "price 1e400": raw("price", "1e400"),
    "price NaN": raw("price", "NaN"),
    "price Infinity": raw("price", "Infinity"),
    "price -1": with_item(price=-1),
    "a price in fractions of a cent": with_item(price=1.005),
    "a price as text": with_item(price="1.50"),
    "a number of 5,000 digits": raw("price", "9" * 5000),
    "10,000 items": order_for("CUST-refused", items=[ITEM] * 10_000),
    "a blank street": order_for("CUST-refused", deliveryAddress={"street": " ", "city": "B", "zipCode": "1"}),
    "a customer id with a slash": order_for("a/b"),
    "a customer id with a newline": order_for("abc\n"),
    "a lone surrogate": json.dumps(order_for("CUST-refused")).replace("Bristol", "\\ud800").encode(),
    "invalid UTF-8": json.dumps(order_for("CUST-refused")).encode().replace(b"Bristol", b"\xff\xfe"),
    "deeply nested JSON": b'{"items":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "a 1 MB body": order_for("CUST-refused", deliveryAddress={"street": "x" * 1_000_000, "city": "B", "zipCode": "1"}),
}


@pytest.fixture(scope="module", autouse=True)
def nothing_is_written(deployment):
    """Runs after the whole module: not one refused request left anything in the table."""
    yield
    assert not [
        i for i in deployment.items() if i.get("customerId", {}).get("S", "").startswith(("CUST-refused", "a/b"))
    ]


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_order_is_refused(api, case):
    body = BAD_BODIES[case]
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    check_error(api.post("/orders", content=content), 400, "invalid_request")


@pytest.mark.parametrize("key", [None, "", "wrong", "x" * 200])
@pytest.mark.parametrize(
    "method, path",
    [("POST", "/orders"), ("GET", "/orders/x"), ("PUT", "/orders/x"), ("GET", "/orders/customer/x")],
)
def test_without_a_valid_api_key_no_route_answers(deployment, method, path, key):
    with deployment.api() as client:
        del client.headers["x-api-key"]
        headers = {} if key is None else {"x-api-key": key}
        response = client.request(method, path, json=order_for("CUST-refused"), headers=headers)
    check_error(response, 403, "forbidden")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(api, content_type):
    body = json.dumps(order_for("CUST-refused")).encode()
    check_error(
        api.post("/orders", content=body, headers={"content-type": content_type}), 415, "unsupported_media_type"
    )


@pytest.mark.parametrize(
    "method, path", [("GET", "/nothing"), ("GET", "/orders"), ("DELETE", "/orders/x"), ("POST", "/orders/x/y")]
)
def test_an_unknown_route_is_not_found(api, method, path):
    check_error(api.request(method, path), 404, "route_not_found")


@pytest.mark.parametrize(
    "order_id", ["unknown", "00000000-0000-4000-8000-000000000000", "%00", "x" * 300, "%F0%9F%8D%95"]
)
def test_an_unknown_order_is_not_found(api, order_id):
    check_error(api.get(f"/orders/{order_id}"), 404, "not_found")
    check_error(api.put(f"/orders/{order_id}", json={"status": "processing"}), 404, "not_found")
    check_error(api.put(f"/orders/{order_id}", json={"status": "processing"}, headers={"If-Match": '"1"'}), 404)


def test_an_unknown_order_is_not_created_by_an_update(deployment, api):
    order_id = str(uuid.uuid4())
    check_error(
        api.put(f"/orders/{order_id}", json={"status": "processing"}, params={"timestamp": 946_684_800_000}), 404
    )
    assert not [i for i in deployment.items() if i["orderId"]["S"] == order_id]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "eaten"},
        {"status": "processing", "totalAmount": 0},
        {"status": None},
        {"status": ["processing"]},
        [],
    ],
)
def test_a_bad_status_change_is_refused(api, customer, body):
    order = api.post("/orders", json=order_for(customer)).json()
    check_error(api.put(f"/orders/{order['orderId']}", json=body), 400, "invalid_request")
    assert api.get(f"/orders/{order['orderId']}").json() == order


def test_a_stale_if_match_is_refused(api, customer):
    order = api.post("/orders", json=order_for(customer)).json()
    path = f"/orders/{order['orderId']}"
    api.put(path, json={"status": "processing"})
    check_error(api.put(path, json={"status": "cancelled"}, headers={"If-Match": '"1"'}), 412, "version_mismatch")
    check_error(api.put(path, json={"status": "cancelled"}, headers={"If-Match": 'W/"2"'}), 412, "version_mismatch")
    assert api.get(path).json()["status"] == "processing"


@pytest.mark.parametrize("status", ["out_for_delivery", "delivered"])
def test_an_illegal_transition_is_refused(api, customer, status):
    order = api.post("/orders", json=order_for(customer)).json()
    check_error(api.put(f"/orders/{order['orderId']}", json={"status": status}), 409, "illegal_transition")
    assert api.get(f"/orders/{order['orderId']}").json() == order


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=-1", "limit=1.5", "status=eaten", "nextToken=garbage", "nextToken=%00"],
)
def test_a_bad_page_request_is_refused(api, query):
    check_error(api.get(f"/orders/customer/CUST-1?{query}"), 400, "invalid_request")


def test_a_forged_page_token_is_refused(api, customer):
    for _ in range(3):
        api.post("/orders", json=order_for(customer))
    token = api.get(f"/orders/customer/{customer}", params={"limit": 1}).json()["nextToken"]
    flipped = ("A" if token[5] != "A" else "B").join([token[:5], token[6:]])
    for customer_id, forged in [
        (customer, flipped),
        (customer, token + "A"),
        (customer, token[:-4]),
        (customer + "2", token),
    ]:
        check_error(api.get(f"/orders/customer/{customer_id}", params={"nextToken": forged}), 400, "invalid_request")


@pytest.mark.parametrize("timestamp", ["x", "-1", "0", "1.5", "9" * 60])
def test_a_bad_timestamp_is_refused(api, customer, timestamp):
    order = api.post("/orders", json=order_for(customer)).json()
    check_error(api.get(f"/orders/{order['orderId']}", params={"timestamp": timestamp}), 400, "invalid_request")


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"delivery": "express"}, "feature_disabled"),
        ({"payments": [{"method": "card", "amount": 109.97}]}, "feature_disabled"),
    ],
)
def test_a_feature_whose_flag_is_off_is_refused(api, fields, code):
    check_error(api.post("/orders", json=order_for("CUST-refused", **fields)), 422, code)


def test_a_bad_idempotency_key_is_refused(api):
    check_error(api.post("/orders", json=order_for("CUST-refused"), headers={"Idempotency-Key": "x" * 256}), 400)
