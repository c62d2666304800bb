"""Run cfn-lint as a library over the rendered templates.

The templates are linted in one directory with their relative TemplateURLs, so cfn-lint can check a child's parameters
and outputs against the root. It takes seconds, so results are cached for each template; the key covers all inputs.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """`level` is error, warning or informational. Sorted by template and line."""

    template: str
    line: int
    resource: str
    rule: str
    level: str
    message: str

    def __str__(self) -> str:
        return f"{self.template}:{self.line}: {self.resource}: {self.rule} {self.message}"


def lint(rendered: Mapping[str, str], region: str, cache: Path) -> list[Finding]:
    """Return all findings, sorted by template and line."""
    files = {name: cache / f"{_fingerprint(name, rendered, region)}.json" for name in rendered}
    cached = {name: _cached(file) for name, file in files.items()}
    found = {name: findings for name, findings in cached.items() if findings is not None}
    if missing := [name for name in rendered if name not in found]:
        linted = _run(rendered, missing, region)
        found |= linted
        with contextlib.suppress(OSError):  # the cache only saves time
            _write({files[name]: linted[name] for name in missing})
    return sorted(finding for findings in found.values() for finding in findings)


def _write(findings: Mapping[Path, list[Finding]]) -> None:
    for file, found in findings.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(f".{id(findings)}.tmp")
        scratch.write_text(json.dumps([vars(finding) for finding in found]))
        scratch.replace(file)


def _cached(file: Path) -> list[Finding] | None:
    try:
        return [Finding(**entry) for entry in json.loads(file.read_text())]
    except (OSError, ValueError, TypeError):
        return None  # missing or damaged


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error"]


def _fingerprint(name: str, rendered: Mapping[str, str], region: str) -> str:
    """Hash the inputs: the template, its nested ones (cfn-lint reads their parameters and outputs), configuration."""
    from importlib.metadata import version

    inputs = {name: rendered[name]} | {
        other: text for other, text in rendered.items() if f"./{other}.yaml" in rendered[name]
    }
    parts = [version("cfn-lint"), region, name, json.dumps(inputs, sort_keys=True)]
    # cfn-lint reads its own configuration from the working directory.
    parts += [
        path.read_text()
        for name in (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml")
        if (path := Path(name)).is_file()
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _run(rendered: Mapping[str, str], names: Sequence[str], region: str) -> dict[str, list[Finding]]:
    """Lint the named templates, beside all others; loading the rules takes a second, so all are linted by one run."""
    from cfnlint.api import lint_by_config
    from cfnlint.config import ManualArgs
    from cfnlint.helpers import REGION_PRIMARY, REGIONS

    found: dict[str, set[Finding]] = {name: set() for name in names}
    with tempfile.TemporaryDirectory() as scratch:
        paths = {name: Path(scratch) / f"{name}.yaml" for name in rendered}
        for name, path in paths.items():
            path.write_text(rendered[name], encoding="utf-8")
        regions = [region if region in REGIONS else REGION_PRIMARY]
        for match in lint_by_config(ManualArgs(templates=[str(paths[name]) for name in found], regions=regions)):
            name = Path(match.filename or paths[names[0]]).stem  # an error in .cfnlintrc has no file
            if name in found:
                found[name].add(_finding(name, match))
    return {name: sorted(findings) for name, findings in found.items()}


def _finding(name: str, match) -> Finding:
    rule = match.rule
    return Finding(f"{name}.yaml", match.linenumber, _resource(match.path), rule.id, rule.severity, match.message)


def _resource(path: Sequence | None) -> str:
    """Return the logical id in a path such as (Resources, OrdersTable, Properties, …), else the section."""
    start = [str(part) for part in (path or ("template",))[:2]]
    return start[-1] if start[0] == "Resources" else start[0]
