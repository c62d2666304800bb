"""Who gets which event, by the emulator's filter code; and deliveries to HTTP endpoints."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.partners import NAME_PATTERN
from operations.partners.subscriptions import wanted
from tests.emulator.testkit import Emulated, until

# In a process of its own: MiniStack starts threads when it is imported. A line of pairs in, a line of answers out.
FILTER = """
import json, sys
from pathlib import Path
from emulator import server
server.configure(1, Path(sys.argv[1]), iam=False)
from ministack.services import sns
for line in sys.stdin:
    answers = [sns._matches_filter_policy({"attributes": attributes}, event) for attributes, event in json.loads(line)]
    print(json.dumps(answers), flush=True)
"""


@pytest.fixture(scope="module")
def attributes_of():
    """The handler's own function, which makes AWS clients when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "us-east-1")
        from handlers import orders_events
    return lambda event: orders_events._entry(0, event)["MessageAttributes"]


@pytest.fixture(scope="module")
def matches(tmp_path_factory) -> Iterator:
    command = [sys.executable, "-c", FILTER, str(tmp_path_factory.mktemp("filter"))]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout

    def ask(pairs: list) -> list[bool]:
        process.stdin.write(json.dumps(pairs) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    process.wait()


NAMES = st.one_of(
    st.from_regex(NAME_PATTERN, fullmatch=True), st.sampled_from(["acme", "acme-2", "acm", "null", "true"])
)
ORDERS = st.text(max_size=20) | st.sampled_from(["acme~1", "partner", '["acme"]'])


def event(partner: str | None, text: str) -> dict:
    """The event of an order, whose texts a client chooses."""
    made = {"eventType": "OrderCreated", "customerId": text or "-", "status": "pending", "source": "api"}
    return made | {"eventId": "1", "orderId": text} | ({"partner": partner} if partner else {})


@given(
    st.lists(NAMES, min_size=2, max_size=6), st.lists(st.tuples(st.integers(-1, 5), ORDERS), min_size=1, max_size=10)
)
@settings(max_examples=300, deadline=None)
def test_an_event_reaches_the_subscriptions_of_its_own_partner_and_no_others(matches, attributes_of, names, orders):
    events = [event(None if at < 0 else names[at % len(names)], text) for at, text in orders]
    attributes = [attributes_of(each) for each in events]
    subscriptions = [wanted(name, protocol, "arn") for name in names for protocol in ("sqs", "https")]
    pairs = [(subscription, each) for subscription in subscriptions for each in attributes]
    own = [name == each.get("partner") for name in names for _ in range(2) for each in events]
    assert matches(pairs) == own


class Endpoint(BaseHTTPRequestHandler):
    """Answers with the statuses that its server has, one after the other, then 200."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.headers["x-amz-sns-message-type"] == "Notification":
            self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))  # type: ignore[attr-defined]
            status = self.server.statuses.pop(0) if self.server.statuses else 200  # type: ignore[attr-defined]
        else:
            self.server.tokens.append(json.loads(body)["Token"])  # type: ignore[attr-defined]
            status = 200
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def endpoint() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.got, server.tokens, server.statuses = [], [], []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("statuses", "attempts", "kept"),
    [([], 1, 0), ([500, 503], 3, 0), ([429, 500, 500, 500], 4, 1), ([403], 1, 1)],
    ids=["taken", "taken later", "never taken", "refused"],
)
def test_http_is_retried_unless_it_refuses_and_what_is_not_taken_is_a_dead_letter(
    aws, endpoint, statuses, attempts, kept
):
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic, dead = _topic_and_queue(aws, "-".join(map(str, statuses)) or "taken")
    redrive = json.dumps({"deadLetterTargetArn": dead[1]})
    made = sns.subscribe(
        TopicArn=topic,
        Protocol="http",
        Endpoint=f"http://127.0.0.1:{endpoint.server_port}/",
        Attributes={"RedrivePolicy": redrive},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    (token,) = until(lambda: endpoint.tokens)
    sns.confirm_subscription(TopicArn=topic, Token=token)
    endpoint.statuses = list(statuses)
    sns.publish(TopicArn=topic, Message="hello")
    until(lambda: len(endpoint.got) == attempts)
    url = dead[0]
    letters = [] if not kept else until(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert len(letters) == kept
    headers, body = endpoint.got[-1]
    assert (headers["x-amz-sns-topic-arn"], headers["x-amz-sns-subscription-arn"]) == (topic, made)
    assert json.loads(body)["Message"] == "hello"
    assert all(json.loads(each["Body"]) == json.loads(body) for each in letters)


def _topic_and_queue(aws: Emulated, name: str) -> tuple[str, tuple[str, str]]:
    topic = aws.client("sns").create_topic(Name=f"http-{name}")["TopicArn"]
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"dead-{name}")["QueueUrl"]
    return topic, (url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
