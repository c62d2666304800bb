"""Worlds in which two partners and the operator use one platform, and the same worlds without one of them.

A plan is a list of steps, all decided before: who does what. A step names what an earlier step got (its order, its
token) by that step's number, so a plan with fewer steps still means the same. The handlers run on a table, a queue and a
bucket in memory, under a clock and with random bits that follow from the number of the step: what a caller gets in a
world depends on nothing but what is in it.
"""

import base64
import copy
import hashlib
import io
import json
import os
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.response import StreamingBody

from contract.partners import QUALIFIER, RANDOM_LENGTH, key_of
from handlers import bulk, clients, configuration, emf, orders_import, orders_worker, telemetry
from tests.simulation.dynamodb import Table
from tests.simulation.seams import Silence, modules
from tests.unit.handlers.api import event, send

OPERATOR = ""
Pair = tuple[str, str]  # of partners
STARTED = 1_800_000_000_000  # epoch ms
CUSTOMERS = ("CUST-1", "CUST-2", "CUST-3")
CHOSEN = tuple(f"X{number}" for number in range(12))  # orderIds, that both partners choose
KEYS = tuple(f"key-{number}" for number in range(4))  # Idempotency-Keys, that both partners send
STATUSES = ("processing", "out_for_delivery", "delivered", "cancelled", "pending")


@dataclass(frozen=True)
class Step:
    """`number` is the step's place in the plan as it was made; `actor` a partner or the operator.

    `about` is the number of an earlier step of `whose`, of whose order or token this step makes use.
    """

    number: int
    actor: str
    action: str
    about: int | None = None
    with_: dict = field(default_factory=dict)

    def __repr__(self) -> str:
        more = [f"of step {self.about}"] if self.about is not None else []
        return " ".join(
            [f"{self.number:>4} {self.actor or 'operator'}: {self.action}", *more, json.dumps(self.with_, default=str)]
        )


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    @property
    def body(self) -> dict:
        return json.loads(self.text)


def plan(seed: int, length: int, pair: Pair) -> list[Step]:
    """Make a plan of `length` steps of two partners and the operator."""
    draw = random.Random(seed)
    steps: list[Step] = []
    for number in range(length):
        actor = draw.choices((*pair, OPERATOR), (6, 4, 1))[0]
        action = draw.choices(("place", "submit", "upload", "get", "change", "list", "work"), (4, 3, 1, 7, 6, 5, 3))[0]
        known = [step.number for step in steps[-60:] if step.action in ("place", "submit", "get", "list")]
        about = draw.choice(known) if known and draw.random() < 0.9 else None
        details = {**_details(draw, actor, action, pair), "pair": pair}
        if details["key"] is not None:  # of its time: a plan is long, and a key's first request decides
            details["key"] += f"-{number // 60}"
        steps.append(Step(number, OPERATOR if action == "work" else actor, action, about, details))
    return steps


def _details(draw: random.Random, actor: str, action: str, pair: Pair) -> dict:
    details: dict[str, Any] = {
        "key": draw.choice(KEYS) if draw.random() < 0.5 else None,
        "second_key": draw.random() < 0.3,
    }
    match action:
        case "place" | "submit":
            names = (None, *CHOSEN, *(f"{each}{QUALIFIER}{name}" for each in pair for name in CHOSEN[:3]))
            if action == "submit":
                details["orderId"] = draw.choice(names) if details["key"] is None else None
            details["customerId"] = draw.choice(CUSTOMERS)
            # Of a repetition: what was sent with the same key or id before.
            details["same"] = draw.random() < 0.7
        case "upload":
            details["orderIds"] = draw.sample(CHOSEN, 3)
            details["customerId"] = draw.choice(CUSTOMERS)
            details["key"] = None
        case "get":
            details["spelling"] = draw.choice(("as answered", "chosen", "qualified", "of the other", "unknown"))
            details["timestamp"] = draw.random() < 0.3
            details["chosen"] = draw.choice(CHOSEN)
        case "change":
            details["spelling"] = draw.choice(("as answered", "as answered", "chosen", "qualified", "of the other"))
            details["timestamp"] = draw.random() < 0.6
            details["chosen"] = draw.choice(CHOSEN)
            details["status"] = draw.choice(STATUSES)
            details["if_match"] = draw.choice((None, None, '"1"', '"2"', "*"))
        case "list":
            details["customerId"] = draw.choice(CUSTOMERS)
            details["limit"] = draw.choice((None, 1, 2, 5, 100))
            details["status"] = draw.choice((None, None, "pending", "cancelled"))
            details["token"] = draw.random() < 0.5
    return details


