"""The asynchronous pipeline: what is accepted is stored, what is stored is announced, what fails is kept."""

import copy
import json

import pytest

from generator.functions import BY_KEY, CLAIM_TIMESTAMP, DEAD_LETTER_QUEUES
from tests.unit.templates.support import evaluate, of_type, root_parameters

DAY = 24 * 3600
HANDED_ON = {
    **{"OrderQueueArn": "queue-arn", "OrdersStreamArn": "stream-arn", "OrderEventsDlqArn": "events-dlq-arn"},
}


def queue_properties(data, name: str = "dev") -> dict[str, dict]:
    found = of_type(data, "SQS::Queue")
    return {title: evaluate(data, each["Properties"], root_parameters(name)) for title, each in found.items()}


def mapping(compute, title: str, name: str = "dev", **changes) -> dict:
    parameters = {**root_parameters(name, **changes), **HANDED_ON}
    return evaluate(compute, compute["Resources"][title]["Properties"], parameters)


@pytest.fixture
def to_worker(compute) -> dict:
    return mapping(compute, "OrderQueueToWorker")


@pytest.fixture
def to_events(compute) -> dict:
    return mapping(compute, "OrdersStreamToEvents")


# Queues


def test_an_order_stays_hidden_for_six_timeouts_of_its_worker_and_the_wait_for_its_batch(templates):
    timeout = templates["compute"]["Resources"]["OrdersWorkerFunction"]["Properties"]["Timeout"]
    longest_wait = templates["compute"]["Parameters"]["WorkerBatchingWindow"]["MaxValue"]
    hidden = templates["data"]["Resources"]["OrderQueue"]["Properties"]["VisibilityTimeout"]
    assert hidden == 6 * timeout + longest_wait
    assert timeout == BY_KEY["orders_worker"].timeout


def test_a_failing_order_is_tried_five_times_before_it_is_a_dead_letter(data):
    redrive = queue_properties(data)["OrderQueue"]["RedrivePolicy"]
    assert redrive == {"deadLetterTargetArn": "OrderQueueDLQ.Arn", "maxReceiveCount": 5}


def kept_too_briefly(found: dict[str, dict]) -> set[str]:
    """Dead-letter queues that keep a message, whose age SQS does not reset, no longer than their source."""
    redriven = {
        each["RedrivePolicy"]["deadLetterTargetArn"].removesuffix(".Arn"): each["MessageRetentionPeriod"]
        for each in found.values()
        if "RedrivePolicy" in each
    }
    return {title for title, source in redriven.items() if found[title]["MessageRetentionPeriod"] <= source}


def test_dead_letters_are_kept_for_longer_than_where_they_come_from(data):
    found = queue_properties(data)
    assert kept_too_briefly(found) == set()
    assert found["OrderQueue"]["MessageRetentionPeriod"] == 4 * DAY
    for entry in DEAD_LETTER_QUEUES:
        assert found[entry.title]["MessageRetentionPeriod"] == 14 * DAY


def test_a_dead_letter_queue_with_too_short_a_retention_is_named(data):
    found = copy.deepcopy(queue_properties(data))
    found["OrderQueueDLQ"]["MessageRetentionPeriod"] = 4 * DAY
    assert kept_too_briefly(found) == {"OrderQueueDLQ"}


def test_an_order_outlives_its_message_on_the_queue_and_as_a_dead_letter(data, compute):
    """Or a redrive stores an order again that has expired."""
    kept = queue_properties(data)
    longest = sum(kept[title]["MessageRetentionPeriod"] for title in ("OrderQueue", "OrderQueueDLQ"))
    assert compute["Parameters"]["OrderTtlDays"]["MinValue"] * DAY > longest


def test_every_queue_is_encrypted_with_a_key_that_every_service_may_use(data):
    for properties in queue_properties(data).values():
        assert properties["SqsManagedSseEnabled"] is True
        assert "KmsMasterKeyId" not in properties


def test_only_a_queue_with_dead_letters_may_choose_a_dead_letter_queue_and_only_its_own(data):
    found = queue_properties(data)
    allowed = {title: each["RedriveAllowPolicy"] for title, each in found.items() if "RedriveAllowPolicy" in each}
    sources = {
        each["RedrivePolicy"]["deadLetterTargetArn"].removesuffix(".Arn"): each["QueueName"]
        for each in found.values()
        if "RedrivePolicy" in each
    }
    assert sources["OrderQueueDLQ"] == found["OrderQueue"]["QueueName"]
    assert allowed == {
        queue.title: {
            "redrivePermission": "byQueue",
            "sourceQueueArns": [f"arn:aws:sqs:us-east-1:123456789012:{sources[queue.title]}"],
        }
        if queue.title in sources
        else {"redrivePermission": "denyAll"}
        for queue in DEAD_LETTER_QUEUES
    }


def test_a_queues_name_fits_for_the_longest_name_of_an_environment(data):
    stack = f"food-delivery-{'e' * 20}-DataStack-{'X' * 13}"
    name = evaluate(data, data["Resources"]["OrderQueue"]["Properties"]["QueueName"], {"AWS::StackName": stack})
    assert len(name) <= 80


# Queue to worker


