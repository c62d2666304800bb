"""The whole platform against a small model: any sequence of placing, submitting, importing, changing and reading.

The model is a dict of orders. After any sequence, each order is stored once, as it was first accepted; only
its status changes, along the lifecycle; every read and every list says what the model says; every version of
every order is announced; and what came too late for its id is a dead letter.
"""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule, run_state_machine_as_test

from contract.schemas import STATUSES
from domain.lifecycle import TRANSITIONS
from tests.e2e.import_kit import as_csv, as_json, as_jsonl, upload, zipped
from tests.e2e.pipeline_kit import Subscriber, dead_letters, drained
from tests.waiting import eventually

pytestmark = pytest.mark.e2e

CUSTOMERS = st.sampled_from(["anna", "bo"])
CHOSEN = st.sampled_from(["first", "second", "third"])
CENTS = st.integers(0, 10_000_000)
ITEMS = st.lists(
    st.builds(
        lambda product, quantity, cents: {"productId": product, "quantity": quantity, "price": cents / 100},
        st.sampled_from(["A", "B:1", "c.2-x"]),
        st.integers(1, 1_000),
        CENTS,
    ),
    min_size=1,
    max_size=3,
)
ADDRESS = st.fixed_dictionaries(
    {
        "street": st.sampled_from(["12 Harbour Road", 'Straße 1, "Hof"', "通り 3"]),
        "city": st.sampled_from(["Bristol", "São Paulo"]),
        "zipCode": st.just("BS1 4RN"),
    }
)
FILES = {
    "json": as_json,
    "jsonl": as_jsonl,
    "csv": as_csv,
    "csv.gz": lambda records: zipped(as_csv(records)),
}


@dataclass
class Known:
    """An order as the model knows it."""

    order_id: str
    customer: str
    request: dict
    source: str
    status: str = "pending"
    version: int = 1
    key: str = ""
    times: list[str] = field(default_factory=list)  # updatedAt of each version that was seen

    @property
    def total(self) -> Decimal:
        return sum((Decimal(str(item["price"])) * item["quantity"] for item in self.request["items"]), Decimal(0))

    def check(self, seen: dict) -> None:
        assert seen["orderId"] == self.order_id and seen["customerId"] == self.customer
        assert seen["items"] == self.request["items"] and seen["deliveryAddress"] == self.request["deliveryAddress"]
        assert (seen["status"], seen["version"], seen["source"]) == (self.status, self.version, self.source)
        assert Decimal(str(seen["totalAmount"])) == self.total
        assert seen["createdAt"] <= seen["updatedAt"]
        assert not self.times or self.times[-1] <= seen["updatedAt"]
        self.times.append(seen["updatedAt"])


