"""Formats that live longer than a deployment: messages, items and claims of earlier versions, and of possible later ones.

`golden/messages/` has, for each released format of a message that is one order, the client's request, the message made of it, and the order and
the claim that the worker stored. Golden files are added, never changed and never removed.
"""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.documents import ORDER_MESSAGE
from contract.schemas import IDENTIFIER
from domain import messages, orders, validation
from handlers import clients
from handlers.attributes import from_item
from handlers.repository import order_of
from tests.unit.handlers.api import TABLE
from tests.unit.handlers.importing import World, event, jsonl
from tests.unit.handlers.pipeline import record
from tests.unit.handlers.test_orders_events import change, handle, topic  # noqa: F401 - a fixture

NOW = 1_767_323_045_678
ID_GIVEN_HERE = "fd-00000000-0000-4000-8000-000000000001"
DIRECTORY = Path(__file__).parent / "golden" / "messages"
GOLDEN = {path.stem: json.loads(path.read_text()) for path in sorted(DIRECTORY.glob("*.json"))}
NEWEST = [name for name, each in GOLDEN.items() if each["message"].get("format", 0) == messages.ONE]
# The folder of the file in it is a partner's by now.
NO_LONGER_WRITTEN = {"format-1-imported"}
BY_CLOCK = {"updatedAt", "expiresAt"}  # the worker's own
WHAT_TO_DO = (
    "The messages on the queue have changed. If their meaning has, add a format to domain.messages. Either way"
    f" add a golden file for what is new to {DIRECTORY}, and leave the others as they are: messages like them are on"
    " queues and in dead-letter queues."
)


def test_each_released_format_has_its_golden_messages():
    formats = {each["message"].get("format", 0) for each in GOLDEN.values()}
    assert formats == set(range(messages.ONE + 1)), WHAT_TO_DO


@pytest.mark.parametrize("name", [name for name in NEWEST if name not in NO_LONGER_WRITTEN])
def test_new_messages_equal_the_newest_golden_ones(pipeline, api, configure, monkeypatch, name):
    golden = GOLDEN[name]
    configure(flags=golden["flags"])
    monkeypatch.setattr("handlers.orders_intake.time.time_ns", lambda: NOW * 1_000_000)
    monkeypatch.setattr(orders, "new_id", lambda timestamp: golden["message"]["orderId"])
    if golden["message"]["source"] == "import":
        with World(jsonl(golden["given"]), golden["key"], flags=golden["flags"]) as world:
            world.run(event(golden["key"]))
        (written,) = world.bodies
    else:
        caller = api.by(golden["partner"]) if "partner" in golden else api
        assert caller.submit(golden["given"]).status == 202
        (written,) = [sent["Body"] for sent in pipeline.queued()]
    assert json.loads(written) == golden["message"], WHAT_TO_DO


def test_the_newest_golden_messages_have_every_field_and_value():
    seen = {inner_path for name in NEWEST for inner_path in paths_in(GOLDEN[name]["message"])}
    assert paths_of(ORDER_MESSAGE) - seen == set(), WHAT_TO_DO


def paths_of(schema, path=""):
    """Return each field of a document of `schema` by its path, and each value of an enum by path and value."""
    found = {f"{path}={value}" for value in schema.get("enum", ())}
    for name, inner in schema.get("properties", {}).items():
        found |= {f"{path}.{name}", *paths_of(inner, f"{path}.{name}")}
    return found | (paths_of(schema["items"], f"{path}[]") if "items" in schema else set())


def paths_in(document, path=""):
    if isinstance(document, list):
        return {inner_path for each in document for inner_path in paths_in(each, f"{path}[]")}
    if isinstance(document, dict):
        inner = {inner_path for name, each in document.items() for inner_path in paths_in(each, f"{path}.{name}")}
        return inner | {f"{path}.{name}" for name in document}
    return {f"{path}={document}"}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_message_of_any_released_format_becomes_the_same_order_as_ever(pipeline, name):
    golden = GOLDEN[name]
    assert pipeline.work_on([record(golden["message"], {"correlationId": "request-1"})]) == []
    assert pipeline.dead_letters() == []
    (item,) = pipeline.orders().values()
    stored, order = order_of(item), order_of(golden["order"])
    assert {key: stored.get(key) for key in order} | {key: order[key] for key in BY_CLOCK} == order


