"""A deployment with the roles of bootstrap/pipeline-role.yaml, at an emulator that enforces IAM."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
import pytest

from emulator import control
from tests.e2e.support import ROOT, Deployment, copy_project, deploy, stop
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("rights")]

ACCOUNT, PIPELINE, STACK = "000000000000", "pipeline-dev", "food-delivery-dev"
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}


@dataclass
class Account:
    """The emulator's account with the roles of a pipeline, and a copy of the project that uses them."""

    local_dir: Path
    project: Path
    admin: Deployment
    roles: dict[str, str]
    prefix: str = "Local"

    def use(self, role: str, **changes: str) -> None:
        """Have the next runs assume a role with the policies of one of the pipeline's.

        GitHub's token is not to be had here: the roles differ in whom they trust, not in what they may do.
        """
        iam, name = self.admin.client("iam"), f"{self.prefix}{role}"
        if name not in {each["RoleName"] for each in iam.list_roles()["Roles"]}:
            trust = {"Version": "2012-10-17", "Statement": [ANYBODY]}
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
            its = self.roles[f"{role}Arn"].rpartition("/")[2]
            for policy in iam.list_attached_role_policies(RoleName=its)["AttachedPolicies"]:
                iam.attach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        settings = (ROOT / "environments" / "dev.toml").read_text()
        for before, after in changes.items():
            settings = re.sub(rf"^{before} = .*$", f"{before} = {after}", settings, flags=re.MULTILINE)
        settings += (
            f'\n[deploy]\nassume_role = "arn:aws:iam::{ACCOUNT}:role/{name}"\n'
            f'role_arn = "{self.roles["ServiceRoleArn"]}"\n'
            f'permissions_boundary = "{self.roles["PermissionsBoundaryArn"]}"\n'
        )
        (self.project / "environments" / "dev.toml").write_text(settings)

    def run(self, *arguments: str, env: tuple[str, ...] = ("--env", "dev")):
        return deploy(*env, "--local", *arguments, local_dir=self.local_dir, project=self.project)

    def policy_with(self, action: str) -> str:
        """Return the ARN of the service role's policy that allows the action."""
        iam, role = self.admin.client("iam"), self.roles["ServiceRoleArn"].rpartition("/")[2]
        arns = [each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]]
        return next(arn for arn in arns if f'"{action}"' in json.dumps(self.document(arn)))

    def document(self, arn: str) -> dict:
        iam = self.admin.client("iam")
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

    def put(self, arn: str, document: dict) -> None:
        """Replace the policy's document."""
        iam = self.admin.client("iam")
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    directory = tmp_path_factory.mktemp("rights")
    local_dir, project = directory / "local", copy_project(directory / "project")
    emulator = control.start(local_dir, iam=True)
    try:
        admin = Deployment(local_dir, {"EndpointUrl": emulator.endpoint_url})
        yield Account(local_dir, project, admin, bootstrap(admin))
    finally:
        stop(local_dir)


