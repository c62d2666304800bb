"""`--hotswap`: what it refuses, what it changes, what it leaves for a deployment."""

import io
from types import SimpleNamespace

import pytest

from deployer import connection
from deployer.artifacts.packaging import Package
from deployer.aws.sent import Sent, Write
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from deployer.stacks import tree
from operations.development import hotswap, local_code
from tests.unit.lambda_world import Lambda, account, key, stack

OLD, NEW = b"old", b"new"


@pytest.fixture
def world(monkeypatch):
    """Two functions that run the stack's package; the local version has another. `run` returns the report."""
    functions = Lambda({key(OLD): OLD})
    functions.add("dev-A", OLD)
    functions.add("dev-B", OLD)
    world = SimpleNamespace(functions=functions, said=io.StringIO(), left=[], status="UPDATE_COMPLETE", local=NEW)
    aws = account(functions)
    aws.endpoint_url, aws.elsewhere, aws.sent = None, "", Sent()
    world.sent = aws.sent
    monkeypatch.setattr(tree, "read", lambda aws, root: [])
    monkeypatch.setattr(connection, "deployed", lambda *_: (aws, stack(OLD, "A", "B", status=world.status)))
    monkeypatch.setattr(hotswap, "_left", lambda *_: iter(world.left))
    monkeypatch.setattr(local_code, "package", lambda root: Package("functions", world.local))
    world.run = lambda **options: hotswap.run(Options(**{"env": "dev", "yes": True, **options}), Ui(world.said), None)
    return world


def test_the_functions_run_the_local_code_and_the_screen_says_what_that_means(world):
    assert world.run() == {
        "result": "swapped",
        "functions": ["AFunction", "BFunction"],
        "package": key(NEW),
        "left": [],
    }
    assert world.functions.latest == {"dev-A": NEW, "dev-B": NEW}
    assert "outside CloudFormation: dev will not be what its stack says" in world.said.getvalue()
    assert "A deployment ends the difference: python deploy.py --env dev\n" in world.said.getvalue()


def test_a_second_run_has_nothing_to_do_and_one_after_a_failure_does_the_rest(world):
    world.functions.refuses["dev-B"] = "ResourceConflictException"
    with pytest.raises(Failure, match="1 of 2 functions"):
        world.run()
    del world.functions.refuses["dev-B"]
    assert world.run()["functions"] == ["BFunction"]
    assert world.run()["result"] == "unchanged"


def test_the_stacks_own_code_is_restored(world):
    world.run()
    world.local = OLD
    assert world.run()["result"] == "restored"
    assert world.functions.latest == {"dev-A": OLD, "dev-B": OLD}


def test_what_is_no_code_is_named_and_left(world):
    world.left = ["template DataStack", "layer", *(f"parameter P{number}" for number in range(6))]
    assert world.run()["left"] == world.left
    assert "wait for a deployment: template DataStack, layer, parameter P0" in world.said.getvalue()
    assert "and 3 more" in world.said.getvalue()


def test_an_environment_that_retains_its_data_refuses(world):
    with pytest.raises(Failure, match="retains its data") as failure:
        world.run(env="prod")
    assert failure.value.code == Exit.USAGE and world.functions.calls == []


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_in_an_operation_refuses(world, status):
    world.status = status
    with pytest.raises(Failure, match=f"is in {status}") as failure:
        world.run()
    assert failure.value.code == Exit.PREFLIGHT and "aws cloudformation" in failure.value.hint
    assert world.functions.calls == []


def test_without_consent_nothing_changes(world):
    with pytest.raises(Failure, match="confirmation required") as failure:
        world.run(yes=False)
    assert failure.value.code == Exit.REFUSED and world.functions.calls == []


def test_an_interrupted_swap_says_what_it_has_changed(world, monkeypatch):
    def interrupted(*_):
        world.sent.writes.append(Write("lambda", "UpdateFunctionCode", {"FunctionName": "dev-A"}, done=True))
        raise KeyboardInterrupt

    monkeypatch.setattr(local_code, "carry_out", interrupted)
    with pytest.raises(Failure, match="this run updated the code of 1 function") as failure:
        world.run()
    assert failure.value.code == Exit.INTERRUPTED