def test_the_worker_takes_batches_from_the_order_queue_and_reports_what_failed_of_them(to_worker):
    assert (to_worker["EventSourceArn"], to_worker["FunctionName"]) == ("queue-arn", "OrdersWorkerAlias")
    assert (to_worker["BatchSize"], to_worker["MaximumBatchingWindowInSeconds"]) == ("10", "0")
    assert to_worker["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_the_worker_is_bounded_where_it_takes_orders_and_not_by_reserved_concurrency(compute, to_worker):
    assert to_worker["ScalingConfig"] == {"MaximumConcurrency": "5"}
    assert "ReservedConcurrentExecutions" not in compute["Resources"]["OrdersWorkerFunction"]["Properties"]


def test_an_environment_sets_batch_window_and_concurrency(compute):
    changed = mapping(
        compute, "OrderQueueToWorker", WorkerBatchSize="100", WorkerBatchingWindow="2", WorkerMaximumConcurrency="7"
    )
    assert (changed["BatchSize"], changed["MaximumBatchingWindowInSeconds"]) == ("100", "2")
    assert changed["ScalingConfig"] == {"MaximumConcurrency": "7"}


# Stream to announcer


def test_the_announcer_reads_the_tables_stream_from_its_start_one_batch_per_shard_at_a_time(to_events):
    assert (to_events["EventSourceArn"], to_events["FunctionName"]) == ("stream-arn", "OrdersEventsAlias")
    assert to_events["StartingPosition"] == "TRIM_HORIZON"
    assert (to_events["BatchSize"], to_events["ParallelizationFactor"]) == (100, 1)


def test_a_batch_resumes_at_its_failure_and_one_that_crashes_the_announcer_is_halved_and_kept(to_events):
    assert to_events["BisectBatchOnFunctionError"] is True
    assert to_events["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert to_events["DestinationConfig"] == {"OnFailure": {"Destination": "events-dlq-arn"}}


def test_an_outage_of_hours_loses_no_event_and_a_shard_is_held_up_for_less_than_a_day(to_events):
    assert 4 * 3600 <= to_events["MaximumRecordAgeInSeconds"] <= 12 * 3600
    assert to_events["MaximumRetryAttempts"] == -1  # a number might end before the age does


def matches(pattern: dict, record: dict) -> bool:
    """Lambda's event filter, as far as it is used here: fields, literals, anything-but."""
    for field, wanted in pattern.items():
        if isinstance(wanted, dict):
            if not isinstance(record.get(field), dict) or not matches(wanted, record[field]):
                return False
        elif field not in record or not any(_accepts(rule, record[field]) for rule in wanted):
            return False
    return True


def _accepts(rule, value) -> bool:
    return value not in rule["anything-but"] if isinstance(rule, dict) else value == rule


def announced(to_events: dict, record: dict) -> bool:
    return any(matches(json.loads(each["Pattern"]), record) for each in to_events["FilterCriteria"]["Filters"])


def stream_record(event: str, order_id: str, timestamp: str, **more) -> dict:
    keys = {"orderId": {"S": order_id}, "timestamp": {"N": timestamp}}
    images = {} if event == "REMOVE" else {"NewImage": {**keys, "status": {"S": "pending"}}}
    if event != "INSERT":
        images["OldImage"] = {**keys, "status": {"S": "pending"}}
    change = {"Keys": keys, "SequenceNumber": "1", "StreamViewType": "NEW_AND_OLD_IMAGES", **images}
    return {"eventID": "1", "eventName": event, "eventSource": "aws:dynamodb", "dynamodb": change, **more}


@pytest.mark.parametrize("event", ["INSERT", "MODIFY"])
def test_orders_stored_and_changed_are_announced(to_events, event):
    assert announced(to_events, stream_record(event, "ORD-1", "1760000000000"))


EXPIRY = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}


@pytest.mark.parametrize(
    "record",
    [
        stream_record("INSERT", "ORD-1", "0"),
        stream_record("INSERT", "idempotency#0a1b", "0"),
        stream_record("MODIFY", "idempotency#0a1b", "0"),
        stream_record("REMOVE", "ORD-1", "1760000000000"),
        stream_record("REMOVE", "ORD-1", "1760000000000", **EXPIRY),
        stream_record("REMOVE", "ORD-1", "0", **EXPIRY),
    ],
)
def test_claims_and_removals_cost_no_invocation(to_events, record):
    assert not announced(to_events, record)


def test_the_filter_knows_a_claim_by_what_the_domain_writes():
    from domain.claims import TIMESTAMP

    assert str(TIMESTAMP) == CLAIM_TIMESTAMP


def test_the_filter_is_within_lambdas_limits(to_events):
    filters = to_events["FilterCriteria"]["Filters"]
    assert len(filters) <= 5
    assert all(len(each["Pattern"]) <= 4096 for each in filters)


# Topic


def test_the_topic_of_events_is_encrypted_and_has_no_subscriber_by_default(data):
    assert data["Resources"]["OrderEvents"]["Properties"]["KmsMasterKeyId"] == "alias/aws/sns"
    assert subscribed(data, root_parameters("dev")) == {}


def subscribed(data, parameters: dict) -> dict[str, dict]:
    """Protocol -> properties of the subscriptions that would exist."""
    return {
        properties["Protocol"]: properties
        for each in of_type(data, "SNS::Subscription").values()
        if evaluate(data, {"Fn::If": [each["Condition"], True, False]}, parameters)
        for properties in [evaluate(data, each["Properties"], parameters)]
    }


def test_an_address_and_a_queue_are_subscribed_if_there_are_any(data):
    queue = "arn:aws:sqs:us-east-1:123456789012:partner"
    found = subscribed(data, root_parameters("dev", EventsEmail="a@example.com", EventsQueueArn=queue))
    both = {"TopicArn": "OrderEvents", "RedrivePolicy": {"deadLetterTargetArn": "OrderEventsDeliveryDLQ.Arn"}}
    assert found == {
        "email": {**both, "Protocol": "email", "Endpoint": "a@example.com"},
        "sqs": {**both, "Protocol": "sqs", "Endpoint": queue, "RawMessageDelivery": True},
    }
