"""deploy.py against the local emulator: nothing to do, change in place, roll back, refuse, survive a restart."""

import json
import os
import signal

import pytest

from emulator import control
from tests.e2e.project_kit import physical_ids, place, read, redeploy, stack_events, uploads
from tests.e2e.support import copy_project, deploy, edit, order_for, start, stop
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("project")]


def test_a_second_deployment_has_nothing_to_do_and_uploads_nothing(project):
    project, deployment = project
    before = uploads(deployment), stack_events(deployment), physical_ids(deployment)
    done = redeploy(project, deployment)
    assert done.returncode == 0 and "Nothing to change" in done.stdout, done.stdout + done.stderr
    assert (uploads(deployment), stack_events(deployment), physical_ids(deployment)) == before


def test_the_outputs_file_holds_what_a_client_needs(project):
    _, deployment = project
    expected = {"ApiUrl", "ApiKeyId", "OrdersTableName", "AlertsTopicArn", "ApiKey", "EndpointUrl"}
    assert expected <= set(deployment.outputs)


def test_a_changed_handler_goes_live_in_place_and_the_orders_stay(project):
    project, deployment = project
    order, before = place(deployment), physical_ids(deployment)
    edit(project, "contract/errors.py", "There is no such order.", "No order by that id.")
    planned = redeploy(project, deployment, "--plan")
    assert planned.returncode == 0 and "OrdersQuery" in planned.stdout
    with deployment.api() as api:
        assert "no such order" in api.get("/orders/unknown").text
    done = redeploy(project, deployment)
    assert done.returncode == 0, done.stdout + done.stderr
    with deployment.api() as api:
        assert "No order by that id." in api.get("/orders/unknown").text
    assert read(deployment, order) == order
    assert physical_ids(deployment) == before
    again = redeploy(project, deployment)
    assert "Nothing to change" in again.stdout


def test_a_changed_setting_updates_the_table_in_place_and_the_orders_stay(project):
    project, deployment = project
    order, before = place(deployment), physical_ids(deployment)
    edit(project, "environments/dev.toml", "recovery_days = 7", "recovery_days = 9")
    edit(project, "environments/dev.toml", "log_retention_days = 7", "log_retention_days = 14")
    done = redeploy(project, deployment)
    assert done.returncode == 0, done.stdout + done.stderr
    backups = deployment.client("dynamodb").describe_continuous_backups(
        TableName=deployment.outputs["OrdersTableName"]
    )["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert backups["PointInTimeRecoveryStatus"] == "ENABLED"
    groups = deployment.client("logs").describe_log_groups(logGroupNamePrefix="/food-delivery/dev/")["logGroups"]
    assert {group["retentionInDays"] for group in groups} == {14}
    assert physical_ids(deployment) == before
    assert read(deployment, order) == order


def test_a_change_of_tags_alone_is_planned_and_deployed(project):
    root, deployment = project
    edit(
        root,
        "config/names.py",
        '{"Project": PROJECT, ',
        '{"CostCenter": "42", "Project": PROJECT, ',
    )
    done = deploy("--env", "dev", "--local", "--plan", local_dir=deployment.local_dir, project=root)
    assert 'tag CostCenter of the stack and all its resources: none → "42"' in done.stdout, done.stdout + done.stderr
    done = redeploy(root, deployment)
    assert done.returncode == 0 and "Verify" in done.stdout, done.stdout + done.stderr
    [stack] = deployment.client("cloudformation").describe_stacks(StackName="food-delivery-dev")["Stacks"]
    assert {"Key": "CostCenter", "Value": "42"} in stack["Tags"]
    assert "Nothing to change" in redeploy(root, deployment).stdout


def test_a_changed_list_of_origins_goes_live_for_preflights_answers_and_errors(project):
    project, deployment = project
    edit(project, "environments/dev.toml", '["*"]', '["https://shop.example", "https://partners.example"]')
    done = redeploy(project, deployment)
    assert done.returncode == 0, done.stdout + done.stderr
    ours, other = {"origin": "https://partners.example"}, {"origin": "https://evil.example"}
    with deployment.api() as api:
        allowed = api.options("/orders", headers=ours)
        assert allowed.headers["access-control-allow-origin"] == "https://partners.example"
        assert "access-control-allow-origin" not in api.options("/orders", headers=other).headers
        answered = api.post("/orders", json=order_for("CUST-1"), headers=ours)
        assert answered.headers["access-control-allow-origin"] == "https://partners.example"
        assert "access-control-allow-origin" not in api.post("/orders", json=order_for("CUST-1"), headers=other).headers
        refused = api.post("/orders", json={}, headers=ours)
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (
            400,
            "https://partners.example",
        )


def test_an_operators_feature_flags_are_never_overwritten(project):
    project, deployment = project
    ssm = deployment.client("ssm")
    name = "/food-delivery/dev/feature-flags"
    assert ssm.get_parameter(Name=name)["Parameter"]["Type"] == "SecureString"
    ssm.put_parameter(Name=name, Value='{"expressDelivery": true}', Type="SecureString", Overwrite=True)
    edit(project, "environments/dev.toml", "recovery_days = 7", "recovery_days = 9")
    assert redeploy(project, deployment).returncode == 0
    assert json.loads(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]) == {
        "expressDelivery": True
    }


