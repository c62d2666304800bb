"""Customers with tokens that a user pool of the emulator has signed, and with others."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import expect

from contract.routes import READ_SCOPE, ROUTES, WRITE_SCOPE
from examples.site_screens import place_order
from preview.site import builder, local_apis
from preview.site.__main__ import write
from tests.e2e.customer_kit import UserPool, claims_of, key_id_of
from tests.e2e.site_kit import serving
from tests.e2e.support import ROOT, Deployment, copy_project, deploy, deployed, order_for, start, stop

pytestmark = pytest.mark.e2e

MINE = {name: value for name, value in order_for("").items() if name != "customerId"}
ORIGIN = {"origin": "https://shop.example.com"}


@dataclass(frozen=True)
class Shop:
    deployment: Deployment
    pool: UserPool
    project: object

    def as_customer(self, token: str | None) -> httpx.Client:
        client = self.deployment.api(**ORIGIN)
        del client.headers["x-api-key"]
        if token is not None:
            client.headers["authorization"] = f"Bearer {token}"
        return client


def with_pool(project, pool: UserPool | None) -> None:
    settings = project / "environments" / "dev.toml"
    original = (ROOT / "environments" / "dev.toml").read_text()
    settings.write_text(original + (f'\n[identity]\nuser_pool_arn = "{pool.arn}"\n' if pool else ""))


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    """The platform, deployed without customers, then with those of a new pool."""
    directory = tmp_path_factory.mktemp("customers")
    project, local_dir = copy_project(directory / "project"), directory / "local"
    try:
        without = start(local_dir, project)
        before = answers_without_customers(without)
        pool = UserPool.create(without)
        with_pool(project, pool)
        shop = Shop(start(local_dir, project), pool, project)
        assert before == [404] * len(before)
        yield shop
    finally:
        stop(local_dir, project)


def answers_without_customers(deployment: Deployment) -> list[int]:
    """Return the statuses of all routes of customers, whose answers must be those of an unknown path."""
    statuses = []
    with deployment.api(**ORIGIN) as api:
        unknown = api.get("/nowhere")
        for route in ROUTES:
            if route.scope:
                answer = api.request(route.method, route.path.replace("{orderId}", "x"), json={})
                assert without_id(answer) == without_id(unknown)
                statuses.append(answer.status_code)
    return statuses


def without_id(answer: httpx.Response) -> dict:
    return {**answer.json()["error"], "requestId": ""}


@pytest.fixture
def tokens(shop) -> dict[str, str]:
    """Of a new customer."""
    return shop.pool.sign_in(shop.pool.sign_up())


def test_a_customer_places_reads_lists_and_cancels_his_orders(shop, tokens):
    with shop.as_customer(tokens["access_token"]) as me:
        placed = me.post("/me/orders", json=MINE)
        assert placed.status_code == 201, placed.text
        order = placed.json()
        assert order["customerId"] == claims_of(tokens["access_token"])["sub"] and "partner" not in order
        location = httpx.URL(str(placed.request.url)).join(placed.headers["location"])
        assert me.get(location).json() == order
        assert me.get("/me/orders").json() == {"orders": [order], "count": 1}
        cancelled = me.put(f"/me/orders/{order['orderId']}", json={"status": "cancelled"})
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
        refused = me.put(f"/me/orders/{order['orderId']}", json={"status": "processing"})
        assert refused.status_code == 400
    with shop.deployment.api() as operator:
        assert operator.get(f"/orders/{order['orderId']}").json() == cancelled.json()
        moving = operator.post("/orders", json=order_for(order["customerId"])).json()
        operator.put(f"/orders/{moving['orderId']}", json={"status": "processing"})
    with shop.as_customer(tokens["access_token"]) as me:
        late = me.put(f"/me/orders/{moving['orderId']}", json={"status": "cancelled"})
        assert (late.status_code, late.json()["error"]["code"]) == (409, "illegal_transition")


def test_a_body_that_names_another_customer_is_refused(shop, tokens):
    with shop.as_customer(tokens["access_token"]) as me:
        assert me.post("/me/orders", json=order_for("somebody-else")).status_code == 400
        assert me.get("/me/orders").json()["count"] == 0


def test_anothers_order_is_not_found(shop, tokens):
    with shop.as_customer(shop.pool.sign_in(shop.pool.sign_up())["access_token"]) as other:
        order_id = other.post("/me/orders", json=MINE).json()["orderId"]
    with shop.as_customer(tokens["access_token"]) as me:
        missing = me.get(f"/me/orders/fd-{uuid.uuid4()}")
        for answer in (
            me.get(f"/me/orders/{order_id}"),
            me.put(f"/me/orders/{order_id}", json={"status": "cancelled"}),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
            assert answer.headers["access-control-allow-origin"] == "*"
        read = me.get(f"/me/orders/{order_id}")
        assert without_id(read) == without_id(missing)


OTHERS = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def b64(document: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def signed_by_another(token: str, **changes) -> str:
    """Return the token with other claims, signed with a key that is not the pool's, under the id of the pool's."""
    return jwt.encode(claims_of(token) | changes, OTHERS, algorithm="RS256", headers=key_id_of(token))


def with_other_claims(token: str, **changes) -> str:
    """Return the token with other claims under the pool's signature."""
    header, _, signature = token.split(".")
    return f"{header}.{b64(claims_of(token) | changes)}.{signature}"