class World:
    """The platform after the steps that were taken in it."""

    def __init__(self, seed: int, learned: "World | None" = None) -> None:
        self.seed = seed
        self.table = Table()
        self.messages: list[dict] = []
        self.files: dict[tuple[str, str], bytes] = {}
        self.reports: dict[str, bytes] = {}
        self.sent: dict[int, dict] = {}  # what a step sent
        self.answers: dict[int, Answer] = {}
        # Orders and tokens as another world answered them: a caller may send what it cannot know.
        self.learned = learned or self
        self.now = STARTED
        self.bits = random.Random(0)

    def take(self, step: Step) -> Answer | None:
        self.now = STARTED + step.number * 1000
        self.bits = random.Random(f"{self.seed} {step.number}")
        match step.action:
            case "work":
                self._work(step)
                return None
            case "upload":
                self._upload(step)
                return None
        sent = self.learned.sent[step.number] if self.learned is not self else self._event(step)
        self.sent[step.number] = sent
        answer = send(copy.deepcopy(sent))
        self.answers[step.number] = Answer(answer.status, answer.headers, answer.text)
        return self.answers[step.number]

    # What a step sends

    def _event(self, step: Step) -> dict:
        details = step.with_
        options: dict[str, Any] = {"headers": {"Idempotency-Key": details["key"]} if details.get("key") else {}}
        options |= self._credentials(step)
        match step.action:
            case "place":
                made = event("POST", "/orders", _order(step), **options)
            case "submit":
                made = event("POST", "/orders/async", _order(step), **options)
            case "get":
                order_id, query = self._order_of(step)
                made = event("GET", "/orders/{orderId}", orderId=order_id, query=query, **options)
            case "change":
                order_id, query = self._order_of(step)
                if details["if_match"]:
                    options["headers"]["If-Match"] = details["if_match"]
                body = {"status": details["status"]}
                made = event("PUT", "/orders/{orderId}", body, orderId=order_id, query=query, **options)
            case _:
                path = "/orders/customer/{customerId}"
                query = self._page_of(step)
                made = event("GET", path, customerId=details["customerId"], query=query, **options)
        made["requestContext"]["requestId"] = f"request-{step.number}"
        return made

    def _credentials(self, step: Step) -> dict[str, str]:
        if step.actor == OPERATOR:
            return {"api_key": "the-operators-own-key", "api_key_id": "key-of-operator"}
        # A partner that rotates its keys has two, of both tiers.
        second = step.with_["second_key"]
        random_part = ("S" if second else "F") * RANDOM_LENGTH
        value = key_of(step.actor, "premium" if second else "standard", random_part)
        return {"api_key": value, "api_key_id": f"{step.actor}-{'second' if second else 'first'}"}

    def _order_of(self, step: Step) -> tuple[str, dict]:
        """Return the id and the query of a request about an order: as it was answered, or guessed."""
        details = step.with_
        answer = self.answers.get(step.about) if step.about is not None else None
        known = _order_in(answer)
        order_id = {
            "as answered": known.get("orderId", details["chosen"]),
            "chosen": details["chosen"],
            "qualified": f"{details['pair'][step.actor == details['pair'][1]]}{QUALIFIER}{details['chosen']}",
            "of the other": f"{details['pair'][step.actor == details['pair'][0]]}{QUALIFIER}{details['chosen']}",
            "unknown": f"fd-{uuid.UUID(int=step.number, version=4)}",
        }[details["spelling"]]
        query = {"timestamp": str(known["timestamp"])} if details["timestamp"] and "timestamp" in known else {}
        return order_id, query

    def _page_of(self, step: Step) -> dict:
        details = step.with_
        query = {name: str(details[name]) for name in ("limit", "status") if details[name] is not None}
        answer = self.answers.get(step.about) if step.about is not None else None
        token = answer.body.get("nextToken") if answer is not None and details["token"] else None
        return {**query, "nextToken": token} if token else query

    # What the platform does by itself

    def _work(self, step: Step) -> None:
        waiting, self.messages = self.messages, []
        for first in range(0, len(waiting), 10):
            orders_worker.handler({"Records": waiting[first : first + 10]}, _context(step))

    def _upload(self, step: Step) -> None:
        details, number = step.with_, step.number
        records = [_order(step, order_id) for order_id in details["orderIds"]]
        body = b"".join(json.dumps(record).encode() + b"\n" for record in records)
        key = f"orders/{step.actor}/{number}.jsonl" if step.actor else f"orders/{number}.jsonl"
        self.files[key, f"v{number}"] = body
        uploaded = {"key": key, "size": len(body), "etag": "abc", "version-id": f"v{number}", "sequencer": "1"}
        detail = {"version": "0", "bucket": {"name": "uploads"}, "object": uploaded, "reason": "PutObject"}
        happened = {
            "detail-type": "Object Created",
            "source": "aws.s3",
            "time": "2027-01-15T08:00:00Z",
            "detail": detail,
        }
        orders_import.handler(happened, _context(step))

    # The services

    def send_message(self, *, QueueUrl: str, MessageBody: str, **options: Any) -> dict:
        if QueueUrl != os.environ["ORDER_QUEUE_URL"]:
            return {"MessageId": "dead"}
        name = f"message-{hashlib.sha256(MessageBody.encode()).hexdigest()[:20]}"
        lists: dict = {"stringListValues": [], "binaryListValues": []}
        attributes = {
            key: {"stringValue": value["StringValue"], "dataType": value["DataType"], **lists}
            for key, value in options.get("MessageAttributes", {}).items()
        }
        self.messages.append(
            {
                "messageId": name,
                "receiptHandle": name,
                "body": MessageBody,
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": str(self.now)},
                "messageAttributes": attributes,
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:orders",
                "awsRegion": "us-east-1",
            }
        )
        return {"MessageId": name}

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict]) -> dict:
        for entry in Entries:
            self.send_message(QueueUrl=QueueUrl, **{key: value for key, value in entry.items() if key != "Id"})
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": []}

    def get_object(self, *, Bucket: str, Key: str, Range: str, VersionId: str) -> dict:
        body = self.files[Key, VersionId]
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        piece = body[first : last + 1]
        content_range = f"bytes {first}-{first + len(piece) - 1}/{len(body)}"
        return {"Body": StreamingBody(io.BytesIO(piece), len(piece)), "ContentRange": content_range}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict:
        self.reports[Key] = Body
        return {}

    def client(self, *operations: str) -> SimpleNamespace:
        return SimpleNamespace(**{name: getattr(self, name) for name in operations})


