"""What a new function or queue needs besides its entry: every omission is named.

The rules read rendered templates, so they hold as well for a resource that is written into a stack by hand.
"""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from generator import queues
from generator.functions import DEAD_LETTER_QUEUES, QUEUES
from tests.unit.templates.support import CHILDREN, everywhere, of_type

PROJECT = Path(__file__).resolve().parents[3]
ALARMS_OF_FUNCTIONS = {"Errors", "Duration", "Throttles"}
AGE, WAITING = "ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"


class Platform:
    """All stacks as one: resources by logical id, references across stacks resolved to logical ids."""

    def __init__(self, templates: dict[str, dict]):
        self._templates = templates
        self._outputs = {
            name: each["Value"] for child in CHILDREN for name, each in templates[child].get("Outputs", {}).items()
        }

    def of_type(self, kind: str) -> dict[str, dict]:
        """Logical id -> properties."""
        return {
            title: each["Properties"]
            for template in self._templates.values()
            for title, each in of_type(template, kind).items()
        }

    def target(self, reference) -> str:
        """Logical id of the resource that a Ref or GetAtt means, also through a sibling's output or an alias."""
        if not isinstance(reference, dict):
            return str(reference)
        if "Fn::GetAtt" in reference:
            return reference["Fn::GetAtt"][0]
        name = reference.get("Ref", "")
        aliases = self.of_type("Lambda::Alias")
        if name in aliases:
            return self.target(aliases[name]["FunctionName"])
        return self.target(self._outputs[name]) if name in self._outputs else name

    def consumers(self) -> list[tuple[str, str]]:
        """(event source, function)."""
        mappings = self.of_type("Lambda::EventSourceMapping").values()
        return [(self.target(each["EventSourceArn"]), self.target(each["FunctionName"])) for each in mappings]

    def consumed(self) -> list[str]:
        return [source for source, _ in self.consumers()]

    def dead_letter_targets(self) -> set[str]:
        keys = ("deadLetterTargetArn", "TargetArn", "Destination")
        return {
            self.target(value)
            for template in self._templates.values()
            for path, value in everywhere(template["Resources"])
            if path and (path[-1] in keys or path[-2:] == ("DeadLetterConfig", "Arn"))
        }

    def watched(self) -> set[tuple[str, str, str]]:
        """(resource, metric, threshold) of every alarm."""
        found = set()
        for alarm in self.of_type("CloudWatch::Alarm").values():
            metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
            for metric in metrics or [alarm]:
                targets = {self.target(dimension["Value"]) for dimension in metric["Dimensions"]}
                found |= {(each, metric["MetricName"], json.dumps(alarm["Threshold"])) for each in targets}
        return found

    def on_dashboard(self) -> str:
        return json.dumps([each["DashboardBody"] for each in self.of_type("CloudWatch::Dashboard").values()])

    def names(self, title: str) -> list[str]:
        """Outputs that have the physical name of a resource."""
        return [
            name
            for name, value in self._outputs.items()
            if self.target(value) == title and (name.endswith("Name") or "Ref" in value)
        ]


def unconsumed(platform: Platform) -> Iterator[str]:
    for title in platform.of_type("SQS::Queue"):
        if title not in {*platform.consumed(), *platform.dead_letter_targets()}:
            yield f"{title}: no function consumes it, and it is no dead-letter queue"
        if platform.consumed().count(title) > 1:
            yield f"{title}: two functions consume it, and each gets some of its messages"


def without_dead_letters(platform: Platform) -> Iterator[str]:
    found = platform.of_type("SQS::Queue")
    for title in found.keys() & {*platform.consumed()}:
        if platform.target(found[title].get("RedrivePolicy", {}).get("deadLetterTargetArn")) not in found:
            yield f"{title}: no dead-letter queue"


