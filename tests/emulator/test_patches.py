"""A patch is needed exactly as long as the probe with its name differs without it."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance import probes  # noqa: F401  registers them
from conformance.account import Account
from conformance.probe import PROBES
from conformance.results import Verdict
from conformance.run import run
from tests.emulator.testkit import HASTY

CHECK_LIST = Path(__file__).resolve().parents[2] / "docs" / "emulator-patches.md"
ELSEWHERE = {"long_queues", "metric_retention", "poller_pause", "streams_persist"}
"""Patches of what no client of AWS sees. ``test_queues.py``, ``test_alarms.py`` and ``test_persistence.py`` run with
and without them."""
ALONE = {"alarm_clock"}
"""Patches whose probes need an emulator without other work."""


def registered() -> dict[str, list[str]]:
    """The patches by name, listed by another process: MiniStack starts threads and writes files when it is imported."""
    command = "import json; from emulator import registry; print(json.dumps({p.name: [p.module, p.upstream] for p in registry.load().values()}))"
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "STATE_DIR": state}
        listed = subprocess.run([sys.executable, "-c", command], env=environment, capture_output=True, check=True)
    return json.loads(listed.stdout)


REGISTERED = registered()
PATCHES = {name: module for name, (module, _) in sorted(REGISTERED.items()) if name not in ELSEWHERE}


def batches() -> list[list[str]]:
    """Return batches with at most one patch of each module. Leaving out a batch needs one server for many patches."""
    by_module: dict[str, list[str]] = {}
    for name, module in PATCHES.items():
        if name not in ALONE:
            by_module.setdefault(module, []).append(name)
    longest = max(len(names) for names in by_module.values())
    together = [[names[index] for names in by_module.values() if index < len(names)] for index in range(longest)]
    return [*together, *([name] for name in sorted(ALONE))]


def test_every_patch_has_a_probe() -> None:
    assert [patch for patch in PATCHES if patch not in PROBES] == []
    others = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py") if file != Path(__file__))
    assert [name for name in ELSEWHERE if name not in REGISTERED or f'"{name}"' not in others] == []


def test_the_check_list_of_an_upgrade_names_every_patch_and_what_upstream_would_have_to_change() -> None:
    rows = [f"| `{name}` | `{module}.py` | {upstream} |" for name, (module, upstream) in REGISTERED.items()]
    listed = [line for line in CHECK_LIST.read_text().splitlines() if line.startswith("| `")]
    assert listed == rows, f"write these rows to {CHECK_LIST.name}:\n" + "\n".join(rows)


@pytest.mark.parametrize("patch", PATCHES)
def test_holds_with_all_patches_and_leaves_nothing(patch: str, enforced: Account) -> None:
    result = run(PROBES[patch], enforced, None)
    assert (result.verdict, result.left) == (Verdict.HOLDS, ()), result


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: batch[0])
def test_does_not_hold_without_the_patches(batch: list[str], start) -> None:
    account = start(without=",".join(batch), iam=True, wait_factor=HASTY)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda patch: run(PROBES[patch], account, None), batch))
    needless = [result.probe.id for result in results if result.verdict is Verdict.HOLDS]
    assert not needless, f"the probes {needless} hold without these patches: delete them"