def unsigned(token: str) -> str:
    return f"{b64({'alg': 'none', **key_id_of(token)})}.{token.split('.')[1]}."


def signed_by_hmac(token: str) -> str:
    """Return the token with an HMAC under the pool's key id."""
    return jwt.encode(claims_of(token), "s" * 64, algorithm="HS256", headers=key_id_of(token))


FORGED = {
    "no token": lambda token: None,
    "no JWT": lambda token: "not-a-token",
    "wrong signature": lambda token: signed_by_another(token),
    "another subject": lambda token: with_other_claims(token, sub="somebody-else"),
    "a later expiry": lambda token: with_other_claims(token, exp=int(time.time()) + 10**6),
    "alg none": unsigned,
    "alg HS256": signed_by_hmac,
    "an issuer elsewhere": lambda token: signed_by_another(token, iss="https://issuer.example.com/pool"),
}


def refused(shop, token: str | None) -> None:
    with shop.as_customer(token) as me:
        for method, path in (("GET", "/me/orders"), ("POST", "/me/orders"), ("PUT", "/me/orders/x")):
            answer = me.request(method, path, json=order_for("x"))
            assert answer.status_code == 401, answer.text
            assert answer.json()["error"]["code"] == "unauthorized"
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_token_that_the_pool_has_not_signed_is_401(shop, tokens, forge):
    refused(shop, forge(tokens["access_token"]))


def test_an_id_token_is_401(shop, tokens):
    refused(shop, tokens["id_token"])


def test_a_token_without_the_scope_of_the_route_is_401(shop):
    name = shop.pool.sign_up()
    refused(shop, shop.pool.sign_in_by_password(name)["AccessToken"])
    for scope, allowed in ((READ_SCOPE, {"GET"}), (WRITE_SCOPE, {"POST", "PUT"})):
        with shop.as_customer(shop.pool.sign_in(name, [scope])["access_token"]) as me:
            for method, path in (("GET", "/me/orders"), ("POST", "/me/orders"), ("PUT", "/me/orders/x")):
                assert (me.request(method, path, json={}).status_code == 401) == (method not in allowed)


def test_a_token_of_another_pool_is_401(shop):
    other = UserPool.create(shop.deployment, "others")
    refused(shop, other.sign_in(other.sign_up())["access_token"])