class Platform(RuleBasedStateMachine):
    """Names are of this run alone: other tests use the same deployment."""

    stored = Bundle("stored")  # ids, keys into self.orders
    keyed = Bundle("keyed")  # the same, of orders placed with an Idempotency-Key

    def __init__(self, deployment, api) -> None:
        super().__init__()
        self.deployment, self.api = deployment, api
        self.run = uuid.uuid4().hex[:8]
        self.orders: dict[str, Known] = {}
        self.late: set[str] = set()  # ids under which another order was handed in
        self.subscriber = Subscriber(deployment)

    def _request(self, customer: str, items: list[dict], address: dict) -> dict:
        return {"customerId": f"{self.run}-{customer}", "items": items, "deliveryAddress": address}

    def _created(self, request: dict, answer, source: str) -> Known:
        assert answer.status_code == 201, answer.text
        seen = answer.json()
        known = Known(seen["orderId"], request["customerId"], request, source)
        known.check(seen)
        return known

    def _take(self, order_id: str, request: dict, source: str) -> None:
        """Check that the first order keeps its id, and that a later one does not change it."""
        if order_id not in self.orders:
            known = Known(order_id, request["customerId"], request, source)
            eventually(lambda: self.api.get(f"/orders/{order_id}").status_code == 200, "the order is stored")
            self.orders[order_id] = known
        elif self.orders[order_id].request != request:
            self.late.add(order_id)
        self.read(order_id)

    @initialize(target=stored, customer=CUSTOMERS, items=ITEMS, address=ADDRESS)
    def place_without_a_key(self, customer, items, address):
        request = self._request(customer, items, address)
        known = self._created(request, self.api.post("/orders", json=request), "api")
        self.orders[known.order_id] = known
        return known.order_id

    @rule(target=keyed, customer=CUSTOMERS, items=ITEMS, address=ADDRESS)
    def place(self, customer, items, address):
        key, request = uuid.uuid4().hex, self._request(customer, items, address)
        known = self._created(request, self._post(request, key), "api")
        known.key = key
        self.orders[known.order_id] = known
        return known.order_id

    @rule(order_id=keyed)
    def place_the_same_again(self, order_id):
        known = self.orders[order_id]
        answer = self._post(known.request, known.key)
        assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (201, "true"), answer.text
        first = answer.json()
        assert (first["orderId"], first["status"], first["version"]) == (order_id, "pending", 1)

    @rule(order_id=keyed, items=ITEMS)
    def place_something_else_under_a_used_key(self, order_id, items):
        known = self.orders[order_id]
        answer = self._post({**known.request, "items": items}, known.key)
        assert answer.status_code == (201 if items == known.request["items"] else 422), answer.text

    def _post(self, request: dict, key: str):
        return self.api.post("/orders", json=request, headers={"Idempotency-Key": key})

    @rule(target=stored, chosen=CHOSEN, customer=CUSTOMERS, items=ITEMS, address=ADDRESS)
    def submit(self, chosen, customer, items, address):
        order_id, request = f"{self.run}-{chosen}", self._request(customer, items, address)
        answer = self.api.post("/orders/async", json={**request, "orderId": order_id})
        assert answer.status_code == 202 and answer.json()["orderId"] == order_id, answer.text
        drained(self.deployment)
        self._take(order_id, request, "pipeline")
        return order_id

    @rule(
        target=stored,
        kind=st.sampled_from(sorted(FILES)),
        records=st.dictionaries(CHOSEN, st.tuples(CUSTOMERS, ITEMS, ADDRESS), min_size=1),
    )
    def import_a_file(self, kind, records):
        requests = {f"{self.run}-{chosen}": self._request(*rest) for chosen, rest in records.items()}
        rows = [{"orderId": order_id, **request} for order_id, request in requests.items()]
        report = upload(self.deployment, f"2026/{self.run}/{uuid.uuid4().hex}.{kind}", FILES[kind](rows)).report()
        assert (report["status"], report["read"], report["queued"]) == ("completed", len(rows), len(rows)), report
        drained(self.deployment)
        for order_id, request in requests.items():
            self._take(order_id, request, "import")
        return multiple(*requests)

    @rule(
        order_id=st.one_of(stored, keyed),
        status=st.sampled_from(STATUSES),
        based_on=st.sampled_from([None, "current", "older"]),
    )
    def change_status(self, order_id, status, based_on):
        known = self.orders[order_id]
        version = known.version - (based_on == "older")
        headers = {} if based_on is None else {"If-Match": f'"{version}"'}
        answer = self.api.put(f"/orders/{order_id}", json={"status": status}, headers=headers)
        if based_on == "older":
            assert answer.status_code in (200, 412), answer.text  # 200: the repetition of a change that was made
        elif status in TRANSITIONS[known.status]:
            known.status, known.version = status, known.version + 1
            assert answer.status_code == 200, answer.text
        else:
            assert answer.status_code == (200 if status == known.status else 409), answer.text
        if answer.status_code == 200:
            known.check(answer.json())

    @rule(order_id=st.one_of(stored, keyed))
    def read(self, order_id):
        answer = self.api.get(f"/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        self.orders[order_id].check(answer.json())

    @rule(customer=CUSTOMERS, limit=st.integers(1, 4), status=st.sampled_from([None, *STATUSES]))
    def list_a_customers_orders(self, customer, limit, status):
        name = f"{self.run}-{customer}"
        wanted = {
            known.order_id
            for known in self.orders.values()
            if known.customer == name and status in (None, known.status)
        }
        seen = list(self._pages(name, {"limit": limit, **({"status": status} if status else {})}))
        assert sorted(order["orderId"] for order in seen) == sorted(wanted)
        assert [o["timestamp"] for o in seen] == sorted((o["timestamp"] for o in seen), reverse=True)
        for order in seen:
            self.orders[order["orderId"]].check(order)

    def _pages(self, customer: str, query: dict) -> Iterator[dict]:
        while True:
            page = self.api.get(f"/orders/customer/{customer}", params=query).json()
            assert page["count"] == len(page["orders"]) <= query["limit"]
            yield from page["orders"]
            if "nextToken" not in page:
                return
            query = {**query, "nextToken": page["nextToken"]}

    def teardown(self) -> None:
        """Every version of every order was announced, and nothing else of them; each loser is a dead letter."""
        lost = [letter for letter in dead_letters(self.deployment) if self.run in letter["body"]]
        assert {letter["reason"] for letter in lost} <= {"order_conflict"}
        assert {json.loads(letter["body"])["orderId"] for letter in lost} == self.late
        wanted = {
            f"{known.order_id}:{version}" for known in self.orders.values() for version in range(1, known.version + 1)
        }

        def announced() -> set[str]:
            return {event["eventId"] for event in self.subscriber.take() if event["orderId"] in self.orders}

        eventually(lambda: announced() >= wanted, "every version is announced")
        assert announced() == wanted


def test_any_sequence_of_calls_and_files_leaves_what_the_model_says(deployment, api):
    any_sequence(deployment, api, examples=6)


def any_sequence(deployment, api, examples: int) -> None:
    run_state_machine_as_test(
        lambda: Platform(deployment, api),
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.reuse, Phase.generate),  # a step takes too long to look for a shorter sequence
        ),
    )
