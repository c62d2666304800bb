"""A function passes its trace header to the services it calls: X-Ray joins all that have the same trace.

Messages have it as an attribute (test_orders_intake, test_orders_import); for other calls the SDK adds the header within
Lambda.
"""

from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse

from handlers import clients, orders_events
from tests.unit.handlers.importing import Context, World, jsonl, order
from tests.unit.handlers.stream_poller import CONTEXT
from tests.unit.handlers.test_orders_events import created

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
PUBLISHED = (
    "<PublishBatchResponse><PublishBatchResult><Successful><member><Id>0</Id></member></Successful><Failed/>"
    "</PublishBatchResult></PublishBatchResponse>"
)


@pytest.fixture(autouse=True)
def function(monkeypatch):
    """Set both variables that Lambda's runtime sets."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)


@pytest.fixture
def sent(request):
    """Return a function, sent(client, body), that answers a client's requests with `body` and records their headers."""

    def watch(client, status, body=""):
        headers = []

        def answer(request, **rest):
            headers.append({name: as_text(value) for name, value in request.headers.items()})
            raw = SimpleNamespace(stream=lambda **_: iter([body.encode()]), read=lambda *_: body.encode())
            return AWSResponse(request.url, status, {}, raw)

        name = f"before-send.{client.meta.service_model.service_id.hyphenize()}"
        client.meta.events.register(name, answer)
        request.addfinalizer(lambda: client.meta.events.unregister(name, answer))
        return headers

    return watch


def as_text(value):
    return value.decode() if isinstance(value, bytes) else value


def test_an_event_is_published_within_the_trace(sent):
    headers = sent(clients.sns(), 200, PUBLISHED)
    assert orders_events.handler({"Records": [created()]}, CONTEXT) == {"batchItemFailures": []}
    assert [each["X-Amzn-Trace-Id"] for each in headers] == [TRACE]


def test_a_continuation_stays_in_the_trace(sent, monkeypatch):
    functions = clients.functions
    headers = sent(functions(), 202)
    with World(jsonl(order("ORD-1"), order("ORD-2"))) as world, monkeypatch.context() as patched:
        patched.setattr(clients, "functions", functions)
        world.run(context=Context(records=1))
    assert [each["X-Amzn-Trace-Id"] for each in headers] == [TRACE]
    assert len(world.messages()) == 1


def test_without_a_trace_none_is_made_up(sent, monkeypatch):
    monkeypatch.delenv("_X_AMZN_TRACE_ID")
    headers = sent(clients.sns(), 200, PUBLISHED)
    orders_events.handler({"Records": [created()]}, CONTEXT)
    assert headers and "X-Amzn-Trace-Id" not in headers[0]
