"""A deployment interrupted in any of its calls, before and after the service acted: the message is true."""

import re
from types import SimpleNamespace

import boto3
import pytest

from deployer.aws.sent import Sent
from deployer.errors import Exit, Failure
from tests.unit.deployer.commands.test_deploy import FLAGS, run, template, world  # noqa: F401

BUCKET = "food-delivery-artifacts-123456789012-us-east-1"
FIRST = (
    *("GetCallerIdentity", "DescribeStacks", "HeadBucket", "CreateBucket", "PutPublicAccessBlock"),
    *("PutBucketEncryption", "PutBucketVersioning", "PutBucketLifecycleConfiguration", "PutBucketPolicy"),
    *("HeadObject", "PutObject", "CreateChangeSet", "DescribeChangeSet", "PutParameter"),
    *("DescribeStackEvents", "ExecuteChangeSet", "ListStackResources", "ListChangeSets"),
)
"""The calls of a first deployment."""
BEFORE, AFTER = "before-send", "before-parse"
"""botocore's events: just before a request leaves, and when its answer is there but not read."""


@pytest.fixture
def fault(monkeypatch):
    """Interrupts the first call of `operation` at `moment`."""
    fault = SimpleNamespace(operation="", moment="", happened=False)
    watched = Sent.watched

    def faulty(sent, client):
        for moment in (BEFORE, AFTER):
            client.meta.events.register_first(moment, lambda event_name, moment=moment, **_: strike(event_name, moment))
        return watched(sent, client)

    def strike(event_name, moment):
        if not fault.happened and (event_name.rpartition(".")[2], moment) == (fault.operation, fault.moment):
            fault.happened = True
            raise KeyboardInterrupt

    monkeypatch.setattr(Sent, "watched", faulty)
    return fault


def account() -> SimpleNamespace:
    """What is there, by the services' own account."""
    clients = {name: boto3.client(name, "us-east-1") for name in ("s3", "ssm", "cloudformation")}
    bucket = BUCKET in [each["Name"] for each in clients["s3"].list_buckets()["Buckets"]]
    objects = clients["s3"].list_objects_v2(Bucket=BUCKET).get("Contents", []) if bucket else []
    uploaded = [each for each in objects if not each["Key"].startswith("deployments/")]
    stacks = clients["cloudformation"].describe_stacks()["Stacks"]
    flags = clients["ssm"].get_parameters(Names=[FLAGS])["Parameters"]
    waiting = [
        each
        for stack in stacks
        for each in clients["cloudformation"].list_change_sets(StackName=stack["StackName"])["Summaries"]
        if not each["ExecutionStatus"].startswith("EXECUTE_")
    ]
    return SimpleNamespace(
        bucket=bucket,
        uploaded=len(uploaded),
        flags=bool(flags),
        stack=next((stack["StackStatus"] for stack in stacks), ""),
        waiting=bool(waiting),
    )


def number(said: str, words: str) -> int:
    found = re.search(rf"{words} (\d+) object", said)
    return int(found[1]) if found else 0


def check(said: str, now: SimpleNamespace, before: SimpleNamespace) -> None:
    """The message claims no change that did not happen, and omits none that did."""
    if "nothing was changed" in said:
        assert now == before, said
    if "the stack was not changed" in said:
        assert now.stack == before.stack or "left" in said, said
    if re.search("stack food-delivery-dev is in", said):
        assert f"is in {now.stack}" in said
        return
    surely = number(said, "(?<!perhaps )uploaded")
    assert surely <= now.uploaded - before.uploaded <= surely + number(said, "perhaps uploaded"), said
    for changed, words in (
        (now.bucket != before.bucket, "made bucket"),
        (now.flags != before.flags, "wrote parameter"),
        (now.waiting or now.stack != before.stack, "left"),
    ):
        assert words in said if changed else not re.search(f"(?<!perhaps ){words}", said), said


def test_the_calls_are_those_of_a_first_deployment(world):  # noqa: F811
    run(world)
    assert set(FIRST) <= set(world.calls)
    assert {call for call in world.writes if call not in FIRST} == set()


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("operation", FIRST)
def test_interrupted_in_a_call_of_the_first_deployment(world, fault, operation, moment):  # noqa: F811
    before = account()
    fault.operation, fault.moment = operation, moment
    with pytest.raises(Failure) as failure:
        run(world)
    assert fault.happened and failure.value.code is Exit.INTERRUPTED
    check(failure.value.message, account(), before)


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("operation", ["PutObject", "CreateChangeSet", "PutParameter", "ExecuteChangeSet"])
def test_interrupted_in_a_call_of_an_update(world, fault, operation, moment):  # noqa: F811
    run(world)
    world.root, before = template("two"), account()
    fault.operation, fault.moment = operation, moment
    with pytest.raises(Failure) as failure:
        run(world)
    assert fault.happened and failure.value.code is Exit.INTERRUPTED
    check(failure.value.message, account(), before)
    assert run(world)["result"] in ("deployed", "unchanged"), "the same command again ends it"


def test_a_refusal_after_the_upload_says_what_was_uploaded(world):  # noqa: F811
    run(world)
    world.root = template(table=False)
    with pytest.raises(Failure) as failure:
        run(world)
    assert failure.value.message.endswith("; the stack was not changed, but this run uploaded 1 object")
    with pytest.raises(Failure, match=r"; nothing was changed$"):
        run(world)  # it is there by now
