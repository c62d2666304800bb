"""The role that the caller assumes, and the one that CloudFormation uses."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from config.environment import Environment, load
from config.sections import Deploy
from deployer.aws import local, roles, service_errors, session
from deployer.aws.roles import Roles
from deployer.errors import Exit, Failure
from deployer.preflight import account_state
from tests.unit.aws_account import no_account  # noqa: F401  autouse

DEPLOYER, SERVICE = (f"arn:aws:iam::123456789012:role/pipeline/{name}" for name in ("Deployer", "Service"))
SETTINGS = Deploy(assume_role=DEPLOYER, role_arn=SERVICE)
TAKING = {"CreateChangeSet", "DeleteStack", "ContinueUpdateRollback", "RollbackStack"}


class Calls:
    """Answers every request of a session without a network, and records it: (operation, access key, parameters)."""

    def __init__(self, created, lifetime=timedelta(hours=1), refuse=None):
        self.made, self.lifetime, self.refuse = [], lifetime, refuse
        created.events.register("before-call", self._answer)

    def _answer(self, model, params, request_signer, **_):
        key = request_signer._credentials.get_frozen_credentials().access_key
        self.made.append((model.name, key, params["body"]))
        said = {"Error": {"Code": "AccessDenied", "Message": self.refuse}} if self.refuse else {}
        if said and model.name != "AssumeRole":
            said = {}
        elif model.name == "AssumeRole" and not said:
            expires = datetime.now(UTC) + self.lifetime
            said = {"Credentials": dict.fromkeys(("SecretAccessKey", "SessionToken"), "x")}
            said["Credentials"] |= {"AccessKeyId": f"ASIA{len(self.made)}", "Expiration": expires}
        if model.name == "GetCallerIdentity":
            said = {"Arn": "arn:aws:iam::123456789012:user/ops team", "Account": "123456789012", "UserId": "1"}
        response = type("Response", (), {"status_code": 403 if "Error" in said else 200, "headers": {}})()
        return response, said | {"ResponseMetadata": {"HTTPStatusCode": response.status_code}}


def connected(settings=SETTINGS, **more):
    created = boto3.Session()
    calls = Calls(created, **more)
    return session.Aws(created, "us-east-1", roles_of_run=roles.of(settings)), calls


def test_every_client_uses_the_assumed_role_which_is_assumed_once_and_in_the_callers_name():
    aws, calls = connected()
    assert calls.made == [], "connecting sends nothing"
    aws.client("cloudformation").describe_stacks()
    aws.client("s3").list_buckets()
    [_, (_, own, assumed), (_, first, _), (_, second, _)] = calls.made
    assert [call[0] for call in calls.made] == ["GetCallerIdentity", "AssumeRole", "DescribeStacks", "ListBuckets"]
    assert (own, first, second) == ("testing", "ASIA2", "ASIA2")
    assert (assumed["RoleArn"], assumed["RoleSessionName"]) == (DEPLOYER, "ops-team")


def test_credentials_that_expire_are_renewed_in_a_long_run():
    aws, calls = connected(lifetime=timedelta(minutes=5))  # botocore renews what ends within ten
    client = aws.client("cloudformation")
    client.describe_stacks()
    client.describe_stacks()
    assert [call[0] for call in calls.made].count("AssumeRole") == 2


def test_without_a_role_nothing_is_assumed():
    aws, calls = connected(Deploy())
    aws.client("cloudformation").delete_stack(StackName="x")
    [(operation, key, parameters)] = calls.made
    assert (operation, key) == ("DeleteStack", "testing") and "RoleARN" not in parameters


def test_a_role_that_may_not_be_assumed_is_named_with_the_remedy():
    message = f"User: arn:aws:iam::1:user/ops is not authorized to perform: sts:AssumeRole on resource: {DEPLOYER}"
    aws, _calls = connected(refuse=message)
    with pytest.raises(ClientError) as error:
        aws.client("s3").list_buckets()
    failure = service_errors.explain(error.value)
    assert failure.code is Exit.PREFLIGHT and DEPLOYER in failure.message
    assert "trust policy" in failure.hint and "MFA" in failure.hint


def test_a_service_role_that_may_not_be_passed_is_named_with_the_remedy():
    message = f"User: arn:aws:iam::1:user/ops is not authorized to perform: iam:PassRole on resource: {SERVICE}"
    failure = service_errors.explain(
        ClientError({"Error": {"Code": "AccessDenied", "Message": message}}, "CreateChangeSet")
    )
    assert failure.message == f"missing permission: iam:PassRole on {SERVICE}"
    assert "role_arn of [deploy]" in failure.hint


@pytest.mark.parametrize("operation", sorted(TAKING))
def test_every_operation_that_takes_the_service_role_carries_it(operation):
    aws, calls = connected(Deploy(role_arn=SERVICE))
    names = {"StackName": "x"} | ({"ChangeSetName": "y"} if operation == "CreateChangeSet" else {})
    client = aws.client("cloudformation")
    method = next(name for name, api in client.meta.method_to_api_mapping.items() if api == operation)
    getattr(client, method)(**names)
    assert calls.made[-1][2]["RoleARN"] == SERVICE


def test_other_operations_do_not():
    aws, calls = connected(Deploy(role_arn=SERVICE))
    aws.client("cloudformation").execute_change_set(ChangeSetName="x", StackName="y")
    assert "RoleARN" not in calls.made[-1][2]


def test_the_emulator_has_the_roles_of_its_own_account_only():
    own = f"arn:aws:iam::{local.ACCOUNT}:role/Own"
    assert roles.of(Deploy(assume_role=DEPLOYER, role_arn=own), local.ACCOUNT) == Roles(None, own)


def test_a_service_role_of_another_account_is_refused(aws):
    aws.service_role = SERVICE
    account_state.check_service_role(aws, "123456789012")
    with pytest.raises(Failure, match=r"another account than 1{12}: .*Service") as failure:
        account_state.check_service_role(aws, "1" * 12)
    assert failure.value.code is Exit.PREFLIGHT


@pytest.mark.parametrize("key", ["role_arn", "assume_role"])
def test_a_role_of_another_account_than_the_pinned_one_is_an_error_of_the_file(key):
    given = load("dev").model_dump() | {"account": "1" * 12, "deploy": {key: SERVICE}}
    with pytest.raises(ValueError, match=f"deploy.{key} is a role of another account"):
        Environment.model_validate(given)


@pytest.mark.parametrize(
    "arn, name",
    [
        ("arn:aws:iam::1:user/team/ada", "ada"),
        ("arn:aws:sts::1:assumed-role/Deployer/ada", "ada"),
        ("arn:aws:sts::1:assumed-role/Deployer/botocore-session-1700000000", "Deployer"),
        ("arn:aws:iam::1:root", "root"),
    ],
)
def test_a_caller_has_a_name(arn, name):
    assert roles.name_of(arn) == name
