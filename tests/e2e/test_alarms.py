"""Every alarm goes into ALARM for a real cause; Alerts gets one notice per path when it begins and one when it is over.

The alarms are those of the monitoring template as they were deployed: expression, metrics, dimensions,
statistics, comparison and actions. Only the periods are shorter than five minutes or six hours: through
CloudWatch's own PutMetricAlarm each looks at one period of ten seconds, and a few have thresholds that are
reached within it. Latencies count from six seconds, so that a cold start is none.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from botocore.config import Config

from emulator.faults.rules import Rule
from tests.e2e.alarm_kit import (
    Alerts,
    api_config,
    configured,
    deaf_subscriber,
    in_alarm,
    in_template,
    make_quick,
    went_into_alarm,
    without_concurrency,
    worker_stopped,
)
from tests.e2e.fault_kit import HELD, Faults, faults_in
from tests.e2e.import_kit import Uploaded, as_jsonl, order, upload
from tests.e2e.pipeline_kit import CLIENT_ORDER, drained, message, receive_all, send
from tests.e2e.support import Deployment, copy_project, edit, order_for, start, stop
from tests.waiting import eventually

pytestmark = pytest.mark.e2e

SLOW_MS, TIMEOUT = 6000, 7  # what hangs is stopped after seven seconds; a slow machine's cold start takes less
CONCURRENCY = 4
CAPACITY_USED = 270  # units, of the 300 that one a second makes in the five minutes that the expression is about
THRESHOLDS = {
    "order-queue-age": 10,
    "order-queue-depth": 5,
    "order-events-age": 6,
    "orders-worker-duration": SLOW_MS,
    "orders-events-duration": SLOW_MS,
    "orders-import-duration": SLOW_MS,
    "keys-refused": 3,
    "requests-throttled": 3,
}
DEAD_LETTER_QUEUES = (
    "DeadLetterQueueUrl",
    "OrderQueueDlqUrl",
    "OrderEventsDlqUrl",
    "OrderImportDlqUrl",
    "OrderEventsDeliveryDlqUrl",
)
FUNCTIONS = ("Command", "Query", "Intake", "Worker", "Events", "Import")


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A deployment of this module's own: nothing works in it for long."""
    project = copy_project(tmp_path_factory.mktemp("alarms") / "project")
    for old, new in (
        ("latency_p95_ms = 500", f"latency_p95_ms = {SLOW_MS}"),
        ("command_reserved_concurrency = 100", f"command_reserved_concurrency = {CONCURRENCY}"),
        # Lambda times out before the SDK does.
        ("defaultTimeout = 500", "defaultTimeout = 8000"),
        ("retryAttempts = 3", "retryAttempts = 0"),
        ('billing_mode = "PAY_PER_REQUEST"', 'billing_mode = "PROVISIONED"\nmin_capacity = 1'),
    ):
        edit(project, "environments/dev.toml", old, new)
    local_dir = tmp_path_factory.mktemp("alarms-local")
    try:
        deployment = start(local_dir, project)
        deployment.client("sqs").set_queue_attributes(
            QueueUrl=deployment.outputs["OrderQueueUrl"], Attributes={"VisibilityTimeout": "5"}
        )
        make_quick(deployment, THRESHOLDS)
        yield deployment
    finally:
        stop(local_dir, project)


@pytest.fixture(scope="module")
def alerts(platform):
    return Alerts(platform)


@pytest.fixture
def quiet(platform, alerts):
    """No alarm is in ALARM, the queues are empty, and earlier notices are taken."""
    settle(platform)
    eventually(lambda: not in_alarm(platform), "all alarms are quiet")
    alerts.take()
    return platform


def settle(platform: Deployment) -> None:
    drained(platform)
    for queue in DEAD_LETTER_QUEUES:
        receive_all(platform, platform.outputs[queue])


@contextmanager
def requests_hang(platform: Deployment) -> Iterator[None]:
    """The table throttles and fails, then answers neither reads nor writes, the queue takes nothing: Lambda stops the
    functions."""
    with platform.api() as api, faults_in(platform) as faults:
        for kind in ("throttle", "error"):
            faults.inject(Rule(service="dynamodb", function="orders-query", kind=kind))
            assert api.get("/orders/ORD-1").status_code == 503
    with hung(platform, "command", "query", "intake"):
        with platform.api() as api, ThreadPoolExecutor(12) as pool:
            calls = [pool.submit(api.post, "/orders", json=order_for("CUST-1")) for _ in range(CONCURRENCY + 2)]
            calls += [pool.submit(api.get, "/orders/ORD-1") for _ in range(3)]
            calls += [pool.submit(api.post, "/orders/async", json=CLIENT_ORDER) for _ in range(3)]
            assert all(call.result().status_code >= 500 for call in calls)
        yield


