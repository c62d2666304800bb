"""What all tests share."""

import os

import pytest

from deployer.aws import isolated
from emulator import ownership


def pytest_configure() -> None:
    """The developer's settings for AWS and of a proxy are none of the tests' business."""
    kept = isolated.environment(os.environ)
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture(scope="session", autouse=True)
def no_emulator_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every emulator that a test starts ends with its test process, even when that is killed."""
    ownership.end_with_this_process(tmp_path_factory.mktemp("lifeline"))
