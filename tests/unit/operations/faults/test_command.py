"""`--faults`: what it refuses, what it shows, how it ends."""

import io
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from deployer import connection
from deployer.errors import Exit, Failure
from deployer.options import Options
from deployer.show.ui import Ui
from emulator.faults import session
from emulator.faults.session import Counts, Session
from operations.faults import command

RULES = '[[rule]]\nservice = "dynamodb"\nkind = "throttle"\n[[rule]]\nservice = "sns"\nkind = "drop"\n'
OUTPUTS = [{"OutputKey": "OrdersWorkerFunction", "OutputValue": "physical"}]


@pytest.fixture
def world(monkeypatch, tmp_path):
    """An emulator whose session is `session`; `said` is the screen, `asked` what was asked for."""
    world = SimpleNamespace(
        said=io.StringIO(), asked=[], session=Session([Counts(4, 3), Counts()]), file=tmp_path / "f"
    )
    world.file.write_text(RULES, encoding="utf-8")

    @contextmanager
    def inject(endpoint_url, rules, functions, seed):
        world.asked.append((endpoint_url, [rule.title for rule in rules], functions, seed))
        yield world.session
        world.asked.append("ended")

    stack = {"StackName": "food-delivery-dev", "Outputs": OUTPUTS}
    aws = SimpleNamespace(endpoint_url="http://127.0.0.1:1")
    monkeypatch.setattr(connection, "deployed", lambda *arguments: (aws, stack))
    monkeypatch.setattr(session, "inject", inject)
    world.run = lambda **options: command.run(
        Options("dev", **{"local": True, "file": world.file, **options}), Ui(world.said), None
    )
    return world


def test_the_rules_hold_for_the_duration_and_their_counts_are_shown(world):
    report = world.run(duration=0.01)
    assert world.asked == [
        ("http://127.0.0.1:1", ["dynamodb: throttle", "sns: drop"], {"orders-worker": "physical"}, 0),
        "ended",
    ]
    assert [line.split() for line in world.said.getvalue().splitlines()] == [
        [Ui(world.said).ok, "Faults", "2", "rules,", "for", "0", "s,", "or", "until", "Ctrl-C"],
        ["rule", "calls", "faults"],
        ["dynamodb:", "throttle", "4", "3"],
        ["sns:", "drop", "0", "0"],
        ["The", "faults", "have", "ended.", "No", "configuration", "was", "changed."],
    ]
    assert (report["result"], report["rules"]) == (
        "ended",
        [
            {"rule": "dynamodb: throttle", "calls": 4, "faults": 3},
            {"rule": "sns: drop", "calls": 0, "faults": 0},
        ],
    )


def test_ctrl_c_is_the_ordinary_end(world, monkeypatch):
    monkeypatch.setattr(world.session.ended, "wait", lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt))
    assert world.run()["result"] == "ended"
    assert world.asked[-1] == "ended"


def test_that_the_emulator_has_stopped_is_a_failure(world):
    world.session.ended.set()
    with pytest.raises(Failure, match="the emulator has stopped, and the faults with it") as failed:
        world.run()
    assert failed.value.code == Exit.EMULATOR


def test_nothing_but_the_emulator_gets_faults(world):
    with pytest.raises(Failure, match="--faults requires --local: only the emulator can inject faults") as refused:
        world.run(local=False)
    assert (refused.value.code, world.asked) == (Exit.USAGE, [])


@pytest.mark.parametrize("rules", ["", RULES + 'function = "orders"\n'])
def test_a_wrong_file_is_refused_before_anything_fails(world, rules):
    world.file.write_text(rules, encoding="utf-8")
    with pytest.raises(Failure) as refused:
        world.run()
    assert (refused.value.code, world.asked) == (Exit.USAGE, [])
    assert "game-days.md" in refused.value.hint
