"""Drift in every stack of an environment: found by starting a detection on each, for CloudFormation does not descend."""

import threading
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from deployer.stacks import tree
from deployer.stacks.reading import STACK
from deployer.stacks.tree import Stack
from operations.drift import detection
from operations.drift.detection import PropertyDifference, masked

QUEUE, ALARM = "AWS::SQS::Queue", "AWS::CloudWatch::Alarm"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def arn(name):
    return f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1"


def entry(name, status="UPDATE_COMPLETE"):
    return {"StackId": arn(name), "StackName": name, "CreationTime": MOMENT, "StackStatus": status}


def resource(logical_id, kind, physical_id="p"):
    return {
        "LogicalResourceId": logical_id,
        "ResourceType": kind,
        "PhysicalResourceId": physical_id,
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": MOMENT,
    }


def found(logical_id, status, kind=QUEUE, **more):
    return {
        "StackId": arn("x"),
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": f"physical-{logical_id}",
        "ResourceType": kind,
        "StackResourceDriftStatus": status,
        "Timestamp": MOMENT,
        **more,
    }


def difference(path, expected="1", actual="2", kind="NOT_EQUAL"):
    return {"PropertyPath": path, "ExpectedValue": expected, "ActualValue": actual, "DifferenceType": kind}


def stack(name="data", path="DataStack", **resources):
    return Stack(path, entry(name), {each: resource(each, kind) for each, kind in resources.items()})


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class CloudFormation:
    """Each stack's detection answers what its script says, one entry a call: an exception, a status or (status, reason)."""

    class exceptions:
        ClientError = ClientError

    def __init__(self, scripts, drifts=None):
        self.scripts, self.drifts = {name: list(script) for name, script in scripts.items()}, drifts or {}
        self.started, self.lock = [], threading.Lock()

    def client(self, name):
        assert name == "cloudformation"
        return self

    def _answer(self, name):
        with self.lock:
            answer = self.scripts[name].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def detect_stack_drift(self, StackName):
        name = StackName.split("/")[1]
        assert self._answer(name) == "started"
        self.started.append(name)
        return {"StackDriftDetectionId": name}

    def describe_stack_drift_detection_status(self, StackDriftDetectionId):
        answer = self._answer(StackDriftDetectionId)
        status, reason = answer if isinstance(answer, tuple) else (answer, "")
        return {"DetectionStatus": status, "DetectionStatusReason": reason, "StackDriftStatus": "UNKNOWN"}

    def describe_stack_resource_drifts(self, StackName):
        return {"StackResourceDrifts": self.drifts.get(StackName.split("/")[1], [])}


RUNNING, DONE, FAILED = (f"DETECTION_{status}" for status in ("IN_PROGRESS", "COMPLETE", "FAILED"))


def detect(cloudformation, *stacks, clock=None):
    progress = []
    result = detection.detect(cloudformation, list(stacks), 1.0, lambda *each: progress.append(each), clock or Clock())
    return result, progress


def refusal(code, message):
    return ClientError({"Error": {"Code": code, "Message": message}}, "DetectStackDrift")


# --- which stacks ---------------------------------------------------------------------------------


def test_the_tree_is_read_with_every_nested_stack_however_deep(aws):
    stub = aws.stub("cloudformation")
    for name, nested in (("root", ("Data", "data")), ("data", ("Deep", "deep")), ("deep", None)):
        if name != "root":
            stub.add_response("describe_stacks", {"Stacks": [entry(name)]}, {"StackName": arn(name)})
        own = [resource("Q", QUEUE), *([resource(nested[0], STACK, arn(nested[1]))] if nested else [])]
        stub.add_response(
            "list_stack_resources",
            {"StackResourceSummaries": own[:1], "NextToken": "t"},
            {"StackName": arn(name)},
        )
        stub.add_response(
            "list_stack_resources", {"StackResourceSummaries": own[1:]}, {"StackName": arn(name), "NextToken": "t"}
        )
    stacks = tree.read(aws, entry("root"))
    assert [(each.path, each.title) for each in stacks] == [("", "root"), ("Data", "Data"), ("Data/Deep", "Data/Deep")]
    assert [each.of_type(QUEUE) for each in stacks] == [{"Q": "p"}] * 3
    aws.done()


def test_drift_in_a_child_is_found_by_a_detection_of_its_own():
    root = stack("root", "", Data=STACK)
    child = stack(Orders=QUEUE, Alarm=ALARM, Bell=ALARM)
    cloudformation = CloudFormation(
        {"root": ["started", DONE], "data": ["started", RUNNING, RUNNING, DONE]},
        {"data": [found("Orders", "MODIFIED", PropertyDifferences=[difference("/B"), difference("/A", kind="ADD")])]},
    )
    (of_root, of_child), progress = detect(cloudformation, root, child)
    assert sorted(cloudformation.started) == ["data", "root"]
    assert (of_root.status, of_root.unchecked, of_root.in_sync) == ("IN_SYNC", {}, 0)
    assert of_child.status == "DRIFTED" and of_child.path == "DataStack"
    assert of_child.drifted[0].differences == (
        PropertyDifference("/A", "1", "2", "ADD"),
        PropertyDifference("/B", "1", "2", "NOT_EQUAL"),
    )
    assert of_child.unchecked == {ALARM: 2}
    assert progress == [(0, 2), (0, 2), (1, 2), (1, 2), (2, 2)]


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_failed_detection_says_why_and_what_it_did_find():
    cloudformation = CloudFormation(
        {"data": ["started", (FAILED, "Failed to detect drift on resources [B]")]},
        {"data": [found("A", "DELETED"), found("B", "UNKNOWN", DriftStatusReason="Access denied")]},
    )
    (result,), _ = detect(cloudformation, stack(A=QUEUE, B=QUEUE))
    assert result.problem == "Failed to detect drift on resources [B]"
    assert [(each.logical_id, each.status) for each in result.drifted] == [("A", "DELETED")]
    assert result.status == "DRIFTED" and result.unchecked == {}


