"""--history and --rollback against an account in memory; records never fail a deployment."""

import json

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from config import names, parameters
from config.environment import load
from deployer.artifacts import bucket
from deployer.aws import session
from deployer.commands import history as command
from deployer.commands import rollback
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.plan.changes import Action, Change, Difference, Plan
from deployer.preflight import account_state as preflight
from deployer.show import history_view
from deployer.show.ui import Ui
from deployer.stacks import deployment_records, recovery
from tests.unit.deployer.commands.test_deploy import run, stacks, template
from tests.unit.deployer.commands.test_deploy import world as world  # the fixture

BUCKET = "food-delivery-artifacts-123456789012-us-east-1"


def ui(world):
    return Ui(world.said, interactive=False)


def shown(world) -> dict:
    return command.run(Options("dev"), ui(world), world.path)


def back(world, version=None, **options) -> dict:
    return rollback.run(Options("dev", version=version, **{"yes": True} | options), ui(world), world.path)


def deployed() -> str:
    body = boto3.client("cloudformation", "us-east-1").get_template(StackName="food-delivery-dev")["TemplateBody"]
    return (body if isinstance(body, dict) else json.loads(body))["Resources"]["Topic"]["Properties"]["DisplayName"]


def deploy(world, *levels):
    for level in levels:
        world.root = template(level)
        assert run(world)["result"] == "deployed"


def test_every_deployment_is_listed_and_the_current_one_marked(world):
    deploy(world, "one", "two")
    report = shown(world)
    assert [entry["current"] for entry in report["deployments"]] == [True, False]
    assert report["recorded"] and report["current"] == report["deployments"][0]["version"]
    assert "<- deployed now" in world.said.getvalue()


def test_a_saved_plan_is_listed_with_who_made_it_and_who_approved_it(world):
    deployment = deployment_records.Deployment(
        *("a" * 10, "dev", "2026-01-01T00:00:00+00:00", "arn:aws:iam::1:user/ada", "deploy", "", False, "r", {}, []),
        *(1.0, {"add": 1}, {}),
        approved_by="arn:aws:iam::1:assumed-role/Release/bob",
    )
    history_view.show(ui(world), [deployment], None, None)
    assert "user/ada, approved by assumed-role/Release/bob" in world.said.getvalue()


def test_a_deployment_by_other_means_is_reported(world):
    deploy(world, "one")
    cloudformation = boto3.client("cloudformation", "us-east-1")
    given = [{"ParameterKey": p["ParameterKey"], "UsePreviousValue": True} for p in stacks()[0]["Parameters"]]
    cloudformation.update_stack(StackName="food-delivery-dev", TemplateBody=template("by hand"), Parameters=given)
    report = shown(world)
    assert not report["recorded"] and not any(entry["current"] for entry in report["deployments"])
    assert "was not deployed by this tool" in world.said.getvalue()


def unreachable(*arguments):
    raise EndpointConnectionError(endpoint_url="https://s3")


def test_a_record_that_cannot_be_written_is_a_warning_and_written_by_the_next_run(world, monkeypatch):
    write = deployment_records.record
    monkeypatch.setattr(deployment_records, "record", unreachable)
    deploy(world, "one")
    assert "could not be written" in world.said.getvalue() and shown(world)["deployments"] == []
    monkeypatch.setattr(deployment_records, "record", write)
    assert run(world)["result"] == "unchanged"
    report = shown(world)
    assert report["recorded"] and (report["deployments"][0]["seconds"], report["deployments"][0]["changes"]) == (
        None,
        None,
    )
    assert world.said.getvalue().rstrip().endswith("unknown  unknown  <- deployed now")
    assert run(world)["result"] == "unchanged" and len(shown(world)["deployments"]) == 1


def test_a_record_of_a_later_version_is_named_and_not_rolled_back_to(world):
    deploy(world, "one", "two")
    s3 = boto3.client("s3", "us-east-1")
    [newest, oldest] = deployment_records.entries(session.connect(load("dev")), "123456789012", "dev")
    s3.put_object(Bucket=BUCKET, Key=oldest.key, Body=b'{"format": 99}')
    report = shown(world)
    assert [each["version"] for each in report["deployments"]] == [newest.version]
    assert report["unreadable"] == [oldest.key] and f"the record of {oldest.version}" in world.said.getvalue()
    with pytest.raises(Failure, match=r"cannot be read by this version; nothing was changed$") as failure:
        back(world)
    assert failure.value.code is Exit.REFUSED


