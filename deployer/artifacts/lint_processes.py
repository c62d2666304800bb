"""Run cfn-lint in as many processes as there are cores: the program that `deployer.artifacts.lint` starts.

Importing cfn-lint takes as long as linting a template, so it is imported once and the processes are forked from this
one, which has a single thread at that moment. Arguments: the directory of the templates, the region, the names of the
templates to lint. Standard output is JSON: template -> its findings. When standard input ends, because the deployer
does, this process and its children end as well.
"""

import gc
import json
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

Found = list[dict[str, Any]]
"""The fields of each `deployer.artifacts.lint.Finding`, without its template."""

OVERHEAD = 40_000
"""Bytes of a template that take as long as what does not depend on its size."""


def main(directory: str, region: str, *names: str) -> None:
    gc.disable()  # a fifth of the time; the process lives for seconds
    import cfnlint.api  # noqa: F401 - before the fork

    work = {name: OVERHEAD + (Path(directory) / f"{name}.yaml").stat().st_size for name in names}
    shares = [(directory, share, region) for share in shared_out(work, _cores())]
    with ProcessPoolExecutor(len(shares), get_context("fork"), _leave_the_output) as pool:
        linting = [pool.submit(_linted, *share) for share in shares]  # forks all processes, then starts a thread
        threading.Thread(target=_end_with_the_deployer, args=[directory], daemon=True).start()
        found = {name: each for share in linting for name, each in share.result().items()}
    json.dump(found, sys.stdout)


def _leave_the_output() -> None:
    """Let standard output end with the parent, even if that is killed: the deployer reads to its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def shared_out(work: Mapping[str, int], processes: int) -> list[list[str]]:
    """Return the templates of each process: those with most work first, each to the process with the least to do."""
    shares: list[list[str]] = [[] for _ in range(min(processes, len(work)))]
    for name in sorted(work, key=lambda name: (-work[name], name)):
        min(shares, key=lambda share: sum(work[each] for each in share)).append(name)
    return shares


def _linted(*share: Any) -> dict[str, Found]:
    """Lint a share of the templates. Raises SystemExit with the reason: not every error of cfn-lint can be pickled."""
    try:
        return lint(*share)
    except Exception as error:
        traceback.print_exc()
        raise SystemExit(" ".join(f"{type(error).__name__}: {error}".split())) from None


def lint(directory: str, names: Iterable[str], region: str) -> dict[str, Found]:
    """Lint the named templates of the directory; cfn-lint reads the templates that they nest from there too."""
    from cfnlint.api import lint_by_config
    from cfnlint.config import ManualArgs
    from cfnlint.helpers import REGION_PRIMARY, REGIONS

    found: dict[str, Found] = {name: [] for name in names}
    paths = [str(Path(directory) / f"{name}.yaml") for name in found]
    regions = [region if region in REGIONS else REGION_PRIMARY]
    for match in lint_by_config(ManualArgs(templates=paths, regions=regions)):
        name = Path(match.filename or paths[0]).stem  # an error in .cfnlintrc has no file
        if name in found:
            found[name].append(_fields(match))
    return found


def _fields(match) -> dict[str, Any]:
    rule = match.rule
    return {
        "line": match.linenumber,
        "resource": _resource(match.path),
        "rule": rule.id,
        "level": rule.severity,
        "message": match.message,
    }


def _resource(path) -> str:
    """Return the logical id in a path such as (Resources, OrdersTable, Properties, …), else the section."""
    start = [str(part) for part in (path or ("template",))[:2]]
    return start[-1] if start[0] == "Resources" else start[0]


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _end_with_the_deployer(directory: str) -> None:
    sys.stdin.read()
    shutil.rmtree(directory, ignore_errors=True)  # which a killed deployer could not do
    os.killpg(0, signal.SIGKILL)  # the group is this process and its children


if __name__ == "__main__":
    main(*sys.argv[1:])