def stored_before(pipeline, golden, **changes):
    """Put the golden order, with `changes`, and its claim into the table, not expired; return all items."""
    for item in filter(None, (golden["order"] | changes, golden["claim"])):
        pipeline.database.put_item(TableName=TABLE, Item=item | {"expiresAt": {"N": "9999999999"}})
    return pipeline.items()


@pytest.mark.parametrize("name", GOLDEN)
def test_an_order_stored_by_an_earlier_version_is_recognised(pipeline, name):
    golden = GOLDEN[name]
    before = stored_before(pipeline, golden)
    assert pipeline.work(golden["message"]) == []
    assert pipeline.items() == before and pipeline.dead_letters() == []
    other = {**golden["message"], "customerId": "somebody-else"}
    assert pipeline.work(other) == [] and pipeline.reasons() == ["order_conflict"]


@pytest.mark.parametrize("name", GOLDEN)
def test_an_order_stored_by_an_earlier_version_is_read_changed_and_published(pipeline, api, topic, name):  # noqa: F811
    item = GOLDEN[name]["order"]
    stored_before(pipeline, GOLDEN[name])
    order_id = item["orderId"]["S"]
    assert api.get(order_id).body["totalAmount"] == float(item["totalAmount"]["N"])
    assert api.put(order_id, "processing").status == 200
    assert handle(change(None, from_item(item))) == []
    assert [event["eventType"] for event in topic.events] == ["OrderCreated"]


@pytest.mark.parametrize("path", sorted((DIRECTORY.parent / "claims").glob("*.json")), ids=lambda path: path.stem)
def test_an_idempotency_key_claimed_by_an_earlier_version_still_leads_to_its_order(pipeline, api, path):
    golden = json.loads(path.read_text())
    before = stored_before(pipeline, golden)
    headers = {"Idempotency-Key": golden["idempotencyKey"]}
    again = api.post(golden["given"], headers=headers)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert {key: again.body.get(key) for key in golden["answer"]} == golden["answer"]
    other = api.post({**golden["given"], "customerId": "somebody-else"}, headers=headers)
    assert (other.status, other.code) == (422, "idempotency_conflict")
    assert pipeline.items() == before


# Possible later versions.

LATER = {
    "laterTip": {"N": "1.5"},
    "allergens": {"SS": ["nuts"]},
    "weights": {"NS": ["1", "2.5"]},
    "gift": {"NULL": True},
    "seal": {"B": b"\x00"},
    "nested": {"M": {"flag": {"BOOL": True}, "bytes": {"BS": [b"\x01"]}}},
}


@pytest.mark.parametrize("name", NEWEST)
def test_an_order_with_attributes_of_a_later_version_is_read_listed_changed_and_published(pipeline, api, topic, name):  # noqa: F811
    stored_before(pipeline, GOLDEN[name], **LATER)
    (item,) = pipeline.orders().values()
    order_id, customer_id = item["orderId"]["S"], item["customerId"]["S"]
    assert api.get(order_id).status == 200 and not LATER.keys() & api.get(order_id).body.keys()
    assert api.customer(customer_id).body["count"] == 1
    assert api.put(order_id, "processing").status == 200
    after = pipeline.orders()[order_id]
    assert {key: after[key] for key in LATER} == LATER
    created, moved = (
        change(None, from_item(GOLDEN[name]["order"]), 1),
        change(*[from_item(GOLDEN[name]["order"])] * 2, 2),
    )
    created["dynamodb"]["NewImage"] = item
    moved["dynamodb"] |= {"OldImage": item, "NewImage": after}
    assert handle(created, moved) == []
    assert [event["eventType"] for event in topic.events] == ["OrderCreated", "OrderStatusChanged"]


def test_an_order_with_a_status_of_a_later_version_is_shown_and_not_changed(pipeline, api):
    stored_before(pipeline, GOLDEN[NEWEST[0]], status={"S": "returned"})
    (item,) = pipeline.orders().values()
    order_id = item["orderId"]["S"]
    assert api.get(order_id).body["status"] == "returned"
    answer = api.put(order_id, "processing")
    assert (answer.status, answer.code) == (409, "illegal_transition")
    assert pipeline.orders()[order_id] == item


