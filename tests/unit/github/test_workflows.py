"""The workflows: what each job may do, when it runs, and that deploy.py takes every command in them."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deployer import arguments

PROJECT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
ACTION = PROJECT / ".github" / "actions" / "setup" / "action.yml"


def load(path: Path) -> dict:
    """`on` is a boolean in YAML 1.1."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {{True: "on"}.get(key, key): value for key, value in document.items()}


DEPLOY = load(PROJECT / ".github" / "workflows" / "deploy.yml")
JOBS = DEPLOY["jobs"]
CREDENTIALED = {name: job for name, job in JOBS.items() if job.get("permissions", {}).get("id-token")}
COMMANDS = [
    (name, step["run"]) for name, job in JOBS.items() for step in job["steps"] if "deploy.py" in step.get("run", "")
]


def test_actionlint_finds_nothing():
    """Without a network, shellcheck or pyflakes."""
    done = subprocess.run(
        [Path(sys.executable).with_name("actionlint"), "-shellcheck=", "-pyflakes=", *WORKFLOWS],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_actions_of_the_workflow_that_gets_credentials_are_pinned_by_commit_with_their_version():
    text = (PROJECT / ".github" / "workflows" / "deploy.yml").read_text() + ACTION.read_text()
    used = re.findall(r"uses: (.*)", text)
    assert len(used) == 20
    others = [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)]
    assert set(others) == {"./.github/actions/setup"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_job_ends_in_time_and_no_workflow_runs_with_the_rights_of_its_target(path):
    document = load(path)
    assert "pull_request_target" not in document["on"] and "workflow_run" not in document["on"]
    assert all(job["timeout-minutes"] <= 240 for job in document["jobs"].values())


def test_a_job_has_the_permissions_that_it_needs():
    assert DEPLOY["permissions"] == {}
    for name, job in JOBS.items():
        texts = json.dumps(job["steps"])
        needed = {
            "contents": "read" if "actions/checkout@" in texts else None,
            "id-token": "write" if "./.github/actions/setup" in texts else None,
            "pull-requests": "write" if "comment.py" in texts else None,
        }
        assert job["permissions"] == {key: value for key, value in needed.items() if value}, name


def test_no_checkout_leaves_its_token_behind():
    steps = [step for job in JOBS.values() for step in job["steps"] if "checkout@" in step.get("uses", "")]
    assert len(steps) == len(CREDENTIALED)
    assert all(step["with"]["persist-credentials"] is False for step in steps)


def test_no_deployment_is_cancelled_by_a_later_one():
    for name, job in CREDENTIALED.items():
        assert job["concurrency"]["cancel-in-progress"] is False, name
    groups = {name: job["concurrency"]["group"] for name, job in CREDENTIALED.items()}
    assert groups["preview"] == groups["destroy-preview"]
    assert len({*groups.values()}) == len(groups) - 1


def test_only_steps_text_that_nobody_outside_chooses_is_part_of_a_script():
    """Titles and branches are written by anybody; numbers and our own constants are not."""
    allowed = {"matrix.environment"}
    scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    assert {each.strip() for script in scripts for each in re.findall(r"\$\{\{(.*?)\}\}", script)} <= allowed


def test_a_role_is_bound_to_the_environment_whose_reviewers_approve():
    environments = {name: job.get("environment") for name, job in CREDENTIALED.items()}
    assert environments == {
        "plan": None,
        "preview": "preview",
        "destroy-preview": "preview",
        "destroy-expired": "preview",
        "dev": "dev",
        "staging": "staging",
        "plan-prod": "prod-plan",
        "prod": "prod",
    }


def test_prod_gets_what_dev_and_staging_had_and_an_approver_saw():
    order = {name: job.get("needs") for name, job in JOBS.items() if job.get("needs")}
    assert order == {"staging": "dev", "plan-prod": "staging", "prod": "plan-prod"}
    for name in ("dev", "staging", "prod"):
        assert (
            COMMANDS[-1]
            and [run for job, run in COMMANDS if job == name][-1] == f"python deploy.py --env {name} --smoke"
        )


# When a job runs


class Context(dict):
    """A context of GitHub's expressions: what is missing is null."""

    def __getattr__(self, name):
        found = self.get(name.replace("_", "-"), self.get(name))
        return Context(found) if isinstance(found, dict) else found


def holds(condition: str, **contexts) -> bool:
    """Evaluate the part of GitHub's expressions that the conditions use. Strings compare without case there."""
    text = condition.replace("&&", " and ").replace("||", " or ").replace("needs.plan-prod", "needs.plan_prod")
    text = re.sub(r"github\.event\.pull_request\.labels\.\*\.name", "labels", text)
    labels = [
        each["name"] for each in (contexts["github"].get("event", {}).get("pull_request") or {}).get("labels", [])
    ]
    known = {name: Context(value) for name, value in contexts.items()}
    functions = {"contains": lambda found, wanted: wanted in (found or ()), "fromJSON": json.loads, "labels": labels}
    return bool(eval(" ".join(text.split()), {"__builtins__": {}}, known | functions))


def running(event: str, region: str = "us-east-1", **details) -> set[str]:
    """Return the jobs that an event starts; those that need others follow theirs."""
    github = {"event_name": event, "repository": "an/app", "event": details}
    variables = {"AWS_REGION": region} if region else {"AWS_REGION": ""}
    return {
        name
        for name, job in JOBS.items()
        if "needs" not in job and holds(job["if"], github=github, vars=variables, needs={})
    }


def pull_request(action: str, *labels: str, label: str = "", fork: bool = False, region: str = "us-east-1") -> set[str]:
    head = {"repo": {"full_name": "someone/app" if fork else "an/app"}}
    details = {"head": head, "labels": [{"name": each} for each in labels]}
    return running("pull_request", region, action=action, pull_request=details, label={"name": label})


@pytest.mark.parametrize(
    "jobs, expected",
    [
        (pull_request("opened"), {"plan"}),
        (pull_request("opened", "preview"), {"plan", "preview"}),
        (pull_request("synchronize", "bug"), {"plan"}),
        (pull_request("synchronize", "bug", "preview"), {"plan", "preview"}),
        (pull_request("labeled", "preview", label="preview"), {"preview"}),
        (pull_request("labeled", "preview", "bug", label="bug"), set()),
        (pull_request("unlabeled", label="preview"), {"destroy-preview"}),
        (pull_request("unlabeled", "preview", label="bug"), set()),
        (pull_request("closed", "preview"), {"destroy-preview"}),
        (pull_request("closed"), set()),
        (pull_request("opened", "preview", fork=True), {"fork"}),
        (pull_request("synchronize", "preview", fork=True), set()),
        (pull_request("closed", "preview", fork=True), set()),
        (pull_request("labeled", "preview", label="preview", fork=True), set()),
        (running("push"), {"dev"}),
        (running("schedule"), {"destroy-expired"}),
        (running("push", region=""), set()),
        (running("schedule", region=""), set()),
        (pull_request("opened", "preview", region=""), set()),
        (pull_request("opened", "preview", region="", fork=True), set()),
        (pull_request("closed", "preview", region=""), set()),
    ],
)
def test_the_jobs_that_an_event_starts(jobs, expected):
    assert jobs == expected


@pytest.mark.parametrize("changes", ["true", "false"])
def test_a_plan_without_changes_asks_nobody(changes):
    needs = {"plan_prod": {"outputs": {"changes": changes}}}
    assert holds(JOBS["prod"]["if"], github={}, vars={}, needs=needs) is (changes == "true")


# What the steps run


def commands(run: str) -> list[list[str]]:
    """Return the arguments of deploy.py in a step, with values for what GitHub puts in."""
    text = re.sub(r"\$\{\{ matrix.environment \}\}", "dev", run).replace("$PREVIEW", "pr-7")
    found = re.findall(r"python deploy\.py ([^>|;&\n]*)", text)
    assert found, run
    return [shlex.split(each) for each in found]


@pytest.mark.parametrize("run", sorted({run for _, run in COMMANDS}))
def test_deploy_py_takes_every_command(run):
    for words in commands(run):
        arguments.parse(words)


def test_every_script_that_a_step_runs_exists():
    scripts = {word for job in JOBS.values() for step in job["steps"] for word in step.get("run", "").split()}
    named = {word for word in scripts if word.endswith(".py") and word != "deploy.py"}
    assert named and all((PROJECT / each).is_file() for each in named)


@pytest.mark.parametrize("change_set, expected", [("arn:aws:cloudformation:…", "true"), (None, "false")])
def test_the_output_of_a_saved_plan(tmp_path, change_set, expected):
    (tmp_path / "plan.json").write_text(json.dumps({"changeSet": change_set}))
    script = PROJECT / ".github" / "scripts" / "saved_plan.py"
    done = subprocess.run([sys.executable, script, tmp_path / "plan.json"], capture_output=True, text=True, timeout=20)
    assert done.stdout == f"changes={expected}\n"
