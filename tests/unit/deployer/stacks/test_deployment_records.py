"""The history: what a version is, what is written, what is read, and which version is meant."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from config import names
from deployer.aws import session
from deployer.errors import Exit, Failure
from deployer.stacks import deployment_records
from deployer.stacks.deployment_records import Entry, Source

BUCKET = "food-delivery-artifacts-123456789012-us-east-1"
ACCOUNT = "123456789012"


def template(host="https://s3.us-east-1.amazonaws.com", child="a"):
    url = f"{host}/{BUCKET}/templates/{child}.yaml"
    return {
        "Parameters": {"FunctionsKey": {"Type": "String"}, "Secret": {"Type": "String", "NoEcho": True}},
        "Resources": {"Data": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}},
    }


def values(**more):
    return {
        "Environment": "dev",
        "FunctionsKey": "functions/1.zip",
        "LayerKey": "layer/1.zip",
        "ManageApiGatewayAccount": "true",
    } | more


def built(**more):
    bundle = SimpleNamespace(root=template(), root_key="templates/root.yaml")
    return SimpleNamespace(
        bundle=bundle, parameters=values(Secret="hush", **more), bucket=BUCKET, tags={"Project": "p"}
    )


@pytest.fixture
def aws(dev):
    with mock_aws():
        aws = session.connect(dev)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        yield aws


def test_a_version_is_its_content_for_any_host_and_account():
    standard = names.tags("dev")
    version = deployment_records.version_of(template(), values(), standard)
    assert version == deployment_records.version_of(
        template("http://127.0.0.1:4566"), values(ManageApiGatewayAccount="false"), standard
    )
    others = {
        deployment_records.version_of(template(child="b"), values(), standard),
        deployment_records.version_of(template(), values(FunctionsKey="functions/2.zip"), standard),
        deployment_records.version_of(template(), values(RateLimit="1"), standard),
        deployment_records.version_of(template(), values(), standard | {"CostCenter": "42"}),
    }
    assert len(others - {version}) == 4


def test_a_record_contains_all_but_secrets_and_is_read_back_unchanged(aws):
    source = Source(deployment_records.DEPLOY, "c0ffee", dirty=True)
    version = deployment_records.record(aws, built(), "arn:aws:iam::1:user/ada", source, 12.34, {"add": 3})
    [entry] = deployment_records.entries(aws, ACCOUNT, "dev")
    [read] = deployment_records.read(aws, ACCOUNT, [entry])
    assert (entry.version, read.version) == (version, version)
    assert read.source == source
    assert (read.who, read.seconds, read.changes) == ("arn:aws:iam::1:user/ada", 12.3, {"add": 3})
    assert read.packages == ["functions/1.zip", "layer/1.zip"] and read.tags == {"Project": "p"}
    body = aws.client("s3").get_object(Bucket=BUCKET, Key=entry.key)["Body"].read().decode()
    assert "hush" not in body and json.loads(body)["parameters"] == values()
    assert abs((datetime.now(UTC) - entry.when).total_seconds()) < 60


def test_the_record_of_a_deployment_that_an_alarm_rolled_back_names_the_alarm_and_has_a_key_of_another_form(aws):
    alarm = "food-delivery-dev-sync-path"
    deployment_records.record(aws, built(), "arn:ada", Source(), 90.0, {"modify": 1}, alarm)
    deployment_records.record(aws, built(RateLimit="1"), "arn:ada", Source(), 30.0, {"modify": 1})
    succeeded, rolled_back = deployment_records.entries(aws, ACCOUNT, "dev")
    read = deployment_records.read(aws, ACCOUNT, [succeeded, rolled_back])
    assert [each.rolled_back_by for each in read] == ["", alarm]
    assert deployment_records.deployed([succeeded, rolled_back]) == [succeeded]
    # What versions before this record took for a success: they must not return to it.
    released = re.compile(r"deployments/[^/]+/(\d{8}T\d{6}\.\d{6}Z)-([0-9a-f]{10})\.json")
    assert released.fullmatch(succeeded.key) and not released.fullmatch(rolled_back.key)


def test_a_version_that_an_alarm_rolled_back_is_not_the_one_before_but_can_be_named():
    newest, bad, oldest = entries(C, B, A)
    known = [newest, replace(bad, rolled_back=True), oldest]
    assert deployment_records.choose(known, None, C).version == A
    assert deployment_records.choose(known, B, C).version == B
    with pytest.raises(Failure, match="has no record"):
        deployment_records.choose(known, None, B)


def test_the_record_of_a_saved_plan_has_who_made_it_and_who_applied_it(aws):
    source = Source(planned_by="arn:aws:iam::1:user/ada")
    deployment_records.record(aws, built(), "arn:aws:iam::1:user/bob", source, 1.0, {"add": 1})
    [read] = deployment_records.read(aws, ACCOUNT, deployment_records.entries(aws, ACCOUNT, "dev"))
    assert (read.who, read.approved_by) == ("arn:aws:iam::1:user/ada", "arn:aws:iam::1:user/bob")
    assert read.source == Source(), "a rollback to it is no saved plan"


def test_the_newest_come_first_over_all_pages_and_other_objects_do_not_count(aws):
    keys = [
        f"deployments/dev/2026{month:02}01T000000.000000Z-{number:010x}.json" for number, month in enumerate((3, 1, 2))
    ]
    for key in (*keys, "deployments/dev/readme.txt", "deployments/dev-2/20260101T000000.000000Z-00000000ff.json"):
        aws.client("s3").put_object(Bucket=BUCKET, Key=key)
    assert [entry.version[-1] for entry in deployment_records.entries(aws, ACCOUNT, "dev")] == ["0", "2", "1"]


def test_without_a_bucket_there_is_no_history(dev):
    with mock_aws():
        assert deployment_records.entries(session.connect(dev), ACCOUNT, "dev") == []


def entries(*versions):
    """Newest first."""
    return [Entry(f"k{-number:04}", datetime(2026, 1, 1, tzinfo=UTC), v) for number, v in enumerate(versions)]


A, B, C = "aaaaaaaaaa", "abbbbbbbbb", "cccccccccc"


@pytest.mark.parametrize(
    "known, wanted, current, chosen",
    [
        ((C, B, A), None, C, B),
        ((C, B, A), None, B, A),  # a deployment since then failed, or was undone by other means
        ((C, C, B), None, C, B),
        ((A, B, A), None, A, B),  # after a rollback: the version before it
        ((C, B, A), "aa", C, A),
        ((C, B, A), C, C, C),
        ((C, B, A), C, "unknown", C),
    ],
)
def test_the_version_that_is_meant(known, wanted, current, chosen):
    assert deployment_records.choose(entries(*known), wanted, current).version == chosen


@pytest.mark.parametrize(
    "known, wanted, current, said",
    [
        ((C, B, A), "a", C, "more than one version begins with 'a'"),
        ((C, B, A), "d", C, "no version begins with 'd'"),
        ((C, B, A), "", C, "begins with ''"),
        ((A,), "", A, "begins with ''"),
        ((A, A), None, A, "no other version was deployed before"),
        ((B, A), None, C, "has no record"),
        ((), None, C, "has no record"),
    ],
)
def test_a_version_that_is_not_clear_is_answered_with_those_that_there_are(known, wanted, current, said):
    with pytest.raises(Failure, match=said) as failure:
        deployment_records.choose(entries(*known), wanted, current)
    assert failure.value.code is Exit.USAGE
    assert all(version in failure.value.hint for version in known)


@given(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=12))
def test_the_default_is_never_what_is_deployed_and_was_deployed_before_it(versions):
    known = entries(*versions)
    current = versions[0]
    if set(versions) == {current}:
        with pytest.raises(Failure):
            deployment_records.choose(known, None, current)
        return
    chosen = deployment_records.choose(known, None, current)
    assert chosen.version != current
    assert all(entry.version == current for entry in known[: known.index(chosen)])


def test_outside_a_checkout_there_is_no_commit(tmp_path):
    assert deployment_records.local_source(tmp_path) == Source()


WATCHED = {
    **{
        "version": "a" * 10,
        "environment": "dev",
        "when": "2026-01-01T00:00:00+00:00",
        "who": "arn:ana",
        "kind": "deploy",
    },
    **{"commit": "", "dirty": False, "root": "templates/r", "parameters": {}, "packages": [], "seconds": 4.0},
    "changes": {"add": 1},
}


@pytest.mark.parametrize(
    "document, seconds, changes",
    [
        (WATCHED, 4.0, {"add": 1}),
        (WATCHED | {"seconds": 0.0, "changes": {}}, None, None),
        (WATCHED | {"seconds": 3.0, "changes": {}}, 3.0, {}),
        (WATCHED | {"format": 2, "seconds": 0.0, "changes": {}}, 0.0, {}),
        (WATCHED | {"format": 2, "seconds": None, "changes": None}, None, None),
        (WATCHED | {"format": 2, "added": "within the format"}, 4.0, {"add": 1}),
        (WATCHED | {"format": 2, "rolled_back_by": "food-delivery-dev-sync-path"}, 4.0, {"add": 1}),
    ],
)
def test_a_record_of_any_format_is_read_and_unwatched_values_are_unknown(document, seconds, changes):
    found = deployment_records._parsed(json.dumps(document).encode())
    assert (found.seconds, found.changes) == (seconds, changes)
    assert found.rolled_back_by == document.get("rolled_back_by", "")
    assert found.approved_by == "", "written before plans were saved"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        json.dumps({"version": "x"}).encode(),
        json.dumps(WATCHED | {"format": 3}).encode(),
        json.dumps(WATCHED | {"format": "new"}).encode(),
        json.dumps(WATCHED | {"when": None}).encode(),
    ],
)
def test_a_record_of_a_later_format_and_what_is_no_record_are_no_crash(text):
    assert deployment_records._parsed(text) is None