@pytest.mark.parametrize("before, after", [("pending", "returned"), ("returned", "cancelled"), ("lost", "returned")])
def test_a_status_of_a_later_version_is_published_unchanged(topic, before, after):  # noqa: F811
    """In a dead-letter queue it would wait for an operator."""
    old = from_item(GOLDEN[NEWEST[0]]["order"]) | {"status": before, "source": "kiosk"}
    new = old | {"status": after, "version": 7}
    assert handle(change(None, old, 1), change(old, new, 2)) == []
    created, moved = topic.events
    assert (created["eventType"], created["status"], created["source"]) == ("OrderCreated", before, "kiosk")
    assert (moved["eventType"], moved["previousStatus"], moved["status"]) == ("OrderStatusChanged", before, after)


UNKNOWN = st.dictionaries(
    st.sampled_from(["laterTip", "allergens", "x-1"]), st.integers() | st.text(max_size=3), min_size=1
)


def objects_in(document):
    if isinstance(document, dict):
        yield document
    for each in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from objects_in(each)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(GOLDEN)), UNKNOWN, st.data())
def test_a_field_that_is_not_known_is_never_refused_and_never_ignored(pipeline, name, unknown, data):
    message = copy.deepcopy(GOLDEN[name]["message"])
    data.draw(st.sampled_from(list(objects_in(message)))).update(unknown)
    assert pipeline.work(message) == [0]
    assert pipeline.items() == [] and pipeline.dead_letters() == []


def test_a_worker_of_before_partners_hands_their_messages_back(pipeline, monkeypatch):
    known = {name: each for name, each in ORDER_MESSAGE["properties"].items() if name != "partner"}
    before = {**ORDER_MESSAGE, "properties": {**known, "orderId": IDENTIFIER}}
    monkeypatch.setitem(validation._SCHEMAS, "OrderMessage", before)
    validation._fast.cache_clear()
    validation._collecting.cache_clear()
    try:
        for name in ("format-1-partner", "format-1-imported-by-a-partner"):
            message = GOLDEN[name]["message"]
            alone = {key: value for key, value in message.items() if key != "format"}
            assert pipeline.work(message) == pipeline.work({"format": 2, "orders": [alone]}) == [0]
        assert pipeline.work(GOLDEN["format-1-minimal"]["message"]) == []
    finally:
        validation._fast.cache_clear()
        validation._collecting.cache_clear()
    assert len(pipeline.orders()) == 1 and pipeline.dead_letters() == []


@pytest.mark.parametrize("name", GOLDEN)
def test_a_flag_that_is_not_known_is_never_refused_and_never_ignored(pipeline, name):
    """It may affect money, like loyalty points."""
    message = GOLDEN[name]["message"]
    assert pipeline.work({**message, "features": [*message.get("features", ()), "doublePoints"]}) == [0]
    assert pipeline.items() == [] and pipeline.dead_letters() == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(messages.FORMAT + 1, 10**6), st.dictionaries(st.sampled_from(["items", "orders"]), st.integers()))
def test_a_newer_format_is_not_parsed(pipeline, newer, rest):
    assert pipeline.work({**rest, "format": newer}) == [0]
    assert pipeline.items() == [] and pipeline.dead_letters() == []


def test_an_unknown_format_goes_to_the_dead_letter_queue_unchanged_by_the_redrive_policy(pipeline):
    """SQS counts receives: the fifth failure is the last. The worker sends nothing to the dead-letter queue."""
    sqs, url = clients.sqs(500, 3), "https://sqs.us-east-1.amazonaws.com/123456789012/orders"
    sent = json.dumps({**GOLDEN[NEWEST[0]]["message"], "laterTip": 1})
    dead = sqs.get_queue_attributes(QueueUrl=url.replace("orders", "dead-letters"), AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": dead["Attributes"]["QueueArn"], "maxReceiveCount": 5}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=url, MessageBody=sent)
    for _ in range(5):
        (received,) = sqs.receive_message(QueueUrl=url)["Messages"]
        assert pipeline.work_on([record(received["Body"])]) == [0]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    (dead_letter,) = pipeline.dead_letters()
    assert dead_letter["Body"] == sent and "MessageAttributes" not in dead_letter
