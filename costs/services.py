"""The cost of requests, functions, messages and files. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from costs.lines import BilledResources, Line, number, priced
from costs.load import DAYS, GB, HOURS, Load

QUEUE_CHUNK = 64 * 1024  # bytes that SQS charges as one request


def lines(resources: BilledResources, load: Load) -> Iterator[Line]:
    for costs in (_api, _functions, _queues, _topics, _files, _firewall, _keys):
        yield from costs(resources, load)


def _api(resources: BilledResources, load: Load) -> Iterator[Line]:
    if resources.of_type("AWS::ApiGateway::RestApi"):
        yield priced("api_request", load.requests)
        yield priced("transfer_out", load.requests * load.assumed["response_bytes"] / GB)


def _functions(resources: BilledResources, load: Load) -> Iterator[Line]:
    for key, function in resources.functions():
        if not load.knows(key):
            continue
        invocations = load.invocations(key)
        architecture = (function.get("Architectures") or ["x86_64"])[0]
        gigabytes = number(function.get("MemorySize", 128), 128) / 1024
        yield priced("lambda_request", invocations)
        yield priced(f"lambda_second_{architecture}", invocations * load.seconds(key) * gigabytes)


def _queues(resources: BilledResources, load: Load) -> Iterator[Line]:
    """Messages are sent, received and deleted, in batches; Lambda also polls an empty queue. 64 kB are a request."""
    queues = {f"{path}.Arn" for path in resources.by_path("AWS::SQS::Queue")}
    for mapping in resources.of_type("AWS::Lambda::EventSourceMapping"):
        source = mapping.get("EventSourceArn", "").removeprefix("${/").removesuffix("}")
        if source in queues:
            chunks = load.orders * load.import_share * load.assumed["message_bytes_per_order"] / QUEUE_CHUNK
            calls = 3 * load.invocations("orders_worker") + 2 * chunks
            yield priced("queue_request", calls + load.assumed["idle_receives_per_hour"] * HOURS)


def _topics(resources: BilledResources, load: Load) -> Iterator[Line]:
    publishes = load.invocations("orders_events")
    events = [path for path in resources.by_path("AWS::SNS::Topic") if path.rpartition("/")[2] == "OrderEvents"]
    if not events:
        return
    yield priced("topic_request", publishes)
    delivered = load.changes * load.assumed["partner_share"] * load.assumed["webhook_share"]
    yield priced("topic_http", delivered)
    mailed = [
        each
        for each in resources.of_type("AWS::SNS::Subscription")
        if each.get("Protocol", "").startswith("email") and each.get("TopicArn") == f"${{/{events[0]}}}"
    ]
    yield priced("topic_email", load.changes * len(mailed))
    if "KmsMasterKeyId" in resources.by_path("AWS::SNS::Topic")[events[0]]:
        yield priced("key_request", min(2 * publishes, load.assumed["topic_key_requests_per_hour"] * HOURS))


def _files(resources: BilledResources, load: Load) -> Iterator[Line]:
    """A file and its report are two objects and two events."""
    for bucket in resources.of_type("AWS::S3::Bucket"):
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        days = max(
            (number(rule.get("ExpirationInDays", 0)) for rule in rules if isinstance(rule, dict)), default=Decimal(0)
        )
        size = load.assumed["orders_per_file"] * load.assumed["file_bytes_per_order"]
        yield priced("bucket_write", 2 * load.files)
        yield priced("bucket_read", load.files)
        yield priced("bucket_storage", load.files / DAYS * days * size / GB)
        if bucket.get("NotificationConfiguration", {}).get("EventBridgeConfiguration"):
            yield priced("bus_event", 2 * load.files)


def _firewall(resources: BilledResources, load: Load) -> Iterator[Line]:
    for acl in resources.of_type("AWS::WAFv2::WebACL"):
        yield priced("firewall", 1)
        yield priced("firewall_rule", len(acl.get("Rules", [])))
        yield priced("firewall_request", load.requests)


def _keys(resources: BilledResources, load: Load) -> Iterator[Line]:
    """A function that reads the SecureString of the feature flags decrypts it every five minutes, if it is invoked."""
    yield priced("key", len(resources.of_type("AWS::KMS::Key")))
    for key, function in resources.functions():
        if "FEATURE_FLAGS_PARAMETER" in function.get("Environment", {}).get("Variables", {}) and load.knows(key):
            yield priced("key_request", min(load.invocations(key), load.assumed["key_requests_per_hour"] * HOURS))
