"""deploy.py --prune against the local emulator: a kept version comes back, a pruned one is refused."""

import json
from itertools import pairwise

import pytest

from tests.e2e.support import copy_project, deploy, edit, start, stop

pytestmark = pytest.mark.e2e

TEXTS = ["There is no such order.", "No order by that id.", "That order does not exist."]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project, deployed with three error messages; --prune spares nothing for its age."""
    project, local_dir = copy_project(tmp_path_factory.mktemp("project")), tmp_path_factory.mktemp("local")
    edit(project, "deployer/artifacts/bucket.py", "SPARED = timedelta(days=1)", "SPARED = timedelta(0)")
    try:
        deployment = start(local_dir, project)
        for old, new in pairwise(TEXTS):
            edit(project, "contract/errors.py", old, new)
            deploy("--env", "dev", "--local", "--yes", local_dir=local_dir, project=project)
        yield project, deployment
    finally:
        stop(local_dir, project)


def run(project, *arguments: str):
    root, deployment = project
    return deploy("--env", "dev", "--local", *arguments, local_dir=deployment.local_dir, project=root)


def report(project, *arguments: str) -> dict:
    done = run(project, *arguments, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def message(project) -> str:
    with project[1].api() as api:
        return api.get("/orders/unknown").json()["error"]["message"]


def artifacts(project) -> set[str]:
    s3 = project[1].client("s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"] if "artifacts" in each["Name"]]
    versions = s3.list_object_versions(Bucket=bucket)
    keys = {each["Key"] for each in [*versions.get("Versions", []), *versions.get("DeleteMarkers", [])]}
    return {key for key in keys if not key.startswith("deployments/")}


def published(project) -> int:
    """Versions of all functions."""
    functions = project[1].client("lambda")
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    pages = [functions.list_versions_by_function(FunctionName=name)["Versions"] for name in names]
    return sum(len(page) - 1 for page in pages)


def test_a_kept_version_comes_back_and_a_pruned_one_is_refused(project):
    before, versions = artifacts(project), published(project)
    newest, kept, old = (each["version"] for each in report(project, "--history")["deployments"])

    planned = run(project, "--prune", "--keep", "2", "--plan")
    assert planned.returncode == 0 and old in planned.stdout, planned.stdout + planned.stderr
    assert run(project, "--prune", "--keep", "2").returncode == 5
    assert artifacts(project) == before

    pruned = report(project, "--prune", "--keep", "2", "--yes")
    assert [each["version"] for each in pruned["lost"]] == [old]
    assert artifacts(project) == before - {each["key"] for each in pruned["objects"]} < before
    assert published(project) == versions - len(pruned["functionVersions"])
    assert bool(pruned["functionVersions"]) is bool(versions)
    assert report(project, "--prune", "--keep", "2", "--yes")["result"] == "unchanged"
    assert [each["pruned"] for each in report(project, "--history")["deployments"]] == [False, False, True]

    refused = run(project, "--rollback", old, "--yes")
    assert refused.returncode == 5 and "no longer exists" in refused.stderr and message(project) == TEXTS[2]

    back = run(project, "--rollback", kept, "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    assert message(project) == TEXTS[1]

    report(project, "--prune", "--keep", "1", "--yes")
    assert message(project) == TEXTS[1]
    assert [each["pruned"] for each in report(project, "--history")["deployments"]] == [False, True, False, True]
    assert run(project, "--yes").returncode == 0, "the local version is uploaded again"
    assert message(project) == TEXTS[2]
    assert not next(each for each in report(project, "--history")["deployments"] if each["version"] == newest)["pruned"]
