"""One round: code alone goes into the functions, everything else is deployed, and nothing half-done is taken for complete."""

from types import SimpleNamespace

import pytest

from deployer.artifacts.packaging import Package
from deployer.errors import Exit, Failure
from deployer.options import Options
from operations.development import local_code, rounds
from operations.development.rounds import Rounds
from tests.unit.lambda_world import Lambda, account, key, stack

DEPLOYED, SAVED, LATER = b"deployed", b"saved", b"later"
CODE, SETTINGS = ["handlers/orders_query.py"], ["environments/dev.toml"]


@pytest.fixture
def world(monkeypatch):
    """A stack with one function. `local`: the local package; `carry_out`: one round after it was saved."""
    functions = Lambda({key(DEPLOYED): DEPLOYED})
    functions.add("dev-A", DEPLOYED, "1")
    found = SimpleNamespace(functions=functions, local=DEPLOYED, deployments=0, fails=None, runs=True)
    aws = account(functions)
    monkeypatch.setattr(local_code, "package", lambda root: Package("functions", found.local))
    monkeypatch.setattr("deployer.stacks.tree.read", lambda *_: [])
    watched = Rounds(Options(env="dev", local=True), None, None, complete=True)

    def deploy():
        found.deployments += 1
        if found.fails:
            raise found.fails
        return "deployed"

    watched.deployed = lambda: (aws, stack(DEPLOYED, "A")) if found.runs else None
    watched._deployment = deploy

    def carry_out(paths, local=None):
        found.local = local or found.local
        return watched.carry_out(paths)

    found.carry_out, found.watched = carry_out, watched
    return found


def test_code_alone_goes_into_the_functions(world):
    assert world.carry_out(CODE, SAVED) == "updated the code of 1 functions"
    assert world.functions.live("dev-A") == SAVED and world.deployments == 0


def test_what_makes_the_same_package_changes_no_function(world):
    assert world.carry_out(CODE) == "no function differs"
    world.carry_out(CODE, SAVED)
    calls = len(world.functions.calls)
    assert world.carry_out(CODE) == "no function differs" and len(world.functions.calls) == calls


def test_the_deployed_code_comes_back_from_the_bucket(world):
    world.carry_out(CODE, SAVED)
    assert "updated" in world.carry_out(CODE, DEPLOYED)
    assert world.functions.latest["dev-A"] == DEPLOYED


@pytest.mark.parametrize(
    "paths", [SETTINGS, [*CODE, *SETTINGS], ["contract/routes.py"], ["domain/a.py", "config/a.py"]]
)
def test_all_else_is_deployed(world, paths):
    assert world.carry_out(paths, SAVED) == "deployed" and world.functions.calls == []


def test_after_a_failed_deployment_code_alone_is_not_enough(world):
    world.fails = Failure(Exit.LINT, "wrong")
    with pytest.raises(Failure):
        world.carry_out(SETTINGS)
    world.fails = None
    assert world.carry_out(CODE, SAVED) == "deployed"
    assert "updated" in world.carry_out(CODE, LATER)


def test_an_emulator_that_does_not_run_is_started_by_a_deployment(world):
    world.runs = False
    assert world.carry_out(CODE, SAVED) == "deployed"


def test_after_an_update_that_failed_half_way_the_deployed_code_is_put_back_too(world):
    world.functions.refuses["dev-A"] = "ResourceConflictException"
    with pytest.raises(Failure, match="0 of 1 functions"):
        world.carry_out(CODE, SAVED)
    del world.functions.refuses["dev-A"]
    assert "updated" in world.carry_out(CODE, DEPLOYED)


def test_a_package_that_cannot_be_made_leaves_the_functions_alone(world, monkeypatch):
    def broken(root):
        raise Failure(Exit.PACKAGING, "does not compile")

    world.carry_out(CODE, SAVED)
    monkeypatch.setattr(local_code, "package", broken)
    with pytest.raises(Failure):
        world.carry_out(CODE)
    monkeypatch.setattr(local_code, "package", lambda root: Package("functions", world.local))
    assert world.functions.live("dev-A") == SAVED
    assert world.carry_out(CODE) == "no function differs"


@pytest.mark.parametrize(
    ("paths", "started"),
    [
        (["handlers/orders_query.py"], ["orders-query"]),
        (["handlers/orders_query.py", "domain/orders.py"], ["orders-events", "orders-query"]),
        (["handlers/repository.py"], ["orders-events", "orders-query"]),
        (SETTINGS, ["orders-events", "orders-query"]),
    ],
)
def test_functions_that_the_change_concerns_are_started_and_their_errors_told(world, monkeypatch, paths, started):
    asked = []

    def start_error(url, references):
        asked.append(references)
        return {"errorType": "ImportError"} if "Query" in references[0] else None

    monkeypatch.setattr(rounds.client, "start_error", start_error)
    aws = account(world.functions)
    aws.endpoint_url = "http://127.0.0.1:1"
    world.watched.deployed = lambda: (aws, stack(DEPLOYED, "OrdersQuery", "OrdersEvents"))
    errors = dict(world.watched.start_errors(paths, lambda: True))
    assert len(asked) == len(started) and set(errors) == {"orders-query"} & {*started}
    assert all(live == f"{latest}:live" for live, latest in asked)


def test_a_later_round_ends_the_starts_of_an_earlier_one(world, monkeypatch):
    monkeypatch.setattr(rounds.client, "start_error", lambda *_: pytest.fail("started"))
    assert list(world.watched.start_errors(CODE, lambda: False)) == []
