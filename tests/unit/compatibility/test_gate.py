"""The gate: which version a change needs, and how a version is released."""

import configparser
import re
from pathlib import Path

import pytest

import contract
from generator.compatibility import __main__ as command
from generator.compatibility import gate, history
from generator.compatibility.gate import Comparison
from generator.compatibility.history import FOLDER, HistoryError, Version, version
from generator.compatibility.operations import Change
from tests.unit.compatibility.changing import CONTRACT, changed, drop, put

ROOT = Path(__file__).resolve().parents[3]
NONE = Comparison([], [])
ADDITION = Comparison([], ["/paths/x is new"])
BREAKING = Comparison([Change("GET /x", "the route is gone", "clients")], ["/paths/x is gone"])


def test_the_contract_of_this_version_is_released_and_has_not_changed():
    newest = history.versions(ROOT)[-1]
    comparison = gate.compare(history.read(ROOT, newest), history.present())
    assert gate.problem(version(contract.VERSION), newest, comparison) == "", comparison


def test_setup_cfg_and_both_documents_have_the_version_of_the_contract():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert settings["metadata"]["version"] == "attr: contract.VERSION"
    assert [each["info"]["version"] for each in history.present()] == [contract.VERSION] * 2


def test_the_newest_version_in_the_changelog_is_this_one_and_has_a_date():
    found = re.findall(r"^## \[(.*)\](.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    named = [(number, date) for number, date in found if number != "Unreleased"]
    assert named[0][0] == contract.VERSION
    assert all(re.fullmatch(r" - 20\d\d-[01]\d-[0-3]\d", date) for _, date in named)
    assert [version(number) for number, _ in named] == sorted((version(number) for number, _ in named), reverse=True)


@pytest.mark.parametrize(
    "present, comparison, wanted",
    [
        ("1.4.2", NONE, ""),
        ("1.4.3", NONE, ""),
        ("1.5.0", ADDITION, ""),
        ("2.0.0", ADDITION, ""),
        ("2.0.0", BREAKING, ""),
        ("1.4.2", ADDITION, "an addition needs 1.5.0"),
        ("1.4.3", ADDITION, "an addition needs 1.5.0"),
        ("1.4.2", BREAKING, "a breaking change needs 2.0.0"),
        ("1.5.0", BREAKING, "a breaking change needs 2.0.0"),
        ("1.4.1", NONE, "older than the released 1.4.2"),
    ],
)
def test_the_version_must_say_what_the_change_does(present, comparison, wanted):
    problem = gate.problem(version(present), Version(1, 4, 2), comparison)
    assert wanted in problem and bool(wanted) == bool(problem)


@pytest.mark.parametrize("text", ["1.0", "v1.0.0", "1.0.0-rc1", "", "1.0.0\n"])
def test_a_version_has_three_numbers(text):
    with pytest.raises(HistoryError, match="is no version"):
        version(text)


def test_versions_are_in_the_order_of_their_numbers(tmp_path):
    for name in ("1.10.0", "1.9.0", "1.2.0", "10.0.0", "2.0.0"):
        (tmp_path / FOLDER / name).mkdir(parents=True)
    assert [str(each) for each in history.versions(tmp_path)] == ["1.2.0", "1.9.0", "1.10.0", "2.0.0", "10.0.0"]


def test_what_is_written_is_what_is_read(tmp_path):
    history.write(tmp_path, Version(1, 0, 0), CONTRACT)
    assert history.read(tmp_path, Version(1, 0, 0)) == CONTRACT


@pytest.fixture
def released(tmp_path):
    """A project whose version 1.0.0 had a route that is gone, and lacked a field that is new."""
    before = changed(
        put("api paths /orders/{orderId}/receipt", {"get": {"responses": {"200": {"description": "OK"}}}}),
        drop("api components schemas Order properties loyaltyPoints"),
    )
    history.write(tmp_path, Version(1, 0, 0), before)
    return tmp_path


def test_a_breaking_change_fails_with_its_sentence_and_what_to_do(released, capsys):
    assert command.main([], released, "1.1.0") == 1
    said = capsys.readouterr()
    assert said.out == "GET /orders/{orderId}/receipt: the route is gone; breaks clients that call it\n"
    assert "a breaking change needs 2.0.0 or newer" in said.err and "CHANGELOG.md" in said.err


def test_a_major_version_may_break(released, capsys):
    assert command.main([], released, "2.0.0") == 0
    assert command.main(["--release"], released, "2.0.0") == 0
    assert capsys.readouterr().out.split() == [f"{FOLDER}/2.0.0/openapi.json", f"{FOLDER}/2.0.0/asyncapi.json"]
    assert command.main([], released, "2.0.0") == 0


def test_an_addition_fails_with_its_place(tmp_path, capsys):
    before = changed(drop("api components schemas Order properties loyaltyPoints"))
    history.write(tmp_path, Version(1, 0, 0), before)
    assert command.main([], tmp_path, "1.0.1") == 1
    said = capsys.readouterr()
    assert "/components/schemas/Order/properties/loyaltyPoints is new" in said.out
    assert "an addition needs 1.1.0 or newer" in said.err
    assert command.main([], tmp_path, "1.1.0") == 0


def test_a_version_that_does_not_allow_the_changes_is_not_released(released, capsys):
    assert command.main(["--release"], released, "1.0.1") == 1
    assert not (released / FOLDER / "1.0.1").exists()


def test_a_released_version_is_not_written_again(tmp_path, capsys):
    assert command.main([], tmp_path, "1.0.0") == 1
    assert "no version is released" in capsys.readouterr().err
    assert command.main(["--release"], tmp_path, "1.0.0") == 0
    assert command.main(["--release"], tmp_path, "1.0.0") == 1
    assert "1.0.0 exists: a released contract does not change" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("openapi", None, "No such file or directory"),
        ("asyncapi", None, "No such file or directory"),
        ("openapi", b"", "it is no JSON"),
        ("asyncapi", b'{"channels": {', "it is no JSON"),
        ("openapi", b"\xff\xfe", "it is no JSON"),
        ("openapi", b"[]", "it has no paths"),
        ("asyncapi", b'{"asyncapi": "3.0.0"}', "it has no channels"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--release"]])
def test_a_broken_history_is_one_sentence(tmp_path, capsys, name, content, why, arguments):
    history.write(tmp_path, Version(1, 0, 0), CONTRACT)
    path = tmp_path / FOLDER / "1.0.0" / f"{name}.json"
    path.unlink() if content is None else path.write_bytes(content)
    assert command.main(arguments, tmp_path, "1.1.0") == 1
    said = capsys.readouterr()
    assert f"{FOLDER}/1.0.0/{name}.json cannot be read: {why}" in said.err and said.err.count("\n") == 1
    assert said.out == "" and not (tmp_path / FOLDER / "1.1.0").exists()


def test_a_folder_or_a_version_with_a_wrong_name_is_one_sentence(tmp_path, capsys):
    assert command.main([], tmp_path, "1.0") == 1
    assert "'1.0' is no version" in capsys.readouterr().err
    (tmp_path / FOLDER / "1.0.0-old").mkdir(parents=True)
    assert command.main([], tmp_path, "1.0.0") == 1
    assert "'1.0.0-old' is no version" in capsys.readouterr().err


def test_a_release_that_is_interrupted_leaves_no_version(tmp_path, monkeypatch, capsys):
    write_text = Path.write_text

    def interrupted(path, *arguments, **options):
        if path.name == "asyncapi.json":
            raise KeyboardInterrupt
        return write_text(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.main(["--release"], tmp_path, "1.0.0")
    monkeypatch.undo()
    assert history.versions(tmp_path) == []
    assert command.main(["--release"], tmp_path, "1.0.0") == 0
    assert history.read(tmp_path, Version(1, 0, 0)) == CONTRACT


def test_a_history_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    (tmp_path / "docs").write_text("a file where the folder should be")
    assert command.main(["--release"], tmp_path, "1.0.0") == 1
    assert "cannot be written: Not a directory" in capsys.readouterr().err
