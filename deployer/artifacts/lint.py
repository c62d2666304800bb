"""Run cfn-lint over the rendered templates, in processes beside this one (`lint_processes`).

The templates are linted in one directory with their relative TemplateURLs, so cfn-lint can check a child's parameters
and outputs against the root. It takes seconds, so the findings of each template are remembered.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deployer.artifacts import memo
from deployer.errors import Exit, Failure

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


@contextmanager
def started(rendered: Mapping[str, str], region: str, cache: Path) -> Iterator[Callable[[], list[Finding]]]:
    """Start to lint; yield a function that waits for all findings, sorted by template and line.

    What still runs when the block ends is killed. The function raises Failure(LINT) if cfn-lint fails.
    """
    keys = {} if _is_configured() else {name: _key(name, rendered, region) for name in rendered}
    known = {name: memo.read(cache, key) for name, key in keys.items()}
    found = {name: json.loads(content) for name, content in known.items() if content is not None}
    with _processes(rendered, [name for name in rendered if name not in found], region) as finished:

        def findings() -> list[Finding]:
            linted = finished()
            for name in linted.keys() & keys:
                memo.write(cache, keys[name], json.dumps(linted[name]).encode())
            both = found | linted
            return sorted({Finding(f"{name}.yaml", **fields) for name, entries in both.items() for fields in entries})

        yield findings


def errors(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == "error"]


def _key(name: str, rendered: Mapping[str, str], region: str) -> str:
    """Hash the inputs: the template, and its nested ones, whose parameters and outputs cfn-lint reads."""
    inputs = {name: rendered[name]} | {
        other: text for other, text in rendered.items() if f"./{other}.yaml" in rendered[name]
    }
    return memo.key(region, name, json.dumps(inputs, sort_keys=True))


def _is_configured() -> bool:
    """Whether cfn-lint has a configuration, which may name files of rules: its findings depend on more than a key has."""
    folders = Path(os.path.expanduser("~")), Path()
    return any((folder / f".cfnlintrc{suffix}").is_file() for folder in folders for suffix in ("", ".yaml", ".yml"))


@contextmanager
def _processes(
    rendered: Mapping[str, str], names: Sequence[str], region: str
) -> Iterator[Callable[[], dict[str, list[dict]]]]:
    """Lint the named templates, beside all others; yield a function that waits for the fields of their findings."""
    if not names:
        yield dict
        return
    if find_spec("cfnlint") is None:
        raise ModuleNotFoundError("cfn-lint is not installed", name="cfnlint")
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as problems:
        for name, text in rendered.items():
            (Path(scratch) / f"{name}.yaml").write_text(text, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM), scratch, region, *names],
            stdin=subprocess.PIPE,  # the program ends when it does, so with this process
            stdout=subprocess.PIPE,
            stderr=problems,
            process_group=0,  # Ctrl-C at a terminal is for the deployer alone
        )

        def finished() -> dict[str, list[dict]]:
            assert process.stdout
            found = process.stdout.read()
            if process.wait():
                problems.seek(0)
                printed = problems.read().decode(errors="replace").strip() or f"exit code {process.returncode}"
                raise Failure(
                    Exit.LINT,
                    f"cfn-lint failed: {printed.splitlines()[-1]}",
                    "correct .cfnlintrc, here or at home, if it is the reason; --debug shows all that cfn-lint printed",
                ) from RuntimeError(printed)
            return json.loads(found)

        with process:
            try:
                yield finished
            finally:
                _kill(process)


def _kill(process: subprocess.Popen) -> None:
    """Kill what still runs of the process and its children, which are its group. They may outlive it."""
    if process.poll() != 0:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
