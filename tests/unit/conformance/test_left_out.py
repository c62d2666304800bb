"""An endpoint that leaves out a resource, or runs no function, gives no verdict: moto's services in this process."""

from typing import Any

import pytest
from moto import mock_aws

from config.environment import load
from conformance.account import Account
from conformance.probe import CannotTry
from conformance.resources import ECHO, att, function, role, template
from deployer.aws import session


@pytest.fixture
def account(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(Account, "emulated_at", "http://127.0.0.1:1")
    with mock_aws():
        yield Account(session.connect(load("dev")), "conformance-test", 1)


def test_a_resource_that_is_not_created_is_named(account):
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [], "PolicyDocument": {}}}

    with pytest.raises(CannotTry, match=r"^CloudFormation creates no AWS::SQS::QueuePolicy here$"):
        account.deployed("stack", template({"Queue": {"Type": "AWS::SQS::Queue"}, "Policy": policy}))


def test_functions_that_do_not_run_are_tried_once(account, monkeypatch):
    tried = []

    def invoke(name: str, event: Any) -> None:
        tried.append(name)
        raise NotImplementedError("no Docker")

    monkeypatch.setattr(account, "invoke", invoke)
    made = template({"Role": role(), "F": function(account.code(ECHO), att("Role", "Arn"))})

    for stack in ("one", "two"):
        with pytest.raises(CannotTry, match=r"^functions do not run here$"):
            account.deployed(stack, made)

    (function_name,) = tried
    assert function_name.startswith("conformance-test-runs-")


def test_functions_that_run_are_no_obstacle(account, monkeypatch):
    monkeypatch.setattr(account, "invoke", lambda name, event: event)

    made = template({"Role": role(), "F": function(account.code(ECHO), att("Role", "Arn"))}, {"F": {"Ref": "F"}})

    assert account.deployed("stack", made)["F"].startswith("stack-F")
