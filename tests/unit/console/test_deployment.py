"""Finding what is deployed."""

import pytest

from config.environment import load
from console.deployment import Connection
from deployer.errors import Exit, Failure


def test_without_an_emulator_the_command_of_that_environment_is_named(tmp_path):
    with pytest.raises(Failure) as raised:
        Connection(load("staging"), tmp_path).current()
    failure = raised.value
    assert (failure.code, failure.message) == (Exit.PREFLIGHT, "there is no emulator running")
    assert failure.hint == "deploy it: python deploy.py --env staging --local"
