"""One deployment of the real project to a local emulator per test process.

The tests drive it as a client would, over HTTP, and look into the table
through DynamoDB's own API. Functions run under their own IAM roles.
"""

import uuid

import pytest

from tests.e2e.support import start, stop


@pytest.fixture(scope="session")
def deployment(tmp_path_factory):
    local_dir = tmp_path_factory.mktemp("deployment")
    try:
        yield start(local_dir)
    finally:
        stop(local_dir)


@pytest.fixture(scope="session")
def api(deployment):
    with deployment.api() as client:
        yield client


@pytest.fixture
def customer() -> str:
    """A customer of this test alone."""
    return f"CUST-{uuid.uuid4().hex[:12]}"
