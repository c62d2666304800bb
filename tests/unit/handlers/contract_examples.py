"""Execute examples/contract.json: the requests in its order, with a clock and ids that are the same each time."""

import json
import uuid

from contract.routes import ROUTES
from domain import orders
from generator import examples
from handlers.attributes import from_item
from tests.unit.handlers.api import Answer, event, send
from tests.unit.handlers.importing import World, attribute_values, jsonl
from tests.unit.handlers.importing import event as uploaded
from tests.unit.handlers.test_orders_events import change, handle

NOW = 1_767_323_045_678
CUSTOMER = "c1f0a7d2-5b64-4c1e-9a55-2f8f0e6b7d31"  # the subject of a token
FILE = "orders/2026-01-02.jsonl"
ROUTE_OF = {route.operation: route for route in ROUTES}
# Headers that each answer has, or that say how it was sent.
_NOT_SHOWN = ("Content-Type", "Vary", "Cache-Control", "X-Request-Id")


def executed(document: dict, api, queues, topic, monkeypatch) -> dict:
    """Return `document` with the answers, events, messages and reports that the platform gives.

    Each request is a second after the one before.
    """
    monkeypatch.setattr(orders.secrets, "randbits", lambda bits: 1)
    requests, images = [], []
    token = None
    for number, (given, exchange) in enumerate(zip(document["requests"], examples.exchanges(), strict=True)):
        _set_clock(monkeypatch, NOW + 1_000 * number)
        request = given["request"]
        if "nextToken" in request.get("query", {}):
            request = {**request, "query": {**request["query"], "nextToken": token}}
            exchange = exchange._replace(request=request)
        answer = sent(exchange)
        token = answer.body.get("nextToken", token)
        requests.append({**given, "request": request, "response": shown(answer)})
        if exchange.operation in ("createOrder", "updateOrderStatus") and answer.status < 300:
            images.append(stored(api, answer.body["orderId"]))
    _set_clock(monkeypatch, NOW)
    imported = _imported()
    return {
        "requests": requests,
        "events": _events(topic, created=images[0], moved=images[-1]),
        **imported,
        "messages": [*_submitted(queues), *imported["messages"]],
    }


def _set_clock(monkeypatch, now: int) -> None:
    monkeypatch.setattr("time.time_ns", lambda: now * 1_000_000)


def sent(exchange: examples.Exchange) -> Answer:
    route = ROUTE_OF[exchange.operation]
    request = exchange.request
    proxied = event(
        route.method,
        route.path,
        request.get("body"),
        headers=request.get("headers"),
        query=request.get("query"),
        **request.get("path", {}),
    )
    proxied["requestContext"]["requestId"] = _uuid(f"{exchange.operation}/{exchange.name}")
    if not request.get("key", True):
        proxied["requestContext"]["identity"]["apiKey"] = None
    if route.scope and request.get("token", True):
        proxied["requestContext"]["authorizer"] = {"claims": {"sub": CUSTOMER, "token_use": "access"}}
    return send(proxied)


def shown(answer: Answer) -> dict:
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in _NOT_SHOWN and not name.startswith(("Access-", "X-Content", "Strict"))
    }
    body = answer.body
    if "messageId" in body:
        body = {**body, "messageId": _uuid(body["orderId"])}  # SQS's
    return {"status": answer.status, "headers": headers, "body": body}


def stored(api, order_id: str) -> dict:
    (item,) = [each for each in api.orders() if each["orderId"]["S"] == order_id]
    return from_item(item)


def _events(topic, created: dict, moved: dict) -> list[dict]:
    assert handle(change(None, created, 0), change(created, moved, 1)) == []
    return [
        {
            "name": name,
            "headers": attribute_values(entry),
            "payload": json.loads(entry["Message"]),
        }
        for name, entry in zip(("created", "processing"), topic.entries, strict=True)
    ]


def _submitted(queues) -> list[dict]:
    """Return the message of the first order that was submitted, in the two formats of a message that is one order."""
    messages = queues.receive_message(
        QueueUrl=queues.get_queue_url(QueueName="orders")["QueueUrl"],
        MaxNumberOfMessages=1,
        MessageAttributeNames=["All"],
    )["Messages"]
    headers = attribute_values(messages[0])
    newest = json.loads(messages[0]["Body"])
    older = {name: value for name, value in newest.items() if name != "format"}
    return [
        {"name": name, "headers": headers, "payload": payload}
        for name, payload in (("submitted0", older), ("submitted1", newest))
    ]


def _imported() -> dict:
    """Import a file of two orders and an invalid record."""
    invalid = json.loads((examples.DIRECTORY / "order-invalid.json").read_text(encoding="utf-8"))
    body = examples.orders_file("jsonl").encode() + jsonl({"orderId": "PARTNER-2003", **invalid})
    with World(body, key=FILE) as world:
        world.run(uploaded(FILE))
        report = world.report(FILE)
        rejected = [json.loads(text) for text in world.objects[report["rejectedFiles"][0], None].splitlines()]
    ((message, entry),) = zip(world.messages(), world.entries, strict=True)
    return {
        "messages": [{"name": "imported2", "headers": attribute_values(entry), "payload": message}],
        "reports": [{"name": "completed", "payload": report}],
        "rejected": [{"name": "invalid", "payload": each} for each in rejected],
    }


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))
