"""Releases as versions of functions: what is published, what is live, and what becomes of versions that came before."""

import json

import pytest

from tests.e2e.project_kit import redeploy
from tests.e2e.support import edit
from tests.unit.handlers.api import event

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("project")]

MESSAGE = ("contract/errors.py", "There is no such order.", "No order by that id.")
# Lambda refuses it when the mapping is updated: after the functions are published.
NO_WINDOW = ("generator/functions.py", 'batch_size=Ref("WorkerBatchSize")', "batch_size=50")


def functions(deployment) -> dict[str, str]:
    """Output -> name of each function."""
    return {output: name for output, name in deployment.outputs.items() if output.endswith("Function")}


def published(deployment) -> dict[str, list[str]]:
    """Function -> the numbers of its versions."""
    pages = deployment.client("lambda").get_paginator("list_versions_by_function")
    return {
        output: [each["Version"] for page in pages.paginate(FunctionName=name) for each in page["Versions"][:]][1:]
        for output, name in functions(deployment).items()
    }


def live(deployment) -> dict[str, str]:
    """Function -> the number of the version that its alias points to."""
    get = deployment.client("lambda").get_alias
    return {
        output: get(FunctionName=name, Name="live")["FunctionVersion"] for output, name in functions(deployment).items()
    }


def said_by(deployment, qualifier: str) -> str:
    """What a version of orders_query says of an order that is unknown."""
    request = event("GET", "/orders/{orderId}", orderId="unknown")
    answer = deployment.client("lambda").invoke(
        FunctionName=deployment.outputs["OrdersQueryFunction"], Qualifier=qualifier, Payload=json.dumps(request)
    )
    return json.loads(json.loads(answer["Payload"].read())["body"])["error"]["message"]


def succeeds(done) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_changed_handler_is_published_goes_live_and_the_version_before_still_answers(project):
    project, deployment = project
    versions, before = published(deployment), live(deployment)
    edit(project, *MESSAGE)
    planned = succeeds(redeploy(project, deployment, "--plan"))
    assert "6 functions to publish" in planned and "to replace" not in planned and "DATA AT RISK" not in planned
    succeeds(redeploy(project, deployment))
    after = live(deployment)
    assert published(deployment) == {name: [*numbers, after[name]] for name, numbers in versions.items()}
    with deployment.api() as api:
        assert api.get("/orders/unknown").json()["error"]["message"] == MESSAGE[2]
    assert said_by(deployment, before["OrdersQueryFunction"]) == MESSAGE[1]
    assert said_by(deployment, "live") == MESSAGE[2]
    assert "Nothing to change" in succeeds(redeploy(project, deployment))
    assert live(deployment) == after


def test_a_setting_publishes_the_functions_that_have_it_and_no_other(project):
    project, deployment = project
    before = live(deployment)
    edit(project, "environments/dev.toml", "[monitoring]", "[monitoring]\ntrace_events = true")
    succeeds(redeploy(project, deployment))
    changed = {name for name, number in live(deployment).items() if number != before[name]}
    assert changed == {"OrdersEventsFunction"}


def test_what_a_failed_deployment_published_does_not_prevent_the_next(project):
    project, deployment = project
    before, versions = live(deployment), published(deployment)
    edit(project, *MESSAGE)
    edit(project, *NO_WINDOW)
    failed = redeploy(project, deployment)
    assert failed.returncode == 1 and "Maximum batch window" in failed.stdout, failed.stdout + failed.stderr
    assert live(deployment) == before
    assert said_by(deployment, "live") == MESSAGE[1]
    left = {name: numbers[-1] for name, numbers in published(deployment).items() if numbers != versions[name]}
    assert "OrdersWorkerFunction" in left, "CloudFormation keeps what a rolled-back update has published"

    edit(project, NO_WINDOW[0], NO_WINDOW[2], NO_WINDOW[1])
    said = succeeds(redeploy(project, deployment))
    for name, number in left.items():
        assert f"deleted the one of {name} that a failed deployment left" in said
        assert number not in published(deployment)[name]
    assert said_by(deployment, "live") == MESSAGE[2]
