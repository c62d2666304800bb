"""What requests, functions, messages and files cost. Pure."""

from collections.abc import Iterator
from decimal import Decimal

from costs.lines import Line, Parts, number, priced
from costs.load import DAYS, GB, HOURS, Load


def lines(parts: Parts, load: Load) -> Iterator[Line]:
    for costs in (_api, _functions, _queues, _topics, _files, _firewall, _keys):
        yield from costs(parts, load)


def _api(parts: Parts, load: Load) -> Iterator[Line]:
    if parts.each("AWS::ApiGateway::RestApi"):
        yield priced("api_request", load.requests)
        yield priced("transfer_out", load.requests * load.of["response_bytes"] / GB)


def _functions(parts: Parts, load: Load) -> Iterator[Line]:
    for key, function in parts.functions():
        invocations = load.invocations(key)
        if invocations is None:
            continue
        architecture = (function.get("Architectures") or ["x86_64"])[0]
        gigabytes = number(function.get("MemorySize", 128), 128) / 1024
        yield priced("lambda_request", invocations)
        yield priced(f"lambda_second_{architecture}", invocations * load.seconds(key) * gigabytes)


def _queues(parts: Parts, load: Load) -> Iterator[Line]:
    """A message is sent, received and deleted, each in batches; and a queue that Lambda reads is asked all the time."""
    queues = {f"{path}.Arn" for path in parts.named("AWS::SQS::Queue")}
    for mapping in parts.each("AWS::Lambda::EventSourceMapping"):
        source = mapping.get("EventSourceArn", "").removeprefix("${/").removesuffix("}")
        if source in queues:
            batches = load.invocations("orders_worker")
            yield priced("queue_request", 3 * batches + load.of["idle_receives_per_hour"] * HOURS)


def _topics(parts: Parts, load: Load) -> Iterator[Line]:
    publishes = load.invocations("orders_events")
    events = [path for path in parts.named("AWS::SNS::Topic") if path.rpartition("/")[2] == "OrderEvents"]
    if not events:
        return
    yield priced("topic_request", publishes)
    mailed = [
        each
        for each in parts.each("AWS::SNS::Subscription")
        if each.get("Protocol", "").startswith("email") and each.get("TopicArn") == f"${{/{events[0]}}}"
    ]
    yield priced("topic_email", load.changes * len(mailed))
    if "KmsMasterKeyId" in parts.named("AWS::SNS::Topic")[events[0]]:
        yield priced("key_request", publishes * load.of["key_requests_per_publish"])


def _files(parts: Parts, load: Load) -> Iterator[Line]:
    """A file and its report: two objects, two events."""
    for bucket in parts.each("AWS::S3::Bucket"):
        rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
        days = max(
            (number(rule.get("ExpirationInDays", 0)) for rule in rules if isinstance(rule, dict)), default=Decimal(0)
        )
        size = load.of["orders_per_file"] * load.of["file_bytes_per_order"]
        yield priced("bucket_write", 2 * load.files)
        yield priced("bucket_read", load.files)
        yield priced("bucket_storage", load.files / DAYS * days * size / GB)
        if bucket.get("NotificationConfiguration", {}).get("EventBridgeConfiguration"):
            yield priced("bus_event", 2 * load.files)


def _firewall(parts: Parts, load: Load) -> Iterator[Line]:
    for acl in parts.each("AWS::WAFv2::WebACL"):
        yield priced("firewall", 1)
        yield priced("firewall_rule", len(acl.get("Rules", [])))
        yield priced("firewall_request", load.requests)


def _keys(parts: Parts, load: Load) -> Iterator[Line]:
    yield priced("key", len(parts.each("AWS::KMS::Key")))
