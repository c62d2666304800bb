"""deploy.py --destroy against the local emulator: what goes, what stays, who must agree, and that nothing is left."""

import json
import os
import pty
import subprocess
import sys

import pytest

from tests.e2e.support import ROOT, Deployment, deploy, left, order_for, start, stop
from tests.waiting import HANGS, eventually

pytestmark = pytest.mark.e2e


@pytest.fixture
def local_dir(tmp_path):
    try:
        yield tmp_path
    finally:
        stop(tmp_path)


def destroy(local_dir, *arguments: str, env: str = "dev"):
    return deploy("--env", env, "--local", "--destroy", *arguments, local_dir=local_dir)


def typed(local_dir, answer: str, *arguments: str) -> tuple[int, str]:
    """Destroy prod at a terminal and type the answer; return the exit code and the screen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "deploy.py", "--env", "prod", "--local", "--destroy", *arguments],
        cwd=ROOT,
        env={**os.environ, "FOOD_DELIVERY_LOCAL_DIR": str(local_dir), "TERM": "dumb", "COLUMNS": "200"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    screen = b""
    try:
        while more := os.read(ours, 4096):
            screen += more
    except OSError:  # the terminal is closed: the process has ended
        pass
    os.close(ours)
    return process.wait(HANGS), screen.decode()


def fill(deployment: Deployment) -> None:
    """An order in the table; in the bucket three versions of a file and the marker that it is deleted."""
    with deployment.api() as api:
        assert api.post("/orders", json=order_for("CUST-1")).status_code == 201
    s3, bucket = deployment.client("s3"), deployment.outputs["UploadBucketName"]
    for content in (b"1", b"2", b"3"):
        s3.put_object(Bucket=bucket, Key="other/file", Body=content)
    s3.delete_object(Bucket=bucket, Key="other/file")


def status(cloudformation) -> str:
    return cloudformation.describe_stacks(StackName="food-delivery-dev")["Stacks"][0]["StackStatus"]


def test_without_data_a_filled_bucket_is_in_the_way_and_nothing_is_touched(local_dir):
    deployment = start(local_dir)
    fill(deployment)
    before = left(deployment)
    planned = destroy(local_dir, "--plan")
    assert planned.returncode == 0 and "DataStack/UploadBucket: 4 object versions" in planned.stdout
    assert "DataStack/OrdersTable: about 1 item" in planned.stdout
    done = destroy(local_dir, "--yes")
    assert done.returncode == 5, done.stdout + done.stderr
    assert "holds 4 object versions" in done.stderr and "--delete-data" in done.stderr
    unasked = destroy(local_dir, "--delete-data")
    assert unasked.returncode == 5 and "--yes" in unasked.stderr
    assert left(deployment) == before

    # CloudFormation alone fails half way; from there it goes on.
    cloudformation = deployment.client("cloudformation")
    cloudformation.delete_stack(StackName="food-delivery-dev")
    eventually(lambda: status(cloudformation) == "DELETE_FAILED")
    # What API Gateway makes anew for an event that comes late.
    deployment.client("logs").create_log_group(
        logGroupName=f"API-Gateway-Execution-Logs_{deployment.outputs['ApiId']}/dev"
    )
    done = destroy(local_dir, "--delete-data", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing is left." in done.stdout
    assert not {kind: things for kind, things in left(deployment).items() if things}


def test_what_environments_share_outlives_all_but_the_last(local_dir):
    deployment = start(local_dir)
    done = destroy(local_dir, "--yes", "--output", "json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    [bucket, role] = report["kept"]
    assert "artifacts" in bucket["physicalId"] and "ApiGatewa" in role["physicalId"]
    assert deployment.outputs["OrdersTableName"] in [entry["physicalId"] for entry in report["removed"]]
    found = {kind: things for kind, things in left(deployment).items() if things}
    assert found == {"buckets": [bucket["physicalId"]], "roles": [role["physicalId"]]}
    assert not deployment.client("s3").list_objects_v2(Bucket=bucket["physicalId"], Prefix="deployments/")["KeyCount"]

    again = destroy(local_dir)
    assert again.returncode == 0 and "nothing to destroy" in again.stdout
    assert "--destroy --local --delete-data" in again.stdout
    last = destroy(local_dir, "--delete-data", "--yes")
    assert last.returncode == 0 and "Nothing is left." in last.stdout, last.stdout + last.stderr
    assert not {kind: things for kind, things in left(deployment).items() if things}
    assert not deployment.client("apigateway").get_account().get("cloudwatchRoleArn")


def test_prod_is_destroyed_only_by_its_typed_name_and_keeps_its_data_without_delete_data(local_dir):
    deployment = start(local_dir, env="prod")
    fill(deployment)
    refused = destroy(local_dir, "--yes", "--delete-data", env="prod")
    assert refused.returncode == 5 and "--yes is not enough" in refused.stderr
    code, screen = typed(local_dir, "dev", "--yes")
    assert code == 5 and "not confirmed" in screen, screen
    assert left(deployment)["stacks"]

    code, screen = typed(local_dir, "prod")
    assert code == 0, screen
    table = deployment.outputs["OrdersTableName"]
    assert f"{table} (AWS::DynamoDB::Table): about 1 item" in screen, screen
    found = left(deployment)
    assert (found["stacks"], found["tables"], len(found["queues"])) == ([], [table], 6)
    assert found["parameters"] == [] and len(deployment.orders()) == 1

    code, screen = typed(local_dir, "prod", "--delete-data")
    assert code == 0 and "Nothing is left." in screen, screen
    assert not {kind: things for kind, things in left(deployment).items() if things}
