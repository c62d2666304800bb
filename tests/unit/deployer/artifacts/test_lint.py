"""cfn-lint for real: across files, in processes, and no more often than something changes."""

import json
import os
import signal
import subprocess
import sys

import pytest

from deployer.artifacts import lint, lint_processes
from deployer.errors import Exit, Failure
from generator.render import render
from tests.e2e.support import ROOT, interruptible
from tests.unit.templates.test_lint import MISTAKES
from tests.waiting import eventually

TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: %s}}}\n"
ROOT_TEMPLATE = (
    "Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: ./child.yaml}\n"
)


def linted(rendered, region, cache):
    with lint.started(rendered, region, cache) as finished:
        return finished()


def test_children_are_held_against_the_root_and_clean_results_are_remembered(tmp_path, monkeypatch):
    child = "Parameters: {Name: {Type: String}}\nResources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}}\n"
    passed = "{TemplateURL: ./child.yaml, Parameters: {Other: x}}"
    root = f"Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties: {passed}\n"
    findings = linted({"root": root, "child": child}, "us-east-1", tmp_path)
    assert any(finding.rule == "E3043" and finding.template == "root.yaml" for finding in lint.errors(findings))
    monkeypatch.setattr(lint, "_PROGRAM", "nothing is linted again")
    assert linted({"root": root, "child": child}, "us-east-1", tmp_path) == findings


def test_what_changes_is_linted_again_with_what_nests_it_and_nothing_else(tmp_path, monkeypatch):
    before = {"root": ROOT_TEMPLATE, "child": TOPIC % "a", "other": TOPIC % "b"}
    linted(before, "us-east-1", tmp_path)
    looked, processes = [], lint._processes
    monkeypatch.setattr(lint, "_processes", lambda *arguments: looked.extend(arguments[1]) or processes(*arguments))
    assert not lint.errors(linted({**before, "child": TOPIC % "c"}, "us-east-1", tmp_path))
    assert looked == ["root", "child"]


@pytest.fixture(scope="module")
def broken():
    """The project's templates with a mistake in three of them."""
    rendered = render()
    return rendered | {name: rendered[name].replace(old, new) for name, (old, new, _) in MISTAKES.items()}


def test_processes_find_what_one_process_finds(broken, tmp_path):
    for name, text in broken.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with lint._processes(broken, list(broken), "us-east-1") as finished:
        beside = finished()
    assert beside == lint_processes.lint(str(tmp_path), broken, "us-east-1")
    found = {(name, each["rule"]) for name, entries in beside.items() for each in entries}
    assert {(name if rule != "E3043" else "root", rule) for name, (_, _, rule) in MISTAKES.items()} <= found


def test_findings_are_in_order_of_template_and_line(broken, tmp_path):
    findings = linted(broken, "us-east-1", tmp_path)
    assert findings == sorted(findings) == linted(dict(reversed(broken.items())), "us-east-1", tmp_path)


def test_each_process_gets_its_share_and_none_is_idle():
    sizes = {"root": 2, "data": 3, "compute": 4, "api": 4, "monitoring": 9}
    assert lint_processes.shared_out(sizes, 2) == [["monitoring", "root"], ["api", "compute", "data"]]
    assert lint_processes.shared_out(sizes, 8) == [["monitoring"], ["api"], ["compute"], ["data"], ["root"]]


def in_group(group: int) -> list[str]:
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,pid="], capture_output=True, text=True, check=True).stdout
    return [pid for pgid, pid in map(str.split, listed.splitlines()) if int(pgid) == group]


