"""/me/orders: a customer sees, places and cancels orders of the token's subject, whatever else is asked for."""

import base64
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.routes import ROUTES, WRITE_SCOPE
from domain.callers import Caller
from handlers import repository
from tests.unit.handlers.api import TABLE, Answer, event, order, send

SUBJECT = "ca1ad3e6-182c-4d8d-91b2-fa8903eec07f"
PARTNERS_KEY = "fdp_acme_s" + "A" * 32


def customers_event(method: str, path: str, body: object = None, *, claims: object = None, **options) -> dict:
    """Return the event of a verified access token, with no key."""
    sent = event(method, path, body, **options)
    subject = {"sub": SUBJECT, "token_use": "access", "scope": WRITE_SCOPE} if claims is None else claims
    sent["requestContext"]["identity"] = {"apiKey": None, "apiKeyId": None}
    sent["requestContext"]["authorizer"] = {"claims": subject}
    return sent


class Customer:
    def __init__(self, subject: str = SUBJECT) -> None:
        self.subject = subject
        self.claims = {"sub": subject, "token_use": "access"}

    def _send(self, method: str, path: str, body: object = None, **options) -> Answer:
        return send(customers_event(method, path, body, claims=self.claims, **options))

    def post(self, **changes) -> Answer:
        headers = changes.pop("headers", None)
        return self._send("POST", "/me/orders", order(customerId=None) | changes, headers=headers)

    def get(self, order_id: str) -> Answer:
        return self._send("GET", "/me/orders/{orderId}", orderId=order_id)

    def put(self, order_id: str, status: str = "cancelled", **options) -> Answer:
        return self._send("PUT", "/me/orders/{orderId}", {"status": status}, orderId=order_id, **options)

    def list(self, **query: str) -> Answer:
        return self._send("GET", "/me/orders", query=query)


@pytest.fixture
def me(api) -> Customer:
    return Customer()


def test_the_customer_is_the_tokens_subject(me, api):
    placed = me.post()
    assert placed.status == 201 and placed.body["customerId"] == SUBJECT and "partner" not in placed.body
    assert placed.headers["Location"].endswith(f"/me/orders/{placed.body['orderId']}")
    assert me.get(placed.body["orderId"]).body == placed.body
    assert me.list().body == {"orders": [placed.body], "count": 1}
    assert api.get(placed.body["orderId"]).body == placed.body  # the operator sees it


def test_a_body_that_names_the_customer_is_taken_and_one_that_names_another_is_refused(me):
    assert me.post(customerId=SUBJECT).status == 201
    refused = me.post(customerId="somebody-else")
    assert refused.status == 400 and refused.body["error"]["details"] == [
        "customerId: must be the token's subject, or be left out"
    ]
    assert me.list().body["count"] == 1


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": SUBJECT},
        {"sub": SUBJECT, "token_use": "id"},
        {"token_use": "access"},
        {"sub": "", "token_use": "access"},
        {"sub": "a/b", "token_use": "access"},
        {"sub": "acme~x", "token_use": "access"},
        {"sub": "x" * 129, "token_use": "access"},
        {"sub": f"{SUBJECT}\n", "token_use": "access"},
        {"sub": ["a"], "token_use": "access"},
    ],
)
def test_claims_without_a_customer_are_refused_before_anything_is_written(api, claims):
    for route in ROUTES:
        if route.scope:
            sent = customers_event(route.method, route.path, order(customerId=None), claims=claims, orderId="x")
            answer = send(sent)
            assert (answer.status, answer.body["error"]["code"]) == (401, "unauthorized")
    assert api.items() == []


def test_a_key_is_no_token_and_a_token_no_key(api):
    for route in ROUTES:
        with_key = event(route.method, route.path, order(), orderId="x", customerId="x")
        if route.scope:
            assert send(with_key).status == 401
        else:
            sent = customers_event(route.method, route.path, order(), orderId="x", customerId="x")
            assert send(sent).status == 403
    assert api.items() == []


def test_a_key_beside_the_token_changes_nothing(me, api):
    placed = api.post().body
    sent = customers_event("GET", "/me/orders/{orderId}", orderId=placed["orderId"])
    sent["requestContext"]["identity"] = {"apiKey": "THE-OPERATORS", "apiKeyId": "key-id-1"}
    assert send(sent).status == 404


def test_the_answer_for_anothers_order_is_that_for_no_order(me, api):
    theirs = [api.post().body["orderId"], Customer("somebody-else").post().body["orderId"]]
    for method in (me.get, me.put):
        missing = method(f"fd-{uuid.uuid4()}")
        for order_id in theirs:
            answer = method(order_id)
            assert answer.status == missing.status == 404
            assert {**answer.body["error"], "requestId": 0} == {**missing.body["error"], "requestId": 0}
    assert {api.get(order_id).body["status"] for order_id in theirs} == {"pending"}