@contextmanager
def hung(platform: Deployment, *functions: str) -> Iterator[Faults]:
    """No call of the functions to DynamoDB, SQS or SNS is answered."""
    rules = [
        Rule(service=service, function=f"orders-{function}", **HELD)
        for function in functions
        for service in ("dynamodb", "sqs", "sns")
    ]
    with ExitStack() as changes:
        for function in functions:
            changes.enter_context(configured(platform, f"Orders{function.title()}Function", TIMEOUT))
        faults = changes.enter_context(faults_in(platform))
        faults.inject(*rules)
        yield faults


@contextmanager
def nothing_may_run(platform: Deployment) -> Iterator[None]:
    """No function has concurrency left, and the worker polls no queue."""
    with ExitStack() as changes:
        changes.enter_context(worker_stopped(platform))
        for function in FUNCTIONS:
            changes.enter_context(without_concurrency(platform, f"Orders{function}Function"))
        send(platform, [message() for _ in range(10)])
        functions = platform.client("lambda", config=Config(retries={"total_max_attempts": 1}))
        with platform.api() as api:
            for _ in range(3):
                assert api.post("/orders", json=order_for("CUST-1")).status_code >= 500
            assert api.get("/orders/ORD-1").status_code >= 500
            assert api.post("/orders/async", json=CLIENT_ORDER).status_code >= 500
        for function in ("Worker", "Events", "Import"):
            with pytest.raises(functions.exceptions.TooManyRequestsException):
                functions.invoke(FunctionName=platform.outputs[f"Orders{function}Function"], Payload=b'{"Records": []}')
        yield
    drained(platform)


@contextmanager
def nothing_gets_done(platform: Deployment) -> Iterator[None]:
    """A file cannot be read and one is half bad; then worker, announcer and importer are not answered."""
    upload(platform, f"{uuid.uuid4()}.csv", b"name,age\n")
    upload(platform, f"{uuid.uuid4()}.jsonl", as_jsonl([order(f"ORD-{uuid.uuid4()}"), {}])).report()
    with hung(platform, "worker", "events", "import") as faults:
        slow = upload(platform, f"{uuid.uuid4()}.jsonl", as_jsonl([order(f"ORD-{uuid.uuid4()}")]))
        send(platform, [message()])
        with platform.api() as api:
            assert api.post("/orders", json=order_for("CUST-1")).status_code == 201
        yield
        faults.inject()
        eventually(lambda: is_settled(platform, slow), "the import is finished or given up")
    settle(platform)


def is_settled(platform: Deployment, uploaded: Uploaded) -> bool:
    report = uploaded.latest_report()
    letters = receive_all(platform, platform.outputs["OrderImportDlqUrl"])
    return bool(report) or any(uploaded.version in letter["Body"] for letter in letters)


def queue_arn(platform: Deployment, output: str) -> str:
    url = platform.outputs[output]
    attributes = platform.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return attributes["QueueArn"]


@contextmanager
def much_is_refused(platform: Deployment) -> Iterator[None]:
    """Each dead-letter queue but the importer's gets something, subscribers refuse, and there are more orders
    than an operator said to expect."""
    functions, command = platform.client("lambda"), platform.outputs["OrdersCommandFunction"]
    with (
        deaf_subscriber(platform, "AlertsTopicArn"),
        deaf_subscriber(platform, "OrderEventsTopicArn", "itself"),
        deaf_subscriber(platform, "OrderEventsTopicArn", queue_arn(platform, "OrderEventsDeliveryDlqUrl")),
        api_config(platform, maxOrdersPerHour=2),
        configured(platform, "OrdersWorkerFunction", TOUCHED=uuid.uuid4().hex),  # settings are cached for minutes
    ):
        functions.invoke(FunctionName=command, InvocationType="Event", Payload=b'"nonsense"')
        send(platform, [*(message() for _ in range(5)), "not JSON"])
        unreadable = {"orderId": {"S": f"ORD-{uuid.uuid4()}"}, "timestamp": {"N": "1"}}
        platform.client("dynamodb").put_item(TableName=platform.outputs["OrdersTableName"], Item=unreadable)
        yield
    settle(platform)


@contextmanager
def the_table_is_busy(platform: Deployment) -> Iterator[None]:
    """Within seconds it is asked for what it has for minutes."""
    dynamodb, table = platform.client("dynamodb"), platform.outputs["OrdersTableName"]
    # Items of claims: the stream's consumer ignores them.
    keys = [{"orderId": {"S": f"busy-{n}"}, "timestamp": {"N": "0"}} for n in range(CAPACITY_USED)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: dynamodb.put_item(TableName=table, Item=key), keys))
        list(pool.map(lambda key: dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True), keys))
    yield


