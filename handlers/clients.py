"""AWS clients, created once per process.

They come from botocore, not boto3: boto3's resource layer takes a tenth of a cold start. Creating a client takes most
of the rest, so each function creates its most important one at import, when Lambda gives it a full CPU.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

from contract.settings import default_api_config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

_SERVICES = ("dynamodb", "lambda", "s3", "sns", "sqs", "ssm")

# Concurrent calls of one function, each on another connection.
CONNECTIONS = 10


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    # Otherwise botocore lists the directories of all 400 services to check that one exists.
    session.get_component("data_loader").list_available_services = lambda type_name: _SERVICES
    return session


def warm_up(client: Callable[[int, int], object]) -> None:
    """Create the client that the first request most likely uses."""
    config = default_api_config()
    client(config["defaultTimeout"], config["retryAttempts"])


@lru_cache(maxsize=2)  # new settings, new client
def dynamodb(timeout_ms: int, retries: int) -> "DynamoDBClient":
    """Return a client. `timeout_ms` is for connecting and for reading; `retries` come after the first call."""
    return _client("dynamodb", timeout_ms, timeout_ms, retries)


@lru_cache(maxsize=1)
def sqs(timeout_ms: int, retries: int) -> "SQSClient":
    """As `dynamodb`."""
    return _client("sqs", timeout_ms, timeout_ms, retries)


@cache
def sns() -> "SNSClient":
    """Return a client with long timeouts: no request waits for an event, and a failed one is retried."""
    return _client("sns", 1_000, 5_000, 2)


@cache
def s3() -> "S3Client":
    """Return a client with long timeouts: no request waits for a file, and reading a range takes time."""
    return _client("s3", 2_000, 10_000, 2)


@cache
def functions() -> "LambdaClient":
    """As `sns`."""
    return _client("lambda", 1_000, 5_000, 2)


@cache
def ssm() -> "SSMClient":
    """Return a client with short timeouts: requests wait for it, and have a fallback."""
    return _client("ssm", 500, 1_000, 1)


def _client(
    service: str, connect_ms: int, read_ms: int, retries: int
) -> Any:  # botocore makes each service's class at run time
    return _session().create_client(
        service,
        config=Config(
            connect_timeout=connect_ms / 1000,
            read_timeout=read_ms / 1000,
            retries={"mode": "standard", "total_max_attempts": retries + 1},
            max_pool_connections=CONNECTIONS,
            # It takes two fifths of the worker's CPU; mypy checks the requests, and the service does.
            parameter_validation=False,
        ),
    )
