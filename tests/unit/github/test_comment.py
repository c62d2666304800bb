"""The comment of a plan: written once, then updated, against a server that answers as GitHub does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.github_server import LIMIT, GitHub, serving, variables

PROJECT = Path(__file__).resolve().parents[3]
SCRIPT = PROJECT / ".github" / "scripts" / "comment.py"


@pytest.fixture
def github():
    with serving(GitHub()) as github:
        yield github


def comment(github, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        env={
            **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
            **variables(github),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.md"
    path.write_text("### Plan for dev: 1 to change\n")
    return path


def bodies(github) -> list[str]:
    return [each["body"] for each in github.comments]


def test_it_is_written_once_and_then_updated(github, plan):
    github.say("Looks good", "User")
    assert comment(github, "plan", "dev", str(plan)).stdout == "created\n"
    plan.write_text("### Plan for dev: nothing to change\n")
    assert comment(github, "plan", "dev", str(plan)).stdout == "updated\n"
    assert bodies(github)[1:] == ["<!-- deploy.yml: plan dev -->\n### Plan for dev: nothing to change"]
    assert {token for _, token in github.requests} == {"Bearer t0ken"}


def test_each_environment_and_the_preview_have_a_comment_of_their_own(github, plan, tmp_path):
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps({"ApiUrl": "https://api.example/pr-7"}))
    for arguments in (("plan", "dev", plan), ("plan", "prod", plan), ("preview", "pr-7", outputs)):
        assert comment(github, *map(str, arguments)).returncode == 0
    assert len(github.comments) == 3 and "https://api.example/pr-7" in github.comments[2]["body"]
    assert comment(github, "destroyed", "pr-7").stdout == "updated\n"
    assert len(github.comments) == 3 and "is destroyed" in github.comments[2]["body"]


def test_it_is_found_behind_many_comments(github, plan):
    for number in range(250):
        github.say(f"comment {number}", "User")
    assert comment(github, "plan", "dev", str(plan)).stdout == "created\n"
    assert comment(github, "plan", "dev", str(plan)).stdout == "updated\n"
    assert len(github.comments) == 251


def test_the_comment_of_a_person_who_writes_the_marker_stays(github, plan):
    github.say("<!-- deploy.yml: plan dev -->\nmine", "User")
    assert comment(github, "plan", "dev", str(plan)).stdout == "created\n"
    assert bodies(github)[0].endswith("mine")


@pytest.mark.parametrize("content", [None, ""])
def test_a_step_that_failed_leaves_a_comment_that_leads_to_its_run(github, plan, content):
    plan.unlink() if content is None else plan.write_text(content)
    assert comment(github, "plan", "dev", str(plan)).returncode == 0
    [body] = bodies(github)
    assert "The plan of `dev` failed" in body and "https://github.example/an/app/actions/runs/42" in body


def test_what_github_would_refuse_is_cut_between_lines_and_its_code_block_closed(github, plan):
    plan.write_text("### Plan\n```diff\n" + "+ ünï line\n" * 9_000 + "```\n")
    assert comment(github, "plan", "dev", str(plan)).returncode == 0
    [body] = bodies(github)
    assert LIMIT - 100 < len(body) <= LIMIT
    assert "+ ünï line\n```\n\n… the rest is in [the run]" in body


@pytest.mark.parametrize("faults", [[502], ["reset"], [0, 503], [0, "lost"], [0, "reset", 429]])
def test_a_fault_that_passes_is_no_failure_and_no_second_comment(github, plan, faults):
    github.faults = faults
    assert comment(github, "plan", "dev", str(plan)).returncode == 0
    assert len(github.comments) == 1


@pytest.mark.parametrize("faults, requests", [([403], 1), ([0, 404], 2), ([500] * 3, 3)])
def test_a_refusal_ends_it_in_one_line(github, plan, faults, requests):
    github.faults = faults
    done = comment(github, "plan", "dev", str(plan))
    assert done.returncode == 1 and len(github.requests) == requests
    assert done.stderr.startswith("comment.py: the comment was not written: HTTP Error")
    assert len(done.stderr.splitlines()) == 1
