"""`--hotswap` at an endpoint that stands for AWS: the code changes at once, the plan shows it, a deployment undoes it."""

import json
import os
import subprocess
import sys

import pytest

from deployer.aws import isolated
from emulator import control
from tests.e2e.project_kit import physical_ids
from tests.e2e.support import ROOT, Deployment, copy_project, edit
from tests.waiting import HANGS, eventually

pytestmark = pytest.mark.e2e

HANDLER = "handlers/orders_query.py"
HINT = "an order accepted by POST /orders/async appears once it is stored"
UNKNOWN = "/orders/fd-01a22206-0000-7000-8000-000000000000"


class Remote:
    """A copy of the project, and an emulator that it reaches by the SDK's variables only."""

    def __init__(self, project, state):
        self.project, self.outputs = project, state / "outputs.json"
        self.emulator = control.start(state, iam=True)
        self.environment = {
            **isolated.environment(os.environ),
            **control.environment(self.emulator),
            "FOOD_DELIVERY_CACHE_DIR": os.environ.get("FOOD_DELIVERY_CACHE_DIR", str(ROOT / ".local")),
            "COLUMNS": "160",
        }

    def deploy(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "deploy.py", "--env", "dev", *arguments],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=HANGS,
        )
        assert done.returncode == code and "Traceback" not in done.stdout, done.stdout
        return done.stdout

    @property
    def deployment(self) -> Deployment:
        found = json.loads(self.outputs.read_text())
        return Deployment(self.outputs.parent, {**found, "EndpointUrl": self.emulator.endpoint_url})

    def answer(self) -> str:
        with self.deployment.api() as api:
            return api.get(UNKNOWN).text

    def alias(self) -> str:
        name = self.deployment.outputs["OrdersQueryFunction"]
        return self.deployment.client("lambda").get_alias(FunctionName=name, Name="live")["FunctionVersion"]


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    directory = tmp_path_factory.mktemp("remote")
    try:
        found = Remote(copy_project(directory / "project"), directory / "state")
        found.deploy("--yes", "--outputs-file", str(found.outputs))
        yield found
    finally:
        control.stop(directory / "state")


def test_swapped_code_answers_and_the_next_deployment_puts_the_stacks_code_back(remote):
    edit(remote.project, HANDLER, HINT, "swapped")
    assert "confirmation required" in remote.deploy("--hotswap", code=5)
    assert HINT in remote.answer() and remote.alias() == "1"

    said = remote.deploy("--hotswap", "--yes")
    assert "dev will not be what its stack says" in said and "not AWS" in said
    eventually(lambda: "swapped" in remote.answer())
    assert remote.alias() == "$LATEST"
    assert "Nothing to swap" in remote.deploy("--hotswap", "--yes")
    assert "OrdersQueryFunction" in remote.deploy("--status")

    edit(remote.project, HANDLER, "swapped", HINT)  # as after a checkout of what is deployed
    plan = remote.deploy("--plan", "--detailed-exitcode", code=2)
    assert "other code than the stack's package" in plan and "no resource changes" in plan
    assert "swapped" in remote.answer(), "a plan changes nothing"
    assert "Restore" in remote.deploy("--yes")
    eventually(lambda: HINT in remote.answer())
    assert remote.alias() == "1"
    assert "Nothing to change" in remote.deploy("--plan", "--detailed-exitcode")


def test_a_deployment_of_something_else_publishes_no_swapped_code(remote):
    edit(remote.project, HANDLER, HINT, "swapped again")
    edit(remote.project, "environments/dev.toml", "order_ttl_days = 90", "order_ttl_days = 91")
    said = remote.deploy("--hotswap", "--yes")
    assert "wait for a deployment: parameter OrderTtlDays" in said
    eventually(lambda: "swapped again" in remote.answer())

    edit(remote.project, HANDLER, "swapped again", HINT)
    remote.deploy("--yes")
    eventually(lambda: HINT in remote.answer())
    assert remote.alias() not in ("1", "$LATEST")
    functions = remote.deployment.client("lambda")
    name = physical_ids(remote.deployment)["OrdersQueryFunction"]
    versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
    assert len({version["CodeSha256"] for version in versions}) == 1, "no version has the swapped code"
