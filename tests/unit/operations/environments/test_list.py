"""--environments: standing ones and previews, half made and failed ones, none of other projects, with owner and cost."""

import io
from datetime import UTC, datetime, timedelta

import pytest

import costs
from config import names
from config.environment import load
from config.parameters import from_environment
from costs.environments import tree
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import deployment_records, preview_records
from deployer.stacks.preview_records import Preview
from operations.environments import command

ACCOUNT = "123456789012"
BUCKET = names.artifact_bucket(ACCOUNT, "us-east-1")
ADA = f"arn:aws:sts::{ACCOUNT}:assumed-role/Deployer/ada"
NOW = datetime.now(UTC)


def entry(name, status="UPDATE_COMPLETE", like="", tags=None, **more):
    given = names.tags(name) if tags is None else tags
    parameters = from_environment(load(name, like=like or None)) if like or name in ("dev", "staging", "prod") else {}
    return {
        "StackId": f"arn:{name}",
        "StackName": names.root_stack(name),
        "StackStatus": status,
        "CreationTime": NOW - timedelta(days=2, hours=1),
        "Tags": [{"Key": key, "Value": value} for key, value in given.items()],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        **more,
    }


@pytest.fixture
def listed(bare, monkeypatch):
    """A function from DescribeStacks entries to the listed environments by name, and the screen."""
    aws = bare.aws
    aws.client("s3").create_bucket(Bucket=BUCKET)
    monkeypatch.setattr(deployment_records, "deployed_version", lambda aws, stack: "0123456789")

    def run(*pages, **options):
        paginator = type("Paged", (), {"paginate": lambda self: [{"Stacks": page} for page in pages]})
        with monkeypatch.context() as patched:
            patched.setattr(aws.client("cloudformation"), "get_paginator", lambda operation: paginator())
            screen = io.StringIO()
            report = command.run(Options(command="--environments", **options), Ui(screen), None)
        assert (report["account"], report["region"]) == (ACCOUNT, "us-east-1")
        return {each["name"]: each for each in report["environments"]}, screen.getvalue()

    run.aws = aws
    return run


def test_standing_environments_and_previews_are_listed_from_every_page(listed):
    expires = (NOW + timedelta(hours=30)).isoformat(timespec="seconds")
    preview_records.write(listed.aws, ACCOUNT, "pr-1", Preview("dev", expires, ADA))
    found, screen = listed([entry("dev")], [], [entry("pr-1", like="dev", status="CREATE_COMPLETE")])
    assert list(found) == ["dev", "pr-1"]
    assert found["pr-1"] == {
        "name": "pr-1",
        "like": "dev",
        "owner": ADA,
        "created": (NOW - timedelta(days=2, hours=1)).isoformat(),
        "expires": expires,
        "expired": False,
        "readable": True,
        "version": "0123456789",
        "status": "CREATE_COMPLETE",
        "costPerMonth": {
            "idle": round(float(costs.estimate(tree(load("pr-1", like="dev")), 0).total), 2),
            "loaded": round(float(costs.estimate(tree(load("pr-1", like="dev"))).total), 2),
        },
    }
    assert (found["dev"]["like"], found["dev"]["expires"], found["dev"]["expired"]) == (None, None, False)
    [row] = [line.split() for line in screen.splitlines() if line.strip().startswith("pr-1")]
    assert row[:3] == ["pr-1", "dev", "ada"] and "2 d 1 h" in screen and "in 1 d 5 h" in screen


def test_the_load_of_the_estimate_can_be_given(listed):
    found, screen = listed([entry("dev")], orders_per_day=0)
    assert found["dev"]["costPerMonth"]["idle"] == found["dev"]["costPerMonth"]["loaded"]
    assert "0 orders/day" in screen


def test_stacks_of_other_projects_and_nested_ones_are_left_out(listed):
    theirs = entry("website", tags={"Project": "website"})
    borrowed = entry("shop", tags=names.tags("dev"))
    nested = entry("dev-DataStack-1", tags=names.tags("dev"), ParentId="arn:dev")
    drafted = entry("website2", status="REVIEW_IN_PROGRESS", tags={})
    found, _ = listed([theirs, borrowed, nested, drafted, {**theirs, "StackName": "other"}])
    assert found == {}


