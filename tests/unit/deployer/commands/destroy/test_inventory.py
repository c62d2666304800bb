"""What an environment is made of, as far as it may be seen."""

import pytest
from botocore.exceptions import ClientError

from deployer.commands.destroy import inventory, stack_deletion, stored_data
from deployer.commands.destroy.deletion_outcomes import Fate
from deployer.commands.destroy.inventory import API, ROLE
from deployer.commands.destroy.stored_data import BUCKET, TABLE, Holding
from deployer.stacks import deployment_records, reading

STACK = {
    "StackName": "food-delivery-dev",
    "StackId": "arn:root",
    "StackStatus": "DELETE_FAILED",
    "Outputs": [{"OutputKey": "ApiId", "OutputValue": "api-1"}],
}
DENIED = ClientError(
    {
        "Error": {
            "Code": "AccessDenied",
            "Message": "User: ada is not authorized to perform: tag:GetResources on resource: *",
        }
    },
    "GetResources",
)


def fate(kind, physical_id, kept=False):
    return Fate(("DataStack",), "It", kind, physical_id, kept)


@pytest.fixture
def account(aws, monkeypatch):
    """A deployed environment; what a test sets differently, it sets before it looks."""
    fates = [fate(TABLE, "orders"), fate(ROLE, "old-role", kept=True), fate(API, "api-2")]
    monkeypatch.setattr(reading, "describe", lambda aws, stack: STACK)
    monkeypatch.setattr(stack_deletion, "read", lambda aws, stack: fates)
    monkeypatch.setattr(stack_deletion, "environments", lambda aws: {"dev", "prod"})
    tagged = [fate(TABLE, "orders", kept=True), fate(BUCKET, "old-files", kept=True)]
    monkeypatch.setattr(stored_data, "tagged", lambda aws, environment: tagged)
    monkeypatch.setattr(
        stored_data, "read", lambda aws, fates: [Holding(each, 1) for each in fates if each.type in (TABLE, BUCKET)]
    )
    monkeypatch.setattr(deployment_records, "entries", lambda *arguments: ["one", "two"])
    aws.stub("ssm").add_response("get_parameters", {"Parameters": [{"Name": "/food-delivery/dev/feature-flags"}]})
    role = {"cloudwatchRoleArn": "arn:aws:iam::1:role/food-delivery-prod-ApiStack-role"}
    aws.stub("apigateway").add_response("get_account", role)
    return aws


def take(aws):
    return inventory.take(aws, "dev", "123456789012")


def test_what_the_stack_has_and_what_only_tags_know_is_told_apart(account):
    found = take(account)
    assert [holding.id for holding in found.dying] == ["orders"], "it is in the stack, so its policy decides"
    assert [holding.id for holding in found.staying] == ["old-files"]
    assert (found.has_flags, found.records, found.others) == (True, 2, {"prod"})
    assert found.artifacts.id == "food-delivery-artifacts-123456789012-us-east-1"


def test_roles_of_this_stack_and_the_one_in_use_are_known(account):
    assert take(account).log_roles == ["food-delivery-prod-ApiStack-role", "old-role"]


def test_a_role_that_somebody_else_made_is_not_ours(account, monkeypatch):
    stub = account.stub("apigateway")
    account.client("apigateway").get_account()
    stub.add_response("get_account", {"cloudwatchRoleArn": "arn:aws:iam::1:role/theirs"})
    assert take(account).gateway_role == ""


def test_an_api_that_an_unfinished_deletion_took_is_known_by_the_outputs(account):
    assert take(account).apis == {"api-1", "api-2"}


def test_without_the_right_to_look_around_the_rest_is_known_and_what_may_be_shared_is_kept(account, monkeypatch):
    def denied(*arguments):
        raise DENIED

    monkeypatch.setattr(stored_data, "tagged", denied)
    monkeypatch.setattr(stack_deletion, "environments", denied)
    found = take(account)
    assert [holding.id for holding in found.stored] == ["orders"]
    assert len(found.untold) == 2 and "tag:GetResources" in found.untold[0]
    assert found.others, "somebody may be there"


def test_any_other_failure_to_look_is_one(account, monkeypatch):
    def broken(*arguments):
        raise ConnectionError("lost")

    monkeypatch.setattr(stored_data, "tagged", broken)
    with pytest.raises(ConnectionError):
        take(account)
