"""A spinner is for a terminal: nothing of it reaches a pipe."""

import io

import pytest

from deployer.show.ui import Ui


@pytest.mark.parametrize("interactive", [False, True])
def test_waiting_is_seen_on_a_terminal_only(interactive):
    stream = io.StringIO()
    with Ui(stream, interactive).waiting("CloudFormation"):
        pass
    assert ("CloudFormation" in stream.getvalue()) == interactive
