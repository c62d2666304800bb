"""Which APIs of this machine the reference can try."""

import pytest
from botocore.exceptions import EndpointConnectionError

from deployer.aws import session
from emulator import control
from preview.site import local_apis

EMULATOR = object()


class Aws:
    """A session whose CloudFormation has the stacks given."""

    local, endpoint_url = True, "http://127.0.0.1:9"

    def __init__(self, *stacks: dict) -> None:
        self.stacks = stacks

    def client(self, service: str):
        return self

    def get_paginator(self, operation: str):
        return self

    def paginate(self):
        return [{"Stacks": [*self.stacks]}]

    def endpoint_of(self, service: str) -> str:
        return self.endpoint_url


def stack(name: str, **more) -> dict:
    url = f"https://abc.execute-api.us-east-1.amazonaws.com/{name}"
    return {"StackName": f"food-delivery-{name}", "Outputs": [{"OutputKey": "ApiUrl", "OutputValue": url}], **more}


@pytest.fixture
def emulator(monkeypatch):
    """Have an emulator run, and a session with it."""
    monkeypatch.setattr(control, "running", lambda state: EMULATOR)
    monkeypatch.setattr(control, "environment", lambda emulator: {})
    return lambda aws: monkeypatch.setattr(session, "connect_local", lambda *_: aws)


def test_every_deployed_environment_is_listed_with_its_origins(emulator, tmp_path):
    origins = [{"ParameterKey": "AllowedOrigins", "ParameterValue": "https://a.example,https://b.example"}]
    nested, half = stack("dev-ApiStack", ParentId="dev"), {"StackName": "food-delivery-pr-7"}
    emulator(Aws(stack("staging", Parameters=origins), stack("dev"), nested, half))
    found = local_apis.find(tmp_path)
    assert [(each["environment"], each["origins"]) for each in found] == [
        ("dev", ["*"]),
        ("staging", ["https://a.example", "https://b.example"]),
    ]
    assert all(each["url"].startswith("http://127.0.0.1:9/") for each in found)


def test_there_are_none_without_an_emulator(tmp_path):
    assert local_apis.find(tmp_path) == []


def test_there_are_none_while_the_emulator_does_not_answer(emulator, tmp_path, monkeypatch):
    aws = Aws()
    emulator(aws)

    def fail():
        raise EndpointConnectionError(endpoint_url=aws.endpoint_url)

    monkeypatch.setattr(aws, "paginate", fail)
    assert local_apis.find(tmp_path) == []
