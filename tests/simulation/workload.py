"""Who uses the platform: clients that repeat requests, partners that upload files, an operator, and somebody's garbage."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.functions import Outcome
from tests.unit.handlers import importing
from tests.unit.handlers.api import event, key_of_partner

if TYPE_CHECKING:
    from tests.simulation.world import World

STARTS = (0, 3, 40, 2_000, 60_000, 400_000)  # ms
CLIENTS, FILES, RECORDS, GARBAGE = 7, 2, 30, 2
PARTNERS = (None, "acme", "bistro")  # None: the operator's
EXPRESS_FILE = 1  # whose records may be refused by the settings of the moment
TRIES = 6
GATEWAY_MS = 29_000
MINUTE = 60_000


@dataclass
class Order:
    """An order that somebody wants, recognised everywhere by its mark, the id of its first product."""

    mark: str
    order_id: str | None = None  # chosen by the client
    key: str | None = None  # Idempotency-Key
    valid: bool = True
    path: str = ""
    quantity: int = 1
    more: dict = field(default_factory=dict)
    partner: str | None = None  # whose order it is

    @property
    def cents(self) -> int:
        return 101 * self.quantity

    @property
    def total(self) -> Decimal:
        return Decimal(self.cents * self.quantity + 10) / 100

    def platform_id(self, order_id: str) -> str:
        """Return what the platform calls an order that this one's client calls `order_id`."""
        is_given = self.partner is None or order_id.startswith(("fd-", "fk-"))
        return order_id if is_given else f"{self.partner}~{order_id}"

    def body(self) -> dict:
        customer = {"customerId": f"CUST-{self.quantity}"} if self.valid else {}
        items = [
            {"productId": self.mark, "quantity": self.quantity, "price": self.cents / 100},
            {"productId": "cola", "quantity": 1, "price": 0.1},
        ]
        chosen = {"orderId": self.order_id} if self.order_id and self.path != "sync" else {}
        address = {"deliveryAddress": {"street": "1 Main Street", "city": "Springfield", "zipCode": "12345"}}
        return {**customer, "items": items, **address, **chosen, **self.more}


class Customer:
    """A client of the API. It repeats what is not answered, if it may: with a key or an id of its own."""

    def __init__(self, world: "World", name: str, order: Order, repetitions: int, changes: int) -> None:
        self.world, self.name, self.order = world, name, order
        self.repetitions, self.changes = repetitions, changes
        self.tries = 0
        self.placed: str | None = None
        self.etag: str | None = None  # of the version that this client knows
        self.api_key = {} if order.partner is None else {"api_key": key_of_partner(order.partner)}

    def send(self) -> None:
        order = self.order
        self.tries += 1
        headers = {"Idempotency-Key": order.key} if order.key else {}
        path = "/orders" if order.path == "sync" else "/orders/async"
        self._request(event("POST", path, order.body(), headers=headers, **self.api_key), self._answered)

    def _request(self, sent: dict, answered: Callable[[int, dict, dict], None]) -> None:
        """Send; a client that gets no answer for 29 seconds is answered by API Gateway."""
        world = self.world
        settled: list[bool] = []

        def answer(outcome: Outcome | None) -> None:
            if settled:
                return
            settled.append(True)
            status, body, headers = (504 if outcome is None else 502), {}, {}
            if outcome is not None and not outcome.error:
                status, body = outcome.value["statusCode"], json.loads(outcome.value["body"])
                headers = outcome.value["headers"]
            if world.choices.fault(f"answer to {self.name}", ("answer lost",)):
                status, body, headers = 504, {}, {}
            world.history.add(self.name, f"is answered {status}")
            answered(status, body, headers)

        process = world.route(sent).invoke(sent, self.name, answer)
        world.history.add(self.name, f"sends {sent['httpMethod']} of {self.order.mark} to {process.name}")
        world.scheduler.at(GATEWAY_MS, partial(answer, None))

    def _answered(self, status: int, body: dict, headers: dict) -> None:
        accepted = status in (201, 202)
        order_of_partner = self.order.partner is not None
        if accepted:
            self.world.checker.accepted(self.order, status, body)
            first = self.placed is None
            self.placed = body["orderId"]
            self.etag = headers.get("ETag") if first else self.etag
            if first and order_of_partner and self.world.choices.number("spy", self.name, 2):
                self.world.scheduler.at(2_000, self._spy)
            if first and self.changes:
                self.world.scheduler.at(1_000, partial(self._change, "processing"))
        elif status < 500:
            self.world.checker.refused(self.order, status, body)
        repeats = self.order.key or self.order.order_id
        wants = status >= 500 or self.repetitions > 0
        self.repetitions -= accepted
        if repeats and wants and self.tries < TRIES:
            self.world.scheduler.at(1_500, self.send)

    def _spy(self) -> None:
        """Try to change an order of another partner or of the operator."""
        checker, own = self.world.checker, self.order.partner
        # An id that the operator chose is, from a partner, the partner's own.
        others = [
            order_id
            for mark, order_id in checker.accepted_marks.items()
            if checker.orders[mark].partner != own and ("~" in order_id or order_id.startswith(("fd-", "fk-")))
        ]
        if others:
            sent = event("PUT", "/orders/{orderId}", {"status": "cancelled"}, orderId=others[0], **self.api_key)
            self._request(sent, lambda code, body, headers: checker.spied(self.name, others[0], code))

    def _change(self, status: str, tries: int = 1) -> None:
        """Change the order's status, and once more when it is changed."""
        key = {"Idempotency-Key": f"{self.name}-{status}"}
        known = {"If-Match": self.etag} if self.etag else {}
        sent = event(
            "PUT",
            "/orders/{orderId}",
            {"status": status},
            headers=key | known,
            orderId=self.placed or "",
            **self.api_key,
        )

        def answered(code: int, body: dict, headers: dict) -> None:
            if code >= 500 or code == 404:
                if tries < TRIES:
                    self.world.scheduler.at(20_000, partial(self._change, status, tries + 1))
            elif code >= 400:
                self.world.checker.change_refused(self.order, status, code)
            elif self.changes > 1 and status == "processing":
                self.etag = headers["ETag"]
                self._change("out_for_delivery" if self.changes == 2 else "cancelled")

        self._request(sent, answered)


