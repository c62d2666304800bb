"""The steps of .github/workflows/deploy.yml as a runner runs them, with the local emulator as AWS."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.support import ROOT, Deployment, copy_project, start, stop
from tests.github_server import GitHub, serving, variables
from tests.waiting import HANGS

pytestmark = pytest.mark.e2e

JOBS = yaml.safe_load((ROOT / ".github/workflows/deploy.yml").read_text())["jobs"]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """An emulator in which dev is deployed, and a checkout of the project."""
    project, local_dir = copy_project(tmp_path_factory.mktemp("project")), tmp_path_factory.mktemp("local")
    shutil.copytree(ROOT / ".github", project / ".github")
    try:
        yield project, start(local_dir, project)
    finally:
        stop(local_dir, project)


@pytest.fixture
def github():
    with serving(GitHub()) as github:
        yield github


class Runner:
    """Runs steps; `files`: what they wrote for GitHub, by variable."""

    def __init__(self, project: Path, deployment: Deployment, github: GitHub, directory: Path):
        self.project, self.directory = project, directory
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": deployment.outputs["EndpointUrl"],
            "AWS_ACCESS_KEY_ID": "root",
            "AWS_SECRET_ACCESS_KEY": "root",
            "FOOD_DELIVERY_CACHE_DIR": os.environ.get("FOOD_DELIVERY_CACHE_DIR", str(ROOT / ".local")),
            "PREVIEW": "pr-7",
            **{name: str(directory / name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")},
            **variables(github),
        }

    def job(self, name: str, code: int = 0) -> None:
        """Run the steps until one fails, then those that run nevertheless; the job must end with this exit code."""
        ended = 0
        for step in [step for step in JOBS[name]["steps"] if "run" in step]:
            if ended and "cancelled()" not in step.get("if", ""):
                continue
            script = step["run"].replace("${{ matrix.environment }}", "dev")
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
                cwd=self.project,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=HANGS,
            )
            assert done.returncode == 0 or code, done.stdout + done.stderr
            ended = ended or done.returncode
        assert ended == code

    def wrote(self, variable: str) -> str:
        return (self.directory / variable).read_text()


@pytest.fixture
def runner(emulator, github, tmp_path):
    return Runner(*emulator, github, tmp_path)


def test_a_plan_is_a_comment_and_a_failed_one_says_so(runner, github, emulator):
    runner.job("plan")
    [comment] = github.comments
    assert "### Plan for dev" in comment["body"] and "no resource changes" in comment["body"]
    sections = emulator[0] / "environments" / "dev.toml"
    kept = sections.read_text()
    sections.write_text(kept.replace("log_retention_days = 7", "log_retention_days = 14"))
    runner.job("plan")
    assert "RetentionInDays" in comment["body"]
    sections.write_text(kept + "\nnonsense = 1\n")
    runner.job("plan", code=2)
    sections.write_text(kept)
    assert "The plan of `dev` failed" in comment["body"] and len(github.comments) == 1


def test_a_preview_is_deployed_tested_announced_and_destroyed(runner, github, emulator):
    runner.job("preview")
    assert "/pr-7/" in github.comments[0]["body"]
    runner.job("preview")
    runner.job("destroy-preview")
    runner.job("destroy-expired")
    assert "is destroyed" in github.comments[0]["body"] and len(github.comments) == 1
    stacks = emulator[1].client("cloudformation").describe_stacks()["Stacks"]
    assert not [each for each in stacks if "pr-7" in each["StackName"]]


def test_a_release_goes_from_dev_to_prod_by_the_plan_that_was_shown(runner):
    for job in ("dev", "staging", "plan-prod"):
        runner.job(job)
    assert runner.wrote("GITHUB_OUTPUT") == "changes=true\n"
    assert "### Plan for prod" in runner.wrote("GITHUB_STEP_SUMMARY")
    runner.job("prod")
    (runner.directory / "GITHUB_OUTPUT").unlink()
    (runner.project / "plan.json").unlink()  # the next run has a checkout of its own
    runner.job("plan-prod")
    assert runner.wrote("GITHUB_OUTPUT") == "changes=false\n"