def failures_lost(platform: Platform) -> Iterator[str]:
    """Of streams, whose mapping needs a destination, and of events, whose invocations need one."""
    found = platform.of_type("SQS::Queue")
    for title, mapping in platform.of_type("Lambda::EventSourceMapping").items():
        kept = "OnFailure" in mapping.get("DestinationConfig", {})
        if platform.target(mapping["EventSourceArn"]) not in found and not kept:
            yield f"{title}: no on-failure destination"
    kept = {
        platform.target(each["FunctionName"])
        for each in platform.of_type("Lambda::EventInvokeConfig").values()
        if "OnFailure" in each.get("DestinationConfig", {})
    }
    for permission in platform.of_type("Lambda::Permission").values():
        function = platform.target(permission["FunctionName"])
        if permission["Principal"] == "events.amazonaws.com" and function not in kept:
            yield f"{function}: no on-failure destination of its events"


def reappearing_too_soon(platform: Platform) -> Iterator[str]:
    functions, found = platform.of_type("Lambda::Function"), platform.of_type("SQS::Queue")
    for source, consumer in platform.consumers():
        if source in found and found[source].get("VisibilityTimeout", 30) < 6 * functions[consumer]["Timeout"]:
            yield f"{source}: visibility timeout under six timeouts of {consumer}"


def without_an_alarm(platform: Platform) -> Iterator[str]:
    watched = platform.watched()
    metrics = {(resource, metric) for resource, metric, _ in watched}
    for title in platform.of_type("Lambda::Function"):
        for metric in sorted(ALARMS_OF_FUNCTIONS):
            if (title, metric) not in metrics:
                yield f"{title}: no alarm on {metric}"
    for title in platform.of_type("SQS::Queue"):
        for metric in (AGE, WAITING) if title in platform.consumed() else ():
            if (title, metric) not in metrics:
                yield f"{title}: no alarm on {metric}"
        if title in platform.dead_letter_targets() and (title, WAITING, "0") not in watched:
            yield f"{title}: no alarm on its first message"
    for source, consumer in platform.consumers():
        if source not in platform.of_type("SQS::Queue") and (consumer, "IteratorAge") not in metrics:
            yield f"{consumer}: no alarm on IteratorAge"


def not_on_the_dashboard(platform: Platform) -> Iterator[str]:
    for title in {**platform.of_type("Lambda::Function"), **platform.of_type("SQS::Queue")}:
        if not any(f"${{{name}}}" in platform.on_dashboard() for name in platform.names(title)):
            yield f"{title}: not on the dashboard"


def never_invoked(platform: Platform) -> Iterator[str]:
    allowed = {platform.target(each["FunctionName"]) for each in platform.of_type("Lambda::Permission").values()}
    for title in platform.of_type("Lambda::Function"):
        if title not in {*allowed, *(function for _, function in platform.consumers())}:
            yield f"{title}: no route, queue, stream or rule invokes it"


def without_a_handler(platform: Platform) -> Iterator[str]:
    for title, function in platform.of_type("Lambda::Function").items():
        path = function["Handler"].rpartition(".")[0].replace(".", "/") + ".py"
        if not (PROJECT / path).is_file():
            yield f"{title}: no {path}"


