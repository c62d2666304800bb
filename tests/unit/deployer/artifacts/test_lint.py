"""cfn-lint for real: across files, and no more often than something changes."""

from pathlib import Path

import pytest

from deployer.artifacts import lint

TOPIC = "Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: %s}}}\n"
ROOT = "Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: ./child.yaml}\n"


def test_children_are_held_against_the_root_and_clean_results_are_remembered(tmp_path, monkeypatch):
    child = "Parameters: {Name: {Type: String}}\nResources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Name}}}\n"
    passed = "{TemplateURL: ./child.yaml, Parameters: {Other: x}}"
    root = f"Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties: {passed}\n"
    findings = lint.lint({"root": root, "child": child}, "us-east-1", tmp_path)
    assert any(finding.rule == "E3043" and finding.template == "root.yaml" for finding in lint.errors(findings))
    monkeypatch.setattr(lint, "_run", lambda *arguments: pytest.fail("linted again"))
    assert lint.lint({"root": root, "child": child}, "us-east-1", tmp_path) == findings
    assert all(path.suffix == ".json" for path in Path(tmp_path).iterdir())


def test_what_changes_is_linted_again_with_what_nests_it_and_nothing_else(tmp_path, monkeypatch):
    before = {"root": ROOT, "child": TOPIC % "a", "other": TOPIC % "b"}
    lint.lint(before, "us-east-1", tmp_path)
    looked, run = [], lint._run
    monkeypatch.setattr(
        lint, "_run", lambda rendered, names, region: looked.extend(names) or run(rendered, names, region)
    )
    assert not lint.errors(lint.lint({**before, "child": TOPIC % "c"}, "us-east-1", tmp_path))
    assert looked == ["root", "child"]
