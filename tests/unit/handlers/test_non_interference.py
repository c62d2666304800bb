"""Nothing that another partner does shows in a partner's answers, and nothing that a partner does changes another's orders.

Hypothesis draws what the partners acme and bistro and the operator do, with the ids, keys and customers of one another.
It happens in two worlds; in the second, bistro does nothing. Every answer to acme, and every report about its files, must
be equal in both.
"""

import itertools
from contextlib import ExitStack
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contract.schemas import STATUSES
from handlers import orders_worker
from tests.simulation import dynamodb
from tests.unit.handlers import importing, pipeline
from tests.unit.handlers.api import event, key_of_partner, order, send

EXAMPLES, STEPS, LEAST = 60, 45, 2_000
START = 1_767_323_045_000
PARTNERS = ("acme", "bistro")
CALLERS = (*PARTNERS, "operator")
CHOSEN = ("X", "Y")
NAMES = (*CHOSEN, *(f"{partner}~{chosen}" for partner in PARTNERS for chosen in CHOSEN))
CUSTOMERS = ("customer-1", "customer-2")
KEYS = (None, "k-1", "k-2")


class World(importing.World):
    """All services of the handlers in memory; ids and the time follow from the steps."""

    exceptions = dynamodb.EXCEPTIONS

    def __init__(self) -> None:
        super().__init__(flags={"expressDelivery": True})
        self.table = dynamodb.Table()
        self.placed = dict.fromkeys(CALLERS, 0)
        self.caller = "operator"
        self.now = START

    def __getattr__(self, name: str):
        return self.table.operations[name]

    def get_item(self, **call) -> dict:
        return self.table.get_item(**call)

    def send_message(self, *, MessageBody: str, **more) -> dict:
        self.bodies.append(MessageBody)
        return {"MessageId": f"message of {self.caller}"}

    def _random_bits(self, bits: int) -> int:
        self.placed[self.caller] += 1
        return CALLERS.index(self.caller) << 32 | self.placed[self.caller]

    def do(self, caller: str, act, now: int):
        self.caller, self.now = caller, now
        with self, ExitStack() as stack:
            stack.enter_context(patch("time.time_ns", lambda: now * 1_000_000))
            stack.enter_context(patch("domain.orders.secrets.randbits", self._random_bits))
            return act(self)

    def orders_of(self, partner: str | None) -> dict:
        return {key: item for key, item in self.table.items.items() if key[1] and _partner(item) == partner}

    def reports(self, folder: str) -> dict:
        return {key: body for (key, version), body in self.objects.items() if key.startswith(f"reports/{folder}")}


def _partner(item: dict) -> str | None:
    return item.get("partner", {}).get("S")


callers = st.sampled_from(CALLERS)
customers = st.sampled_from(CUSTOMERS)
keys = st.sampled_from(KEYS)
numbers = st.integers(0, 50)
deliveries = st.sampled_from([None, "express"])


