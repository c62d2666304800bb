"""Two partners over HTTP, with API keys in the usage plans of the deployment: what one of them does and sees of the other.

Each route is asked for an own order, for another's and for one that does not exist. The last two get the same answer,
to the byte, but for the id of the request.
"""

import json
import re
import secrets
import string
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from contract.partners import QUALIFIER, RANDOM_LENGTH, key_of
from tests.e2e.import_kit import as_jsonl, order, upload
from tests.e2e.support import Deployment, order_for
from tests.waiting import eventually

pytestmark = pytest.mark.e2e

LETTERS = string.ascii_letters + string.digits
VARYING = {"x-request-id", "x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id", "x-amz-request-id", "date"}


def key(deployment: Deployment, partner: str, tier: str) -> str:
    """Make an API key as --partner-add does, in the plan of the environment that the operator's key is in."""
    gateway = deployment.client("apigateway")
    value = key_of(partner, tier, "".join(secrets.choice(LETTERS) for _ in range(RANDOM_LENGTH)))
    made = gateway.create_api_key(name=f"{partner}-{uuid.uuid4().hex[:6]}", enabled=True, value=value)
    (plan,) = [
        plan["id"]
        for plan in gateway.get_usage_plans()["items"]
        if any(each["value"] == deployment.outputs["ApiKey"] for each in keys_of(gateway, plan["id"]))
    ]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
    return value


def keys_of(gateway, plan: str) -> list[dict]:
    found = gateway.get_usage_plan_keys(usagePlanId=plan)["items"]
    return [gateway.get_api_key(apiKey=each["id"], includeValue=True) for each in found]


@dataclass(frozen=True)
class Partner:
    name: str
    first: httpx.Client
    second: httpx.Client  # the key that replaces the first, of the other tier


@pytest.fixture(scope="module")
def partners(deployment) -> Iterator[tuple[Partner, Partner]]:
    found = []
    for name in ("acme", "bistro"):
        name += f"-{uuid.uuid4().hex[:6]}"
        clients = [deployment.api(**{"x-api-key": key(deployment, name, tier)}) for tier in ("standard", "premium")]
        found.append(Partner(name, *clients))
    yield found[0], found[1]
    for partner in found:
        partner.first.close()
        partner.second.close()


@pytest.fixture(scope="module")
def acme(partners) -> Partner:
    return partners[0]


@pytest.fixture(scope="module")
def bistro(partners) -> Partner:
    return partners[1]