class Workload:
    def __init__(self, world: "World") -> None:
        self.world = world
        self.choices = world.choices
        self.customers: list[Customer] = []
        self.operator_is_away = bool(self.choices.number("redrive", "operator is away", 2))

    def schedule(self) -> None:
        for number in range(CLIENTS):
            self._customer(number)
        for number in range(FILES):
            self._file(number)
        for number in range(GARBAGE):
            self._garbage(number)
        if not self.operator_is_away:
            self._redrives()

    def come_back(self) -> None:
        """Clients with ids of their own send them again; the operator looks after the dead letters."""
        for customer in self.customers:
            if customer.order.order_id and self.choices.number("detail", f"{customer.name} comes back", 2):
                customer.tries = 0
                self.world.scheduler.at(self._start(customer.name), customer.send)
        self._redrives()

    def _redrives(self) -> None:
        for minute in (12, 26, 31, 100, 200, 300, 400):
            self.world.scheduler.at(minute * MINUTE, partial(self._redrive, minute))

    def _start(self, key: str) -> float:
        return STARTS[self.choices.number("detail", f"{key} starts", len(STARTS))]

    def _customer(self, number: int) -> None:
        name = f"client-{number}"
        kind = self.choices.number("client", name, 8)
        if not kind:
            return
        shared = number - number % 2 if kind > 5 else number  # an id or a key that another client uses as well
        order = Order(f"order-{number}", quantity=number + 1, path="sync" if kind in (1, 2, 6) else "async")
        order.key = f"key-{shared}" if kind in (2, 4, 6) else None
        order.order_id = f"id-{shared}" if kind in (3, 7) else None
        order.partner = PARTNERS[self.choices.number("partner", name, len(PARTNERS))]
        self.world.checker.wants(order)
        repetitions = self.choices.number("detail", f"{name} repeats", 3)
        changes = self.choices.number("detail", f"{name} changes", 4)
        customer = Customer(self.world, name, order, repetitions, changes)
        self.customers.append(customer)
        self.world.scheduler.at(self._start(name), customer.send)

    def _file(self, number: int) -> None:
        kind = self.choices.number("file", f"file-{number}", 3)
        if not kind:
            return
        partner = PARTNERS[self.choices.number("partner", f"file-{number}", len(PARTNERS))]
        orders: list[Order] = []
        for index in range(1 + self.choices.number("detail", f"file-{number} records", RECORDS)):
            orders.append(self._record(number, index, orders, partner))
        bodies = [order.body() for order in orders]
        suffix, written = ("jsonl", importing.jsonl(*bodies)) if kind == 1 else ("json", json.dumps(bodies).encode())
        folder = f"orders/{partner}/" if partner else "orders/"
        key = f"{folder}file-{number}.{suffix}"
        self.world.scheduler.at(self._start(f"file-{number}"), partial(self._upload, key, written, orders))

    def _record(self, file: int, index: int, before: list[Order], partner: str | None) -> Order:
        kind = self.choices.number("record", f"file-{file} record {index}", 7)
        order = Order(f"order-{file}-{index}", f"id-{file}-{index}", quantity=index % 9 + 1, path="import")
        order.partner = partner
        if kind == 1:
            order.valid = False
        if kind == 2 and before:
            return before[-1]
        if kind == 3 and before:
            order.order_id = before[-1].order_id
        if kind == 4 and file == EXPRESS_FILE:
            order.more = {"delivery": "express"}
        if kind == 5:
            order.more = {"priority": "high"}
        if kind == 6:
            order.order_id = f"id-{index}"  # perhaps a client's
        self.world.checker.wants(order)
        return order

    def _upload(self, key: str, written: bytes, orders: list[Order]) -> None:
        world = self.world
        world.history.add("partner", f"uploads {key} with {len(orders)} records")
        world.bucket.files[key, "v-1"] = written
        world.checker.uploaded(key, orders)
        uploaded = importing.event(key, "v-1", size=len(written))
        world.imports.accept(uploaded)
        if world.choices.fault(f"event of {key}", ("event twice",)):
            world.scheduler.at(self._start(f"{key} again"), partial(world.imports.accept, uploaded))

    def _garbage(self, number: int) -> None:
        kind = self.choices.number("garbage", f"message {number}", 4)
        if not kind:
            return
        order = Order(f"order-{90 + number}", f"id-{90 + number}", valid=False, path="garbage")
        body = (json.dumps(order.body()), order.mark + "{", json.dumps({"format": 2, "orders": [order.body()]}))
        self.world.checker.wants(order)
        self.world.scheduler.at(self._start(f"garbage {number}"), partial(self.world.queue.send, body[kind - 1], {}))

    def _redrive(self, minute: int) -> None:
        """Send dead letters without a reason to the queue again, and at some times all; import failed files again."""
        world = self.world
        world.imports.redrive()
        everything = not world.choices.calm and world.choices.number("redrive", f"minute {minute}", 2)
        for letter in [*world.dead_letters.messages.values()]:
            if everything or "rejectionReason" not in letter.attributes:
                world.dead_letters.move(letter, world.queue)
