"""`--status`: one look at stacks, version, drift, alarms, dead letters and settings; it starts and changes nothing."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployer import connection
from deployer.options import Options
from deployer.plan import cfn_yaml
from deployer.show.ui import Ui
from deployer.stacks import alarms, deployment_records, tree
from deployer.stacks.tree import Stack
from operations.status import command

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
TEMPLATE = "Resources: {}\n"
PARAMETERS = {"FunctionsKey": f"packages/functions-{'f' * 64}.zip", "LayerKey": f"packages/layer-{'a' * 64}.zip"}
PREFIX = "food-delivery-dev-"


def ago(**time):
    return NOW - timedelta(**time)


def entry(name="food-delivery-dev", status="UPDATE_COMPLETE", drift=None, **more):
    known = {"StackDriftStatus": "NOT_CHECKED"} if drift is None else drift
    return {
        "StackId": f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1",
        "StackName": name,
        "StackStatus": status,
        "CreationTime": ago(days=3),
        "LastUpdatedTime": ago(hours=2),
        "DriftInformation": known,
        **more,
    }


ROOT = entry(
    Outputs=[{"OutputKey": "ApiUrl", "OutputValue": "https://api/dev"}],
    Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
)


def alarm(name, state="OK", **more):
    return {
        "AlarmName": PREFIX + name,
        "StateValue": state,
        "StateUpdatedTimestamp": ago(minutes=1),
        "StateTransitionedTimestamp": ago(minutes=30),
        "StateReason": f"why {name}",
        "ActionsEnabled": True,
        **more,
    }


def queue(name):
    return {"LogicalResourceId": name, "ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": f"https://sqs/{name}"}


class Frozen(datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


class World:
    def __init__(self, aws):
        self.aws, self.stacks, self.queues, self.pages = aws, [], {}, [{}]
        self.settings = {"api-config": '{"maxPageSize": 100}', "feature-flags": '{"expressDelivery": true, "a": 20}'}
        self.template, self.denied = TEMPLATE, set()

    def _answer(self, service, operation, answer, expected):
        stub = self.aws.stub(service)
        if service in self.denied:
            stub.add_client_error(operation, "AccessDenied", f"not authorized to perform: {service}:Read", 403)
        else:
            stub.add_response(operation, answer, expected)

    def run(self):
        self._answer(
            "cloudformation",
            "get_template",
            {"TemplateBody": self.template},
            {"StackName": ROOT["StackId"], "TemplateStage": "Original"},
        )
        asked = {"AlarmNamePrefix": PREFIX, "AlarmTypes": ["CompositeAlarm", "MetricAlarm"]}
        for at, page in enumerate(self.pages):
            more = {"NextToken": str(at + 1)} if at + 1 < len(self.pages) else {}
            self._answer("cloudwatch", "describe_alarms", page | more, asked | ({"NextToken": str(at)} if at else {}))
        paths = {f"/food-delivery/dev/{name}": value for name, value in self.settings.items()}
        self._answer(
            "ssm",
            "get_parameters",
            {"Parameters": [{"Name": name, "Value": value} for name, value in paths.items()]},
            {"Names": ["/food-delivery/dev/api-config", "/food-delivery/dev/feature-flags"], "WithDecryption": True},
        )
        sqs = self.aws.client("sqs")
        sqs.get_queue_attributes = lambda QueueUrl, AttributeNames: {"Attributes": self.queues[QueueUrl]}
        said = io.StringIO()
        return command.run(Options("dev"), Ui(said), Path()), said.getvalue()

    def put(self, name, waiting=0, in_flight=0, **more):
        self.queues[f"https://sqs/{name}"] = {
            "QueueArn": f"arn:{name}",
            "ApproximateNumberOfMessages": str(waiting),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            **more,
        }


@pytest.fixture
def world(aws, monkeypatch):
    world = World(aws)
    data = {name: queue(name) for name in ("OrderQueue", "OrderQueueDLQ", "OrderImportDLQ")}
    world.stacks = [Stack("", ROOT, {}), Stack("DataStack", entry("data"), data)]
    world.put("OrderQueue", 5, RedrivePolicy='{"deadLetterTargetArn": "arn:OrderQueueDLQ"}')
    world.put("OrderQueueDLQ")
    world.put("OrderImportDLQ")
    monkeypatch.setattr(connection, "deployed", lambda *arguments: (aws, ROOT))
    monkeypatch.setattr(tree, "read", lambda *arguments: world.stacks)
    monkeypatch.setattr(command, "datetime", Frozen)
    return world


def test_a_healthy_environment_is_told_in_one_screen(world):
    world.pages = [{"MetricAlarms": [alarm("x")], "CompositeAlarms": [alarm("path")]}]
    report, said = world.run()
    assert len(said.splitlines()) <= 12 and max(map(len, said.splitlines())) <= 110
    for expected in (
        "Alarms: 2 OK, 0 in alarm, 0 without enough data",
        "Dead letters: none in 2 queues",
        "feature-flags: a 20, expressDelivery true",
        "api-config: maxPageSize 100",
        "API: https://api/dev",
        "No drift detection was started",
    ):
        assert expected in said
    assert report["result"] == "read" and "exitCode" not in report and report["unreadable"] == {}
    world.aws.done()


def test_the_version_is_the_content_that_is_deployed(world):
    report, said = world.run()
    version = deployment_records.version_of(cfn_yaml.load(TEMPLATE), PARAMETERS, {})
    assert report["version"] == {"id": version, "functions": "f" * 12, "layer": "a" * 12}
    assert f"Version: id {version}, functions {'f' * 12}, layer {'a' * 12}" in said


def test_stacks_are_told_with_their_status_and_why_it_is_not_good(world):
    world.stacks += [
        Stack("ApiStack", entry("api", "UPDATE_ROLLBACK_COMPLETE", StackStatusReason="Stage\n failed"), {}),
        Stack("New", {**entry("new", "CREATE_COMPLETE"), "LastUpdatedTime": None}, {}),
    ]
    report, said = world.run()
    assert "! ApiStack: Stage failed" in said
    rows = {line.split()[0]: line.split() for line in said.splitlines() if "_COMPLETE" in line}
    assert rows["ApiStack"][1:5] == ["UPDATE_ROLLBACK_COMPLETE", "2", "h", "ago"]
    assert rows["New"][1:5] == ["CREATE_COMPLETE", "3", "d", "ago"]
    assert report["stacks"][2]["lastOperation"] == ago(hours=2).isoformat()


def test_drift_is_what_the_last_detection_of_each_stack_said_and_how_old_that_is(world):
    def looked(status, **time):
        return {"StackDriftStatus": status, "LastCheckTimestamp": ago(**time)}

    world.stacks = [
        Stack("Deduplicator", entry("f", drift=looked("DRIFTED", minutes=5)), {}),
        Stack("Stale", entry("s", drift=looked("IN_SYNC", hours=5)), {}),
        Stack("Never", entry("n"), {}),
    ]
    report, said = world.run()
    rows = {line.split()[0]: line.strip() for line in said.splitlines() if "_COMPLETE" in line}
    assert rows["Deduplicator"].endswith("DRIFTED 5 min ago")
    assert rows["Stale"].endswith("IN_SYNC 5 h ago, older than its last change")
    assert rows["Never"].endswith("NOT_CHECKED")
    drift = [stack["drift"] for stack in report["stacks"]]
    assert drift[0] == {"status": "DRIFTED", "checked": ago(minutes=5).isoformat()}
    assert drift[2] == {"status": "NOT_CHECKED", "checked": None}


def test_alarms_of_all_pages_count_and_those_that_ring_are_listed_the_composite_ones_first(world):
    world.pages = [
        {"MetricAlarms": [alarm("a", "ALARM"), alarm("b")], "CompositeAlarms": []},
        {"MetricAlarms": [alarm("c", "INSUFFICIENT_DATA", ActionsEnabled=False)]},
        {"CompositeAlarms": [alarm("z-path", "ALARM", ActionsEnabled=True)]},
    ]
    report, said = world.run()
    assert "Alarms: 1 OK, 2 in alarm, 1 without enough data" in said
    shown = [line.strip() for line in said.splitlines()]
    at = next(place for place, line in enumerate(shown) if "z-path" in line)
    assert shown[at].startswith("!! food-delivery-dev-z-path (composite), since ") and shown[at].endswith(" 30 min ago")
    assert shown[at + 1] == "why z-path"
    assert shown[at + 2].startswith("!! food-delivery-dev-a, since ")
    assert f"! actions are disabled, so these alarms do not notify: {PREFIX}c" in said
    assert report["alarms"]["counts"] == {"OK": 1, "ALARM": 2, "INSUFFICIENT_DATA": 1}
    assert [each["name"] for each in report["alarms"]["inAlarm"]] == [f"{PREFIX}z-path", f"{PREFIX}a"]
    assert report["alarms"]["withoutData"] == report["alarms"]["silenced"] == [f"{PREFIX}c"]
    world.aws.done()


def test_an_older_answer_without_the_time_of_transition_is_good_enough():
    plain = {**alarm("a"), "StateTransitionedTimestamp": None}
    [read] = alarms.parsed({"MetricAlarms": [plain]})
    assert read.since == ago(minutes=1)


def test_dead_letters_are_counted_those_being_read_included_and_ordinary_queues_are_not(world):
    world.put("OrderQueueDLQ", 2, 1)
    report, said = world.run()
    assert "Dead letters: about 3 in OrderQueueDLQ; --dlq OrderQueueDLQ shows them" in said
    assert "OrderQueue;" not in said and "OrderImportDLQ" not in said
    assert sorted(each["queue"] for each in report["deadLetterQueues"]) == ["OrderImportDLQ", "OrderQueueDLQ"]
    assert {"queue": "OrderQueueDLQ", "waiting": 2, "inFlight": 1} in report["deadLetterQueues"]


@pytest.mark.parametrize(
    ("service", "part"), [("cloudwatch", "alarms"), ("ssm", "settings"), ("cloudformation", "version")]
)
def test_a_part_that_may_not_be_read_is_named_and_the_rest_is_shown(world, service, part):
    world.denied = {service}
    report, said = world.run()
    assert report["unreadable"] == {part: f"missing permission: {service}:Read"}
    assert f"! {part}: missing permission" in said and "Dead letters: none" in said
    assert "exitCode" not in report


def test_a_setting_that_is_no_document_or_not_there_breaks_nothing(world):
    world.settings = {"feature-flags": "oops"}
    report, _ = world.run()
    assert report["settings"] == {"feature-flags": {"not a JSON object": True}}


def test_a_template_that_was_sent_as_json_has_a_version_too(world):
    """botocore reads JSON, and JSON alone, out of GetTemplate's answer."""
    world.template = '{"b": 1, "a": 2}'
    assert world.run()[0]["version"]["id"] == deployment_records.version_of({"a": 2, "b": 1}, PARAMETERS, {})
