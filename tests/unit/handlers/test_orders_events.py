"""From the table's stream to the topic: every stored order is published, in order per order, with any failures of SNS.

An unreadable record is kept in the dead-letter queue and blocks no other.
"""

import json
import os
from collections import defaultdict
from types import SimpleNamespace

import fastjsonschema
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import VERSION
from contract.documents import DOCUMENTS
from domain.claims import order_claim
from handlers import clients, orders_events, telemetry
from handlers.attributes import to_item
from tests.unit.handlers.stream_poller import CONTEXT, StreamPoller, number

DLQ = "https://sqs.us-east-1.amazonaws.com/123456789012/unannounced"
STATUSES = ["pending", "processing", "out_for_delivery", "delivered"]


def image(order_id="ORD-1", version=1, **changes):
    return {
        "orderId": order_id,
        "timestamp": 1_767_323_045_000,
        "customerId": "CUST-1",
        "items": [{"productId": "p", "quantity": 1, "price": 2}],
        "deliveryAddress": {"street": "13 Planted Lane", "city": "Secretville", "zipCode": "1"},
        "status": STATUSES[version - 1],
        "totalAmount": 2,
        "version": version,
        "source": "pipeline",
        "correlationId": "request-1",
        "updatedAt": 1_767_323_045_678,
        "expiresAt": 1_775_099_045,
        "fingerprint": "f",
        **changes,
    }


