"""The commands for partners with the rights of bootstrap/partner-policy.yaml, at an emulator that enforces IAM."""

import json
import re

import boto3
import pytest

from emulator import control
from tests.e2e.support import ROOT, Deployment, copy_project, deploy, deployed, stop
from tests.e2e.test_rights import ACCOUNT, ANYBODY
from tests.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("partner rights")]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/Partners"


class Operator:
    """A project whose dev is used with the role of those who manage partners."""

    def __init__(self, local_dir, project, admin: Deployment, policy: str):
        self.local_dir, self.project, self.admin, self.policy = local_dir, project, admin, policy
        self.document = self._document()

    def _document(self) -> dict:
        iam = self.admin.client("iam")
        version = iam.get_policy(PolicyArn=self.policy)["Policy"]["DefaultVersionId"]
        return iam.get_policy_version(PolicyArn=self.policy, VersionId=version)["PolicyVersion"]["Document"]

    def allow(self, statements: list[dict]) -> None:
        document = json.dumps({**self.document, "Statement": statements})
        self.admin.client("iam").put_role_policy(RoleName="Partners", PolicyName="Own", PolicyDocument=document)

    def without(self, sid: str, action: str) -> None:
        """Take one action of one statement away."""
        kept = json.loads(json.dumps(self.document["Statement"]))
        for each in kept:
            if each["Sid"] == sid:
                assert action in each["Action"]
                each["Action"].remove(action)
        self.allow([each for each in kept if each["Action"]])

    def run(self, *arguments: str):
        return deploy("--env", "dev", "--local", *arguments, local_dir=self.local_dir, project=self.project)

    def keys(self) -> list[dict]:
        found = self.admin.client("apigateway").get_api_keys(nameQuery="food-delivery-dev/")["items"]
        return [each for each in found if "Partner" in each["tags"]]

    def client(self, service: str, role: str = ROLE):
        """A client with the role's own credentials."""
        sts = self.admin.client("sts")
        found = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return boto3.client(
            service,
            endpoint_url=self.admin.outputs["EndpointUrl"],
            region_name="us-east-1",
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("partner-rights")
    local_dir, project = directory / "local", copy_project(directory / "project")
    emulator = control.start(local_dir, iam=True)
    admin = Deployment(local_dir, {"EndpointUrl": emulator.endpoint_url})
    try:
        deployed("--env", "dev", "--local", "--yes", local_dir=local_dir, project=project)
        policy = _policy(admin)
        trust = {"Version": "2012-10-17", "Statement": [ANYBODY]}
        admin.client("iam").create_role(RoleName="Partners", AssumeRolePolicyDocument=json.dumps(trust))
        with (project / "environments" / "dev.toml").open("a") as file:
            file.write(f'\n[deploy]\nassume_role = "{ROLE}"\n')
        yield Operator(local_dir, project, admin, policy)
    finally:
        stop(local_dir)


def _policy(admin: Deployment) -> str:
    """Deploy the checked-in template, as an administrator does once; return the policy's ARN."""
    cloudformation = admin.client("cloudformation")
    cloudformation.create_stack(
        StackName="partner-policy",
        TemplateBody=(ROOT / "bootstrap" / "partner-policy.yaml").read_text(),
        Parameters=[{"ParameterKey": "Environment", "ParameterValue": "dev"}],
        Capabilities=["CAPABILITY_IAM"],
    )

    def outputs() -> list:
        [stack] = cloudformation.describe_stacks(StackName="partner-policy")["Stacks"]
        return stack.get("Outputs", []) if stack["StackStatus"] == "CREATE_COMPLETE" else []

    return eventually(outputs)[0]["OutputValue"]


@pytest.fixture
def operator(made):
    """All rights, and one partner with one key."""
    made.allow(made.document["Statement"])
    if not made.keys():
        done = made.run("--partner-add", "acme", "--yes")
        assert done.returncode == 0, done.stderr
    yield made
    made.allow(made.document["Statement"])


def test_every_command_works_without_a_warning(operator):
    for arguments in (("--partners",), ("--partner-rotate", "acme", "--yes")):
        done = operator.run(*arguments)
        assert done.returncode == 0 and "!" not in done.stdout + done.stderr, done.stdout + done.stderr
    revoked = operator.run("--partner-revoke", operator.keys()[-1]["id"], "--yes")
    assert revoked.returncode == 0 and "!" not in revoked.stdout + revoked.stderr, revoked.stdout + revoked.stderr
    assert len(operator.keys()) == 1


@pytest.mark.parametrize(
    "sid, action, command",
    [
        ("ReadStack", "cloudformation:DescribeStacks", "--partners"),
        ("ListKeys", "apigateway:GET", "--partners"),
        ("PlansOfKeys", "apigateway:GET", "--partners"),
        ("CreateKeys", "apigateway:POST", "--partner-rotate"),
        ("PlansOfKeys", "apigateway:POST", "--partner-rotate"),
        ("Keys", "apigateway:DELETE", "--partner-revoke"),
    ],
)
def test_without_an_action_a_command_fails_names_it_and_changes_nothing(operator, sid, action, command):
    before = operator.keys()
    argument = {"--partner-rotate": ["acme", "--yes"], "--partner-revoke": [before[0]["id"], "--yes"]}.get(command, [])
    operator.without(sid, action)
    failed = operator.run(command, *argument)
    assert failed.returncode == 3, failed.stdout + failed.stderr
    assert f"missing permission: {action}" in failed.stderr
    assert failed.stdout.count("fdp_") == 0 and operator.keys() == before


@pytest.mark.parametrize(
    "sid, action, command, warning",
    [
        ("ReadUsage", "apigateway:GET", ("--partners",), "when the keys were used is not shown"),
        ("ListRecords", "s3:ListBucket", ("--partners",), "the latest changes are not shown"),
        ("Records", "s3:GetObject", ("--partners",), "the latest changes are not shown"),
        ("Records", "s3:PutObject", ("--partner-add", "bravo", "--yes"), "its record could not be written"),
    ],
)
def test_without_an_action_that_only_informs_there_is_a_warning(operator, sid, action, command, warning):
    operator.without(sid, action)
    done = operator.run(*command)
    assert done.returncode == 0, done.stderr
    assert re.search(f"{warning}.*missing permission: {action}", done.stdout + done.stderr)


def test_a_key_is_read_and_deleted_only_if_a_partner_of_the_environment_has_it(operator):
    gateway, admin = operator.client("apigateway"), operator.admin.client("apigateway")
    ours = operator.keys()[0]
    assert gateway.get_api_key(apiKey=ours["id"], includeValue=True)["value"].startswith("fdp_")
    of_prod = {**ours["tags"], "Environment": "prod"}
    others = [
        admin.get_api_keys(nameQuery="food-delivery-dev")["items"][0]["id"],
        admin.create_api_key(name="food-delivery-prod/acme", tags=of_prod)["id"],
        admin.create_api_key(name="foreign")["id"],
    ]
    for key_id in others:
        for call in (gateway.get_api_key, gateway.delete_api_key):
            with pytest.raises(gateway.exceptions.ClientError, match="not authorized"):
                call(apiKey=key_id)
    for tags in ({}, of_prod):
        with pytest.raises(gateway.exceptions.ClientError, match="not authorized"):
            gateway.create_api_key(name="another", tags=tags)
    operator.without("Keys", "apigateway:GET")
    with pytest.raises(gateway.exceptions.ClientError, match="not authorized"):
        gateway.get_api_key(apiKey=ours["id"])


def test_a_partners_role_that_may_use_all_of_s3_reaches_its_own_files_only(operator):
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    trust = json.dumps({"Version": "2012-10-17", "Statement": [ANYBODY]})
    iam, admin = operator.admin.client("iam"), operator.admin.client("s3")
    role = {"RoleName": "AcmeFiles", "Tags": [{"Key": "partner", "Value": "acme"}]}
    arn = iam.create_role(AssumeRolePolicyDocument=trust, **role)["Role"]["Arn"]
    iam.put_role_policy(RoleName="AcmeFiles", PolicyName="Own", PolicyDocument=policy)
    outputs = json.loads(operator.run("--outputs", "--output", "json").stdout)["outputs"]
    s3, bucket = operator.client("s3", arn), {"Bucket": outputs["UploadBucketName"]}
    reports = ("reports/orders/acme/a/1.json", "reports/orders/globex/a/1.json", "reports/orders/acme/1.json")
    for key in ("orders/acme/a", "orders/globex/a", *reports):
        admin.put_object(Key=key, Body=b"[]", **bucket)

    s3.put_object(Key="orders/acme/b", Body=b"[]", **bucket)
    s3.get_object(Key="reports/orders/acme/a/1.json", **bucket)
    for call, more in (
        ("put_object", {"Key": "orders/globex/b"}),
        ("put_object", {"Key": "orders/acme-2/b"}),
        ("put_object", {"Key": "orders/b"}),
        ("put_object", {"Key": "reports/orders/acme/b"}),
        ("get_object", {"Key": "orders/acme/a"}),
        ("get_object", {"Key": "reports/orders/globex/a/1.json"}),
        ("get_object", {"Key": "reports/orders/acme/1.json"}),  # of the operator's file orders/acme
        ("delete_object", {"Key": "orders/acme/a"}),
        ("delete_object", {"Key": "reports/orders/acme/a/1.json"}),
        ("list_objects_v2", {"Prefix": "orders/acme/"}),
        ("list_object_versions", {}),
        ("get_bucket_policy", {}),
        ("delete_bucket_policy", {}),
        ("put_bucket_policy", {"Policy": policy}),
    ):
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            getattr(s3, call)(**bucket, **more)
