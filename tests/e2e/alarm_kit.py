"""Watch the alarms of a deployment, and cause the faults that bring them into ALARM."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from deployer.plan import cfn_yaml
from tests.e2e.pipeline_kit import receive_all, subscribed_queue
from tests.e2e.support import ROOT, Deployment, reconfigured

BOTH = ["MetricAlarm", "CompositeAlarm"]
PERIOD = 10  # seconds, the shortest that CloudWatch knows


def in_template() -> set[str]:
    """The alarms of the monitoring template, by the ends of their names."""
    resources = cfn_yaml.load((ROOT / "templates" / "monitoring.yaml").read_text())["Resources"]
    names = [
        each["Properties"]["AlarmName"]["Fn::Sub"]
        for each in resources.values()
        if each["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    ]
    return {name.removeprefix("food-delivery-${Environment}-") for name in names}


def end_of(name: str) -> str:
    """Return an alarm's name without those of the project and the environment."""
    return re.sub(r"^food-delivery-\w+-", "", name)


def make_quick(deployment: Deployment, thresholds: dict[str, float]) -> None:
    """Have every alarm look at a single period of ten seconds, and those named at these thresholds.

    The rest stays as deployed: metrics, dimensions, statistics, expression, comparison, treatment of missing data,
    actions.
    """
    cloudwatch = deployment.client("cloudwatch")
    known = set(cloudwatch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members)
    before = metric_alarms(deployment)
    for key, alarm in before.items():
        quick = {
            **json.loads(json.dumps(alarm, default=str), object_hook=_shortened),
            "EvaluationPeriods": 1,
            "Threshold": thresholds.get(key, alarm["Threshold"]),
        }
        cloudwatch.put_metric_alarm(**{name: quick[name] for name in (quick.keys() & known) - _contrary(alarm)})
    after = metric_alarms(deployment)
    assert {key: _lasting(alarm) for key, alarm in after.items()} == {k: _lasting(a) for k, a in before.items()}


def _shortened(part: dict) -> dict:
    return {**part, "Period": PERIOD} if "Period" in part else part


def _contrary(alarm: dict) -> set[str]:
    """What PutMetricAlarm does not take together with the rest. (The emulator describes statistics that are none.)"""
    if "Metrics" in alarm:
        return {"DatapointsToAlarm", "Dimensions", "Statistic", "Period"}
    return {"DatapointsToAlarm"} | ({"Statistic"} if alarm.get("ExtendedStatistic") else set())


def _lasting(alarm: dict) -> dict:
    """What quickness leaves alone."""
    changed = {"Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold"}
    incidental = {name for name in alarm if name.startswith("State") or name.endswith("Timestamp")}
    whole = {name: value for name, value in alarm.items() if name not in changed | incidental | _contrary(alarm)}
    return json.loads(re.sub(r'"Period": \d+', '"Period": 0', json.dumps(whole)))


def metric_alarms(deployment: Deployment) -> dict[str, dict]:
    """As CloudWatch describes them, by the ends of their names."""
    pages = deployment.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    return {end_of(alarm["AlarmName"]): alarm for page in pages for alarm in page["MetricAlarms"]}


def in_alarm(deployment: Deployment) -> set[str]:
    """Return the alarms in ALARM, composite ones included, by the ends of their names."""
    pages = deployment.client("cloudwatch").get_paginator("describe_alarms")
    return {
        end_of(alarm["AlarmName"])
        for page in pages.paginate(AlarmTypes=BOTH, StateValue="ALARM")
        for alarm in page["MetricAlarms"] + page["CompositeAlarms"]
    }


def went_into_alarm(deployment: Deployment, since: datetime) -> set[str]:
    """Return the alarms that went into ALARM since then, by the ends of their names."""
    pages = deployment.client("cloudwatch").get_paginator("describe_alarm_history")
    return {
        end_of(item["AlarmName"])
        for page in pages.paginate(AlarmTypes=BOTH, HistoryItemType="StateUpdate", StartDate=since)
        for item in page["AlarmHistoryItems"]
        if item["HistorySummary"].endswith("to ALARM")
    }


class Alerts:
    """A queue subscribed to Alerts, as an operator's pager would be."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.url = subscribed_queue(deployment, deployment.outputs["AlertsTopicArn"])

    def take(self) -> list[tuple[str, str]]:
        """What came since the last time, oldest first: (end of the alarm's name, its new state)."""
        notices = [json.loads(message["Body"]) for message in receive_all(self.deployment, self.url)]
        return [(end_of(each["AlarmName"]), each["NewStateValue"]) for each in notices]


@contextmanager
def deaf_subscriber(deployment: Deployment, topic: str, dead_letters: str = "") -> Iterator[None]:
    """A queue that is subscribed to the topic of an output and whose policy refuses what it sends. `dead_letters`: the
    ARN of the queue that its subscription names for that; the queue itself, which refuses again, for "itself"."""
    sqs, sns = deployment.client("sqs"), deployment.client("sns")
    url = subscribed_queue(deployment, deployment.outputs[topic])
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=deployment.outputs[topic])["Subscriptions"]
    [own] = [each["SubscriptionArn"] for each in subscriptions if each["Endpoint"] == arn]
    if dead_letters:
        redrive = json.dumps({"deadLetterTargetArn": arn if dead_letters == "itself" else dead_letters})
        sns.set_subscription_attributes(SubscriptionArn=own, AttributeName="RedrivePolicy", AttributeValue=redrive)
    try:
        yield
    finally:
        sns.unsubscribe(SubscriptionArn=own)
        sqs.delete_queue(QueueUrl=url)


@contextmanager
def configured(deployment: Deployment, function: str, timeout: int | None = None, **variables: str) -> Iterator[None]:
    """The function with another timeout, and with more environment variables; its processes are replaced."""
    before = deployment.client("lambda").get_function_configuration(FunctionName=deployment.outputs[function])
    environment = {"Variables": {**before["Environment"]["Variables"], **variables}}
    with reconfigured(deployment, function, Timeout=timeout or before["Timeout"], Environment=environment):
        yield


@contextmanager
def without_concurrency(deployment: Deployment, function: str) -> Iterator[None]:
    """The function may not run at all."""
    functions, name = deployment.client("lambda"), deployment.outputs[function]
    before = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        if before is None:
            functions.delete_function_concurrency(FunctionName=name)
        else:
            functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=before)


@contextmanager
def worker_stopped(deployment: Deployment) -> Iterator[None]:
    """Disable the worker's event source: orders stay on the queue."""
    functions, name = deployment.client("lambda"), deployment.outputs["OrdersWorkerFunction"]
    [mapping] = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@contextmanager
def api_config(deployment: Deployment, **values: int) -> Iterator[None]:
    """api-config with other values, as an operator changes it."""
    ssm, name = deployment.client("ssm"), "/food-delivery/dev/api-config"
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.put_parameter(Name=name, Value=json.dumps({**json.loads(before), **values}), Overwrite=True)
    try:
        yield
    finally:
        ssm.put_parameter(Name=name, Value=before, Overwrite=True)