def change(before, after, sequence=0):
    """Return the stream record of a change from `before` to `after`; either may be None."""
    some = after or before
    images = {"OldImage": before, "NewImage": after}
    return {
        "eventID": f"event-{sequence}",
        "eventName": "INSERT" if before is None else "REMOVE" if after is None else "MODIFY",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/1",
        "dynamodb": {
            "Keys": to_item({"orderId": some["orderId"], "timestamp": some["timestamp"]}),
            **{name: to_item(each) for name, each in images.items() if each is not None},
            "SequenceNumber": str(10**20 + sequence),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


def created(order_id="ORD-1", sequence=0):
    return change(None, image(order_id), sequence)


def moved(order_id, version, sequence=0):
    return change(image(order_id, version - 1), image(order_id, version), sequence)


def poison(sequence=0):
    record = created("POISON", sequence)
    del record["dynamodb"]["NewImage"]["totalAmount"]
    return record


def number_all(records):
    for sequence, record in enumerate(records):
        record["dynamodb"]["SequenceNumber"] = str(10**20 + sequence)
    return records


@pytest.fixture(autouse=True)
def dead_letter_queue_url(monkeypatch):
    monkeypatch.setenv("ORDER_EVENTS_DEAD_LETTER_QUEUE_URL", DLQ)


@pytest.fixture
def dlq(monkeypatch):
    """The dead-letter queue: it accepts every message unless `down` is set."""
    state = SimpleNamespace(messages=[], down=lambda: False)
    monkeypatch.setattr(clients, "sqs", lambda timeout_ms, retries: SimpleNamespace(send_message=taking(state)))
    return state


def taking(state):
    def send_message(QueueUrl, MessageBody, MessageAttributes):
        assert QueueUrl == DLQ
        if state.down():
            raise EndpointConnectionError(endpoint_url="x")
        state.messages.append((json.loads(MessageBody), MessageAttributes))

    return send_message


def kept(dlq):
    """Return the sequence numbers in the queue."""
    return [number(record) for record, _ in dlq.messages]


@pytest.fixture
def topic(monkeypatch):
    """SNS: it accepts every entry unless `down` is an exception to raise or `refuse` has its event id."""
    state = SimpleNamespace(calls=[], events=[], entries=[], down=None, refuse=set(), silent=False)

    def publish_batch(TopicArn, PublishBatchRequestEntries):
        assert TopicArn == os.environ["ORDER_EVENTS_TOPIC_ARN"]
        events = [json.loads(entry["Message"]) for entry in PublishBatchRequestEntries]
        state.calls.append([event["eventId"] for event in events])
        if (callable(state.down) and state.down()) or isinstance(state.down, Exception):
            raise EndpointConnectionError(endpoint_url="x") if callable(state.down) else state.down
        failed = []
        for entry, event in zip(PublishBatchRequestEntries, events, strict=True):
            if event["eventId"] in state.refuse:
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            else:
                state.events.append(event)
                state.entries.append(entry)
        lost = {entry["Id"] for entry in failed}
        sent = [{"Id": entry["Id"]} for entry in PublishBatchRequestEntries if entry["Id"] not in lost]
        return {"Successful": sent, "Failed": [entry for entry in failed if not state.silent]}

    monkeypatch.setattr(clients.sns(), "publish_batch", publish_batch)
    return state


def handle(*records):
    answer = orders_events.handler({"Records": list(records)}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def ids(topic):
    return [event["eventId"] for event in topic.events]


def test_a_stored_order_is_published_without_address_and_items(topic):
    assert handle(created("ORD-1")) == []
    (event,) = topic.events
    assert event == {
        "contractVersion": VERSION,
        "eventId": "ORD-1:1",
        "eventType": "OrderCreated",
        "occurredAt": "2026-01-02T03:04:05.678Z",
        "orderId": "ORD-1",
        "customerId": "CUST-1",
        "status": "pending",
        "version": 1,
        "totalAmount": 2,
        "source": "pipeline",
        "correlationId": "request-1",
    }
    fastjsonschema.compile(DOCUMENTS["OrderEvent"])(event)
    values = {name: value["StringValue"] for name, value in topic.entries[0]["MessageAttributes"].items()}
    assert values == {
        "eventType": "OrderCreated",
        "customerId": "CUST-1",
        "status": "pending",
        "source": "pipeline",
    }


def test_an_event_of_a_partners_order_names_the_partner_for_filters_and_no_other_event_does(topic):
    record = created("acme~1")
    record["dynamodb"]["NewImage"]["partner"] = {"S": "acme"}
    assert handle(record, created("ORD-1")) == []
    partners = [entry["MessageAttributes"].get("partner") for entry in topic.entries]
    assert partners == [{"DataType": "String", "StringValue": "acme"}, None]
    assert [event.get("partner") for event in topic.events] == ["acme", None]


def test_a_change_of_status_has_the_previous_one(topic):
    assert handle(moved("ORD-1", 2)) == []
    (event,) = topic.events
    assert (event["eventId"], event["eventType"]) == ("ORD-1:2", "OrderStatusChanged")
    assert (event["previousStatus"], event["status"]) == ("pending", "processing")


@pytest.mark.parametrize(
    "record",
    [
        change(None, order_claim(image(), 90)),
        change(order_claim(image(), 90), {**order_claim(image(), 90), "expiresAt": 1}),
        change(order_claim(image(), 90), None),
        change(image(), None),
        change(image(), image(expiresAt=1)),
    ],
    ids=["claim", "changed claim", "expired claim", "expired order", "another change"],
)
def test_no_other_change_is_published(topic, record):
    assert handle(record) == [] and topic.calls == []


def test_orders_stored_by_the_handlers_can_be_published(topic, pipeline, api):
    from tests.unit.handlers.pipeline import message

    pipeline.work(message("ORD-1"))
    api.post()
    from handlers.attributes import from_item

    records = [change(None, from_item(item)) for item in pipeline.items()]
    assert handle(*number_all(records)) == []
    assert sorted(event["source"] for event in topic.events) == ["api", "pipeline"]


def test_ten_orders_are_one_call_and_two_events_of_an_order_never_share_one(topic):
    handle(*number_all([created(f"ORD-{n}") for n in range(25)]))
    assert [len(call) for call in topic.calls] == [10, 10, 5]
    topic.calls.clear()
    handle(*number_all([created("A"), created("B"), moved("A", 2), moved("A", 3), moved("B", 2)]))
    assert topic.calls == [["A:1", "B:1"], ["A:2"], ["A:3", "B:2"]]


@given(st.lists(st.sampled_from("ABCDEFGHIJKLMNO"), max_size=100) | st.permutations(range(100)))
def test_a_stream_batch_takes_the_fewest_calls_that_keep_the_order_of_its_events(order_ids):
    chunks = list(orders_events._chunks([(index, {"orderId": each}) for index, each in enumerate(order_ids)]))
    assert [index for chunk in chunks for index, _ in chunk] == list(range(len(order_ids)))
    fewest = [0]
    for end in range(1, len(order_ids) + 1):
        starts = [n for n in range(max(0, end - 10), end) if len({*order_ids[n:end]}) == end - n]
        fewest.append(1 + min(fewest[start] for start in starts))
    assert len(chunks) == fewest[-1]
    assert len(chunks) == 10 or len({*order_ids}) < 100


def test_the_largest_events_fit_into_a_call():
    from domain import events

    largest = image("A" * 128, 4, customerId="B" * 128, correlationId="C" * 128, totalAmount=10**10)
    event = events.announcement(image("A" * 128, 3), largest)
    assert len(str(orders_events._entry(0, event))) * orders_events.ENTRIES_PER_CALL < 262_144


@pytest.mark.parametrize("silent", [False, True], ids=["failed", "not_confirmed"])
def test_the_first_failed_record_is_named_and_no_later_one_is_published(topic, silent):
    records = number_all([created(f"ORD-{n}") for n in range(25)])
    topic.silent = silent
    topic.refuse = {"ORD-12:1", "ORD-14:1"}
    assert handle(*records) == [number(records[12])]
    assert len(topic.calls) == 2


def test_a_failed_call_is_named_by_its_first_record(topic):
    records = number_all([created("A"), created("B"), moved("A", 2)])
    topic.down = iter([False, True]).__next__
    assert handle(*records) == [number(records[2])]


@pytest.mark.parametrize("records", [[created()], [created(), moved("ORD-1", 2)], [created(), poison()]])
def test_an_outage_at_the_very_first_record_is_answered_and_no_failed_function(topic, dlq, records):
    topic.down = ClientError({"Error": {"Code": "InternalError"}}, "PublishBatch")
    assert handle(*number_all(records)) == [number(records[0])]
    assert dlq.messages == []


# Unreadable records


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record["dynamodb"].pop("NewImage"),
        lambda record: record["dynamodb"].pop("Keys"),
        lambda record: record.update(dynamodb={"SequenceNumber": "1"}),
        lambda record: record["dynamodb"].update(Keys={"orderId": {"N": "1"}, "timestamp": {"N": "2"}}, NewImage={}),
        lambda record: record["dynamodb"]["NewImage"].update(customerId={"N": "7"}),
        lambda record: record["dynamodb"]["NewImage"].update(customerId={"S": ""}),
        lambda record: record["dynamodb"]["NewImage"].update(status={"S": ""}),
        lambda record: record["dynamodb"]["NewImage"].update(updatedAt={"S": "now"}),
        lambda record: record["dynamodb"]["NewImage"].update(version={"B": "AA=="}),
        lambda record: record.update(eventName="MODIFY"),
    ],
)
def test_an_unreadable_record_is_kept_unchanged_and_the_rest_published(topic, dlq, damage):
    broken = created("BROKEN")
    damage(broken)
    assert handle(*number_all([created("A"), broken, created("B")])) == []
    assert ids(topic) == ["A:1", "B:1"]
    ((record, attributes),) = dlq.messages
    assert record == broken
    assert attributes["rejectionReason"] == {"DataType": "String", "StringValue": "unreadable_record"}


def test_a_kept_record_can_be_sent_to_the_function_again_when_its_cause_is_fixed(topic, dlq):
    handle(poison())
    ((record, _),) = dlq.messages
    record["dynamodb"]["NewImage"]["totalAmount"] = {"N": "2"}
    assert handle(record) == [] and ids(topic) == ["POISON:1"]


@pytest.mark.parametrize(
    ("key", "expected"), [({"S": "POISON"}, "POISON"), ({"S": "\x00"}, None), ({"S": ""}, None), ({"N": "1"}, None)]
)
def test_the_order_is_named_if_it_can_be(topic, dlq, key, expected):
    record = poison()
    record["dynamodb"]["Keys"]["orderId"] = key
    assert handle(record) == []
    ((_, attributes),) = dlq.messages
    assert attributes.get("orderId", {}).get("StringValue") == expected


def test_sqs_takes_what_is_sent(topic, aws):
    client = clients.sqs(500, 3)
    client.create_queue(QueueName="unannounced")
    assert handle(poison()) == []
    (message,) = client.receive_message(QueueUrl=DLQ, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(message["Body"]) == poison()
    values = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert values == {"rejectionReason": "unreadable_record", "orderId": "POISON"}


def test_a_record_too_large_for_a_message_is_kept_without_its_images(topic, dlq):
    record = poison()
    record["dynamodb"]["NewImage"]["items"] = {"S": "\u00e9" * 200_000}  # within DynamoDB's limit, but not as JSON
    assert handle(record) == []
    ((kept_of_it, _),) = dlq.messages
    assert kept_of_it["dynamodb"].keys() == {"Keys", "SequenceNumber", "StreamViewType"}


@pytest.mark.parametrize("index", range(4))
def test_poison_at_any_index_is_kept_and_blocks_no_record(topic, dlq, index):
    records = [created("A"), moved("A", 2), created("B")]
    records.insert(index, poison())
    assert handle(*number_all(records)) == []
    assert ids(topic) == ["A:1", "A:2", "B:1"]
    assert kept(dlq) == [number(records[index])]


@pytest.mark.parametrize("index", range(4))
def test_poison_that_cannot_be_kept_is_named_and_no_later_record_is_published(topic, dlq, index):
    dlq.down = lambda: True
    records = [created("A"), moved("A", 2), created("B")]
    records.insert(index, poison())
    assert handle(*number_all(records)) == [number(records[index])]
    assert ids(topic) == ["A:1", "A:2", "B:1"][:index]


def test_poison_behind_a_failed_record_is_not_sent_before_it(topic, dlq):
    topic.refuse = {"A:1"}
    records = number_all([poison(), created("A"), poison()])
    assert handle(*records) == [number(records[1])]
    assert kept(dlq) == [number(records[0])]


def test_a_batch_of_poison_is_kept_completely_and_in_order(topic, dlq):
    records = number_all([poison() for _ in range(100)])
    assert handle(*records) == [] and topic.calls == []
    assert kept(dlq) == [number(record) for record in records]


@pytest.mark.parametrize("down", [False, True])
def test_the_log_names_what_could_not_be_read_and_quotes_none_of_it(topic, dlq, monkeypatch, down):
    lines = []
    for level in ("info", "warning", "error"):
        monkeypatch.setattr(telemetry.logger, level, lambda *texts, **values: lines.append((texts, values)))
    dlq.down = lambda: down
    record = poison()
    record["dynamodb"]["NewImage"] |= {"status": {"S": "planted-status"}, "version": {"S": "planted-version"}}
    handle(record)
    assert any(values.get("order_id") == "POISON" for _, values in lines)
    values = ("13 Planted Lane", "Secretville", "CUST-1", "planted-status", "planted-version")
    assert [value for value in values if value in str(lines)] == []


# Under Lambda's poller


def in_order(events):
    """Return whether each order's events came in order of version, repetitions aside."""
    versions = defaultdict(list)
    for event in events:
        if event["version"] not in versions[event["orderId"]]:
            versions[event["orderId"]].append(event["version"])
    return all(each == sorted(each) for each in versions.values())


def life_of(count):
    """Return the records of `count` orders, each created and delivered, interleaved."""
    steps = [[created(f"ORD-{n}") for n in range(count)]]
    steps += [[moved(f"ORD-{n}", version) for n in range(count)] for version in (2, 3, 4)]
    return number_all([record for step in steps for record in step])


def test_with_sns_down_for_a_while_every_event_arrives_in_order_afterwards(topic):
    outage = iter([False] * 3 + [True] * 40)
    topic.down = lambda: next(outage, False)
    poller = StreamPoller(orders_events.handler, batch_size=50, retries=50)
    poller.run(life_of(30))
    assert set(ids(topic)) == {f"ORD-{n}:{version}" for n in range(30) for version in (1, 2, 3, 4)}
    assert in_order(topic.events) and poller.discarded == []


def test_a_poison_record_is_kept_once_and_the_rest_arrives_once(topic, dlq):
    records = life_of(10)
    records.insert(17, poison())
    number_all(records)
    poller = StreamPoller(orders_events.handler, retries=0)
    poller.run(records)
    assert len(ids(topic)) == len(set(ids(topic))) == 40 and in_order(topic.events)
    assert kept(dlq) == [number(records[17])] and poller.discarded == []


def test_with_the_dead_letter_queue_down_for_a_while_nothing_is_lost_and_nothing_comes_twice(topic, dlq):
    records = life_of(10)
    for index in (0, 17, 18, 42):
        records.insert(index, poison())
    number_all(records)
    outage = iter([True] * 20 + [False, True] * 3)
    dlq.down = lambda: next(outage, False)
    poller = StreamPoller(orders_events.handler, batch_size=20, retries=20)
    poller.run(records)
    assert len(ids(topic)) == len(set(ids(topic))) == 40 and in_order(topic.events)
    assert kept(dlq) == [number(records[index]) for index in (0, 17, 18, 42)] and poller.discarded == []


def test_an_event_that_sns_never_accepts_is_in_the_on_failure_destination(topic):
    topic.refuse = {"ORD-3:1"}
    poller = StreamPoller(orders_events.handler, batch_size=10, retries=3)
    records = number_all([created(f"ORD-{n}") for n in range(20)])
    poller.run(records)
    (lost,) = [each["DDBStreamBatchInfo"] for each in poller.discarded]
    assert (lost["startSequenceNumber"], lost["endSequenceNumber"]) == (number(records[3]), number(records[9]))
    assert {f"ORD-{n}:1" for n in range(10, 20)} <= set(ids(topic))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.lists(st.booleans(), max_size=30),
    st.lists(st.booleans(), max_size=30),
    st.integers(1, 20),
    st.sets(st.integers(0, 39), max_size=5),
)
def test_with_any_failures_all_readable_records_arrive_in_order_and_the_rest_is_kept(
    steps, outage, dlq_outage, batch_size, poisoned
):
    versions: dict[int, int] = defaultdict(int)
    records = []
    for order in steps:
        versions[order] += 1
        if versions[order] <= 4:
            order_id, version = f"ORD-{order}", versions[order]
            records.append(created(order_id) if version == 1 else moved(order_id, version))
    expected = {f"ORD-{order}:{n}" for order, last in versions.items() for n in range(1, min(last, 4) + 1)}
    for index in sorted(poisoned):
        records.insert(index, poison())
    number_all(records)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ORDER_EVENTS_TOPIC_ARN", "arn")
        published, down, dlq_down = [], iter(outage), iter(dlq_outage)
        dlq = SimpleNamespace(messages=[], down=lambda: next(dlq_down, False))
        patch.setattr(clients, "sqs", lambda timeout_ms, retries: SimpleNamespace(send_message=taking(dlq)))

        def publish_batch(TopicArn, PublishBatchRequestEntries):
            if next(down, False):
                raise EndpointConnectionError(endpoint_url="x")
            published.extend(json.loads(entry["Message"]) for entry in PublishBatchRequestEntries)
            return {"Successful": [{"Id": entry["Id"]} for entry in PublishBatchRequestEntries]}

        patch.setattr(clients.sns(), "publish_batch", publish_batch)
        poller = StreamPoller(orders_events.handler, batch_size=batch_size, retries=60)
        poller.run(records)
    assert {event["eventId"] for event in published} == expected
    assert in_order(published)
    assert kept(dlq) == [number(record) for record in records if "totalAmount" not in record["dynamodb"]["NewImage"]]
    assert poller.discarded == []
