"""A process like Lambda's, on moto: environment, table, parameters, fresh caches."""

import json
import os

# Before the handlers are imported: they create their client at import.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    ENVIRONMENT="test",
    POWERTOOLS_SERVICE_NAME="orders",
    POWERTOOLS_METRICS_NAMESPACE="FoodDelivery",
)

import pytest
from moto import mock_aws

from handlers import clients, configuration
from tests.unit.handlers.api import TABLE, Api

API_CONFIG = "/food-delivery/test/api-config"
FEATURE_FLAGS = "/food-delivery/test/feature-flags"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("TABLE_NAME", TABLE)
    monkeypatch.setenv("API_CONFIG_PARAMETER", API_CONFIG)
    monkeypatch.setenv("FEATURE_FLAGS_PARAMETER", FEATURE_FLAGS)
    monkeypatch.setenv("ALLOWED_ORIGINS", "*")
    monkeypatch.setenv("ORDER_TTL_DAYS", "90")
    monkeypatch.setattr("random.uniform", lambda low, high: 0)  # retries without waiting


@pytest.fixture
def aws(environment):
    """moto, empty but for the table and the parameters, and no cached settings."""
    with mock_aws():
        configuration._cache.clear()
        yield make_database()


@pytest.fixture
def api(aws):
    return Api(aws)


def make_database():
    """The table, as the data stack makes it, and both parameters; the client."""
    database = clients.dynamodb(500, 3)
    database.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "orderId", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "N"},
            {"AttributeName": "customerId", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "orderId", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "customerIdIndex",
                "KeySchema": [
                    {"AttributeName": "customerId", "KeyType": "HASH"},
                    {"AttributeName": "timestamp", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    put_parameters()
    return database


def put_parameters(api_config: object = None, flags: object = None) -> None:
    """Write both SSM parameters; a str is written as it is."""
    for name, value, kind in (
        (API_CONFIG, {} if api_config is None else api_config, "String"),
        (FEATURE_FLAGS, {} if flags is None else flags, "SecureString"),
    ):
        text = value if isinstance(value, str) else json.dumps(value)
        clients.ssm().put_parameter(Name=name, Value=text, Type=kind, Overwrite=True)


@pytest.fixture
def configure(aws):
    """Write the parameters and start from a cold cache: configure(flags={...})."""

    def write(api_config: object = None, flags: object = None) -> None:
        put_parameters(api_config, flags)
        configuration._cache.clear()

    return write