@contextmanager
def callers_are_refused(platform: Deployment) -> Iterator[None]:
    """A key is wrong, one has used up its quota, and one is too fast."""
    spent = limited_key(platform, quota={"limit": 1, "period": "DAY"})
    fast = limited_key(platform, throttle={"rateLimit": 0.1, "burstLimit": 1})
    answers = {}
    for key in ("wrong", spent, fast):
        with platform.api(**{"x-api-key": key}) as api:
            answers[key] = [api.get("/orders/ORD-1").status_code for _ in range(6)]
    assert answers == {"wrong": [403] * 6, spent: [404, *[429] * 5], fast: [404, *[429] * 5]}
    yield


def limited_key(platform: Deployment, **limits: dict) -> str:
    """Return the value of a key in a usage plan of its own."""
    gateway, value = platform.client("apigateway"), f"limited-{uuid.uuid4().hex}"
    stage = {"apiId": platform.outputs["ApiId"], "stage": platform.outputs["StageName"]}
    plan = gateway.create_usage_plan(name=value, apiStages=[stage], **limits)["id"]
    key = gateway.create_api_key(name=value, value=value, enabled=True)["id"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    return value


@dataclass(frozen=True)
class Incident:
    """A fault that lasts as long as its context; the alarms that it brings into ALARM: `silent` ones, and those that notify."""

    trouble: Callable[[Deployment], AbstractContextManager[None]]
    silent: set[str]
    notifying: set[str]


def each(names: str, *ends: str) -> set[str]:
    return {f"{name}-{end}" for name in names.split() for end in ends}


AVAILABILITY = each("slo-availability", "fast-1h", "fast-5min", "slow-6h", "slow-30min")
LATENCY = {name.replace("availability", "latency") for name in AVAILABILITY}

INCIDENTS = {
    "requests hang": Incident(
        requests_hang,
        AVAILABILITY
        | LATENCY
        | each("api", "errors", "latency")
        | each("orders-command orders-query orders-intake", "errors", "duration")
        | each("orders-command", "concurrency", "throttles"),
        {"sync-path", "async-path", "table-throttles", "table-system-errors"},
    ),
    "nothing may run": Incident(
        nothing_may_run,
        AVAILABILITY
        | {"api-errors"}
        | {f"orders-{function.lower()}-throttles" for function in FUNCTIONS}
        | each("order-queue", "age", "depth"),
        {"sync-path", "async-path", "import-path", "events-path"},
    ),
    "nothing gets done": Incident(
        nothing_gets_done,
        each("orders-worker orders-events orders-import", "errors", "duration")
        | {"order-queue-age", "order-events-age", "import-failures", "import-success-rate"},
        {"async-path", "import-path", "events-path", "failed-imports"},
    ),
    "much is refused": Incident(
        much_is_refused,
        {"orders-command-errors", "order-events-undelivered"},
        {
            "sync-path",
            "events-path",
            "dead-letters",
            "rejected-orders",
            "unannounced-events",
            "orders-per-hour",
            "undelivered-events",
        }
        | {"alerts-undelivered"},
    ),
    "callers are refused": Incident(
        callers_are_refused, set(), {"keys-refused", "quota-exceeded", "requests-throttled"}
    ),
    "the table is busy": Incident(the_table_is_busy, set(), {"table-read-capacity", "table-write-capacity"}),
}


@pytest.mark.parametrize("name", INCIDENTS)
def test_an_incident_notifies_once_when_it_begins_and_once_when_it_is_over(quiet, alerts, name):
    incident = INCIDENTS[name]
    expected = incident.silent | incident.notifying
    began = datetime.now(UTC).replace(microsecond=0)  # as the emulator writes history
    with incident.trouble(quiet), suppress(AssertionError):  # the assertion below names what is missing
        eventually(lambda: went_into_alarm(quiet, began) >= expected, hangs=300)
    eventually(lambda: not in_alarm(quiet), "all alarms are quiet again")
    assert went_into_alarm(quiet, began) == expected
    states: dict[str, list[str]] = defaultdict(list)

    def is_over() -> bool:
        for alarm, state in alerts.take():
            states[alarm].append(state)
        return all(states[alarm][-1:] == ["OK"] for alarm in incident.notifying)

    eventually(is_over, "every path is reported as OK again")
    # An incident that is longer than a period of ten seconds may seem to pause: two notices for each time it begins.
    assert states == {alarm: ["ALARM", "OK"] * (len(states[alarm]) // 2) for alarm in incident.notifying}


def test_every_alarm_of_the_template_goes_into_alarm():
    assert {key for incident in INCIDENTS.values() for key in incident.silent | incident.notifying} == in_template()
