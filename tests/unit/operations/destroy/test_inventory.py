"""What an environment consists of, as far as permissions show it."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from deployer.stacks import deployment_records, reading
from operations.destroy import inventory, resources
from operations.destroy.inventory import API, ROLE
from operations.destroy.resources import BUCKET, TABLE, DataResource, Resource
from operations.partners import keys
from operations.partners.keys import Key

STACK = {
    "StackName": "food-delivery-dev",
    "StackId": "arn:root",
    "StackStatus": "DELETE_FAILED",
    "Outputs": [{"OutputKey": "ApiId", "OutputValue": "api-1"}],
}
KEY = Key("k1", "acme", "standard", datetime(2026, 11, 1, tzinfo=UTC))
DENIED = ClientError(
    {
        "Error": {
            "Code": "AccessDenied",
            "Message": "User: ada is not authorized to perform: tag:GetResources on resource: *",
        }
    },
    "GetResources",
)


def resource(kind, physical_id, retained=False):
    return Resource(("DataStack",), "It", kind, physical_id, retained)


@pytest.fixture
def account(aws, monkeypatch):
    """A deployed environment; what a test sets differently, it sets before it looks."""
    found = [resource(TABLE, "orders"), resource(ROLE, "old-role", retained=True), resource(API, "api-2")]
    monkeypatch.setattr(reading, "describe", lambda aws, stack: STACK)
    monkeypatch.setattr(resources, "of_stack", lambda aws, stack: found)
    monkeypatch.setattr(reading, "roots", lambda aws: {"dev": STACK, "prod": STACK})
    tagged = [resource(TABLE, "orders", retained=True), resource(BUCKET, "old-files", retained=True)]
    monkeypatch.setattr(resources, "tagged", lambda aws, environment: tagged)
    monkeypatch.setattr(
        resources,
        "with_data",
        lambda aws, found: [DataResource(each, 1) for each in found if each.type in (TABLE, BUCKET)],
    )
    monkeypatch.setattr(deployment_records, "keys", lambda *arguments: ["one", "two"])
    aws.stub("ssm").add_response("get_parameters", {"Parameters": [{"Name": "/food-delivery/dev/feature-flags"}]})
    monkeypatch.setattr(keys, "of_environment", lambda aws, environment: [KEY])
    role = {"cloudwatchRoleArn": "arn:aws:iam::1:role/food-delivery-prod-ApiStack-role"}
    aws.stub("apigateway").add_response("get_account", role)
    return aws


def take(aws):
    return inventory.take(aws, "dev", "123456789012")


def test_resources_of_the_stack_are_distinguished_from_those_found_by_tags(account):
    found = take(account)
    assert [data.id for data in found.deleted_data] == ["orders"], "it is in the stack: its DeletionPolicy applies"
    assert [data.id for data in found.retained_data] == ["old-files"]
    assert (found.has_flags, found.records, found.others) == (True, 2, {"prod"})
    assert found.partner_keys == (KEY,)
    assert found.artifacts.id == "food-delivery-artifacts-123456789012-us-east-1"


def test_roles_of_this_stack_and_the_one_in_use_are_known(account):
    assert take(account).log_roles == ["food-delivery-prod-ApiStack-role", "old-role"]


def test_a_role_that_another_project_made_is_not_the_platform_s(account, monkeypatch):
    stub = account.stub("apigateway")
    account.client("apigateway").get_account()
    stub.add_response("get_account", {"cloudwatchRoleArn": "arn:aws:iam::1:role/theirs"})
    assert take(account).gateway_role == ""


def test_an_api_deleted_by_an_unfinished_deletion_is_known_from_the_outputs(account):
    assert take(account).apis == {"api-1", "api-2"}


def test_missing_read_permissions_are_reported_and_shared_resources_are_kept(account, monkeypatch):
    def denied(*arguments):
        raise DENIED

    monkeypatch.setattr(resources, "tagged", denied)
    monkeypatch.setattr(reading, "roots", denied)
    monkeypatch.setattr(keys, "of_environment", denied)
    found = take(account)
    assert [data.id for data in found.data] == ["orders"]
    assert len(found.unchecked) == 3 and "tag:GetResources" in found.unchecked[0]
    assert found.others, "other environments may exist"


def test_any_other_error_is_raised(account, monkeypatch):
    def broken(*arguments):
        raise ConnectionError("lost")

    monkeypatch.setattr(resources, "tagged", broken)
    with pytest.raises(ConnectionError):
        take(account)


def test_environments_are_distinguished_from_nested_stacks_and_other_projects(aws):
    def entry(name, **more):
        return {
            "StackName": name,
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "StackStatus": "CREATE_COMPLETE",
            **more,
        }

    first = [
        entry("food-delivery-dev"),
        entry("food-delivery-dev-DataStack-1", ParentId="arn:root"),
        entry("other-prod"),
    ]
    stub = aws.stub("cloudformation")
    stub.add_response("describe_stacks", {"Stacks": first, "NextToken": "more"})
    stub.add_response("describe_stacks", {"Stacks": [entry("food-delivery-prod")]})
    assert reading.roots(aws).keys() == {"dev", "prod"}