def test_a_plan_of_nothing_writes_no_record(world, monkeypatch):
    write = deployment_records.record
    monkeypatch.setattr(deployment_records, "record", unreachable)
    deploy(world, "one")
    monkeypatch.setattr(deployment_records, "record", write)
    assert run(world, plan=True)["result"] == "unchanged"
    assert shown(world)["deployments"] == []


def test_rollback_and_rollback_of_it_need_no_local_templates(world):
    deploy(world, "one", "two")
    world.root = "no template at all"
    assert back(world)["result"] == "rolled back" and deployed() == "one"
    newest = shown(world)["deployments"][0]
    assert (newest["kind"], newest["current"]) == ("rollback", True)
    assert back(world)["result"] == "rolled back" and deployed() == "two"


def test_a_rollback_moves_all_requests_at_once_and_is_the_version_that_it_was(world, monkeypatch):
    configured = parameters.from_environment
    gradual = {"Shift": "Canary10Percent5Minutes"}
    monkeypatch.setattr(parameters, "from_environment", lambda environment: configured(environment) | gradual)
    deploy(world, "one", "two")
    assert back(world)["result"] == "rolled back"
    assert {"ParameterKey": "Shift", "ParameterValue": "AllAtOnce"} in stacks()[0]["Parameters"]
    newest, _, first = shown(world)["deployments"]
    assert (newest["version"], newest["current"]) == (first["version"], True)


def records() -> list[deployment_records.Deployment]:
    """Newest first. Their tags are compared, since moto does not update a stack's."""
    aws = session.connect(load("dev"))
    entries = deployment_records.entries(aws, "123456789012", "dev")
    return deployment_records.read(aws, "123456789012", entries)


def recorded_tags() -> list[dict[str, str]]:
    return [dict(each.tags) for each in records()]


def test_a_rollback_restores_the_tags_of_the_record(world, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(names, "tags", lambda environment: {"CostCenter": "42"})
        deploy(world, "one")
    deploy(world, "two")
    assert back(world, records()[-1].version)["result"] == "rolled back"
    assert recorded_tags() == [{"CostCenter": "42"}, names.tags("dev"), {"CostCenter": "42"}]


def test_a_record_without_tags_is_rolled_back_to_with_the_standard_ones(world):
    deploy(world, "one", "two")
    s3 = boto3.client("s3", "us-east-1")
    oldest = deployment_records.entries(session.connect(load("dev")), "123456789012", "dev")[-1]
    record = json.loads(s3.get_object(Bucket=BUCKET, Key=oldest.key)["Body"].read())
    del record["tags"]
    s3.put_object(Bucket=BUCKET, Key=oldest.key, Body=json.dumps(record))
    assert back(world)["result"] == "rolled back"
    assert recorded_tags() == [names.tags("dev")] * 2 + [{}]


def test_a_plan_of_a_rollback_changes_nothing(world):
    deploy(world, "one", "two")
    world.writes.clear()
    assert back(world, plan=True)["result"] == "planned"
    assert deployed() == "two" and "ExecuteChangeSet" not in world.writes and "PutObject" not in world.writes


def test_a_rollback_that_would_delete_data_is_refused_like_any_deployment(world):
    world.root = template("one", table=False)
    run(world)
    world.root = template("two")
    run(world)
    with pytest.raises(Failure) as failure:
        back(world)
    assert failure.value.code is Exit.REFUSED and "--allow-replace Orders" in failure.value.hint
    assert deployed() == "two"


@pytest.mark.parametrize("part", ["root", "package"])
def test_a_version_with_a_missing_part_is_refused_before_any_write(world, part):
    deploy(world, "one", "two")
    old = shown(world)["deployments"][1]
    key = old["rootTemplate"] if part == "root" else old["packages"][0]
    boto3.client("s3", "us-east-1").delete_object(Bucket=BUCKET, Key=key)
    world.writes.clear()
    with pytest.raises(Failure, match="no longer exists") as failure:
        back(world)
    assert failure.value.code is Exit.REFUSED and key in failure.value.message and world.writes == []


def test_a_template_that_does_not_match_its_key_is_refused(world):
    deploy(world, "one", "two")
    key = shown(world)["deployments"][1]["rootTemplate"]
    boto3.client("s3", "us-east-1").put_object(Bucket=BUCKET, Key=key, Body=template("forged").encode())
    with pytest.raises(Failure, match="was changed after its upload"):
        back(world)


def test_a_rollback_to_the_current_version_changes_nothing(world):
    deploy(world, "one")
    assert back(world, shown(world)["current"])["result"] == "unchanged"


def test_without_a_deployment_there_is_nothing_to_roll_back(world):
    with pytest.raises(Failure, match="nothing to roll back") as failure:
        back(world)
    assert failure.value.code is Exit.PREFLIGHT


def test_ownership_of_the_shared_role_is_decided_by_the_account_s_current_state(world, monkeypatch):
    for level, has_role in (("one", True), ("two", False)):  # of another project; then none, so this stack creates it
        monkeypatch.setattr(preflight, "has_gateway_role", lambda aws, has_role=has_role: has_role)
        deploy(world, level)
    monkeypatch.setattr(preflight, "has_gateway_role", lambda aws: True)
    back(world)
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in stacks()[0]["Parameters"]}
    assert parameters["ManageApiGatewayAccount"] == "true", "once ours it stays ours"


