"""A function under a debugger, as the emulator serves it."""

import importlib.util
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from conformance.small_stacks import with_function
from emulator import control
from emulator.development import client
from tests.emulator.testkit import Emulated, until


@pytest.fixture
def aws(tmp_path):
    yield Emulated(control.start(tmp_path / "state"))
    control.stop(tmp_path / "state")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((client.HOST, port)) == 0


def test_of_two_debuggings_of_one_function_neither_leaves_a_process(aws):
    name = with_function(aws, "debugged", "def handler(event, context):\n    return event\n")
    debugger = Path(importlib.util.find_spec("debugpy").origin).parent
    arn = aws.client("lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    ports = []
    with ExitStack() as first, ExitStack() as second:
        for number, held in enumerate((first, second)):
            ports.append(port := client.free_port())
            held.enter_context(
                client.debugging(aws.emulator.endpoint_url, [arn], f"{number}", port, debugger, lambda report: None)
            )
            until(lambda port=port: listens(port))
        first.close()
        until(lambda: not listens(ports[0]))
        second.close()
    until(lambda: not any(map(listens, ports)))
    assert aws.invoke(name, 7) == 7
