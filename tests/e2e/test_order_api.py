"""The order API over HTTP: what a client sees when everything is as it should be."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import urljoin

import pytest

from tests.e2e.support import order_for

pytestmark = pytest.mark.e2e


def test_an_order_lives_from_placing_to_delivery(api, customer):
    placed = api.post("/orders", json=order_for(customer))
    assert placed.status_code == 201, placed.text
    order = placed.json()
    assert order["status"] == "pending"
    assert order["totalAmount"] == 109.97
    assert order["version"] == 1 and placed.headers["etag"] == '"1"'
    assert order["source"] == "api"

    read = api.get(urljoin(str(placed.request.url), placed.headers["location"]))
    assert read.status_code == 200 and read.json() == order
    assert api.get(f"/orders/{order['orderId']}", params={"timestamp": order["timestamp"]}).json() == order

    for step, status in enumerate(("processing", "out_for_delivery", "delivered"), start=1):
        moved = api.put(f"/orders/{order['orderId']}", json={"status": status}, headers={"If-Match": f'"{step}"'})
        assert moved.status_code == 200, moved.text
        assert moved.json()["status"] == status
        assert moved.headers["etag"] == f'"{step + 1}"'
    final = api.get(f"/orders/{order['orderId']}").json()
    assert {**final, "status": 0, "version": 0, "updatedAt": 0} == {**order, "status": 0, "version": 0, "updatedAt": 0}


@pytest.mark.parametrize("spelling", ["/orders/", "/orders", "//orders", "/%6Frders"])
def test_the_location_is_valid_for_every_spelling_of_the_request(api, customer, spelling):
    base = str(api.base_url).rstrip("/")
    placed = api.post(base + spelling, json=order_for(customer))
    assert placed.status_code == 201, placed.text
    assert placed.headers["location"].startswith("/")
    read = api.get(urljoin(str(placed.request.url), placed.headers["location"]))
    assert (read.status_code, read.json()) == (200, placed.json())


def test_an_order_past_its_time_to_live_is_gone_though_it_is_still_in_the_table(deployment, api, customer):
    kept, gone = (api.post("/orders", json=order_for(customer)).json() for _ in range(2))
    deployment.client("dynamodb").update_item(
        TableName=deployment.outputs["OrdersTableName"],
        Key={"orderId": {"S": gone["orderId"]}, "timestamp": {"N": str(gone["timestamp"])}},
        UpdateExpression="SET expiresAt = :past",
        ExpressionAttributeValues={":past": {"N": str(gone["timestamp"] // 1000 - 1)}},
    )
    assert api.get(f"/orders/{gone['orderId']}").status_code == 404
    assert api.put(f"/orders/{gone['orderId']}", json={"status": "processing"}).status_code == 404
    assert api.get(f"/orders/customer/{customer}").json() == {"orders": [kept], "count": 1}
    [item] = [item for item in deployment.orders() if item["orderId"]["S"] == gone["orderId"]]
    assert item["version"] == {"N": "1"}


def test_an_order_is_stored_whole_and_dies_by_ttl_ninety_days_after_its_last_change(deployment, api, customer):
    order = api.post("/orders", json=order_for(customer)).json()
    [item] = [i for i in deployment.orders() if i["orderId"]["S"] == order["orderId"]]
    assert Decimal(item["totalAmount"]["N"]) == Decimal("109.97")
    ninety_days = 90 * 24 * 3600
    assert abs(int(item["expiresAt"]["N"]) - order["timestamp"] // 1000 - ninety_days) <= 1
    ttl = deployment.client("dynamodb").describe_time_to_live(TableName=deployment.outputs["OrdersTableName"])
    assert ttl["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiresAt"}


def test_totals_are_exact_where_floats_are_not(api, customer):
    items = [{"productId": "A", "quantity": 3, "price": 0.1}]
    assert api.post("/orders", json=order_for(customer, items=items)).json()["totalAmount"] == 0.3


def test_the_order_belongs_to_a_loyalty_customer_because_the_flag_is_on(api, customer):
    assert api.post("/orders", json=order_for(customer)).json()["loyaltyPoints"] == 109


def test_a_customers_orders_come_in_pages_newest_first_each_exactly_once(api, customer):
    placed = [api.post("/orders", json=order_for(customer)).json() for _ in range(7)]
    api.post("/orders", json=order_for(customer + "-other"))
    seen, token = [], None
    for _ in range(10):
        page = api.get(
            f"/orders/customer/{customer}", params={"limit": 3, **({"nextToken": token} if token else {})}
        ).json()
        assert page["count"] == len(page["orders"]) <= 3
        seen += page["orders"]
        token = page.get("nextToken")
        if not token:
            break
    newest_first = sorted(placed, key=lambda o: -o["timestamp"])
    assert [o["timestamp"] for o in seen] == [o["timestamp"] for o in newest_first]
    assert {o["orderId"] for o in seen} == {o["orderId"] for o in placed}
    assert len(seen) == 7


def test_a_customers_orders_can_be_filtered_by_status(api, customer):
    placed = [api.post("/orders", json=order_for(customer)).json() for _ in range(5)]
    for order in placed[1:3]:
        api.put(f"/orders/{order['orderId']}", json={"status": "cancelled"})
    cancelled = api.get(f"/orders/customer/{customer}", params={"status": "cancelled", "limit": 10}).json()
    assert {o["orderId"] for o in cancelled["orders"]} == {o["orderId"] for o in placed[1:3]}
    assert api.get(f"/orders/customer/{customer}", params={"status": "delivered"}).json() == {"orders": [], "count": 0}


def test_a_customer_without_orders_has_an_empty_page(api, customer):
    assert api.get(f"/orders/customer/{customer}").json() == {"orders": [], "count": 0}


def test_a_repeated_request_with_the_same_idempotency_key_gets_the_first_answer(api, customer):
    key = {"Idempotency-Key": f"key-{customer}"}
    first = api.post("/orders", json=order_for(customer), headers=key)
    api.put(f"/orders/{first.json()['orderId']}", json={"status": "processing"})
    again = api.post("/orders", json=order_for(customer), headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"

    other = api.post("/orders", json=order_for(customer, delivery="standard"), headers=key)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_conflict")
    assert api.get(f"/orders/customer/{customer}").json()["count"] == 1


def test_fifty_requests_at_once_with_one_idempotency_key_make_one_order(deployment, api, customer):
    def place(_):
        return api.post("/orders", json=order_for(customer), headers={"Idempotency-Key": f"burst-{customer}"})

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(place, range(50)))
    assert {a.status_code for a in answers} <= {201, 503}, [a.text for a in answers if a.status_code not in (201, 503)]
    bodies = [a.json() for a in answers if a.status_code == 201]
    assert bodies and all(body == bodies[0] for body in bodies)
    assert [i["orderId"]["S"] for i in deployment.orders() if i["customerId"]["S"] == customer] == [
        bodies[0]["orderId"]
    ]


def test_a_hundred_clients_at_once_each_order_is_stored_once_with_its_right_total(deployment, api, customer):
    def place(number: int):
        items = [
            {"productId": "A", "quantity": number + 1, "price": 0.07},
            {"productId": "B", "quantity": 1, "price": 1.1},
        ]
        return number, api.post("/orders", json=order_for(customer, items=items))

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(place, range(100)))
    assert [a.status_code for _, a in answers] == [201] * 100, [a.text for _, a in answers if a.status_code != 201]
    expected = {a.json()["orderId"]: Decimal("0.07") * (n + 1) + Decimal("1.1") for n, a in answers}
    assert len(expected) == 100
    stored = [i for i in deployment.orders() if i.get("customerId", {}).get("S") == customer]
    assert len(stored) == 100
    assert {i["orderId"]["S"]: Decimal(i["totalAmount"]["N"]) for i in stored} == expected


def test_only_one_of_many_concurrent_updates_based_on_the_same_version_wins(api, customer):
    order = api.post("/orders", json=order_for(customer)).json()

    def move(status):
        return api.put(f"/orders/{order['orderId']}", json={"status": status}, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(10) as pool:
        codes = sorted(pool.map(move, ["processing", "cancelled"] * 5))
    assert codes == [200] + [412] * 9
    assert api.get(f"/orders/{order['orderId']}").json()["version"] == 2


def test_a_browser_may_call_the_api_from_an_allowed_origin(api):
    preflight = api.options(
        "/orders", headers={"origin": "https://shop.example", "access-control-request-method": "POST"}
    )
    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "x-api-key" in preflight.headers["access-control-allow-headers"].lower()


def test_a_retried_status_change_is_harmless(api, customer):
    order = api.post("/orders", json=order_for(customer)).json()
    first = api.put(f"/orders/{order['orderId']}", json={"status": "processing"})
    again = api.put(f"/orders/{order['orderId']}", json={"status": "processing"})
    assert (again.status_code, again.json()) == (200, first.json())


def test_a_conditional_change_is_harmless_to_repeat_under_its_key(api, customer):
    path = f"/orders/{api.post('/orders', json=order_for(customer)).json()['orderId']}"
    change = {"json": {"status": "processing"}, "headers": {"If-Match": '"1"', "Idempotency-Key": f"put-{customer}"}}
    first, again = api.put(path, **change), api.put(path, **change)
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert api.put(path, json={"status": "processing"}, headers={"If-Match": '"1"'}).status_code == 412


def test_the_customers_address_never_reaches_a_log(deployment, api, customer):
    street = "7 Very Secret Lane"
    address = {"street": street, "city": "Bristol", "zipCode": "BS1 4RN"}
    api.post("/orders", json=order_for(customer, deliveryAddress=address), headers={"Idempotency-Key": "secret-key-1"})
    api.post("/orders", json={**order_for(customer, deliveryAddress=address), "bad": street})
    logs = deployment.client("logs")
    groups = [g["logGroupName"] for p in logs.get_paginator("describe_log_groups").paginate() for g in p["logGroups"]]
    assert any("orders-command" in group for group in groups)
    messages = [
        event["message"]
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    ]
    assert any("order created" in message for message in messages), "the function's logs are there at all"
    for secret in (street, deployment.outputs["ApiKey"], "secret-key-1", customer):
        assert not [m for m in messages if secret in m]
