"""A gradual release, which CodeDeploy makes at once here: requests move without an error, or not at all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.project_kit import redeploy
from tests.e2e.support import edit
from tests.e2e.test_versions import MESSAGE, functions, live, said_by, succeeds

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("project")]

GRADUAL = ("environments/dev.toml", 'shift = "AllAtOnce"', 'shift = "Canary10Percent5Minutes"')
AGAIN = (MESSAGE[0], MESSAGE[2], "Nobody knows that order.")
ALARM = "food-delivery-dev-orders-query-release"
PAUSE = 0.1


@contextmanager
def beside(act) -> Iterator[list]:
    """Act in the background until the block ends; what it returns is collected."""
    done, found = threading.Event(), []

    def loop():
        while not done.wait(PAUSE):
            found.append(act())

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()


@contextmanager
def requests(deployment) -> Iterator[list]:
    """Ask for an unknown order again and again; collect status and message of each answer."""

    def ask():
        answer = api.get("/orders/unknown")
        return answer.status_code, answer.json().get("error", {}).get("message")

    with deployment.api() as api, beside(ask) as answers:
        yield answers


def failing(deployment, version: str):
    """Write the metrics that Lambda writes of a version whose requests fail while it gets a part of them."""
    name = functions(deployment)["OrdersQueryFunction"]
    at = {"FunctionName": name, "Resource": f"{name}:live", "ExecutedVersion": version}
    dimensions = [{"Name": key, "Value": value} for key, value in at.items()]
    data = [{"MetricName": metric, "Value": 1, "Dimensions": dimensions} for metric in ("Errors", "Invocations")]
    deployment.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=data)


def test_requests_move_to_a_new_version_without_an_error_and_a_failing_one_gets_none(project):
    project, deployment = project
    edit(project, *GRADUAL)
    edit(project, *MESSAGE)
    before = live(deployment)
    assert "10 % for 5 minutes, then all" in succeeds(redeploy(project, deployment, "--plan"))
    with requests(deployment) as answers:
        succeeds(redeploy(project, deployment))
    assert all(live(deployment)[name] != number for name, number in before.items())
    assert {*answers} == {(404, MESSAGE[1]), (404, MESSAGE[2])}

    moved = live(deployment)
    edit(project, *AGAIN)
    following = str(int(moved["OrdersQueryFunction"]) + 1)
    with requests(deployment) as answers, beside(lambda: failing(deployment, following)):
        stopped = redeploy(project, deployment)
    assert stopped.returncode == 1, stopped.stdout + stopped.stderr
    assert f"stopped: alarm {ALARM} went into ALARM. More requests than allowed failed" in stopped.stdout
    assert "The log: python deploy.py --env dev --logs orders-query --local" in stopped.stdout
    assert "CodeDeploy moves all requests back to the version before" in stopped.stdout
    assert live(deployment) == moved
    assert {*answers} == {(404, MESSAGE[2])}

    succeeds(redeploy(project, deployment))
    assert said_by(deployment, "live") == AGAIN[2]
