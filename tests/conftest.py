"""What all tests share."""

import pytest

from emulator import ownership


@pytest.fixture(scope="session", autouse=True)
def no_emulator_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every emulator that a test starts ends with its test process, even when that is killed."""
    ownership.end_with_this_process(tmp_path_factory.mktemp("lifeline"))
