"""deploy.py --plan --save, --apply and --discard against the local emulator: the plan that was approved is what runs."""

import json

import pytest

from tests.e2e.support import Deployment, copy_project, deploy, edit, stop

pytestmark = pytest.mark.e2e

STACK = "food-delivery-dev"
ORIGINAL = "There is no such order."


class Project:
    """A copy of the project and what it deploys; `message` is the text that its versions differ in."""

    def __init__(self, root, local_dir):
        self.root, self.local_dir, self.text = root, local_dir, ORIGINAL

    def run(self, *arguments: str):
        return deploy("--env", "dev", "--local", *arguments, local_dir=self.local_dir, project=self.root)

    def write(self, text: str) -> None:
        edit(self.root, "contract/errors.py", self.text, text)
        self.text = text

    def save(self, name: str, *arguments: str) -> dict:
        file = self.local_dir / name
        done = self.run("--plan", "--save", str(file), "--output", "json", *arguments)
        assert done.returncode == 0, done.stderr
        saved = json.loads(done.stdout)["saved"]
        assert saved["file"] == str(file) and json.loads(file.read_text())["changeSet"] == saved["changeSet"]
        return saved

    def apply(self, name: str, *arguments: str):
        return self.run("--apply", str(self.local_dir / name), "--yes", *arguments)

    def refused(self, name: str, words: str) -> None:
        before = self.message()
        done = self.apply(name)
        assert done.returncode == 5 and words in done.stderr and "plan again" in done.stderr, done.stdout + done.stderr
        assert self.message() == before

    @property
    def deployment(self) -> Deployment:
        return Deployment.of(self.local_dir, self.local_dir / "outputs.json")

    def message(self) -> str:
        with self.deployment.api() as api:
            return api.get("/orders/unknown").json()["error"]["message"]

    def change_sets(self) -> list[str]:
        """Of the root, not executed."""
        found = self.deployment.client("cloudformation").list_change_sets(StackName=STACK)["Summaries"]
        return [each["ChangeSetId"] for each in found if not each["ExecutionStatus"].startswith("EXECUTE_")]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(copy_project(tmp_path_factory.mktemp("project")), tmp_path_factory.mktemp("local"))
    try:
        _first_deployment(project)
        yield project
    finally:
        stop(project.local_dir, project.root)


def _first_deployment(project: Project) -> None:
    """By a saved plan; another one is discarded before."""
    project.save("unwanted.json")
    discarded = project.run("--discard", str(project.local_dir / "unwanted.json"))
    assert discarded.returncode == 0 and "is discarded" in discarded.stdout, discarded.stdout + discarded.stderr
    assert "food-delivery-dev: does not exist" in project.run("--plan").stdout, "the empty stack is deleted as well"
    project.save("first.json")
    waiting = project.run("--plan")
    assert "it is a saved plan, for --apply or --discard" in waiting.stdout, waiting.stdout
    applied = project.apply("first.json", "--outputs-file", str(project.local_dir / "outputs.json"))
    assert applied.returncode == 0 and "CREATE_COMPLETE" in applied.stdout, applied.stdout + applied.stderr


def test_what_was_planned_is_deployed_whatever_the_checkout_is_by_now(project):
    assert project.message() == ORIGINAL
    project.write("No order by that id.")
    project.save("planned.json")
    project.write("Later words.")
    applied = project.apply("planned.json")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert project.message() == "No order by that id."
    assert "Render" not in applied.stdout and "Package" not in applied.stdout
    again = project.apply("planned.json")
    assert again.returncode == 0 and "the plan is applied" in again.stdout, again.stdout + again.stderr
    newest = json.loads(project.run("--history", "--output", "json").stdout)["deployments"][0]
    assert newest["approved_by"].startswith("arn:") and newest["current"]


def test_another_deployment_in_between_refuses_the_plan(project):
    project.write("Planned.")
    saved = project.save("overtaken.json")
    assert saved["changeSet"] in project.change_sets()
    project.write("Deployed in between.")
    assert project.run("--plan").returncode == 0 and saved["changeSet"] in project.change_sets(), "a plan removes none"
    assert project.run("--yes").returncode == 0
    project.refused("overtaken.json", "changed since the plan")
    assert project.message() == "Deployed in between."


def test_of_two_plans_one_is_applied(project):
    for text, name in (("One.", "one.json"), ("Two.", "two.json")):
        project.write(text)
        project.save(name)
    assert len(project.change_sets()) == 2
    assert project.apply("one.json").returncode == 0 and project.message() == "One."
    project.refused("two.json", "changed since the plan")


def test_a_discarded_plan_is_refused_and_discarding_it_again_is_no_error(project):
    project.write("Unwanted.")
    project.save("discarded.json")
    file = str(project.local_dir / "discarded.json")
    assert project.run("--discard", file).returncode == 0 and project.change_sets() == []
    again = project.run("--discard", file)
    assert again.returncode == 0 and "Nothing to discard" in again.stdout
    project.refused("discarded.json", "it was discarded, or has expired")


def test_a_package_that_was_changed_after_the_plan_is_not_deployed(project):
    project.write("Tampered with.")
    project.save("tampered.json")
    key = json.loads((project.local_dir / "tampered.json").read_text())["deployment"]["packages"][0]
    s3 = project.deployment.client("s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"] if "artifacts" in each["Name"]]
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=content + b"evil")
    project.refused("tampered.json", "was changed after its upload")
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    assert project.apply("tampered.json").returncode == 0 and project.message() == "Tampered with."


def test_a_plan_of_a_rollback_is_saved_and_applied_too(project):
    before = project.message()
    project.write("To go back from.")
    assert project.run("--yes").returncode == 0 and project.message() == "To go back from."
    done = project.run("--rollback", "--plan", "--save", str(project.local_dir / "back.json"), "--detailed-exitcode")
    assert done.returncode == 2, done.stdout + done.stderr
    assert project.apply("back.json").returncode == 0 and project.message() == before
    assert json.loads(project.run("--history", "--output", "json").stdout)["deployments"][0]["kind"] == "rollback"
