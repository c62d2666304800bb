"""What all tests share: no settings of this machine, no emulator left behind, and no haste."""

import os

import pytest
from hypothesis import settings

from deployer.aws import isolated
from emulator import ownership

# The developer's settings for AWS and of a proxy are none of the tests' business. Before any other conftest.py is
# read: those of some folders set variables of their own.
_KEPT = isolated.environment(os.environ)
os.environ.clear()
os.environ.update(_KEPT)

# An example takes as long as the machine lets it; what hangs is ended by pytest-timeout.
# The parent is the profile in force: on CI Hypothesis chooses one that tries the same examples each time.
settings.register_profile("project", settings(), deadline=None)
settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def no_emulator_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every emulator that a test starts ends with its test process, even when that is killed."""
    ownership.end_with_this_process(tmp_path_factory.mktemp("lifeline"))