def placed(client: httpx.Client, customer: str, **headers: str) -> dict:
    answer = client.post("/orders", json=order_for(customer), headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def stored(client: httpx.Client, order_id: str) -> dict:
    eventually(lambda: client.get(f"/orders/{order_id}").status_code == 200, f"{order_id} is stored")
    return client.get(f"/orders/{order_id}").json()


def comparable(answer: httpx.Response) -> tuple[int, dict, bytes]:
    """Return an answer without what is another's in each: the id of the request, and the time."""
    headers = {name: value for name, value in answer.headers.items() if name not in VARYING}
    request_id = answer.headers["x-request-id"].encode()
    return answer.status_code, headers, answer.content.replace(request_id, b"")


def missing_like(order_id: str) -> str:
    """Return an id of the same form and length that no order has."""
    prefix, _, rest = order_id.rpartition("-") if order_id.startswith(("fd-", "fk-")) else ("", "", "")
    return f"{prefix}-{secrets.token_hex(len(rest) // 2)}" if prefix else f"none-{uuid.uuid4().hex}"


def requests(client: httpx.Client, order: dict, order_id: str) -> Iterator[tuple[str, httpx.Response]]:
    """Send each request about one order."""
    path, timestamp = f"/orders/{order_id}", {"timestamp": order["timestamp"]}
    yield "get", client.get(path)
    yield "get by timestamp", client.get(path, params=timestamp)
    yield "get by a wrong timestamp", client.get(path, params={"timestamp": order["timestamp"] - 1})
    for status in ("processing", "delivered", "cancelled", "pending"):
        yield f"to {status}", client.put(path, json={"status": status})
        yield f"to {status} by timestamp", client.put(path, json={"status": status}, params=timestamp)
    for version in ('"1"', '"7"', "*"):
        yield f"If-Match {version}", client.put(path, json={"status": "processing"}, headers={"If-Match": version})
    key = {"Idempotency-Key": "of-both"}
    yield "with a key", client.put(path, json={"status": "processing"}, headers=key, params=timestamp)


@pytest.fixture(params=["placed", "accepted", "chosen", "imported"])
def hers(request, deployment, bistro) -> dict:
    """An order of bistro, by each way in."""
    customer = f"CUST-{uuid.uuid4().hex[:12]}"
    match request.param:
        case "placed":
            return placed(bistro.first, customer)
        case "imported":
            own = f"file-{uuid.uuid4().hex[:8]}"
            records = [order(own, customerId=customer)]
            upload(deployment, f"{bistro.name}/{uuid.uuid4()}.jsonl", as_jsonl(records))
            return stored(bistro.first, own)
    chosen = {"orderId": f"own-{uuid.uuid4().hex[:8]}"} if request.param == "chosen" else {}
    answer = bistro.first.post("/orders/async", json={**order_for(customer), **chosen})
    assert answer.status_code == 202, answer.text
    return stored(bistro.first, answer.json()["orderId"])


def test_anothers_order_is_answered_like_one_that_does_not_exist(deployment, acme, bistro, hers):
    before = bistro.first.get(f"/orders/{hers['orderId']}").json()
    missing = missing_like(hers["orderId"])
    spellings = [(hers["orderId"], missing)]
    if not hers["orderId"].startswith(("fd-", "fk-")):
        spellings.append((f"{bistro.name}{QUALIFIER}{hers['orderId']}", f"{bistro.name}{QUALIFIER}{missing}"))
    for found, absent in spellings:
        for client in (acme.first, acme.second):
            asked = zip(requests(client, hers, found), requests(client, hers, absent), strict=True)
            for (what, answer), (_, of_missing) in asked:
                assert comparable(answer) == comparable(of_missing), what
                assert answer.status_code in (404, 409, 412) and hers["customerId"] not in answer.text, what
    assert bistro.first.get(f"/orders/{hers['orderId']}").json() == before


def test_a_partner_reads_changes_and_lists_its_own_with_either_key(acme, customer):
    order = placed(acme.first, customer)
    assert acme.second.get(f"/orders/{order['orderId']}").json() == order
    moved = acme.second.put(f"/orders/{order['orderId']}", json={"status": "processing"})
    assert (moved.status_code, moved.json()["version"]) == (200, 2)
    assert acme.first.get(f"/orders/customer/{customer}").json()["orders"] == [moved.json()]


def test_the_operator_sees_changes_and_lists_the_orders_of_all(api, acme, bistro, customer):
    orders = [placed(each.first, customer) for each in (acme, bistro)]
    own = placed(api, customer)
    listed = api.get(f"/orders/customer/{customer}").json()["orders"]
    assert {each["orderId"] for each in listed} == {each["orderId"] for each in (*orders, own)}
    for each in orders:
        assert api.put(f"/orders/{each['orderId']}", json={"status": "processing"}).status_code == 200
    for client in (acme.first, bistro.first):
        assert client.get(f"/orders/{own['orderId']}").status_code == 404


def test_pages_of_a_customer_that_both_have_are_full_and_of_one_partner(acme, bistro, customer):
    ids: dict[str, list[str]] = {acme.name: [], bistro.name: []}
    for _ in range(5):
        for partner in (acme, bistro):
            ids[partner.name].append(placed(partner.first, customer)["orderId"])
    for partner, other in ((acme, bistro), (bistro, acme)):
        seen, token, sizes = [], None, []
        while True:
            query = {"limit": 2, **({"nextToken": token} if token else {})}
            page = partner.first.get(f"/orders/customer/{customer}", params=query).json()
            seen += [order["orderId"] for order in page["orders"]]
            sizes.append(page["count"])
            token = page.get("nextToken")
            if token is None:
                break
            refused = other.first.get(f"/orders/customer/{customer}", params={"limit": 2, "nextToken": token})
            assert refused.status_code == 400
        assert seen == ids[partner.name][::-1]
        assert sizes == [2, 2, 1]


def test_an_idempotency_key_is_a_partners_own_and_outlives_the_rotation_of_its_api_key(acme, bistro, customer):
    header = {"Idempotency-Key": f"key-{uuid.uuid4().hex}"}
    first = placed(acme.first, customer, **header)
    other = bistro.first.post("/orders", json=order_for(customer), headers=header)
    assert other.status_code == 201 and "idempotency-replayed" not in other.headers
    assert other.json()["orderId"] != first["orderId"]
    again = acme.second.post("/orders", json=order_for(customer), headers=header)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["orderId"] == first["orderId"]
    # What another did with the key is no conflict.
    items = [{"productId": "OTHER", "quantity": 1, "price": 1}]
    assert acme.second.post("/orders", json=order_for(customer, items=items), headers=header).status_code == 422


def test_both_partners_choose_the_same_order_id(acme, bistro, api, customer):
    chosen = f"own-{uuid.uuid4().hex[:8]}"
    for partner, price in ((acme, 11), (bistro, 22)):
        body = order_for(customer, items=[{"productId": "A", "quantity": 1, "price": price}], orderId=chosen)
        answer = partner.first.post("/orders/async", json=body)
        assert (answer.status_code, answer.json()["orderId"]) == (202, chosen)
    for partner, price in ((acme, 11), (bistro, 22)):
        order = stored(partner.first, chosen)
        assert (order["orderId"], order["totalAmount"]) == (chosen, price)
        assert stored(api, f"{partner.name}{QUALIFIER}{chosen}")["totalAmount"] == price
    assert api.get(f"/orders/{chosen}").status_code == 404


def test_a_file_is_of_the_partner_in_its_key(deployment, acme, bistro, api, customer):
    same = f"file-{uuid.uuid4().hex[:8]}"
    for partner in (acme, bistro):
        records = [order(same, customerId=customer, items=[{"productId": partner.name, "quantity": 1, "price": 5}])]
        uploaded = upload(deployment, f"{partner.name}/{uuid.uuid4()}.jsonl", as_jsonl(records))
        report = uploaded.report()
        assert (report["status"], report["queued"], report["rejected"]) == ("completed", 1, 0)
    for partner in (acme, bistro):
        found = stored(partner.first, same)
        assert found["items"][0]["productId"] == partner.name
        assert [each["orderId"] for each in partner.first.get(f"/orders/customer/{customer}").json()["orders"]] == [
            same
        ]
    assert len(api.get(f"/orders/customer/{customer}").json()["orders"]) == 2


def test_a_key_like_a_partners_that_is_none_is_refused_like_an_unknown_one(deployment, acme):
    with deployment.api(**{"x-api-key": f"fdp_{acme.name}_s{'x' * RANDOM_LENGTH}"}) as unknown:
        assert unknown.get("/orders/fd-none").status_code == 403


def test_no_key_and_no_other_partner_is_in_what_functions_log(deployment, acme, customer):
    value = acme.first.headers["x-api-key"]
    order_id = placed(acme.first, customer)["orderId"]
    logs = deployment.client("logs")

    def lines() -> list[str]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/food-delivery/dev/orders-command")
        return [event["message"] for page in pages for event in page["events"]]

    eventually(lambda: any(order_id in line for line in lines()), "the order is logged")
    about = [json.loads(line) for line in lines() if order_id in line]
    assert {line.get("partner") for line in about} == {acme.name}
    assert not [line for line in lines() if value in line or re.search("fdp_[a-z]", line)]
