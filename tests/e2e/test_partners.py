"""Partners' keys through the whole deployment: accepted, limited by tier, rotated, revoked, and kept by a redeployment."""

import json

import pytest

from tests.e2e.project_kit import redeploy
from tests.e2e.support import Deployment, copy_project, deploy, edit, order_for, start, stop
from tests.e2e.test_refusals import check_error

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("partners")]

BURST, QUOTA = 4, 6
LIMITS = {"standard_rate = 10": "standard_rate = 1", "standard_burst = 20": f"standard_burst = {BURST}"}
LIMITS |= {"premium_daily_quota = 50_000": f"premium_daily_quota = {QUOTA}"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """(project, deployment) with small limits of the tiers."""
    directory = tmp_path_factory.mktemp("partners")
    project, local_dir = copy_project(directory / "project"), directory / "local"
    for old, new in LIMITS.items():
        edit(project, "environments/dev.toml", old, new)
    try:
        yield project, start(local_dir, project)
    finally:
        stop(local_dir, project)


class Partners:
    """The commands, and requests with the keys that they print."""

    def __init__(self, project, deployment: Deployment):
        self.project, self.deployment = project, deployment

    def run(self, *arguments: str):
        return deploy("--env", "dev", "--local", *arguments, local_dir=self.deployment.local_dir, project=self.project)

    def key(self, *arguments: str) -> str:
        done = self.run(*arguments, "--yes")
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def ids(self, partner: str) -> list[str]:
        listed = json.loads(self.run("--partners", "--output", "json").stdout)["keys"]
        return [each["keyId"] for each in listed if each["partner"] == partner]

    def place(self, key: str):
        with self.deployment.api(**{"x-api-key": key}) as api:
            return api.post("/orders", json=order_for("CUST-partners"))


@pytest.fixture(scope="module")
def partners(platform):
    return Partners(*platform)


def test_a_key_opens_the_api_from_when_it_is_added_until_it_is_revoked(partners):
    check_error(partners.place("fdp_acme_s" + "x" * 32), 403, "forbidden")
    first = partners.key("--partner-add", "acme")
    assert partners.place(first).status_code == 201
    second = partners.key("--partner-rotate", "acme")
    assert first != second
    assert [partners.place(key).status_code for key in (first, second)] == [201, 201]
    oldest, _ = partners.ids("acme")
    assert partners.run("--partner-revoke", oldest, "--yes").returncode == 0
    check_error(partners.place(first), 403, "forbidden")
    assert partners.place(second).status_code == 201
    again = partners.run("--partner-revoke", oldest, "--yes")
    assert again.returncode == 0 and "any more" in again.stdout


def test_each_tier_has_its_limits_and_the_operator_has_none_of_them(partners):
    standard = partners.key("--partner-add", "slow")
    answers = [partners.place(standard) for _ in range(3 * BURST)]
    refused = [each for each in answers if each.status_code != 201]
    assert [each.status_code for each in answers[:BURST]] == [201] * BURST and refused
    for each in refused:
        check_error(each, 429, "throttled")
    premium = partners.key("--partner-add", "large", "--tier", "premium")
    answers = [partners.place(premium) for _ in range(QUOTA + 1)]
    assert [each.status_code for each in answers[:-1]] == [201] * QUOTA
    check_error(answers[-1], 429, "quota_exceeded")
    assert partners.place(partners.deployment.outputs["ApiKey"]).status_code == 201


def test_the_list_shows_the_day_of_the_last_request_and_no_value(partners):
    key = partners.key("--partner-add", "seen")
    partners.key("--partner-add", "unseen")
    assert partners.place(key).status_code == 201
    shown = partners.run("--partners")
    [seen, unseen] = [line.split() for line in shown.stdout.splitlines() if "seen" in line and "enabled" in line]
    assert seen[-1] == seen[3] and unseen[-1] == "-"
    assert "fdp_" not in shown.stdout + shown.stderr


def test_the_value_is_on_standard_output_alone(partners):
    done = partners.run("--partner-add", "secret", "--yes", "--debug")
    value = done.stdout.rstrip("\n")
    assert value.startswith("fdp_secret_s") and len(value.split("\n")) == 1
    assert value not in done.stderr
    report = partners.run("--partner-rotate", "secret", "--yes", "--output", "json")
    rotated = json.loads(report.stdout)["apiKey"]
    assert report.stdout.count(rotated) == 1 and rotated not in report.stderr
    s3 = partners.deployment.client("s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"] if "artifacts" in each["Name"]]
    records = s3.list_objects_v2(Bucket=bucket, Prefix="deployments/dev/partners/")["Contents"]
    stored = b"".join(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in records)
    assert b"secret" in stored and b"fdp_" not in stored


def test_a_redeployment_that_makes_another_snapshot_of_the_api_keeps_keys_and_plans(platform, partners):
    project, deployment = platform
    key = partners.key("--partner-add", "loyal")
    gateway = deployment.client("apigateway")
    snapshots = len(gateway.get_deployments(restApiId=deployment.outputs["ApiId"])["items"])
    before = gateway.get_stage(restApiId=deployment.outputs["ApiId"], stageName="dev")["deploymentId"]
    edit(project, "contract/errors.py", "Too many requests; slow down and try again.", "Too many requests.")
    edit(project, "environments/dev.toml", f"standard_burst = {BURST}", "standard_burst = 10")
    done = redeploy(project, deployment)
    assert done.returncode == 0, done.stdout + done.stderr
    after = gateway.get_stage(restApiId=deployment.outputs["ApiId"], stageName="dev")["deploymentId"]
    assert after != before and len(gateway.get_deployments(restApiId=deployment.outputs["ApiId"])["items"]) == snapshots
    assert partners.place(key).status_code == 201
    drift = partners.run("--drift", "--detailed-exitcode")
    assert drift.returncode == 0, drift.stdout + drift.stderr


def test_a_tier_is_not_above_the_api(platform, partners):
    project, _ = platform
    text = (project / "environments" / "dev.toml").read_text()
    (project / "environments" / "dev.toml").write_text(text.replace("premium_rate = 50", "premium_rate = 101"))
    try:
        refused = partners.run("--plan")
    finally:
        (project / "environments" / "dev.toml").write_text(text)
    assert refused.returncode == 2 and "partners.premium_rate is above api.rate_limit" in refused.stderr


def test_zz_destroying_revokes_every_key(platform, partners):
    """The last test: nothing is deployed after it."""
    partners.key("--partner-add", "doomed")
    refused = partners.run("--destroy")
    assert refused.returncode == 5 and "API keys of the partners" in refused.stdout and "doomed" in refused.stdout
    assert partners.ids("doomed")
    done = partners.run("--destroy", "--delete-data", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert partners.deployment.client("apigateway").get_api_keys()["items"] == []
    assert partners.deployment.client("apigateway").get_usage_plans()["items"] == []
