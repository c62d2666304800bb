"""AWS clients, created once per process.

From botocore, not boto3: the same clients without the resource layer, which
costs a tenth of a cold start. Creating the DynamoDB client is most of what is
left, so the functions do that at import, where Lambda gives them a full CPU.
"""

from functools import cache, lru_cache

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config

from contract.settings import default_api_config

_SERVICES = ("dynamodb", "ssm")


@cache
def _session() -> botocore.session.Session:
    session = botocore.session.get_session()
    # To know that a service exists, botocore would list the directories of all 400.
    session.get_component("data_loader").list_available_services = lambda type_name: _SERVICES
    return session


def warm_up() -> None:
    """Create the DynamoDB client that the first request will most likely use."""
    config = default_api_config()
    dynamodb(config["defaultTimeout"], config["retryAttempts"])


@lru_cache(maxsize=1)  # new settings, new client
def dynamodb(timeout_ms: int, retries: int) -> BaseClient:
    """`timeout_ms` bounds connecting and reading, each; `retries` come after the first call."""
    seconds = timeout_ms / 1000
    return _session().create_client(
        "dynamodb",
        config=Config(
            connect_timeout=seconds,
            read_timeout=seconds,
            retries={"mode": "standard", "total_max_attempts": retries + 1},
        ),
    )


@cache
def ssm() -> BaseClient:
    """Short timeouts: a request waits for this one, and there is always a fallback."""
    return _session().create_client(
        "ssm",
        config=Config(
            connect_timeout=0.5,
            read_timeout=1,
            retries={"mode": "standard", "total_max_attempts": 2},
        ),
    )