@pytest.mark.parametrize(
    "status", ["DELETE_FAILED", "ROLLBACK_COMPLETE", "CREATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"]
)
def test_a_stack_in_any_state_is_listed_with_it(listed, status):
    found, screen = listed([entry("dev", status=status)])
    assert found["dev"]["status"] == status and status in screen


def test_a_deleted_stack_is_not_listed(listed):
    found, screen = listed([entry("dev", status="DELETE_COMPLETE")])
    assert found == {} and "No environment is deployed here." in screen


def test_a_change_set_that_was_never_executed_has_neither_version_nor_cost(listed):
    found, _ = listed([entry("dev", status="REVIEW_IN_PROGRESS", tags={})])
    assert (found["dev"]["version"], found["dev"]["costPerMonth"]) == ("", {"idle": None, "loaded": None})


def test_a_record_without_a_stack_is_listed_until_it_is_destroyed(listed):
    expires = (NOW - timedelta(hours=2)).isoformat(timespec="seconds")
    preview_records.write(listed.aws, ACCOUNT, "pr-1", Preview("dev", expires, ADA))
    listed.aws.client("s3").put_object(Bucket=BUCKET, Key=preview_records.key("pr-2"), Body=b"?")
    found, screen = listed([])
    assert (found["pr-1"]["status"], found["pr-1"]["expired"], found["pr-1"]["created"]) == ("", True, None)
    assert (found["pr-2"]["readable"], found["pr-2"]["expired"]) == (False, False)
    assert "not deployed" in screen and "expired 2 h" in screen and "unreadable" in screen


def test_the_owner_of_a_standing_environment_deployed_it_last(listed, monkeypatch):
    record = preview_records.Preview("", None, ADA)  # anything with `who`
    monkeypatch.setattr(deployment_records, "entries", lambda *where: ["newest", "older"])
    monkeypatch.setattr(deployment_records, "read", lambda aws, account, chosen: [record] * (chosen == ["newest"]))
    assert listed([entry("dev")])[0]["dev"]["owner"] == ADA


def test_parameters_of_another_version_do_not_matter_for_the_cost(listed):
    older = entry("dev")
    own = [each for each in older["Parameters"] if each["ParameterKey"] != "TraceDeliveries"]
    older["Parameters"] = [*own, {"ParameterKey": "Forgotten", "ParameterValue": "1"}]
    assert listed([older])[0]["dev"]["costPerMonth"]["idle"] > 0
    older["Parameters"] = [each for each in own if each["ParameterKey"] != "Environment"]
    assert listed([older])[0]["dev"]["costPerMonth"]["idle"] is None


def test_who_may_not_read_the_bucket_sees_the_stacks(listed, monkeypatch):
    def denied(*arguments, **more):
        raise listed.aws.client("s3").exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "Get")

    monkeypatch.setattr(preview_records, "read_all", denied)
    monkeypatch.setattr(deployment_records, "entries", denied)
    found, _ = listed([entry("dev")])
    assert (found["dev"]["status"], found["dev"]["owner"]) == ("UPDATE_COMPLETE", "")


def test_environments_in_several_regions_need_one_to_be_named(listed, monkeypatch):
    from deployer import connection

    def loaded(options):
        return load(options.env).model_copy(update={"region": "eu-west-1" if options.env == "staging" else "us-east-1"})

    monkeypatch.setattr(connection, "load_environment", loaded)
    with pytest.raises(Failure, match="dev, staging have different Regions or roles") as failure:
        listed([])
    assert (failure.value.code, failure.value.hint) == (Exit.USAGE, "name one: --like NAME")
    assert connection.load_home(Options(like="staging")).name == "staging"
    assert connection.load_home(Options("prod")).name == "prod"
    assert connection.load_home(Options(region="eu-west-1")).name == "dev"