def test_a_partners_order_for_the_customer_is_the_partners(me, api):
    placed = send(with_key(event("POST", "/orders", order(customerId=SUBJECT)))).body
    assert placed["partner"] == "acme"
    assert me.get(placed["orderId"]).status == me.put(placed["orderId"]).status == 404
    assert me.list().body == {"orders": [], "count": 0}


def with_key(sent: dict) -> dict:
    sent["requestContext"]["identity"] = {"apiKey": PARTNERS_KEY, "apiKeyId": "key-id-2"}
    return sent


def test_a_customer_cancels_while_the_order_is_pending_and_once(me, api):
    order_id = me.post().body["orderId"]
    assert me.put(order_id).body["status"] == "cancelled"
    again = me.put(order_id)
    assert (again.status, again.body["version"]) == (200, 2)

    on_its_way = me.post().body["orderId"]
    api.put(on_its_way, "processing")
    refused = me.put(on_its_way)
    assert (refused.status, refused.body["error"]["code"]) == (409, "illegal_transition")
    assert refused.body["error"]["details"] == ["status: cannot change from processing to cancelled; allowed: nothing"]
    assert api.get(on_its_way).body["version"] == 2


@pytest.mark.parametrize("status", ["pending", "processing", "out_for_delivery", "delivered"])
def test_a_customer_asks_for_no_other_status(me, status):
    order_id = me.post().body["orderId"]
    assert me.put(order_id, status).status == 400
    assert me.get(order_id).body["version"] == 1


def test_an_idempotency_key_is_a_customers_own(me):
    key = {"Idempotency-Key": "one"}
    first = me.post(headers=key)
    assert me.post(headers=key).body == first.body
    assert Customer("somebody-else").post(headers=key).body["orderId"] != first.body["orderId"]


def test_features_are_those_of_the_customer(me):
    assert me.post(delivery="express").status == 422


def order_of(api, answer: Answer) -> dict:
    """Return the order as it is stored."""
    return repository.OrdersTable(api.database, TABLE).get(answer.body["orderId"], None, Caller("operator"))


def read(token: str) -> str:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[12:].decode()


@pytest.mark.parametrize("times", [1, 40])
def test_a_list_is_complete_and_names_no_order_of_a_partner_however_many_lie_between(me, api, monkeypatch, times):
    """`times`: how many share a millisecond."""
    monkeypatch.setattr(repository, "FILTERED_READ", 3)
    monkeypatch.setattr(repository, "MAX_QUERIES", 2)
    table, mine = repository.OrdersTable(api.database, TABLE), []
    theirs = order_of(api, send(with_key(event("POST", "/orders", order(customerId=SUBJECT)))))
    for number in range(120):
        placed = me.post().body if number % 30 == 0 else None
        if placed:
            mine.append(placed["orderId"])
        table.insert(
            {
                **theirs,
                "orderId": f"acme~{number}",
                "timestamp": 1_700_000_000_000 + number // times,
                "fingerprint": str(number),
            }
        )
    seen, token, pages = [], None, 0
    while True:
        answer = me.list(limit="2", **({"nextToken": token} if token else {}))
        assert answer.status == 200
        seen += [each["orderId"] for each in answer.body["orders"]]
        token, pages = answer.body.get("nextToken"), pages + 1
        if token is None:
            break
        assert "acme" not in read(token) and pages < 200
    assert sorted(seen) == sorted(mine) and pages > 5


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["post", "get", "cancel", "list", "advance", "partner"]),
            st.integers(0, 30),
        ),
        min_size=20,
        max_size=60,
    )
)
def test_no_customer_ever_gets_or_moves_anothers_order(api, steps):
    """The owner of each order is remembered here; every answer is compared with it."""
    run = uuid.uuid4().hex[:8]
    owner, status = {}, {}
    for name, action, number in steps:
        customer = Customer(f"{name}-{run}")
        order_id = [*owner, "fd-none"][number % (len(owner) + 1)]
        own = owner.get(order_id) == customer.subject
        if action == "post":
            placed = customer.post().body
            owner[placed["orderId"]], status[placed["orderId"]] = customer.subject, "pending"
        elif action == "partner":
            placed = send(with_key(event("POST", "/orders", order(customerId=customer.subject)))).body
            owner[placed["orderId"]], status[placed["orderId"]] = "acme", "pending"
        elif action == "advance" and order_id in owner:
            if api.put(order_id, "processing").status == 200:
                status[order_id] = "processing"
        elif action == "get":
            assert customer.get(order_id).status == (200 if own else 404)
        elif action == "cancel":
            before = status.get(order_id)
            expected = 404 if not own else 200 if before in ("pending", "cancelled") else 409
            assert customer.put(order_id).status == expected
            if expected == 200:
                status[order_id] = "cancelled"
        elif action == "list":
            found = {each["orderId"] for each in customer.list(limit="100").body["orders"]}
            assert found == {each for each, subject in owner.items() if subject == customer.subject}
    assert {order_id: api.get(order_id).body["status"] for order_id in owner} == status
