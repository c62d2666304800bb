"""cfn-lint over all five files, informational rules included, finds nothing."""

from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from tests.unit.templates.support import everywhere

IGNORED = {("root", "W3002")}


def findings(directory, texts: dict[str, str]) -> list[str]:
    for name, text in texts.items():
        (directory / f"{name}.yaml").write_text(text)
    found = []
    for name in texts:
        path = directory / f"{name}.yaml"
        for match in lint_file(path, ManualArgs(regions=["us-east-1"], include_checks=["I"])):
            found.append(f"{name}.yaml:{match.linenumber} {match.rule.id} {match.message}")
    return found


def test_cfn_lint_has_no_finding(rendered, tmp_path):
    assert findings(tmp_path, rendered) == []


MISTAKES = {
    "data": ("  RecoveryDays:\n    Type: Number\n", "  RecoverDays:\n    Type: Number\n", "E3043"),
    "compute": ("Runtime: python3.13", "Runtime: python3.7", "E2531"),
    "api": ("TracingEnabled: true", "TraceEnabled: true", "E3002"),
}


def test_cfn_lint_sees_a_mistake_in_a_child_and_between_children(rendered, tmp_path):
    broken = {name: rendered[name].replace(old, new) for name, (old, new, _) in MISTAKES.items()}
    assert all(broken[name] != rendered[name] for name in MISTAKES)
    found = " ".join(findings(tmp_path, {**rendered, **broken}))
    assert [rule for _, _, rule in MISTAKES.values() if f" {rule} " not in found] == []


def test_every_ignored_rule_carries_its_reason(templates):
    ignored = set()
    for name, template in templates.items():
        for path, value in everywhere(template):
            if path and path[-1] == "cfn-lint":
                assert path == ("Metadata", "cfn-lint"), f"{name}: {path}"
                rules = value["config"]["ignore_checks"]
                assert set(rules) == set(template["Metadata"]["IgnoredChecks"])
                ignored |= {(name, rule) for rule in rules}
    assert ignored == IGNORED