def bootstrap(admin: Deployment, name: str = PIPELINE, **parameters: str) -> dict[str, str]:
    """Deploy the checked-in template, as an administrator does once; return its outputs."""
    cloudformation = admin.client("cloudformation")
    given = {"Environment": "dev", "Repository": "example/food-delivery", "GitHubEnvironment": "dev"}
    given |= {"CreateProvider": "false"} | parameters  # the emulator has none
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=(ROOT / "bootstrap" / "pipeline-role.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )

    def described() -> dict:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return {} if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    stack = eventually(described)
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


@pytest.mark.parametrize(
    "action",
    [
        "cloudformation:CreateStack",
        "dynamodb:CreateTable",
        "iam:CreateRole",
        "iam:PassRole",
        "cloudwatch:PutMetricAlarm",
    ],
)
def test_without_an_action_the_deployment_fails_and_names_it(account, action):
    account.use("DeployRole")
    arn = account.policy_with(action)
    whole = account.document(arn)
    less = json.loads(json.dumps(whole))
    for statement in less["Statement"]:
        if statement["Effect"] == "Allow":
            statement["Action"] = [each for each in statement["Action"] if each != action] or ["iam:ListUsers"]
    account.put(arn, less)
    try:
        failed = account.run("--yes")
    finally:
        account.put(arn, whole)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert f"is not authorized to perform: {action}" in failed.stdout
    assert f"the service role (role_arn of [deploy]) needs {action}" in failed.stdout


def test_with_all_of_them_the_platform_is_deployed_by_the_pipelines_roles_and_works(account):
    account.use("DeployRole")
    done = account.run("--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "assumed-role/LocalDeployRole/root" in done.stdout
    [stack] = account.admin.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    assert stack["RoleARN"] == account.roles["ServiceRoleArn"]
    iam = account.admin.client("iam")
    names = [each["RoleName"] for each in iam.list_roles()["Roles"] if each["RoleName"].startswith(STACK)]
    bounds = {iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] for name in names}
    assert len(names) == 7 and bounds == {account.roles["PermissionsBoundaryArn"]}
    smoke = account.run("--smoke")
    assert smoke.returncode == 0, smoke.stdout + smoke.stderr
    assert "assumed-role/LocalDeployRole/root" in account.run("--history").stdout


def test_the_deployer_reads_the_operators_key_and_no_partners(account):
    file = account.project / "environments" / "dev.toml"
    file.write_text((ROOT / "environments" / "dev.toml").read_text())
    added = account.run("--partner-add", "acme", "--yes")
    assert added.returncode == 0, added.stderr
    [partners] = account.admin.client("apigateway").get_api_keys(nameQuery="food-delivery-dev/")["items"]
    account.use("DeployRole")
    assert account.run("--api-key").returncode == 0
    listed = account.run("--partners")
    assert listed.returncode == 3 and "missing permission: apigateway:GET" in listed.stderr
    sts = account.admin.client("sts")
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/LocalDeployRole", RoleSessionName="test")[
        "Credentials"
    ]
    gateway = boto3.client(
        "apigateway",
        endpoint_url=account.admin.outputs["EndpointUrl"],
        region_name="us-east-1",
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    with pytest.raises(gateway.exceptions.ClientError, match="not authorized"):
        gateway.get_api_key(apiKey=partners["id"], includeValue=True)


def test_the_planner_plans_and_can_do_no_more(account):
    account.use("PlanRole", daily_quota="20_000")
    planned = account.run("--plan")
    assert planned.returncode == 0 and "Only a plan: nothing was changed." in planned.stdout, planned.stderr
    refused = account.run("--yes")
    assert refused.returncode == 3 and "missing permission" in refused.stderr
    assert "nothing was changed" in refused.stderr


def test_a_service_role_that_does_not_exist_is_named(account):
    account.use("DeployRole", daily_quota="20_000")
    file = account.project / "environments" / "dev.toml"
    file.write_text(re.sub(r'role_arn = ".*"', f'role_arn = "arn:aws:iam::{ACCOUNT}:role/None"', file.read_text()))
    refused = account.run("--plan")
    assert refused.returncode == 3 and "missing permission" in refused.stderr, "its policy allows one service role"


def test_a_role_that_cannot_be_assumed_is_named(account):
    account.use("DeployRole")
    file, role = account.project / "environments" / "dev.toml", f"arn:aws:iam::{ACCOUNT}:role/None"
    file.write_text(re.sub(r'assume_role = ".*"', f'assume_role = "{role}"', file.read_text()))
    refused = account.run("--plan")
    assert refused.returncode == 3 and role in refused.stderr and "assume_role of [deploy]" in refused.stderr


def test_a_preview_is_deployed_and_destroyed_by_the_roles_of_previews_like_an_environment_with_its_own(account):
    theirs = bootstrap(
        account.admin, "pipeline-pr", Environment="pr-*", GitHubEnvironment="preview", AllowDestroy="true"
    )
    previews = replace(account, roles=theirs, prefix="Previews")
    previews.use("DeployRole")
    file = account.project / "environments" / "dev.toml"
    settings = file.read_text()
    for key, output in {"role_arn": "ServiceRoleArn", "permissions_boundary": "PermissionsBoundaryArn"}.items():
        both = f'\n{key} = "{account.roles[output]}"\npreview_{key} = "{theirs[output]}"'
        settings = settings.replace(f'\n{key} = "{theirs[output]}"', both)
    file.write_text(settings)
    made = previews.run("--like", "dev", "--ttl", "1s", "--yes", env=("--env", "pr-7"))
    assert made.returncode == 0, made.stdout + made.stderr
    gateway = account.admin.client("apigateway")
    of_partner = {"Project": "food-delivery", "Environment": "pr-7", "Partner": "acme", "Tier": "standard"}
    gateway.create_api_key(name="food-delivery-pr-7/acme", tags=of_partner)
    done = previews.run("--destroy", "--expired", "--like", "dev", "--yes", "--output", "json", env=())
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["destroyed"] == ["pr-7"]
    assert gateway.get_api_keys(nameQuery="food-delivery-pr-7")["items"] == []


def test_the_environment_is_deleted_with_the_service_role(account):
    account.use("DeployRole")
    with_admin = account.project / "environments" / "dev.toml"
    with_admin.write_text(re.sub(r'assume_role = ".*"\n', "", with_admin.read_text()))
    done = account.run("--destroy", "--delete-data", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