def test_a_resource_that_could_not_be_compared_is_named_even_if_the_detection_says_nothing():
    result = detection.interpret(stack(B=QUEUE), [found("B", "UNKNOWN", DriftStatusReason="Access denied")])
    assert (result.problem, result.status) == ("could not be compared: B (Access denied)", "UNKNOWN")


def test_a_stack_in_the_middle_of_an_update_is_that_stack_s_problem_alone():
    busy = refusal("ValidationError", "Stack data is in UPDATE_IN_PROGRESS state")
    (broken, well), _ = detect(
        CloudFormation({"data": [busy], "api": ["started", DONE]}), stack(), stack("api", "ApiStack")
    )
    assert (broken.problem, broken.status) == ("Stack data is in UPDATE_IN_PROGRESS state", "UNKNOWN")
    assert (well.problem, well.status) == ("", "IN_SYNC")


def test_somebody_else_s_detection_is_waited_for_and_then_ours_is_started():
    busy = refusal("ValidationError", "Drift detection is already in progress for stack [data]")
    cloudformation = CloudFormation({"data": [busy, busy, "started", DONE]})
    (result,), _ = detect(cloudformation, stack())
    assert result.problem == "" and cloudformation.started == ["data"]


def test_throttled_looks_are_repeated():
    slow = refusal("Throttling", "Rate exceeded")
    cloudformation = CloudFormation({"data": [slow, "started", slow, RUNNING, slow, DONE]})
    (result,), _ = detect(cloudformation, stack())
    assert result.problem == "" and cloudformation.started == ["data"]


def test_a_missing_permission_is_raised():
    with pytest.raises(ClientError, match="not authorized"):
        detect(CloudFormation({"data": [refusal("AccessDenied", "not authorized")]}), stack())


def test_a_detection_that_does_not_end_is_not_waited_for_forever():
    clock = Clock()
    cloudformation = CloudFormation({"data": ["started", *[RUNNING] * 2000], "api": ["started", DONE]})
    (late, well), _ = detect(cloudformation, stack(), stack("api", "ApiStack"), clock=clock)
    assert "15 minutes" in late.problem and well.problem == ""
    assert detection.LIMIT < clock.now < detection.LIMIT + 5


# --- what was found -------------------------------------------------------------------------------


def test_all_pages_of_drifts_are_read(aws):
    stub = aws.stub("cloudformation")
    child = stack(A=QUEUE, B=QUEUE)
    stub.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"}, {"StackName": arn("data")})
    stub.add_response(
        "describe_stack_drift_detection_status",
        {
            "StackId": arn("data"),
            "StackDriftDetectionId": "d",
            "DetectionStatus": DONE,
            "StackDriftStatus": "DRIFTED",
            "Timestamp": MOMENT,
        },
        {"StackDriftDetectionId": "d"},
    )
    pages = (([found("A", "IN_SYNC")], "t"), ([], "u"), ([found("B", "DELETED")], None))
    token = {}
    for page, more in pages:
        stub.add_response(
            "describe_stack_resource_drifts",
            {"StackResourceDrifts": page} | ({"NextToken": more} if more else {}),
            {"StackName": arn("data")} | token,
        )
        token = {"NextToken": more}
    (result,), _ = detect(aws, child)
    assert result.in_sync == 1 and [each.logical_id for each in result.drifted] == ["B"]
    aws.done()


@given(
    st.dictionaries(
        st.text("ABCDE", min_size=1, max_size=3),
        st.sampled_from(["IN_SYNC", "MODIFIED", "DELETED", "UNKNOWN", "UNSUPPORTED", "NOT_CHECKED", None]),
    )
)
def test_every_resource_is_counted_once(statuses):
    """None: CloudFormation says nothing at all about it, as it does of types that it cannot look at."""
    own = stack(**dict.fromkeys(statuses, QUEUE))
    result = detection.interpret(own, [found(name, status) for name, status in statuses.items() if status])
    unknown = sum(status == "UNKNOWN" for status in statuses.values())
    counted = len(result.drifted) + result.in_sync + sum(result.unchecked.values()) + unknown
    assert counted == len(statuses)
    assert bool(result.problem) == bool(unknown)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/Environment/Variables/DB_PASSWORD", "hunter2"),
        ("/ApiKey/Value", "hunter2"),
        ("/SecretString", "hunter2"),
        ("/Environment/Variables", '{"STAGE":"dev","authToken":"hunter2"}'),
        ("/Tags/0", '{"client_secret" : "hunter2"}'),
    ],
)
def test_what_is_called_a_secret_is_not_shown(path, value):
    shown = masked(PropertyDifference(path, value, value, "NOT_EQUAL"))
    assert "hunter2" not in shown.expected + shown.actual
    assert shown.path == path


def test_what_only_speaks_of_secrets_is_shown():
    policy = '{"Action":["secretsmanager:GetSecretValue"],"Effect":"Allow"}'
    same = PropertyDifference("/PolicyDocument", policy, policy, "NOT_EQUAL")
    assert masked(same) == same
