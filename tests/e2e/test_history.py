"""deploy.py --history and --rollback against the local emulator: back and forth between versions, data untouched."""

import json

import pytest

from tests.e2e.support import copy_project, deploy, edit, order_for, start, stop

pytestmark = pytest.mark.e2e

OLD, NEW = "There is no such order.", "No order by that id."


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project, deployed unchanged and once more with another error message."""
    project, local_dir = copy_project(tmp_path_factory.mktemp("project")), tmp_path_factory.mktemp("local")
    try:
        deployment = start(local_dir, project)
        edit(project, "contract/errors.py", OLD, NEW)
        deploy("--env", "dev", "--local", "--yes", local_dir=local_dir, project=project)
        yield project, deployment
    finally:
        stop(local_dir, project)


def run(project, *arguments: str):
    root, deployment = project
    return deploy("--env", "dev", "--local", *arguments, local_dir=deployment.local_dir, project=root)


def history(project) -> dict:
    done = run(project, "--history", "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def message(project) -> str:
    with project[1].api() as api:
        return api.get("/orders/unknown").json()["error"]["message"]


def test_back_to_the_version_before_and_forward_again_while_the_orders_stay(project):
    _, deployment = project
    with deployment.api() as api:
        order = api.post("/orders", json=order_for("CUST-1")).json()
    shown = history(project)
    new, old = shown["deployments"]
    assert (new["kind"], new["current"], old["current"]) == ("deploy", True, False)
    assert shown["current"] == new["version"] != old["version"]
    assert old["changes"]["add"] > 100 and new["who"].startswith("arn:")
    assert message(project) == NEW

    done = run(project, "--rollback", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OrdersQuery" in done.stdout and f"{old['version']} of {old['when']}" in done.stdout
    assert message(project) == OLD
    with deployment.api() as api:
        assert api.get(f"/orders/{order['orderId']}").json() == order
    back, *rest = history(project)["deployments"]
    assert (back["kind"], back["version"], back["current"]) == ("rollback", old["version"], True)
    assert [entry["current"] for entry in rest] == [False, False]

    planned = run(project, "--rollback", new["version"], "--plan")
    assert planned.returncode == 0 and message(project) == OLD
    forward = run(project, "--rollback", new["version"][:6], "--yes")
    assert forward.returncode == 0 and message(project) == NEW, forward.stdout + forward.stderr
    assert "Nothing to change" in run(project, "--rollback", new["version"], "--yes").stdout
    assert "Nothing to change" in run(project, "--yes").stdout, "the local version is the deployed one"

    shown = run(project, "--history").stdout.splitlines()
    assert [line.count("deployed now") for line in shown if line.strip().startswith(new["version"])] == [1, 0]


def test_an_unknown_version_is_answered_with_those_that_there_are(project):
    known = history(project)["deployments"][-1]["version"]
    done = run(project, "--rollback", "zz", "--yes")
    assert done.returncode == 2 and known in done.stderr and "Traceback" not in done.stderr
