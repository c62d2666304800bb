"""Deployments that fail: the true cause, where it stands, what state everything is in, what to type next."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.project_kit import physical_ids, place, read, redeploy, uploads
from tests.e2e.support import edit, start

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("project")]

LOST = ("generator/compute.py", 'S3Key=Ref("FunctionsKey")', 'S3Key="packages/lost.zip"')
# Lambda refuses it, and nothing is published for it.
NO_WINDOW = ("generator/functions.py", 'batch_size=Ref("WorkerBatchSize")', "batch_size=50")
PLACE = re.compile(r"at templates/(\w+)\.yaml:(\d+), made by (generator/\w+\.py):(\d+) (\w+)")


@contextlib.contextmanager
def edited(project, *edits: tuple[str, str, str]) -> Iterator[None]:
    for file, old, new in edits:
        edit(project, file, old, new)
    try:
        yield
    finally:
        for file, old, new in edits:
            edit(project, file, new, old)


def said_by(done, code: int) -> str:
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def rendered(project, template: str) -> list[str]:
    program = f"from generator.render import render; print(render()[{template!r}])"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def check_cause(project, said: str, status: str) -> None:
    """The lost package is reported first, with the line that names it."""
    first, message, place, remedy = said[
        said.index("ComputeStack/OrdersCommandFunction (AWS::Lambda::Function), ") :
    ].splitlines()[:4]
    assert first == f"ComputeStack/OrdersCommandFunction (AWS::Lambda::Function), Code/S3Key: {status}"
    assert "NoSuchKey" in message and "Resource handler returned" not in message
    template, line, file, made, function = PLACE.search(place).groups()
    assert rendered(project, template)[int(line) - 1].split() == ["S3Key:", "packages/lost.zip"]
    source = (project / file).read_text().splitlines()
    assert source[int(made) - 1].strip() == "return awslambda.Function(" and f"def {function}(" in "\n".join(source)
    assert "artifact bucket" in remedy
    assert "not successfully" not in said[said.index(message) :], "a parent's echo"


def log_groups(deployment, env: str) -> list[dict]:
    return deployment.client("logs").describe_log_groups(logGroupNamePrefix=f"/food-delivery/{env}/")["logGroups"]


def test_a_failed_update_of_a_child_rolls_back_everywhere_and_reports_the_cause(project):
    project, deployment = project
    order, before = place(deployment), physical_ids(deployment)
    retention = ("environments/dev.toml", "log_retention_days = 7", "log_retention_days = 14")
    with edited(project, LOST, retention):
        said = said_by(redeploy(project, deployment), 1)
        check_cause(project, said, "UPDATE_FAILED")
    assert "the stack is rolled back to its previous state" in said
    assert re.search(r"UPDATE_ROLLBACK_COMPLETE +ComputeStack, the root stack", said)
    assert said.rstrip().endswith("correct the cause, then: python deploy.py --env dev --local")
    assert {group["retentionInDays"] for group in log_groups(deployment, "dev")} == {7}
    assert physical_ids(deployment) == before
    assert read(deployment, order) == order
    assert "Nothing to change" in said_by(redeploy(project, deployment), 0)


def test_a_failed_first_deployment_reports_the_cause_leaves_nothing_behind_and_can_be_repeated(project):
    project, deployment = project
    (project / "environments" / "second.toml").write_text((project / "environments" / "dev.toml").read_text())
    tables = deployment.client("dynamodb").list_tables()["TableNames"]
    with edited(project, LOST):
        said = said_by(redeploy(project, deployment, env="second"), 1)
        check_cause(project, said, "CREATE_FAILED")
    assert "the stack's resources were deleted; nothing was retained" in said
    assert re.search(r"DELETE_COMPLETE +ComputeStack, DataStack", said)
    assert "python deploy.py --env second --local   (offers to delete the empty stack first)" in said
    assert deployment.client("dynamodb").list_tables()["TableNames"] == tables, "no orphan of the failed attempt"

    second = start(deployment.local_dir, project, env="second")
    assert place(second)["version"] == 1
    names = {*deployment.client("dynamodb").list_tables()["TableNames"]}
    assert names == {*tables, second.outputs["OrdersTableName"]}


def test_a_name_that_something_else_has_is_refused_before_anything_is_changed(project):
    project, deployment = project
    (project / "environments" / "third.toml").write_text((project / "environments" / "dev.toml").read_text())
    logs, name = deployment.client("logs"), "/food-delivery/third/orders-query"
    logs.create_log_group(logGroupName=name)
    before = uploads(deployment)

    said = said_by(redeploy(project, deployment, env="third"), 3)
    assert f"log group {name} (ComputeStack/OrdersQueryLogs)" in said
    assert f"aws logs delete-log-group --log-group-name {name} --region us-east-1" in said
    planned = said_by(redeploy(project, deployment, "--plan", env="third"), 0)
    assert f"name conflict: log group {name}" in planned, "a plan only warns"

    assert uploads(deployment) == before
    with pytest.raises(deployment.client("cloudformation").exceptions.ClientError, match="does not exist"):
        deployment.client("cloudformation").describe_stacks(StackName="food-delivery-third")
    assert [group["logGroupName"] for group in log_groups(deployment, "third")] == [name]


def test_with_no_rollback_a_failure_is_left_and_the_next_deployment_rolls_it_back(project):
    project, deployment = project
    before = physical_ids(deployment)
    with edited(project, LOST):
        said = said_by(redeploy(project, deployment, "--no-rollback"), 5)
    assert "with --no-rollback CloudFormation replaces nothing (ComputeStack/OrdersCommandVersion, " in said
    with edited(project, NO_WINDOW):
        said = said_by(redeploy(project, deployment, "--no-rollback"), 1)
    assert "food-delivery-dev is in UPDATE_FAILED" in said and "nothing was rolled back" in said
    again = said_by(redeploy(project, deployment), 0)
    assert "its last update failed without rollback" in again
    assert re.search(r"Recover +food-delivery-dev is in UPDATE_ROLLBACK_COMPLETE", again)
    assert physical_ids(deployment) == before
    assert place(deployment)["version"] == 1