DEPLOYER = """
import json, sys
from deployer.artifacts import lint
popen = lint.subprocess.Popen
def shown(*arguments, **named):
    process = popen(*arguments, **named)
    print(process.pid, flush=True)
    return process
lint.subprocess.Popen = shown
rendered = json.load(open(sys.argv[1]))
with lint._processes(rendered, list(rendered), "us-east-1") as finished:
    finished()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_an_interrupted_or_killed_deployer(broken, tmp_path, number):
    (tmp_path / "rendered.json").write_text(json.dumps(broken))
    (tmp_path / "tmp").mkdir()
    deployer = subprocess.Popen(
        [sys.executable, "-c", DEPLOYER, str(tmp_path / "rendered.json")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp")},
        preexec_fn=interruptible,
    )
    with deployer:
        assert deployer.stdout
        group = int(deployer.stdout.readline())
        eventually(lambda: len(in_group(group)) > 1, "the processes lint")
        deployer.send_signal(number)
    eventually(lambda: not in_group(group), "the processes have ended")
    assert not any((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize(
    ("pid", "reason"), [("os.getpid()", ".*terminated abruptly"), ("os.getppid()", "exit code -9")]
)
def test_a_killed_process_is_not_waited_for_and_leaves_none_behind(tmp_path, monkeypatch, pid, reason):
    code = f"""
import os, signal, sys, time
sys.path.insert(0, {os.path.dirname(lint_processes.__file__)!r})
import lint_processes
print(os.getpgid(0), file=open({str(tmp_path / "group")!r}, "w"), flush=True)
lint_processes._linted = kill = lambda *share: (os.kill({pid}, signal.SIGKILL), time.sleep(600))
kill.__module__, kill.__qualname__ = "lint_processes", "_linted"
lint_processes.main(*sys.argv[1:])
"""
    (tmp_path / "program.py").write_text(code)
    monkeypatch.setattr(lint, "_PROGRAM", tmp_path / "program.py")
    with pytest.raises(Failure, match=f"cfn-lint failed: {reason}"):
        linted({"root": ROOT_TEMPLATE, "child": TOPIC % "a"}, "us-east-1", tmp_path / "cache")
    group = int((tmp_path / "group").read_text())
    eventually(lambda: not in_group(group), "the processes have ended")


def test_a_linter_that_fails_is_not_taken_for_one_that_finds_nothing(tmp_path, monkeypatch):
    (tmp_path / "broken.py").write_text("raise SystemExit('out of memory')")
    monkeypatch.setattr(lint, "_PROGRAM", tmp_path / "broken.py")
    with pytest.raises(Failure, match="cfn-lint failed: out of memory"):
        linted({"root": ROOT_TEMPLATE, "child": TOPIC % "a"}, "us-east-1", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("configuration", "reason"),
    [
        (b"nonsense: 1\n", "ConfigFileError: Invalid configuration key 'nonsense' in .cfnlintrc at nonsense"),
        (b"regions: [\n", "ParserError: while parsing a flow node"),
        (b"regions: [us-east-1] # \xe9\n", "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xe9"),
    ],
)
def test_a_wrong_configuration_is_named_in_one_line(tmp_path, monkeypatch, configuration, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".cfnlintrc").write_bytes(configuration)
    with pytest.raises(Failure) as failed:
        linted({"root": ROOT_TEMPLATE, "child": TOPIC % "a"}, "us-east-1", tmp_path / "cache")
    assert failed.value.code == Exit.LINT
    assert failed.value.message.startswith(f"cfn-lint failed: {reason}")
    assert "\n" not in failed.value.message


@pytest.mark.parametrize("place", ["home", "here"])
def test_findings_under_a_configuration_are_not_remembered(tmp_path, monkeypatch, place):
    for folder in ("home", "here"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    rendered = {"root": ROOT_TEMPLATE, "child": (TOPIC % "a").replace("DisplayName", "Name")}
    (tmp_path / place / ".cfnlintrc").write_text("ignore_checks: [E]\n")
    assert not lint.errors(linted(rendered, "us-east-1", tmp_path / "cache"))
    (tmp_path / place / ".cfnlintrc").unlink()
    assert lint.errors(linted(rendered, "us-east-1", tmp_path / "cache"))
    (tmp_path / place / ".cfnlintrc").write_text("ignore_checks: [E]\n")
    assert not lint.errors(linted(rendered, "us-east-1", tmp_path / "cache"))
