"""Orders of clients and of files while every message comes twice, DynamoDB and SNS fail and workers are killed."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from itertools import cycle

import pytest

from contract import imports
from emulator.faults.rules import Rule
from tests.e2e.fault_kit import HELD, OBSERVED, Faults, faults_in
from tests.e2e.import_kit import as_csv, as_json, as_jsonl, order, upload
from tests.e2e.pipeline_kit import (
    Subscriber,
    assert_each_stored_once,
    counts,
    dead_letters,
    drained,
    kill_processes,
    receive_all,
    unthrottled,
)
from tests.e2e.support import Deployment
from tests.waiting import eventually

pytestmark = pytest.mark.e2e

FILES = {"orders.json": as_json, "orders.jsonl": as_jsonl, "orders.csv": as_csv}


@dataclass(frozen=True)
class Turmoil:
    """A deployment whose worker's table and announcer's topic can fail."""

    deployment: Deployment
    table: Faults
    topic: Faults

    def go_on(self, rounds: int, ended: threading.Event) -> int:
        """Let the services fail in turn, for some rounds or until `ended`; return how many processes were killed."""
        killed = 0
        faults = zip(range(rounds), cycle(("error", "lost", "throttle", "drop")), cycle(("error", "lost", "drop")))
        for _, table, topic in faults:
            self.table.inject(_of_worker(kind=table))
            self.topic.inject(Rule(service="sns", function="orders-events", kind=topic))
            _requests(self.table, 10, ended)
            self.topic.inject()
            self.table.inject(_of_worker(**HELD))
            eventually(lambda: self.table.waiting or ended.is_set(), "a batch is under way")
            killed += kill_processes(self.deployment, "OrdersWorkerFunction")
            self.table.inject(_of_worker(**OBSERVED))
            _requests(self.table, 10, ended)  # some good weather, or no message is ever done
        self.table.inject()
        return killed


def _of_worker(**kind) -> Rule:
    return Rule(service="dynamodb", function="orders-worker", **kind)


def _requests(faults: Faults, number: int, ended: threading.Event) -> None:
    before = faults.seen
    eventually(lambda: faults.seen >= before + number or ended.is_set(), f"{number} requests")


@pytest.fixture(scope="module")
def turmoil(tmp_path_factory) -> Iterator[Turmoil]:
    with unthrottled(tmp_path_factory, "turmoil") as deployment, ExitStack() as faults:
        queue, table, topic = (faults.enter_context(faults_in(deployment)) for _ in ("queue", "table", "topic"))
        queue.inject(
            *(
                Rule(service="sqs", function=function, kind="duplicate")
                for function in ("orders-intake", "orders-import")
            )
        )
        yield Turmoil(deployment, table, topic)


@pytest.mark.parametrize(
    ("number", "clients", "rounds"),
    [(150, 8, 8), pytest.param(5000, 50, 50, marks=[pytest.mark.load, pytest.mark.timeout(3600)])],
)
def test_nothing_is_lost_or_doubled(turmoil, number, clients, rounds):
    """`number` orders through the API, as many in files."""
    deployment, run = turmoil.deployment, uuid.uuid4().hex[:6]
    subscriber = Subscriber(deployment)
    ended = threading.Event()
    with ThreadPoolExecutor(clients + 1) as pool:
        killed = pool.submit(turmoil.go_on, rounds, ended)
        try:
            files = [
                upload(deployment, f"{run}-{name}", written(_records(f"{run}-{name}", number // len(FILES))))
                for name, written in FILES.items()
            ]
            submitted = [
                pool.submit(_submit, deployment, run, range(n, number, clients), ended) for n in range(clients)
            ]
            totals = {order_id: total for each in submitted for order_id, total in each.result().items()}
            reports = [file.report() for file in files]
            eventually(lambda: killed.done() or sum(counts(deployment)) == 0, "the turmoil ends before the orders do")
        finally:
            ended.set()
        assert killed.result() > 0
    assert {(report["status"], report["queued"], report["rejected"]) for report in reports} == {
        (imports.COMPLETED, number // len(FILES), 0)
    }
    for name in FILES:
        totals |= {record["orderId"]: _total(record) for record in _records(f"{run}-{name}", number // len(FILES))}
    drained(deployment)
    items = assert_each_stored_once(deployment, totals)
    assert {order_id: Decimal(item["totalAmount"]["N"]) for order_id, item in items.items()} == totals
    eventually(lambda: {event["orderId"] for event in subscriber.take()} >= totals.keys(), "every order is announced")
    assert len({event["eventId"] for event in subscriber.take() if event["orderId"] in totals}) == len(totals)
    assert dead_letters(deployment) == []
    assert receive_all(deployment, deployment.outputs["OrderEventsDlqUrl"]) == []


def _submit(deployment: Deployment, run: str, numbers: range, ended: threading.Event) -> dict[str, Decimal]:
    """Submit orders, every other one with an id of the client's; return the total of each by its id.

    Repeat what is answered with 502 (the function ran out of its time), 503 or 504, as any client: the queue may have the
    order all the same.
    """
    totals = {}
    with deployment.api() as api:
        for number in numbers:
            key = f"API-{run}-{number}"
            record = {"customerId": f"CUST-{run}", "items": _items(number)}
            body, headers = (record | {"orderId": key}, {}) if number % 2 else (record, {"Idempotency-Key": key})
            while (answer := api.post("/orders/async", json=body, headers=headers)).status_code in (502, 503, 504):
                assert not ended.is_set(), "interrupted"
            assert answer.status_code == 202, answer.text
            totals[answer.json()["orderId"]] = _total(record)
    return totals


def _records(prefix: str, number: int) -> list[dict]:
    return [order(f"{prefix}-{n}", customerId=f"CUST-{n % 50}", items=_items(n)) for n in range(number)]


def _items(number: int) -> list[dict]:
    return [{"productId": "A", "quantity": number % 7 + 1, "price": (number % 1000) / 100}]


def _total(record: dict) -> Decimal:
    return sum((each["quantity"] * Decimal(str(each["price"])) for each in record["items"]), Decimal(0))
