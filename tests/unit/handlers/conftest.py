"""A process like Lambda's, over moto: environment, table, parameters, fresh caches."""

import json
import os
import re
import threading

# Before the handlers are imported: they create their client at import.
os.environ.update(
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_EC2_METADATA_DISABLED="true",
    ENVIRONMENT="test",
    POWERTOOLS_SERVICE_NAME="orders",
)

import pytest
from moto import mock_aws
from moto.dynamodb.exceptions import ConditionalCheckFailed, MockValidationException
from moto.dynamodb.models import DynamoDBBackend

from handlers import clients, configuration
from tests.unit.handlers.api import TABLE, Api
from tests.unit.handlers.pipeline import Pipeline, message
from tests.unit.handlers.table_in_memory import TableInMemory

API_CONFIG = "/food-delivery/test/api-config"
FEATURE_FLAGS = "/food-delivery/test/feature-flags"
_moto = threading.RLock()
QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setenv("TABLE_NAME", TABLE)
    monkeypatch.setenv("API_CONFIG_PARAMETER", API_CONFIG)
    monkeypatch.setenv("FEATURE_FLAGS_PARAMETER", FEATURE_FLAGS)
    monkeypatch.setenv("ALLOWED_ORIGINS", "*")
    monkeypatch.setenv("ORDER_TTL_DAYS", "90")
    monkeypatch.setenv("ORDER_QUEUE_URL", f"{QUEUES}/orders")
    monkeypatch.setenv("ORDER_DEAD_LETTER_QUEUE_URL", f"{QUEUES}/dead-letters")
    monkeypatch.setenv("ORDER_EVENTS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:order-events")
    monkeypatch.setattr("random.uniform", lambda low, high: 0)  # retries without waiting


def one_at_a_time(real):
    """Lock moto: it copies the table for a transaction and restores the copy, so no other call may run."""

    def locked(*arguments, **options):
        with _moto:
            return real(*arguments, **options)

    return locked


INSERT = re.compile(r"INSERT INTO \"([\w.-]+)\" VALUE \{((?:'\w+': \?(?:, )?)+)\}")


def insert_each(backend, statements):
    """Execute INSERTs as DynamoDB does: moto would need another PartiQL parser, and lets two threads insert one item."""
    if len(statements) > 25:
        raise MockValidationException("Member must have length less than or equal to 25")
    return [insert(backend, each["Statement"], each["Parameters"]) for each in statements]


def insert(backend, statement, parameters):
    table, attributes = INSERT.fullmatch(statement).groups()
    item = dict(zip(re.findall(r"'(\w+)'", attributes), parameters, strict=True))
    answer = {"TableName": table}
    try:
        backend.put_item(table, item, condition_expression="attribute_not_exists(orderId)")
    except ConditionalCheckFailed:
        answer["Error"] = {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}
    return answer


DynamoDBBackend.batch_execute_statement = insert_each


@pytest.fixture
def aws(environment, monkeypatch):
    """moto with the table and the parameters only, and no cached settings."""
    for name in ("put_item", "transact_write_items"):
        monkeypatch.setattr(DynamoDBBackend, name, one_at_a_time(getattr(DynamoDBBackend, name)))
    with mock_aws():
        configuration._cache.clear()
        yield make_database()


@pytest.fixture
def api(aws):
    return Api(aws)


@pytest.fixture
def queues(aws):
    """The order queue and its dead-letter queue."""
    return make_queues()


@pytest.fixture
def pipeline(aws, queues):
    return Pipeline(queues)


@pytest.fixture
def table(pipeline, monkeypatch):
    """A table in memory in the place of moto's, for orders with ids of the clients' choice."""
    table = TableInMemory(pipeline.database)
    monkeypatch.setattr(pipeline.database, "transact_write_items", table.transact_write_items)
    return table


@pytest.fixture
def calls(aws, pipeline):
    """The names of the calls to DynamoDB and SQS since the settings were read."""
    pipeline.work(message("warm-up"))
    made = []
    watched = (aws, pipeline.database, pipeline.sqs)
    for client in watched:
        name = f"before-call.{client.meta.service_model.service_name}"
        client.meta.events.register(name, lambda model, **rest: made.append(model.name), unique_id="count")
    yield made
    for client in watched:
        client.meta.events.unregister(f"before-call.{client.meta.service_model.service_name}", unique_id="count")


def make_queues():
    client = clients.sqs(500, 3)
    for name in ("orders", "dead-letters", "unannounced"):
        client.create_queue(QueueName=name)
    return client


def make_database():
    """Create the table, like the data stack, and both parameters; return the client."""
    database = clients.dynamodb(500, 3)
    database.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "orderId", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": "N"},
            {"AttributeName": "customerId", "AttributeType": "S"},
            {"AttributeName": "partnerCustomer", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "orderId", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": name,
                "KeySchema": [
                    {"AttributeName": attribute, "KeyType": "HASH"},
                    {"AttributeName": "timestamp", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for name, attribute in (("customerIdIndex", "customerId"), ("partnerCustomerIndex", "partnerCustomer"))
        ],
    )
    put_parameters()
    return database


def put_parameters(api_config: object = None, flags: object = None) -> None:
    """Write both SSM parameters; a str is unchanged."""
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
