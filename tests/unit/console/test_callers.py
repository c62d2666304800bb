"""The API keys that the console can place orders with."""

from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from console import callers
from contract import partners
from deployer.errors import Failure


@pytest.fixture
def aws():
    with mock_aws():
        client = boto3.client("apigateway", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        yield SimpleNamespace(client=lambda service: client)


def plan(gateway, api: str, *keys: str) -> None:
    made = gateway.create_usage_plan(name=f"plan of {api}", apiStages=[{"apiId": api, "stage": "dev"}])
    for key in keys:
        gateway.create_usage_plan_key(usagePlanId=made["id"], keyId=key, keyType="API_KEY")


def key(gateway, value: str, enabled: bool = True) -> str:
    return gateway.create_api_key(name=value[:20], value=value, enabled=enabled)["id"]


def api(gateway, name: str) -> str:
    made = gateway.create_rest_api(name=name)["id"]
    root = gateway.get_resources(restApiId=made)["items"][0]["id"]
    gateway.put_method(restApiId=made, resourceId=root, httpMethod="GET", authorizationType="NONE")
    gateway.put_integration(restApiId=made, resourceId=root, httpMethod="GET", type="MOCK")
    gateway.create_deployment(restApiId=made, stageName="dev")
    return made


def of(partner: str, tier: str = "standard", number: int = 0) -> str:
    return partners.key_of(partner, tier, f"{number:0>{partners.RANDOM_LENGTH}}")


def test_the_operator_comes_first_then_partners_with_an_enabled_key_of_this_api(aws):
    gateway = aws.client("apigateway")
    ours, other = api(gateway, "ours"), api(gateway, "other")
    operator = key(gateway, "0" * 32)
    zeta, acme = key(gateway, of("zeta", "premium")), key(gateway, of("acme"))
    disabled, elsewhere = key(gateway, of("gone"), enabled=False), key(gateway, of("elsewhere"))
    malformed = key(gateway, "fdp_malformed_but_long_enough")
    key(gateway, of("unfinished"))
    plan(gateway, ours, operator, zeta, acme, disabled, malformed)
    plan(gateway, other, elsewhere)
    found = callers.read(aws, ours, operator)
    assert [(each.id, each.label) for each in found] == [
        (operator, "operator"),
        (acme, "acme (standard)"),
        (zeta, "zeta (premium)"),
    ]
    assert callers.chosen(found, "") is found[0] and callers.chosen(found, zeta) is found[2]
    with pytest.raises(Failure, match="no such API key"):
        callers.chosen(found, elsewhere)
