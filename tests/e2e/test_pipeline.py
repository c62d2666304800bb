"""The asynchronous pipeline, through the public API and the queue: nothing lost, nothing double."""

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from urllib.parse import urljoin

import pytest

from emulator.faults.rules import Rule
from tests.e2e.fault_kit import HELD, faults_in
from tests.e2e.pipeline_kit import (
    CLIENT_ORDER,
    Subscriber,
    assert_each_stored_once,
    counts,
    dead_letters,
    drained,
    kill_processes,
    message,
    one_each,
    receive_all,
    redeliver,
    send,
    several,
    unthrottled,
)
from tests.e2e.support import deploy, fresh_processes, order_for
from tests.waiting import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    with unthrottled(tmp_path_factory, "pipeline") as deployment:
        yield deployment


@pytest.fixture(scope="module")
def subscriber(pipeline):
    return Subscriber(pipeline)


@pytest.fixture
def clean(pipeline):
    """Nothing of an earlier test in the queues."""
    drained(pipeline)
    dead_letters(pipeline)
    return pipeline


def test_a_submitted_order_is_accepted_at_once_stored_soon_and_announced(pipeline, subscriber):
    order_id = f"ORD-{uuid.uuid4().hex[:10]}"
    with pipeline.api() as api:
        accepted = api.post("/orders/async", json={"orderId": order_id, **CLIENT_ORDER})
        assert accepted.status_code == 202, accepted.text
        body = accepted.json()
        assert (body["orderId"], body["status"]) == (order_id, "accepted") and body["messageId"]
        assert accepted.headers["retry-after"] == "1"
        url = urljoin(str(accepted.request.url), accepted.headers["location"])
        order = eventually(lambda: (r := api.get(url)).status_code == 200 and r.json(), "the order is stored")
        assert order["totalAmount"] == 109.97 and order["status"] == "pending" and order["source"] == "pipeline"
        assert order["timestamp"] == body["timestamp"]
        [created] = eventually(lambda: subscriber.of(order_id), "the order is announced")
        assert (created["eventType"], created["version"], created["totalAmount"]) == ("OrderCreated", 1, 109.97)
        api.put(f"/orders/{order_id}", json={"status": "processing"})
        events = eventually(lambda: len(subscriber.of(order_id)) > 1 and subscriber.of(order_id), "the change")
        assert [e["eventType"] for e in events] == ["OrderCreated", "OrderStatusChanged"]
        assert (events[1]["previousStatus"], events[1]["status"]) == ("pending", "processing")
        assert "deliveryAddress" not in json.dumps(events) and "items" not in events[0]


def test_a_clock_ahead_of_ours_makes_no_time_run_backwards(pipeline, subscriber):
    order_id, ahead = f"ORD-{uuid.uuid4().hex[:10]}", time.time_ns() // 1_000_000 + 240_000
    with pipeline.api() as api:
        accepted = api.post("/orders/async", json={"orderId": order_id, "timestamp": ahead, **CLIENT_ORDER})
        assert accepted.status_code == 202, accepted.text
        path = f"/orders/{order_id}"
        eventually(lambda: api.get(path).status_code == 200, "the order is stored")
        seen = [api.get(path).json()]
        seen.append(api.put(path, json={"status": "processing"}).json())
        seen.append(api.put(path, json={"status": "out_for_delivery"}, params={"timestamp": ahead}).json())
    events = eventually(lambda: len(subscriber.of(order_id)) > 2 and subscriber.of(order_id), "all is announced")
    assert [order["version"] for order in seen] == [1, 2, 3]
    assert {order["createdAt"] for order in seen} == {seen[0]["updatedAt"]}
    for times in ([order["updatedAt"] for order in seen], [event["occurredAt"] for event in events]):
        assert times == sorted(times) and times[0] >= seen[0]["createdAt"]


def test_an_order_without_an_id_gets_one_of_the_platforms(pipeline):
    with pipeline.api() as api:
        accepted = api.post("/orders/async", json=CLIENT_ORDER)
        assert accepted.json()["orderId"].startswith("fd-")
        eventually(lambda: api.get(f"/orders/{accepted.json()['orderId']}").status_code == 200)