def _order(step: Step, order_id: str | None = None) -> dict:
    """Return what the step orders. A product of one partner is named in no order of another: its name is a secret."""
    details = step.with_
    same = hashlib.sha256(json.dumps([step.actor, details.get("key"), details.get("orderId")]).encode()).hexdigest()[:8]
    mark = f"secret_{step.actor}_{same if details.get('same') else step.number}"
    made = {
        "customerId": CUSTOMERS[int(same[-1], 16) % 3] if details.get("same") else details["customerId"],
        "items": [{"productId": mark, "quantity": 1, "price": 10 + int(same[:4], 16) / 100}],
        "deliveryAddress": {"street": f"{mark} Street", "city": "Springfield", "zipCode": "12345"},
    }
    chosen = order_id or details.get("orderId")
    return {**made, "orderId": chosen} if chosen else made


def _order_in(answer: Answer | None) -> dict:
    """Return an order that an answer is about, {} if there is none."""
    if answer is None or answer.status >= 400:
        return {}
    return next(iter(answer.body.get("orders", [answer.body])), {})


def _context(step: Step) -> SimpleNamespace:
    return SimpleNamespace(
        aws_request_id=f"invocation-{step.number}",
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        get_remaining_time_in_millis=lambda: 900_000,
    )


class _Now:
    """In the place of a future that is done."""

    def __init__(self, value: Any) -> None:
        self.result = lambda: value


@contextmanager
def inhabited(world: World) -> Iterator[World]:
    """Let the handlers run in a world."""
    clock = SimpleNamespace(
        time=lambda: world.now / 1000,
        time_ns=lambda: world.now * 1_000_000,
        monotonic=lambda: world.now / 1000,
        perf_counter=lambda: world.now / 1000,
        sleep=lambda seconds: None,
    )
    bits = lambda count: world.bits.getrandbits(count)  # noqa: E731
    pool = SimpleNamespace(submit=lambda function, *given: _Now(function(*given)))
    replacements = {
        id(time): clock,
        id(random): SimpleNamespace(uniform=lambda low, high: low),
        id(secrets): SimpleNamespace(randbits=bits),
        id(uuid): SimpleNamespace(uuid4=lambda: uuid.UUID(int=bits(128), version=4), UUID=uuid.UUID),
    }
    sqs, s3 = world.client("send_message", "send_message_batch"), world.client("get_object", "put_object")
    table = SimpleNamespace(exceptions=clients.dynamodb(500, 3).exceptions, **world.table.operations)
    no_parameters = SimpleNamespace(get_parameters=lambda **asked: {"Parameters": []})
    with ExitStack() as stack:
        for module in modules():
            for name, value in [*vars(module).items()]:
                if id(value) in replacements and value is not ThreadPoolExecutor:
                    stack.enter_context(patch.object(module, name, replacements[id(value)]))
        stand_ins: dict[str, Callable[..., Any]] = {
            "dynamodb": lambda *given: table,
            "sqs": lambda *given: sqs,
            "s3": lambda: s3,
            "ssm": lambda: no_parameters,
        }
        for name, stand_in in stand_ins.items():
            stack.enter_context(patch.object(clients, name, stand_in))
        stack.enter_context(patch.object(bulk, "_pool", pool))
        stack.enter_context(patch.object(telemetry, "logger", Silence()))
        stack.enter_context(patch.object(emf, "flush", lambda: emf._documents.clear()))
        stack.enter_context(patch.object(configuration, "_cache", {}))
        yield world


def readable(text: str) -> str:
    """Return a text with all that stands in it in base64."""
    found = [text]
    for word in set(json.dumps(json.loads(text)).replace('"', " ").split()) if text.startswith("{") else ():
        try:
            found.append(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)).decode("latin-1"))
        except ValueError:
            continue
    return "\n".join(found)
