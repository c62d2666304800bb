"""`python -m conformance`: which probes it chooses, what it asks, and its exit codes."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.environment import load
from conformance import __main__ as command
from conformance import arguments, moto_server, witness
from conformance.account import Account
from conformance.probe import PROBES, CannotTry, Differs, Kind, Probe
from deployer.errors import Exit, Failure
from tests.unit.conformance.test_running import account


def named(name: str, kind: Kind, error: BaseException | None = None) -> Probe:
    def function(*given: Any) -> None:
        if error:
            raise error

    return Probe(name, "area", "A sentence.", kind, ("deploy.py",), function)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A run whose account answers nothing, and whose results are written below tmp_path."""
    found: dict[str, Any] = {"account": account(), "probes": {}, "left": {}}

    def made(aws: Any, mark: str, wait_factor: float) -> Account:
        found["account"].id, found["account"].emulated_at = "123456789012", found.get("at", "http://127.0.0.1:1")
        return found["account"]

    monkeypatch.setattr(command, "PROBES", found["probes"])
    monkeypatch.setattr(command, "Account", made)
    monkeypatch.setattr(command.connection, "connect", lambda *_: found["account"].aws)
    monkeypatch.setattr(command, "_deployed", lambda *_: None)
    sts = SimpleNamespace(get_caller_identity=lambda: {"Account": "123456789012", "Arn": "arn:aws:iam::1:user/me"})
    found["account"].client = lambda service: sts
    monkeypatch.setattr(command.leftovers, "of_earlier_runs", lambda _: found["left"])
    monkeypatch.setattr(witness, "FILES", tmp_path / "witnesses")
    monkeypatch.setattr(command, "_write", lambda ui: Exit.OK)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    return found


def add(world: dict[str, Any], *probes: Probe) -> None:
    world["probes"].update({probe.id: probe for probe in probes})


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, 0), (CannotTry("no"), 0), (Differs(1, 2), 1), (KeyError("bug"), 1), (SystemExit(0), 1)],
)
def test_the_exit_code_says_whether_something_differs(world, error, code) -> None:
    add(world, named("one", Kind.DEPLOYS), named("two", Kind.DEPLOYS, error))
    assert command.main(["--env", "dev", "--local"]) == code


def test_an_interrupted_run_says_how_to_go_on(world, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run_all", interrupted)
    assert command.main(["--env", "dev", "--local"]) == Exit.INTERRUPTED
    assert "--clean" in capsys.readouterr().err


def test_what_could_not_be_removed_is_a_failure(world) -> None:
    def function(account: Account, name: str) -> None:
        account.left.append("stack one")

    add(world, Probe("one", "area", "A sentence.", Kind.DEPLOYS, (), function))
    assert command.main(["--env", "dev", "--local"]) == 1


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["--env", "dev", "--only", "api_event"], 2, "did you mean api_events?"),
        (["--env", "dev", "--only", "strage"], 2, "did you mean storage?"),
        (["--env", "dec"], 2, "dec"),
        ([], 2, "--env is missing"),
    ],
)
def test_a_mistake_is_one_line_with_what_was_meant(given, code, said, capsys) -> None:
    assert command.main(given) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_wrong_options_end_with_the_code_of_usage(capsys) -> None:
    for given in (["--jobs", "0"], ["--jobs", "x"], ["--witness", "A B"], ["--nonsense"], ["--list", "--clean"]):
        with pytest.raises(SystemExit) as ended:
            command.main(given)
        assert ended.value.code == Exit.USAGE


def test_only_names_probes_and_areas_and_may_be_repeated() -> None:
    found = arguments.chosen(PROBES, ["storage", "api_events"])
    assert {probe.area for probe in found} == {"storage", "rest_apis"}
    assert sum(probe.area == "rest_apis" for probe in found) == 1
    assert arguments.chosen(PROBES, None) == [*PROBES.values()]