def test_one_idempotency_key_is_one_order(pipeline):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    with pipeline.api() as api:
        answers = [api.post("/orders/async/", json=CLIENT_ORDER, headers=key) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202] * 3, answers[0].text
        [order_id] = {answer.json()["orderId"] for answer in answers}
        [location] = {answer.headers["location"] for answer in answers}
        url = urljoin(str(answers[0].request.url), location)
        eventually(lambda: api.get(url).status_code == 200, "the order is stored")
        refused = api.post("/orders/async", json={**CLIENT_ORDER, "orderId": order_id})
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")
    drained(pipeline)
    assert_each_stored_once(pipeline, [order_id])
    assert dead_letters(pipeline) == []


def test_what_was_accepted_is_not_refused_after_a_flag_went_off(pipeline):
    def express(allowed: bool) -> None:
        pipeline.client("ssm").put_parameter(
            Name="/food-delivery/dev/feature-flags",
            Value=json.dumps({"expressDelivery": allowed, "loyaltyProgram": True}),
            Type="SecureString",
            Overwrite=True,
        )
        for function in ("OrdersCommandFunction", "OrdersIntakeFunction"):
            fresh_processes(pipeline, function)

    name = uuid.uuid4().hex
    placing = {"json": order_for(f"CUST-{name}", delivery="express"), "headers": {"Idempotency-Key": name}}
    handing_in = {**CLIENT_ORDER, "delivery": "express"}
    with pipeline.api() as api:
        try:
            express(True)
            placed = api.post("/orders", **placing)
            chosen = api.post("/orders/async", json={**handing_in, "orderId": f"ORD-{name}"})
            keyed = api.post("/orders/async", json=handing_in, headers=placing["headers"])
            assert [answer.status_code for answer in (placed, chosen, keyed)] == [201, 202, 202], chosen.text
            drained(pipeline)
        finally:
            express(False)
        replayed = api.post("/orders", **placing)
        assert (replayed.status_code, replayed.json()) == (201, placed.json())
        assert replayed.headers["idempotency-replayed"] == "true"
        again = api.post("/orders/async", json={**handing_in, "orderId": f"ORD-{name}"})
        assert (again.status_code, again.json()["timestamp"]) == (202, chosen.json()["timestamp"])
        again = api.post("/orders/async", json=handing_in, headers=placing["headers"])
        assert (again.status_code, again.headers["location"]) == (202, keyed.headers["location"])
        assert api.post("/orders", json=placing["json"]).status_code == 422
        assert api.post("/orders/async", json=handing_in).status_code == 422
    assert counts(pipeline) == (0, 0)
    assert_each_stored_once(pipeline, [f"ORD-{name}", keyed.json()["orderId"], placed.json()["orderId"]])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        json.dumps({**CLIENT_ORDER, "items": []}).encode(),
        json.dumps({**CLIENT_ORDER, "orderId": "fd-mine"}).encode(),
        json.dumps({**CLIENT_ORDER, "orderId": "customer"}).encode(),
        json.dumps({**CLIENT_ORDER, "items": [{"quantity": 1, "price": 1}]}).encode(),
        json.dumps({**CLIENT_ORDER, "items": [{"itemId": "A", "productId": "B", "quantity": 1, "price": 1}]}).encode(),
        json.dumps({**CLIENT_ORDER, "timestamp": 99_999_999_999_999}).encode(),
        json.dumps({**CLIENT_ORDER, "total": 1}).encode(),
    ],
)
def test_a_bad_submission_is_refused_in_the_one_error_shape(pipeline, body):
    with pipeline.api() as api:
        answer = api.post("/orders/async", content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_request"), answer.text


def submitted(api, body: dict, headers: dict):
    """Submit an order, again while the answer is 5xx, as clients do: many cold starts at once may time out."""
    answers = iter(lambda: api.post("/orders/async", json=body, headers=headers), None)
    return next(answer for answer in answers if not answer.is_server_error)


@pytest.mark.parametrize(
    ("number", "clients"), [(200, 8), pytest.param(5000, 50, marks=[pytest.mark.load, pytest.mark.timeout(3600)])]
)
def test_many_orders_of_many_clients_are_each_stored_once_and_announced(clean, subscriber, number, clients):
    pipeline, run = clean, uuid.uuid4().hex[:6]

    def submit(client: int) -> list[tuple[str, Decimal]]:
        accepted = []
        with pipeline.api() as api:
            for n in range(client, number, clients):
                quantity, price = n % 7 + 1, Decimal(n % 1000) / 100
                body = {
                    "customerId": f"CUST-{run}",
                    "items": [{"itemId": "A", "quantity": quantity, "price": float(price)}],
                }
                key = f"LOAD-{run}-{n}"  # half with ids of the client's choice, half with the platform's
                chosen = n < number // 2
                body |= {"orderId": key} if chosen else {}
                answer = submitted(api, body, headers={} if chosen else {"Idempotency-Key": key})
                assert answer.status_code == 202, answer.text
                accepted.append((answer.json()["orderId"], quantity * price))
        return accepted

    with ThreadPoolExecutor(clients) as pool:
        accepted = [entry for batch in pool.map(submit, range(clients)) for entry in batch]
    totals = dict(accepted)
    assert len(totals) == number and {f"LOAD-{run}-{n}" for n in range(number // 2)} <= totals.keys()
    drained(pipeline)
    items = assert_each_stored_once(pipeline, totals)
    assert {order_id: Decimal(item["totalAmount"]["N"]) for order_id, item in items.items()} == totals
    eventually(lambda: {e["orderId"] for e in subscriber.take()} >= totals.keys(), "every order is announced")
    announced = {e["eventId"] for e in subscriber.take() if e["orderId"] in totals}
    assert len(announced) == number
    assert dead_letters(pipeline) == []


SHAPES = pytest.mark.parametrize("shape", [one_each, several])


@SHAPES
def test_every_message_delivered_twice_makes_each_order_once(clean, shape):
    orders = [message() for _ in range(40)] + [message(f"fd-{uuid.uuid4()}") for _ in range(40)]
    send(clean, shape(orders))
    send(clean, shape(orders))
    drained(clean)
    assert_each_stored_once(clean, [o["orderId"] for o in orders])
    assert dead_letters(clean) == []


def test_one_id_submitted_twice_at_once_with_different_bodies_is_one_order_and_one_conflict(clean):
    order_id = f"ORD-{uuid.uuid4().hex[:10]}"

    def submit(quantity: int) -> int:
        items = [{"itemId": "A", "quantity": quantity, "price": 1}]
        with clean.api() as api:
            return api.post("/orders/async", json={**CLIENT_ORDER, "orderId": order_id, "items": items}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(submit, (1, 2))) == [202, 202]
    drained(clean)
    item = assert_each_stored_once(clean, [order_id])[order_id]
    [conflict] = dead_letters(clean)
    assert conflict["reason"] == "order_conflict"
    assert {item["totalAmount"]["N"], str(json.loads(conflict["body"])["items"][0]["quantity"])} == {"1", "2"}


BAD = {
    "not JSON": "{]",
    "not an object": "[1, 2]",
    "a number": "7",
    "wrong types": json.dumps({**message("BAD-types"), "items": "many"}),
    "missing fields": json.dumps({"orderId": "BAD-missing"}),
    "a fraction of a cent": json.dumps(message("BAD-cents", items=[{"productId": "A", "quantity": 1, "price": 1.005}])),
    "poison": '{"orderId": "BAD-poison", "items": ' + "[" * 20_000 + "]" * 20_000 + "}",
    "half a surrogate": '{"orderId": "BAD-surrogate", "customerId": "\\ud800"}',
}


def test_of_a_mixed_batch_the_good_are_stored_once_and_each_bad_one_is_a_dead_letter_with_its_reason(clean, subscriber):
    kept = message()
    send(clean, [kept])
    drained(clean)
    good = [message() for _ in range(10)]
    conflicting = {**kept, "items": [{"productId": "B", "quantity": 9, "price": 9}]}
    send(clean, [*good[:5], kept, conflicting, *BAD.values(), *good[5:]])
    drained(clean)
    assert_each_stored_once(clean, [kept["orderId"], *(o["orderId"] for o in good)])
    letters = dead_letters(clean)
    assert sorted(letter["reason"] for letter in letters) == ["invalid_request"] * len(BAD) + ["order_conflict"]
    assert {letter["body"] for letter in letters} == {json.dumps(conflicting), *BAD.values()}
    assert all(letter["detail"] for letter in letters)
    eventually(lambda: all(subscriber.of(o["orderId"]) for o in good), "the good ones are announced")
    assert all(len(subscriber.of(o["orderId"])) == 1 for o in good), "and were not processed again"


def test_of_messages_of_several_orders_each_bad_one_is_a_dead_letter_of_its_own(clean, subscriber):
    kept = message()
    send(clean, [kept])
    drained(clean)
    good = [message() for _ in range(60)]
    conflicting = {**kept, "items": [{"productId": "B", "quantity": 9, "price": 9}]}
    invalid = message("BAD-types", items="many")
    send(clean, several([*good[:30], kept, conflicting, good[3], *good[30:], invalid]))
    drained(clean)
    assert_each_stored_once(clean, [kept["orderId"], *(o["orderId"] for o in good)])
    letters = dead_letters(clean)
    assert {json.dumps(json.loads(letter["body"]), sort_keys=True): letter["reason"] for letter in letters} == {
        json.dumps(conflicting, sort_keys=True): "order_conflict",
        json.dumps(invalid, sort_keys=True): "invalid_request",
    }
    eventually(lambda: all(subscriber.of(o["orderId"]) for o in good), "the good ones are announced")
    assert all(len(subscriber.of(o["orderId"])) == 1 for o in good), "and were not processed again"


def test_an_order_redelivered_after_it_has_moved_on_does_not_move_back(clean, subscriber):
    for order in (message(), message(f"fd-{uuid.uuid4()}")):
        send(clean, [order])
        drained(clean)
        with clean.api() as api:
            moved = api.put(f"/orders/{order['orderId']}", json={"status": "processing"}).json()
            send(clean, [order, order])
            drained(clean)
            assert api.get(f"/orders/{order['orderId']}").json() == moved
    assert dead_letters(clean) == []


@pytest.fixture
def faults(clean):
    """Faults of the worker's calls to DynamoDB."""
    with faults_in(clean) as faults:
        yield faults
        faults.inject()
        drained(clean)


def of_worker(**kind) -> Rule:
    return Rule(service="dynamodb", function="orders-worker", **kind)


@SHAPES
@pytest.mark.parametrize("fault", ["error", "throttle", "drop"])
def test_while_dynamodb_fails_orders_wait_and_all_are_stored_afterwards(clean, faults, fault, shape):
    faults.inject(of_worker(kind=fault))
    orders = [message() for _ in range(20)] + [message(f"fd-{uuid.uuid4()}") for _ in range(20)]
    sent = shape(orders)
    send(clean, sent)
    eventually(lambda: faults.seen > 50, "every message has been tried, and some again")
    assert all(not items for items in clean.orders_of([o["orderId"] for o in orders]).values())
    assert sum(counts(clean)) == len(sent), "every message still waits"
    faults.inject()
    drained(clean)
    assert_each_stored_once(clean, [o["orderId"] for o in orders])
    assert dead_letters(clean) == []


@SHAPES
def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing_and_doubles_nothing(clean, faults, shape):
    orders = [message() for _ in range(15)] + [message(f"fd-{uuid.uuid4()}") for _ in range(15)]
    faults.inject(of_worker(**HELD))
    send(clean, shape(orders))
    eventually(lambda: faults.waiting > 0, "a batch is under way")
    assert kill_processes(clean, "OrdersWorkerFunction") > 0
    faults.inject()
    drained(clean)
    assert_each_stored_once(clean, [o["orderId"] for o in orders])
    assert dead_letters(clean) == []


def test_if_the_queue_cannot_be_reached_the_order_is_refused_not_lost(clean):
    with clean.api() as api:
        with faults_in(clean) as faults:
            faults.inject(Rule(service="sqs", function="orders-intake", kind="drop"))
            refused = api.post("/orders/async", json=CLIENT_ORDER)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        accepted = api.post("/orders/async", json=CLIENT_ORDER)
        assert accepted.status_code == 202
    drained(clean)
    assert_each_stored_once(clean, [accepted.json()["orderId"]])


def command(pipeline, *arguments: str):
    return deploy("--env", "dev", "--local", *arguments, local_dir=pipeline.local_dir)


def test_dead_letters_can_be_listed_without_being_consumed_and_redriven(clean):
    bad = message("REDRIVE-1", items=[])
    send(clean, [bad])
    drained(clean)
    eventually(lambda: counts(clean, "OrderQueueDlqUrl")[0] == 1)
    for _ in range(2):
        listed = command(clean, "--dlq", "OrderQueueDLQ")
        assert listed.returncode == 0, listed.stdout + listed.stderr
        assert "REDRIVE-1" in listed.stdout and "invalid_request" in listed.stdout
    assert command(clean, "--redrive", "OrderQueueDLQ").returncode == 5, "stdin is not a terminal"
    done = command(clean, "--redrive", "OrderQueueDLQ", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    drained(clean)
    [again] = eventually(lambda: dead_letters(clean), "it comes back: it is as bad as before")
    assert json.loads(again["body"]) == bad and again["reason"] == "invalid_request"


def test_a_redriven_order_that_is_good_now_is_stored(clean):
    order = message()
    send(clean, [order], queue="OrderQueueDlqUrl")
    assert command(clean, "--redrive", "OrderQueueDLQ", "--yes").returncode == 0
    drained(clean)
    assert_each_stored_once(clean, [order["orderId"]])
    assert receive_all(clean, clean.outputs["OrderQueueDlqUrl"]) == []


def test_a_message_of_a_later_version_waits_whole_among_the_dead_letters_until_a_worker_knows_it(clean):
    good, beside = message(), message()
    alone = [
        message("LATER-format", format=3),
        message("LATER-field", tip=1.5),
        message("LATER-value", delivery="drone"),
    ]
    later = [*alone, *several([message("LATER-among-several", tip=1.5), beside])]
    send(clean, [good])
    drained(clean)
    redeliver(clean, receives=2)
    send(clean, later)
    eventually(lambda: counts(clean, "OrderQueueDlqUrl")[0] == len(later), "they were received too often")
    assert_each_stored_once(clean, [good["orderId"], beside["orderId"]])
    listed = command(clean, "--dlq", "OrderQueueDLQ")
    assert listed.returncode == 0, listed.stdout + listed.stderr
    assert f"2 orders: LATER-among-several, {beside['orderId']}" in " ".join(listed.stdout.split())
    assert "received too often" in listed.stdout and "rejected for good" not in listed.stdout
    for detail in ("format: is newer than 2", "is not a known field", "delivery: must be one of standard, express"):
        assert detail in " ".join(listed.stdout.split())
    assert command(clean, "--redrive", "OrderQueueDLQ", "--yes").returncode == 0
    eventually(lambda: counts(clean, "OrderQueueDlqUrl")[0] == len(later), "the worker is no newer: again")
    drained(clean)
    letters = dead_letters(clean)
    assert {letter["body"] for letter in letters} == {json.dumps(each) for each in later}
    assert {letter["reason"] for letter in letters} == {None}
    redeliver(clean)
    ids = [*(each["orderId"] for each in alone), "LATER-among-several"]
    assert clean.orders_of(ids) == {order_id: [] for order_id in ids}


def test_an_unknown_queue_names_the_known_ones(clean):
    unknown = command(clean, "--dlq", "Nothing")
    assert unknown.returncode == 2 and "OrderQueueDLQ" in unknown.stderr