def test_a_broken_template_stops_at_the_linter_before_anything_remote_changes(project):
    project, deployment = project
    before = uploads(deployment), stack_events(deployment)
    edit(project, "generator/data.py", "NEW_AND_OLD_IMAGES", "EVERYTHING")
    done = redeploy(project, deployment)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "OrdersTable: E3030 'EVERYTHING' is not one of" in done.stdout
    assert (uploads(deployment), stack_events(deployment)) == before


def test_orders_survive_a_stop_and_a_start(project):
    project, deployment = project
    order = place(deployment)
    stop(deployment.local_dir, project)
    again = start(deployment.local_dir, project)
    assert again.outputs == deployment.outputs, "the URL and the key are still good"
    assert read(again, order) == order
    assert place(again)["version"] == 1


def test_stopping_what_is_not_running_is_fine(tmp_path):
    assert deploy("--local", "--stop", local_dir=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "arguments, code, said",
    [
        (["--env", "nowhere", "--local", "--yes"], 2, "there is no environment 'nowhere'"),
        (["--yes"], 2, "--env"),
        (["--env", "dev", "--frobnicate"], 2, "--frobnicate"),
    ],
)
def test_a_users_mistake_gets_one_clear_line(tmp_path, arguments, code, said):
    done = deploy(*arguments, local_dir=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_malformed_toml_gets_one_clear_line(tmp_path):
    project = copy_project(tmp_path / "project")
    (project / "environments" / "dev.toml").write_text("[data\n")
    done = deploy("--env", "dev", "--local", "--yes", local_dir=tmp_path, project=project)
    assert done.returncode == 2 and "dev.toml: not valid TOML" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_terminal_and_without_yes_nothing_is_deployed(project):
    project, deployment = project
    edit(project, "environments/dev.toml", "recovery_days = 7", "recovery_days = 9")
    before = uploads(deployment), stack_events(deployment)
    done = deploy("--env", "dev", "--local", local_dir=deployment.local_dir, project=project)
    assert done.returncode == 5 and "--yes" in done.stderr
    assert (uploads(deployment), stack_events(deployment)) == before


def test_the_orders_survive_even_a_killed_emulator(project):
    project, deployment = project
    order = place(deployment)
    files = deployment.local_dir / "state"
    saved = f'"{order["orderId"]}"'.encode()
    eventually(lambda: any(saved in file.read_bytes() for file in files.rglob("*.json")), "the order is saved")
    os.kill(control.running(deployment.local_dir).pid, signal.SIGKILL)
    again = start(deployment.local_dir, project)
    assert read(again, order) == order
