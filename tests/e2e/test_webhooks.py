"""Partners hear of their own orders, and of no others: by a queue, and by an endpoint that verifies signatures."""

import json
import uuid

import fastjsonschema
import pytest

from contract.documents import DOCUMENTS
from contract.partners import RANDOM_LENGTH, key_of
from tests.e2e.alarm_kit import in_alarm, make_quick
from tests.e2e.pipeline_kit import open_queue, receive_all
from tests.e2e.support import Deployment, deploy, order_for, start, stop
from tests.e2e.webhook_kit import receiver
from tests.waiting import eventually

pytestmark = pytest.mark.e2e
HERE = ("--env", "dev", "--local", "--output", "json")
USAGE, REFUSED = 2, 5
DEAD_LETTERS = "OrderEventsDeliveryDLQ"


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A deployment of this module's own: subscriptions concern all of a topic's events."""
    local_dir = tmp_path_factory.mktemp("webhooks")
    try:
        yield start(local_dir)
    finally:
        stop(local_dir)


def command(platform: Deployment, *words: str, code: int = 0) -> dict:
    asks = words[0] in ("--partner-subscribe", "--partner-unsubscribe", "--redrive")
    done = deploy(*HERE, *words, *(["--yes"] if asks else []), local_dir=platform.local_dir)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def place(platform: Deployment, partner: str | None = None) -> str:
    """Place an order and return its id; without a partner it is the operator's."""
    headers = {"x-api-key": key(platform, partner)} if partner else {}
    with platform.api(**headers) as api:
        answer = api.post("/orders", json=order_for(f"CUST-{uuid.uuid4().hex[:8]}"))
    assert answer.status_code == 201, answer.text
    return answer.json()["orderId"]


def key(platform: Deployment, partner: str) -> str:
    """Return the partner's API key, which is made if there is none."""
    gateway, value = platform.client("apigateway"), key_of(partner, "standard", partner[0] * RANDOM_LENGTH)
    if not any(each["name"] == partner for each in gateway.get_api_keys()["items"]):
        made = gateway.create_api_key(name=partner, value=value, enabled=True)["id"]
        plan = gateway.get_usage_plans()["items"][0]["id"]
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=made, keyType="API_KEY")
    return value


def subscriptions(platform: Deployment, *partner: str) -> list[dict]:
    return command(platform, "--partner-subscriptions", *partner)["subscriptions"]


def test_each_partner_gets_exactly_the_events_of_its_own_orders(platform):
    url, arn = open_queue(platform, platform.outputs["OrderEventsTopicArn"])
    assert command(platform, "--partner-subscribe", "globex", arn)["result"] == "subscribed"
    with receiver(platform) as acme:
        endpoint = f"{acme.url}hook?token=secret"
        report = command(platform, "--partner-subscribe", "acme", endpoint)
        assert report["result"] == "requested"
        assert "secret" not in json.dumps(report)
        assert acme.line() == "confirmed the subscription"
        (described,) = (each for each in subscriptions(platform, "acme") if each["partner"])
        assert (described["state"], described["findings"]) == ("confirmed", [])
        assert described["filterPolicy"] == {"partner": ["acme"]}
        queue = platform.outputs["OrderEventsDeliveryDlqUrl"].rpartition("/")[2]
        assert described["redrivePolicy"]["deadLetterTargetArn"].endswith(f":{queue}")
        placed = [(partner, place(platform, partner)) for partner in ("acme", None, "globex", "acme", None, "globex")]
        heard = [json.loads(acme.line()) for _ in range(2)]
        taken: list[dict] = []
        eventually(lambda: taken.extend(receive_all(platform, url)) or len(taken) >= 2, "globex has its events")
        assert command(platform, "--partner-unsubscribe", "acme", endpoint)["result"] == "unsubscribed"
        assert command(platform, "--partner-unsubscribe", "acme", endpoint)["result"] == "unchanged"
        place(platform, "acme")
        last = place(platform, "globex")
        eventually(lambda: taken.extend(receive_all(platform, url)) or len(taken) >= 3, "globex goes on")
        assert acme.lines.empty()
    events = [json.loads(each["Body"]) for each in taken]
    assert ids(heard) == {order for partner, order in placed if partner == "acme"}
    assert ids(events) == {last, *(order for partner, order in placed if partner == "globex")}
    for event in (*heard, *events):
        fastjsonschema.compile(DOCUMENTS["OrderEvent"])(event)
    assert {event["partner"] for event in heard} == {"acme"}
    assert {event["partner"] for event in events} == {"globex"}
    assert command(platform, "--partner-unsubscribe", "globex", arn)["result"] == "unsubscribed"