class Partners(RuleBasedStateMachine):
    steps = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.everybody, self.without_bistro = World(), World()
        self.tokens: dict[str, list[str]] = {caller: [] for caller in CALLERS}

    def act(self, caller: str, act):
        """Act in both worlds; return the answer in the first."""
        next(self.steps)
        self.now += 1_000
        others = [None if each == "operator" else each for each in CALLERS if each != caller and caller != "operator"]
        before = {other: self.everybody.orders_of(other) for other in others}
        answer = self.everybody.do(caller, act, self.now)
        assert before == {other: self.everybody.orders_of(other) for other in others}, f"{caller} changed another's"
        if caller != "bistro":
            other = self.without_bistro.do(caller, act, self.now)
            assert caller != "acme" or answer == other
        return answer

    def request(self, caller: str, method: str, path: str, *body, headers=None, **options):
        key = {} if caller == "operator" else {"api_key": key_of_partner(caller)}
        headers = {name: value for name, value in (headers or {}).items() if value is not None}
        sent = event(method, path, *body, headers=headers, **key, **options)
        sent["requestContext"]["requestId"] = f"request-{self.now}"
        answer = self.act(caller, lambda world: send(sent))
        for other in PARTNERS:
            assert caller in ("operator", other) or other not in answer.text, "it names another partner"
        assert answer.status < 500
        return answer

    @initialize()
    def begin(self) -> None:
        """Each has an order under the same key and one under the same id; bistro was the first. Each partner tries
        to change all.
        """
        for caller in ("bistro", "operator", "acme"):
            self.place(caller, CUSTOMERS[0], KEYS[1], None)
            self.submit(caller, CUSTOMERS[0], None, None, CHOSEN[0])
        self.work()
        ids = len(NAMES) + len({order_id for order_id, timestamp in self.everybody.table.items if timestamp})
        for caller, number in itertools.product(PARTNERS, range(ids)):
            self.change(caller, number, False, "processing", None, None)

    def name(self, number: int) -> str:
        names = [*NAMES, *sorted({order_id for order_id, timestamp in self.everybody.table.items if timestamp})]
        return names[number % len(names)]

    def query(self, name: str, is_timed: bool) -> dict:
        times = [timestamp for order_id, timestamp in self.everybody.table.items if order_id == name and timestamp]
        return {"timestamp": str(times[0])} if is_timed and times else {}

    @rule(caller=callers, customer=customers, key=keys, delivery=deliveries)
    def place(self, caller, customer, key, delivery) -> None:
        body = order(customerId=customer, delivery=delivery)
        self.request(caller, "POST", "/orders", body, headers={"Idempotency-Key": key})

    @rule(
        caller=callers,
        customer=customers,
        key=keys,
        delivery=deliveries,
        chosen=st.sampled_from([None, *CHOSEN, *NAMES]),
    )
    def submit(self, caller, customer, key, delivery, chosen) -> None:
        key = None if chosen else key  # both are refused
        body = order(customerId=customer, delivery=delivery, orderId=chosen)
        self.request(caller, "POST", "/orders/async", body, headers={"Idempotency-Key": key})

    @rule(caller=callers, chosen=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3), delivery=deliveries)
    def upload(self, caller, chosen, delivery) -> None:
        folder = "orders/" if caller == "operator" else f"orders/{caller}/"
        key, version = f"{folder}x.jsonl", f"v-{self.now}"
        records = importing.jsonl(*(importing.order(each, delivery=delivery) for each in chosen))

        def run(world: World) -> dict:
            world.objects[key, version] = records
            world.run(importing.event(key, version))
            return world.reports(key)

        self.act(caller, run)

    @rule()
    def work(self) -> None:
        def drain(world: World) -> None:
            bodies, world.bodies = world.bodies, []
            for at in range(0, len(bodies), 10):
                records = [pipeline.record(body) for body in bodies[at : at + 10]]
                assert orders_worker.handler({"Records": records}, None) == {"batchItemFailures": []}

        self.act("operator", drain)

    @rule(caller=callers, number=numbers, is_timed=st.booleans())
    def read(self, caller, number, is_timed) -> None:
        name = self.name(number)
        self.request(caller, "GET", "/orders/{orderId}", query=self.query(name, is_timed), orderId=name)

    @rule(
        caller=callers,
        number=numbers,
        is_timed=st.booleans(),
        status=st.sampled_from(STATUSES),
        key=keys,
        if_match=st.sampled_from([None, None, "*", '"1"', '"2"', 'W/"1"']),
    )
    def change(self, caller, number, is_timed, status, key, if_match) -> None:
        name = self.name(number)
        headers, query = {"Idempotency-Key": key, "If-Match": if_match}, self.query(name, is_timed)
        body = {"status": status}
        self.request(caller, "PUT", "/orders/{orderId}", body, headers=headers, query=query, orderId=name)

    @rule(
        caller=callers,
        customer=customers,
        limit=st.integers(1, 3),
        status=st.sampled_from([None, "pending", "cancelled"]),
        number=numbers,
        owner=callers,
    )
    def list_orders(self, caller, customer, limit, status, number, owner) -> None:
        tokens = [None, *self.tokens[owner]]
        query = {"limit": str(limit), "status": status, "nextToken": tokens[number % len(tokens)]}
        given = {name: value for name, value in query.items() if value is not None}
        answer = self.request(caller, "GET", "/orders/customer/{customerId}", query=given, customerId=customer)
        if "nextToken" in answer.body:
            self.tokens[caller].append(answer.body["nextToken"])

    @rule(express=st.booleans())
    def set_flags(self, express) -> None:
        for world in (self.everybody, self.without_bistro):
            world._flags = {"expressDelivery": express}


def test_a_partners_answers_are_the_same_without_the_other_partner():
    Partners.steps = itertools.count()
    run_state_machine_as_test(
        Partners,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert next(Partners.steps) >= LEAST
