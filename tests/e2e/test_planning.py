"""A plan shows what a deployment would do to a person, a program and a pull request, and changes nothing."""

import json
import os

import jsonschema
import pytest

from tests.e2e.project_kit import STACK, physical_ids, place, read, redeploy, stack_events, uploads
from tests.e2e.support import ROOT, edit, order_for
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("project")]

RETENTION = ("environments/dev.toml", "log_retention_days = 7", "log_retention_days = 14")
SCAN = (
    "generator/functions.py",
    "(dynamodb.GetItem, dynamodb.Query), ORDERS_TABLE",
    "(dynamodb.GetItem, dynamodb.Query, dynamodb.Scan), ORDERS_TABLE",
)
RENAMED = ('return f"${{AWS::StackName}}-{entry.title}"', 'return f"${{AWS::StackName}}-New{entry.title}"')
SORT_KEY = ("generator/data.py", '"timestamp"', '"acceptedAt"')


def change_sets(deployment) -> set[str]:
    summaries = deployment.client("cloudformation").list_change_sets(StackName=STACK)["Summaries"]
    return {summary["ChangeSetId"] for summary in summaries}


def test_a_plan_shows_old_and_new_values_permissions_and_cost_and_changes_nothing(project):
    project, deployment = project
    edit(project, *RETENTION)
    edit(project, *SCAN)
    before = stack_events(deployment), physical_ids(deployment), change_sets(deployment)
    said = redeploy(project, deployment, "--plan")
    assert said.returncode == 0, said.stdout + said.stderr
    assert 'RetentionInDays: "7" → "14"' in said.stdout
    assert "OrdersQueryRole may dynamodb:Scan on DataStack/OrdersTable.Arn  [broadens]" in said.stdout
    assert "at 3,500 orders a day" in said.stdout and "on demand $" in said.stdout
    assert "OrdersTable (AWS::DynamoDB::Table)" not in said.stdout, "nothing happens to it"

    machine = redeploy(project, deployment, "--plan", "--output", "json", "--detailed-exitcode")
    assert machine.returncode == 2, machine.stderr
    report = json.loads(machine.stdout)
    assert report["result"] == "planned"
    jsonschema.validate(report["plan"], json.loads((ROOT / "docs/plan.schema.json").read_text()))
    changed = {change["logicalId"]: change for change in report["plan"]["changes"]}
    assert changed["OrdersQueryLogs"]["differences"][0]["path"] == "RetentionInDays"
    assert report["plan"]["permissions"]["broadens"] == 1

    comment = redeploy(project, deployment, "--plan", "--output", "markdown", "--orders-per-day", "100000").stdout
    assert comment.startswith("#") and "OrdersQueryLogs" in comment and "100,000 orders a day" in comment
    assert (stack_events(deployment), physical_ids(deployment), change_sets(deployment)) == before


def test_a_plan_without_changes_has_its_own_exit_code(project):
    project, deployment = project
    done = redeploy(project, deployment, "--plan", "--output", "json", "--detailed-exitcode")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["plan"]["changes"] == []


def test_changed_code_uploads_one_object_and_changes_functions_in_place(project):
    project, deployment = project
    before, ids = uploads(deployment), physical_ids(deployment)
    edit(project, "contract/errors.py", "There is no such order.", "No order has this id.")
    done = redeploy(project, deployment)
    assert done.returncode == 0, done.stdout + done.stderr
    [key] = uploads(deployment).keys() - before.keys()
    assert key.startswith("packages/functions-")
    assert physical_ids(deployment) == ids


def test_a_resource_is_added_and_removed_again(project):
    project, deployment = project
    before = physical_ids(deployment)
    group = '    template.add_resource(__import__("troposphere.logs").logs.LogGroup("News"))\n'
    edit(
        project, "generator/data.py", "    files = template.add_resource(", f"{group}    files = template.add_resource("
    )
    added = redeploy(project, deployment)
    assert added.returncode == 0, added.stdout + added.stderr
    assert "+ News (AWS::Logs::LogGroup)" in added.stdout
    assert physical_ids(deployment).keys() - before.keys() == {"News"}

    edit(project, "generator/data.py", group, "")
    removed = redeploy(project, deployment)
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert "- News (AWS::Logs::LogGroup)" in removed.stdout
    assert physical_ids(deployment) == before


def test_a_table_that_would_be_replaced_is_kept_and_its_orders_with_it(project):
    project, deployment = project
    order, before = place(deployment), physical_ids(deployment)
    edit(project, *SORT_KEY)
    refused = redeploy(project, deployment)
    assert refused.returncode == 5, refused.stdout + refused.stderr
    assert "± OrdersTable (AWS::DynamoDB::Table)  DATA AT RISK" in refused.stdout
    assert "--allow-replace OrdersTable" in refused.stderr
    assert physical_ids(deployment) == before and read(deployment, order) == order


def test_a_queue_is_replaced_once_that_is_allowed_by_name_and_what_refers_to_it_follows(project):
    project, deployment = project
    before = physical_ids(deployment)
    edit(project, "generator/queue_resources.py", *RENAMED)
    assert redeploy(project, deployment).returncode == 5
    allowed = redeploy(project, deployment, "--allow-replace", "OrderQueue")
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr
    assert "allowed: DataStack/OrderQueue (AWS::SQS::Queue) would be replaced" in allowed.stdout
    assert physical_ids(deployment)["OrderQueue"] != before["OrderQueue"]
    with deployment.api() as api:
        placed = api.post("/orders/async", json={**order_for("CUST-1"), "orderId": f"REPLACED-{os.getpid()}"})
        assert placed.status_code == 202, placed.text
        eventually(lambda: api.get(f"/orders/REPLACED-{os.getpid()}").status_code == 200)
