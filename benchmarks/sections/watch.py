"""How long until the API answers with what was just saved: from the rename of the file to the answer."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.measure import ROOT, Effort
from benchmarks.rows import Row, at_most, row
from benchmarks.sections.deploys import NOT_CLONED
from deployer.aws import local

HANDLER = ("handlers/orders_query.py", "an order accepted by POST /orders/async appears once it is stored")
UNKNOWN = "/orders/fd-01a22206-0000-7000-8000-000000000000"
SAVES = 20


def measure(effort: Effort) -> list[Row]:
    saves = SAVES if effort.runs > 1 else 1
    with tempfile.TemporaryDirectory() as scratch, _watched(Path(scratch)) as (root, api):
        path, hint = HANDLER
        text = (root / path).read_text()
        taken = [
            _answered(api, root / path, text.replace(hint, f"save {number}"), f"save {number}")
            for number in range(saves)
        ]
    return [row("a saved handler answers, with --watch", "s", taken, target=at_most(2))]


def _answered(api: httpx.Client, path: Path, text: str, expected: str) -> float:
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
    began = time.perf_counter()
    while expected not in api.get(UNKNOWN).text:
        time.sleep(0.02)  # the processor is the functions' own
    return time.perf_counter() - began


@contextmanager
def _watched(directory: Path) -> Iterator[tuple[Path, httpx.Client]]:
    """Watch a copy of the checkout; yield it, and a client of its API."""
    root, outputs = directory / "clone", directory / "outputs.json"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*NOT_CLONED))
    environment = {**os.environ, local.STATE_VARIABLE: str(directory / "local")}
    environment.setdefault(local.CACHE_VARIABLE, str(ROOT / ".local"))
    command, options = [sys.executable, "deploy.py", "--local"], {"cwd": root, "env": environment, "text": True}
    watch = subprocess.Popen(
        [*command, "--env", "dev", "--watch"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **options
    )
    try:
        while "until Ctrl-C" not in (line := watch.stdout.readline()):  # type: ignore[union-attr]
            if not line:
                raise RuntimeError(f"the watch has ended with exit code {watch.wait()}")
        subprocess.run(
            [*command, "--env", "dev", "--outputs", "--outputs-file", str(outputs)],
            check=True,
            stdout=subprocess.DEVNULL,
            **options,
        )
        found = json.loads(outputs.read_text())
        headers = {"x-api-key": found["ApiKey"]}
        with httpx.Client(base_url=found["ApiUrl"], headers=headers, timeout=60, trust_env=False) as api:
            yield root, api
    finally:
        watch.send_signal(signal.SIGTERM)
        watch.communicate()
        subprocess.run([*command, "--stop"], stdout=subprocess.DEVNULL, check=True, **options)
