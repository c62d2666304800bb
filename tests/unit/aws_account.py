"""A fake account: stubbed clients, without access to real credentials or the network."""

from types import SimpleNamespace

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from config.environment import load
from deployer import connection
from deployer.aws import session, waiting
from deployer.aws.sent import Sent
from operations.queues import dead_letters, redrive
from tests.unit.operations.queues.dead_letter_world import Impatient, World

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/food-delivery-dev/1"


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def dev():
    return load("dev")


class Stubbed(SimpleNamespace):
    """Like deployer.aws.session.Aws; `stub(service)` is the Stubber of its client."""

    def __init__(self, local=False):
        super().__init__(
            local=local,
            on_this_machine=local,
            region="us-east-1",
            elsewhere="",
            endpoint_url=None,
            ca_bundle=None,
            service_role=None,
            clients={},
            stubs={},
            warned=[],
            sent=Sent(),
        )
        self.warn = self.warned.append

    def client(self, service):
        if service not in self.clients:
            self.clients[service] = boto3.client(service, region_name=self.region)
            self.stubs[service] = Stubber(self.clients[service])
            self.stubs[service].activate()
        return self.clients[service]

    def stub(self, service):
        self.client(service)
        return self.stubs[service]

    def done(self):
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def aws():
    return Stubbed()


@pytest.fixture
def bare(dev, monkeypatch):
    """A World in which nothing is deployed."""
    with mock_aws():
        aws = session.connect(dev)
        aws.local = True
        monkeypatch.setattr(waiting, "REMOTE", waiting.LOCAL)
        monkeypatch.setattr(connection, "connect", lambda *arguments: aws)
        receive = dead_letters.receive

        def impatient(sqs, url, most, hold):
            """moto really waits."""
            return receive(Impatient(sqs), url, most, hold)

        monkeypatch.setattr(dead_letters, "receive", impatient)
        monkeypatch.setattr(redrive, "receive", impatient)
        yield World(aws)


@pytest.fixture
def world(bare):
    """A World with an order queue and two dead-letter queues."""
    bare.deploy()
    return bare