def test_where_data_is_retained_only_probes_that_read_are_tried(world, capsys) -> None:
    ran: list[str] = []

    def function(*_: Any) -> None:
        ran.append("x")

    kinds = [Probe(kind.name, "area", "A sentence.", kind, (), function) for kind in Kind]
    assert load("prod").data.retention == "Retain"
    allowed, forbidden = arguments.permitted(kinds, load("prod"), local=False)
    assert ([probe.kind for probe in allowed], len(forbidden)) == ([Kind.READS], 2)
    assert arguments.permitted(kinds, load("prod"), local=True) == (kinds, [])
    assert arguments.permitted(kinds, load("dev"), local=False) == (kinds, [])
    add(world, *kinds)
    assert command.main(["--env", "prod", "--output", "json", "--yes"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert (ran, results["WRITES"]["why"]) == ([], "prod retains its data: probes only read")


def test_a_run_on_aws_says_what_it_does_and_costs_and_asks_first(world, capsys, monkeypatch) -> None:
    world["at"] = ""
    world["account"].mark = "conformance-abc"
    add(world, named("one", Kind.DEPLOYS), named("two", Kind.WRITES))
    assert command.main(["--env", "dev"]) == Exit.REFUSED  # stdin is no terminal
    said = capsys.readouterr()
    assert "1 probe: deploys a small stack" in said.out
    assert "conformance-abc" in said.out
    assert "USD" in said.out and "minutes" in said.out
    assert "--yes" in said.err
    monkeypatch.setattr(command, "can_ask", lambda: True)
    for answer, code in ((False, Exit.REFUSED), (True, Exit.OK)):
        monkeypatch.setattr(command, "ask", lambda question, answer=answer: answer)
        assert command.main(["--env", "dev", "--witness", "aws"]) == code
    assert command.main(["--env", "dev", "--yes", "--witness", "aws"]) == Exit.OK


def test_what_earlier_runs_left_is_named_and_removed_on_request(world, capsys) -> None:
    removed: list[str] = []
    world["left"] = {"stack conformance-old": lambda: removed.append("old")}
    add(world, named("one", Kind.DEPLOYS))
    command.main(["--env", "dev", "--local"])
    assert "1 left by earlier runs" in capsys.readouterr().out
    assert removed == []
    assert command.main(["--env", "dev", "--local", "--clean"]) == 0
    assert removed == ["old"]


def test_a_recorded_result_contains_no_account_and_nothing_of_one_run(world) -> None:
    texts = f"123456789012 at http://127.0.0.1:1/x by {world['account'].mark}-one"
    add(world, named("one", Kind.DEPLOYS, Differs("nothing", texts)))
    world["account"].emulated_at = "http://127.0.0.1:1"
    command.main(["--env", "dev", "--local"])
    result = command.run_all([world["probes"]["one"]], world["account"], None, 1)
    witness.record("emulator", world["account"], result)
    found = json.loads((witness.FILES / "emulator.json").read_text())["results"]["one"]["seen"]
    assert found == "ACCOUNT at ENDPOINT/x by conformance-one"


def test_recording_some_probes_keeps_the_results_of_the_others(world) -> None:
    add(world, named("one", Kind.DEPLOYS), named("two", Kind.DEPLOYS))
    given = ["--env", "dev", "--local", "--record", "--witness", "emulator"]
    assert command.main(given) == 0
    world["probes"]["two"] = named("two", Kind.DEPLOYS, Differs(1, 2))
    assert command.main([*given, "--only", "two"]) == 1
    verdicts = {key: result["verdict"] for key, result in witness.recorded()["emulator"].results.items()}
    assert verdicts == {"one": "holds", "two": "differs"}


@pytest.mark.parametrize(
    ("at", "local", "name"),
    [
        ("", False, "aws"),
        ("http://127.0.0.1:1", True, "emulator"),
        ("https://localhost.example:4566", False, "localhost-example"),
    ],
)
def test_a_witness_is_known_by_its_endpoint(world, at, local, name) -> None:
    of = world["account"]
    of.emulated_at, of.aws.local, of.aws.ca_bundle = at, local, None
    assert witness.name_of(of) == name


def test_results_that_cannot_be_recorded_are_shown_all_the_same(world, capsys, tmp_path: Path) -> None:
    add(world, named("one", Kind.DEPLOYS))
    (tmp_path / "witnesses").write_text("no directory")
    assert command.main(["--env", "dev", "--local", "--output", "json", "--record"]) == Exit.FAILED
    said = capsys.readouterr()
    assert json.loads(said.out)["results"]["one"]["verdict"] == "holds"
    assert said.err.splitlines()[-1].endswith("witnesses: File exists")


@pytest.mark.parametrize(("stream", "said"), [(">&-", ""), ("> /dev/full", "No space left on device")])
def test_output_that_nobody_takes_is_no_traceback(stream: str, said: str) -> None:
    run = f"{sys.executable} -m conformance --list {stream}"
    found = subprocess.run(run, shell=True, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert (found.returncode, "Traceback" in found.stderr) == (1 if said else 0, False)
    assert said in found.stderr


def test_an_unknown_environment_is_no_traceback_on_moto_either(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto_server, "running", lambda: nullcontext("http://127.0.0.1:1"))
    monkeypatch.setattr(moto_server, "variables", lambda url: {})
    monkeypatch.setattr(sys, "argv", ["moto_server", "--env", "nosuch"])
    assert moto_server.main() == Exit.USAGE
    assert "there is no environment 'nosuch'" in capsys.readouterr().err


def test_markdown_has_one_row_for_each_probe(world, capsys) -> None:
    add(world, named("one", Kind.DEPLOYS), named("two", Kind.DEPLOYS, Differs("a|b", "c")))
    command.main(["--env", "dev", "--local", "--output", "markdown"])
    rows = capsys.readouterr().out.splitlines()
    assert sorted(rows[2:]) == [
        "| `one` | A sentence. | holds |  |",
        "| `two` | A sentence. | differs | expected a\\|b; seen c |",
    ]


def test_an_unknown_probe_is_a_failure_of_usage() -> None:
    with pytest.raises(Failure) as failure:
        arguments.chosen(PROBES, ["zzz"])
    assert (failure.value.code, failure.value.hint) == (Exit.USAGE, "--list names them")


def test_the_account_of_another_environment_is_refused(world, monkeypatch) -> None:
    add(world, named("one", Kind.DEPLOYS))
    other = load("dev").model_copy(update={"account": "999999999999"})
    monkeypatch.setattr(command.connection, "load_environment", lambda _: other)
    assert command.main(["--env", "dev", "--local"]) == Exit.PREFLIGHT