def test_a_token_for_another_resource_server_is_401(shop):
    """The audience of an access token is its scopes: API Gateway looks at no client."""
    shop.pool.cognito.create_resource_server(
        UserPoolId=shop.pool.pool_id,
        Identifier="invoices",
        Name="invoices",
        Scopes=[{"ScopeName": "read", "ScopeDescription": "read"}],
    )
    token = shop.pool.client_for("invoices/read").sign_in(shop.pool.sign_up(), ["invoices/read"])["access_token"]
    assert "invoices/read" in claims_of(token)["scope"].split()
    refused(shop, token)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(time.time()) - 1},
        {"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Another00"},
        {"scope": "openid"},
        {"scope": "orders/readwrite"},
    ],
    ids=["expired", "another issuer", "no scope", "another scope"],
)
def test_what_the_pool_itself_has_signed_is_401_too_if_it_is_not_for_us_now(shop, tokens, changes):
    with shop.as_customer(shop.pool.signed(tokens["access_token"])) as me:
        assert me.get("/me/orders").status_code == 200
    refused(shop, shop.pool.signed(tokens["access_token"], **changes))


@pytest.mark.parametrize("changes", [{"sub": "a/b"}, {"sub": ""}, {"token_use": "id"}])
def test_claims_that_name_no_customer_are_401_by_the_function(shop, tokens, changes):
    with shop.as_customer(shop.pool.signed(tokens["access_token"], **changes)) as me:
        answer = me.get("/me/orders")
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        assert answer.headers["access-control-allow-origin"] == "*"


def test_a_browser_may_call_with_a_token(shop):
    with shop.as_customer(None) as browser:
        preflight = browser.options(
            "/me/orders",
            headers={"access-control-request-method": "POST", "access-control-request-headers": "authorization"},
        )
        assert preflight.status_code == 204
        assert "Authorization" in preflight.headers["access-control-allow-headers"].split(",")
        assert preflight.headers["access-control-allow-origin"] == "*"


def test_a_customer_places_an_order_from_the_reference(shop, tokens, page, tmp_path):
    write(builder.build(ROOT), tmp_path)
    with serving(tmp_path, lambda: builder.deployment(local_apis.find(shop.deployment.local_dir))) as url:
        answer = place_order(page, url, tokens["access_token"], "accessToken", "orders-createMyOrder")
        expect(answer.locator(".response-col_status")).to_contain_text("201")
        expect(answer).to_contain_text(claims_of(tokens["access_token"])["sub"])


def test_another_pool_is_refused_by_a_rollback_too_and_without_a_pool_the_routes_are_gone(shop):
    other = UserPool.create(shop.deployment, "a third")
    with_pool(shop.project, other)
    local_dir = shop.deployment.local_dir
    refusal = deploy("--env", "dev", "--local", "--yes", local_dir=local_dir, project=shop.project)
    assert refusal.returncode == 3 and "user_pool_arn" in refusal.stderr, refusal.stdout + refusal.stderr
    with_pool(shop.project, None)
    deployed("--env", "dev", "--local", "--yes", local_dir=local_dir, project=shop.project)
    assert answers_without_customers(shop.deployment) == [404] * 4

    with_pool(shop.project, other)
    deployed("--env", "dev", "--local", "--yes", local_dir=local_dir, project=shop.project)
    _, without, first, *_ = versions(shop)
    back = ("--env", "dev", "--local", "--yes", "--rollback")
    refusal = deploy(*back, first, local_dir=local_dir, project=shop.project)
    assert refusal.returncode == 3 and "would replace" in refusal.stderr, refusal.stdout + refusal.stderr
    with_pool(shop.project, shop.pool)  # what cannot be deployed here is no obstacle to go back
    deployed(*back, without, local_dir=local_dir, project=shop.project)
    deployed(*back, first, local_dir=local_dir, project=shop.project)
    with shop.as_customer(shop.pool.sign_in(shop.pool.sign_up())["access_token"]) as me:
        assert me.get("/me/orders").status_code == 200


def versions(shop) -> list[str]:
    """Return those of all deployments, newest first."""
    arguments = ("--env", "dev", "--local", "--history", "--output", "json")
    history = json.loads(deployed(*arguments, local_dir=shop.deployment.local_dir, project=shop.project))
    return [each["version"] for each in history["deployments"]]
