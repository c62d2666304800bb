"""cfn-lint over the rendered templates, as a library.

The templates are linted with their relative TemplateURLs, side by side in one directory: that is
what lets cfn-lint hold a child's parameters and outputs against the root that uses them. It takes
seconds, so a clean result is remembered by content; whatever could change it is in the key.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """`level` is error, warning or informational."""

    template: str
    line: int
    resource: str
    rule: str
    level: str
    message: str

    def __str__(self) -> str:
        return f"{self.template}:{self.line}: {self.resource}: {self.rule} {self.message}"


def lint(rendered: Mapping[str, str], region: str, cache: Path) -> list[Finding]:
    """All findings, in the order of the files; [] is clean."""
    key = cache / f"{_fingerprint(rendered, region)}.json"
    if key.is_file():
        try:
            return [Finding(**entry) for entry in json.loads(key.read_text())]
        except (ValueError, TypeError):
            pass  # damaged: lint again
    findings = _run(rendered, region)
    cache.mkdir(parents=True, exist_ok=True)
    scratch = key.with_suffix(f".{id(findings)}.tmp")
    scratch.write_text(json.dumps([vars(finding) for finding in findings]))
    scratch.replace(key)
    return findings


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error"]


def _fingerprint(rendered: Mapping[str, str], region: str) -> str:
    from importlib.metadata import version

    parts = [version("cfn-lint"), region, json.dumps(dict(rendered), sort_keys=True)]
    # cfn-lint reads its own configuration from the working directory.
    parts += [
        path.read_text()
        for name in (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml")
        if (path := Path(name)).is_file()
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _run(rendered: Mapping[str, str], region: str) -> list[Finding]:
    from cfnlint.api import lint_file
    from cfnlint.config import ManualArgs
    from cfnlint.helpers import REGION_PRIMARY, REGIONS

    findings = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in rendered.items():
            (Path(scratch) / f"{name}.yaml").write_text(text, encoding="utf-8")
        for name in rendered:
            matches = lint_file(
                Path(scratch) / f"{name}.yaml", ManualArgs(regions=[region if region in REGIONS else REGION_PRIMARY])
            )
            findings += [
                Finding(
                    f"{name}.yaml",
                    match.linenumber,
                    _resource(match.path),
                    match.rule.id,
                    match.rule.severity,
                    match.message,
                )
                for match in matches
                if Path(match.filename or name).stem == name
            ]
    return sorted(set(findings), key=lambda finding: (finding.template, finding.line, finding.rule))


def _resource(path: Sequence | None) -> str:
    """The logical id in a path such as (Resources, OrdersTable, Properties, …), else the section."""
    start = [str(part) for part in (path or ("template",))[:2]]
    return start[-1] if start[0] == "Resources" else start[0]
