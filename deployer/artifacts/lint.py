"""Run cfn-lint over the rendered templates, in processes beside this one (`lint_processes`).

The templates are linted in one directory with their relative TemplateURLs, so cfn-lint can check a child's parameters
and outputs against the root. It takes seconds, so the findings of each template are remembered.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deployer.artifacts import memo

_PROGRAM = Path(__file__).with_name("lint_processes.py")


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
    keys = {name: _key(name, rendered, region) for name in rendered}
    known = {name: memo.read(cache, keys[name]) for name in rendered}
    found = {name: json.loads(content) for name, content in known.items() if content is not None}
    if missing := [name for name in rendered if name not in found]:
        linted = _run(rendered, missing, region)
        for name, fields in linted.items():
            memo.write(cache, keys[name], json.dumps(fields).encode())
        found |= linted
    return sorted({Finding(f"{name}.yaml", **fields) for name, entries in found.items() for fields in entries})


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error"]


def _key(name: str, rendered: Mapping[str, str], region: str) -> str:
    """Hash the inputs: the template, its nested ones (cfn-lint reads their parameters and outputs), configuration."""
    inputs = {name: rendered[name]} | {
        other: text for other, text in rendered.items() if f"./{other}.yaml" in rendered[name]
    }
    # cfn-lint reads its own configuration from the working directory.
    settings = [
        path.read_text()
        for file in (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml")
        if (path := Path(file)).is_file()
    ]
    return memo.key(region, name, json.dumps(inputs, sort_keys=True), *settings)


def _run(rendered: Mapping[str, str], names: Sequence[str], region: str) -> dict[str, list[dict]]:
    """Lint the named templates, beside all others; return the fields of the findings of each."""
    if find_spec("cfnlint") is None:
        raise ModuleNotFoundError("cfn-lint is not installed", name="cfnlint")
    request = json.dumps({"rendered": dict(rendered), "names": list(names), "region": region})
    with tempfile.TemporaryFile() as problems:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=problems,
            process_group=0,  # Ctrl-C at a terminal is for the deployer; the program ends when its input does
        )
        with process:
            assert process.stdin and process.stdout
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()
            found = process.stdout.read()
        problems.seek(0)
        words = problems.read().decode(errors="replace").split()
    if process.returncode:
        raise RuntimeError(f"cfn-lint failed: {' '.join(words)}")
    return json.loads(found)
