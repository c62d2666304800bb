"""Two previews beside dev in one account: each on its own, one expires, and nothing of both is left behind."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.support import Deployment, deploy, deployed, left, order_for, start, stop
from tests.waiting import eventually

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def dev(tmp_path_factory) -> Deployment:
    local_dir = tmp_path_factory.mktemp("previews")
    try:
        yield start(local_dir)
    finally:
        stop(local_dir)


def preview(dev: Deployment, name: str, *arguments: str) -> Deployment:
    outputs = dev.local_dir / f"{name}.json"
    deployed(
        *("--env", name, "--like", "dev", "--local", "--yes", "--outputs-file", str(outputs), *arguments),
        local_dir=dev.local_dir,
    )
    return Deployment.of(dev.local_dir, outputs)


def report(dev: Deployment, *arguments: str) -> dict:
    return json.loads(deployed(*arguments, "--local", "--output", "json", local_dir=dev.local_dir))


def environments(dev: Deployment) -> dict[str, dict]:
    return {each["name"]: each for each in report(dev, "--environments")["environments"]}


def place(deployment: Deployment) -> str:
    with deployment.api() as api:
        answer = api.post("/orders", json=order_for("CUST-1"))
    assert answer.status_code == 201, answer.text
    return answer.json()["orderId"]


def answers(deployment: Deployment, order: str) -> int:
    with deployment.api() as api:
        return api.get(f"/orders/{order}").status_code


def records(dev: Deployment) -> set[str]:
    s3 = dev.client("s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"] if "artifacts" in each["Name"]]
    found = s3.list_object_versions(Bucket=bucket, Prefix="deployments/")
    return {each["Key"].split("/")[1] for each in [*found["Versions"], *found.get("DeleteMarkers", ())]}


def test_previews_live_beside_dev_and_one_that_expires_is_deleted_alone(dev: Deployment) -> None:
    before = left(dev)
    first, second = preview(dev, "pr-1", "--ttl", "3d"), preview(dev, "pr-12", "--ttl", "1s")
    mine, theirs, others = (place(each) for each in (dev, first, second))
    assert (answers(dev, mine), answers(first, theirs), answers(second, others)) == (200, 200, 200)
    assert (answers(dev, theirs), answers(first, mine), answers(first, others)) == (404, 404, 404)
    with dev.api(**{"x-api-key": first.outputs["ApiKey"]}) as api:
        assert api.get(f"/orders/{mine}").status_code == 403
    second.client("s3").put_object(Bucket=second.outputs["UploadBucketName"], Key="other/file", Body=b"1")

    _works_without_like(dev)

    eventually(lambda: environments(dev)["pr-12"]["expired"])
    listed = environments(dev)
    assert listed.keys() == {"dev", "pr-1", "pr-12"}
    assert [(each["like"], each["expired"], each["status"]) for each in listed.values()] == [
        (None, False, "CREATE_COMPLETE"),
        ("dev", False, "CREATE_COMPLETE"),
        ("dev", True, "CREATE_COMPLETE"),
    ]
    assert all(each["owner"] and each["version"] and each["costPerMonth"]["idle"] for each in listed.values())

    unasked = deploy("--destroy", "--expired", "--local", local_dir=dev.local_dir)
    assert unasked.returncode == 5 and "--yes" in unasked.stderr, unasked.stdout + unasked.stderr
    done = report(dev, "--destroy", "--expired", "--yes")
    assert done == {"result": "destroyed", "destroyed": ["pr-12"], "skipped": {}, "failed": {}}
    assert environments(dev).keys() == {"dev", "pr-1"} == records(dev)
    assert [answers(dev, mine), answers(first, theirs)] == [200, 200]
    again = report(dev, "--destroy", "--expired", "--yes")
    assert again == {"result": "nothing expired", "expired": []}

    deployed("--env", "pr-1", "--destroy", "--delete-data", "--yes", "--local", local_dir=dev.local_dir)
    assert left(dev) == before and records(dev) == {"dev"}
    once_more = report(dev, "--env", "pr-1", "--destroy", "--delete-data", "--yes")
    assert once_more["result"] == "nothing deployed"
    assert answers(dev, mine) == 200


def _works_without_like(dev: Deployment) -> None:
    """The record says what the preview is like; --ttl alone renews it, and nothing is deployed."""
    assert report(dev, "--env", "pr-1", "--status")["apiUrl"]
    assert report(dev, "--env", "pr-1", "--plan")["result"] == "unchanged"
    assert len(report(dev, "--env", "pr-1", "--history")["deployments"]) == 1
    assert report(dev, "--env", "pr-1", "--smoke")["result"] == "passed"
    assert deployed("--env", "pr-1", "--api-key", "--local", local_dir=dev.local_dir).strip()
    version = environments(dev)["pr-1"]["version"]
    assert report(dev, "--env", "pr-1", "--ttl", "5d", "--yes")["result"] == "unchanged"
    renewed = environments(dev)["pr-1"]
    assert datetime.fromisoformat(renewed["expires"]) > datetime.now(UTC) + timedelta(days=4)
    assert renewed["version"] == version
    unknown = deploy("--env", "pr-9", "--status", "--local", local_dir=dev.local_dir)
    assert unknown.returncode == 2 and "--like dev" in unknown.stderr, unknown.stderr


def test_a_preview_like_prod_is_refused_before_anything_is_written(dev: Deployment, tmp_path: Path) -> None:
    before = left(dev)
    done = deploy("--env", "pr-3", "--like", "prod", "--local", "--yes", local_dir=dev.local_dir)
    assert done.returncode == 5 and "could not be deleted" in done.stderr, done.stderr
    assert left(dev) == before