RULES: tuple[Callable[[Platform], Iterator[str]], ...] = (
    unconsumed,
    without_dead_letters,
    failures_lost,
    reappearing_too_soon,
    without_an_alarm,
    not_on_the_dashboard,
    never_invoked,
    without_a_handler,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_nothing_of_a_function_or_queue_is_forgotten(templates, rule):
    omissions = list(rule(Platform(templates)))
    assert not omissions, "\n".join(omissions)


def test_every_queue_of_the_inventory_belongs_to_a_function():
    """A queue that no function names is not rendered, and neither is its alarm."""
    described = {
        name: each for name, each in vars(queues).items() if isinstance(each, queues.DeadLetterQueue | queues.Queue)
    }
    assert described
    assert [name for name, each in described.items() if each not in (*QUEUES, *DEAD_LETTER_QUEUES)] == []


# Each rule notices its omission


def resource(templates: dict, title: str) -> dict:
    return next(each["Resources"][title] for each in templates.values() if title in each["Resources"])


def remove(*titles: str) -> Callable[[dict], None]:
    def change(templates: dict) -> None:
        for template in templates.values():
            for title in titles:
                template["Resources"].pop(title, None)

    return change


def put(title: str, key: str, value: object) -> Callable[[dict], None]:
    return lambda templates: resource(templates, title)["Properties"].__setitem__(key, value)


def by_hand(title: str, kind: str, properties: dict) -> Callable[[dict], None]:
    return lambda templates: templates["compute"]["Resources"].__setitem__(
        title, {"Type": f"AWS::{kind}", "Properties": properties}
    )


def off_the_dashboard(name: str) -> Callable[[dict], None]:
    def change(templates: dict) -> None:
        properties = resource(templates, "Dashboard")["Properties"]
        properties["DashboardBody"] = json.loads(json.dumps(properties["DashboardBody"]).replace(f"${{{name}}}", "x"))

    return change


NEW = {"Handler": "handlers.orders_new.handler", "Timeout": 10}
SECOND = {"EventSourceArn": {"Ref": "OrderQueueArn"}, "FunctionName": {"Ref": "OrdersEventsFunction"}}
OMISSIONS = [
    (
        by_hand("Second", "Lambda::EventSourceMapping", SECOND),
        "OrderQueue: two functions consume it, and each gets some of its messages",
    ),
    (remove("OrderQueueToWorker"), "OrderQueue: no function consumes it, and it is no dead-letter queue"),
    (by_hand("NewQueue", "SQS::Queue", {}), "NewQueue: no function consumes it, and it is no dead-letter queue"),
    (by_hand("NewQueue", "SQS::Queue", {}), "NewQueue: not on the dashboard"),
    (put("OrderQueue", "RedrivePolicy", {}), "OrderQueue: no dead-letter queue"),
    (put("OrdersStreamToEvents", "DestinationConfig", {}), "OrdersStreamToEvents: no on-failure destination"),
    (remove("OrdersImportInvokeConfig"), "OrdersImportFunction: no on-failure destination of its events"),
    (
        put("OrderQueue", "VisibilityTimeout", 359),
        "OrderQueue: visibility timeout under six timeouts of OrdersWorkerFunction",
    ),
    (
        put("OrdersWorkerFunction", "Timeout", 90),
        "OrderQueue: visibility timeout under six timeouts of OrdersWorkerFunction",
    ),
    (remove("OrdersQueryThrottlesAlarm"), "OrdersQueryFunction: no alarm on Throttles"),
    (remove("OrderQueueAgeAlarm"), f"OrderQueue: no alarm on {AGE}"),
    (remove("OrderQueueDepthAlarm"), f"OrderQueue: no alarm on {WAITING}"),
    (remove("RejectedOrdersAlarm"), "OrderQueueDLQ: no alarm on its first message"),
    (put("FailedImportsAlarm", "Threshold", 5), "OrderImportDLQ: no alarm on its first message"),
    (remove("OrderEventsAgeAlarm"), "OrdersEventsFunction: no alarm on IteratorAge"),
    (off_the_dashboard("OrdersImportName"), "OrdersImportFunction: not on the dashboard"),
    (off_the_dashboard("OrderEventsDlqName"), "OrderEventsDLQ: not on the dashboard"),
    (remove("OrderFilesRulePermission"), "OrdersImportFunction: no route, queue, stream or rule invokes it"),
    (by_hand("NewFunction", "Lambda::Function", NEW), "NewFunction: no route, queue, stream or rule invokes it"),
    (by_hand("NewFunction", "Lambda::Function", NEW), "NewFunction: no alarm on Errors"),
    (by_hand("NewFunction", "Lambda::Function", NEW), "NewFunction: no handlers/orders_new.py"),
]


@pytest.mark.parametrize(
    ("omit", "named"), OMISSIONS, ids=[f"{index} {named}" for index, (_, named) in enumerate(OMISSIONS)]
)
def test_an_omission_is_named(templates, omit, named):
    changed = copy.deepcopy(templates)
    omit(changed)
    platform = Platform(changed)
    assert named in [finding for rule in RULES for finding in rule(platform)]