def ids(events: list[dict]) -> set[str]:
    return {event["orderId"] for event in events}


def test_a_subscription_that_exists_is_kept_corrected_or_refused(platform):
    _, arn = open_queue(platform, platform.outputs["OrderEventsTopicArn"])
    subscribe = ("--partner-subscribe", "acme", arn)
    made = command(platform, *subscribe)["subscription"]["subscriptionArn"]
    assert command(platform, *subscribe)["result"] == "unchanged"
    sns = platform.client("sns")
    sns.set_subscription_attributes(SubscriptionArn=made, AttributeName="RawMessageDelivery", AttributeValue="false")
    assert subscriptions(platform, "acme")[0]["findings"] != []
    assert command(platform, *subscribe)["result"] == "corrected"
    assert subscriptions(platform, "acme")[0]["findings"] == []
    command(platform, "--partner-subscribe", "globex", arn, code=REFUSED)
    command(platform, "--partner-unsubscribe", "globex", arn, code=REFUSED)
    assert command(platform, "--partner-unsubscribe", "acme", made)["result"] == "unsubscribed"
    operators = sns.subscribe(TopicArn=platform.outputs["OrderEventsTopicArn"], Protocol="sqs", Endpoint=arn)
    command(platform, *subscribe, code=REFUSED)
    command(platform, "--partner-unsubscribe", "acme", arn, code=REFUSED)
    sns.unsubscribe(SubscriptionArn=operators["SubscriptionArn"])


def test_an_endpoint_that_has_not_confirmed_for_one_partner_is_refused_to_another(platform):
    endpoint = "http://127.0.0.1:9/hook?token=s3cret"
    made = command(platform, "--partner-subscribe", "acme", endpoint)["subscription"]["subscriptionArn"]
    refused = json.dumps(command(platform, "--partner-subscribe", "globex", endpoint, code=REFUSED))
    assert "perhaps of another partner" in refused and "two days" in refused and "s3cret" not in refused
    platform.client("sns").unsubscribe(SubscriptionArn=made)


@pytest.mark.parametrize(
    "endpoint", ["ftp://example.com/", "arn:aws:sqs:us-east-1:123456789012:q.fifo", "http://a:b@127.0.0.1/"]
)
def test_an_endpoint_that_sns_could_not_use_is_refused_before_it_is_asked(platform, endpoint):
    command(platform, "--partner-subscribe", "acme", endpoint, code=USAGE)
    assert subscriptions(platform) == []


def test_what_an_endpoint_does_not_take_waits_as_a_dead_letter_with_its_reason(platform):
    make_quick(platform, {})
    with receiver(platform) as acme:
        endpoint = f"{acme.url}hook"
        command(platform, "--partner-subscribe", "acme", endpoint)
        assert acme.line() == "confirmed the subscription"
    order = place(platform, "acme")
    eventually(lambda: "undelivered-events" in in_alarm(platform), "the alarm is in ALARM")
    assert "order-events-undelivered" not in in_alarm(platform)
    (letter,) = command(platform, "--dlq", DEAD_LETTERS)["messages"]
    assert letter["reason"] == "not delivered"
    assert letter["orderId"] == order
    assert "acme" in letter["detail"]
    refused = command(platform, "--redrive", DEAD_LETTERS, code=USAGE)
    assert "SNS cannot" in json.dumps(refused)
    assert command(platform, "--partner-unsubscribe", "acme", endpoint)["result"] == "unsubscribed"
    receive_all(platform, platform.outputs["OrderEventsDeliveryDlqUrl"])