def test_the_environment_must_be_deployed_to_have_a_history(world):
    with pytest.raises(Failure, match="is not deployed"):
        shown(world)


def test_a_blocked_stack_is_recovered_first(world, monkeypatch):
    deploy(world, "one", "two")
    stuck = {**stacks()[0], "StackStatus": "UPDATE_ROLLBACK_FAILED"}
    monkeypatch.setattr(
        preflight, "check", lambda *_: preflight.AccountState("123456789012", "arn:x:user/ana", stuck, True)
    )
    monkeypatch.setattr(recovery, "blocked", lambda *_: [])
    with pytest.raises(Failure, match="UPDATE_ROLLBACK_FAILED") as failure:
        back(world, plan=True)
    assert "offers to continue the rollback" in failure.value.hint and deployed() == "two"


def test_a_deployment_that_an_alarm_rolled_back_names_it(world, monkeypatch):
    deploy(world, "one")
    write = deployment_records.record
    alarm = "food-delivery-dev-api-path"
    monkeypatch.setattr(deployment_records, "record", lambda *given: write(*given[:-1], alarm))
    deploy(world, "two")
    assert shown(world)["deployments"][0]["rolled_back_by"] == alarm
    assert f"rolled back by alarm {alarm}" in world.said.getvalue()


def test_a_pruned_version_is_marked_and_refused(world):
    deploy(world, "one", "two")
    old = shown(world)["deployments"][1]
    assert not old["pruned"]
    boto3.client("s3", "us-east-1").delete_object(Bucket=BUCKET, Key=old["rootTemplate"])
    assert [entry["pruned"] for entry in shown(world)["deployments"]] == [False, True]
    with pytest.raises(Failure, match="no longer exists") as failure:
        back(world)
    assert failure.value.code is Exit.REFUSED and "--prune" in failure.value.hint


def test_whether_versions_were_pruned_may_stay_unknown(world, monkeypatch):
    deploy(world, "one")
    monkeypatch.setattr(bucket, "artifacts", unreachable)
    assert shown(world)["deployments"][0]["pruned"] is False
    assert "which versions were pruned is unknown" in world.said.getvalue()


def test_a_release_counts_the_functions_that_it_publishes_as_the_plan_does():
    def change(kind, logical_id, action, *properties):
        return Change((), logical_id, kind, action, tuple(Difference((name,), "a", "b") for name in properties))

    plan = Plan(
        (
            change("AWS::Lambda::Version", "AVersion", Action.REPLACE),
            change("AWS::Lambda::Alias", "AAlias", Action.MODIFY, "FunctionVersion"),
            change("AWS::Lambda::Function", "AFunction", Action.MODIFY, "Code"),
            change("AWS::SQS::Queue", "Queue", Action.REPLACE),
        )
    )
    assert command._counted(plan) == {"modify": 1, "replace": 1, "publish": 1}
