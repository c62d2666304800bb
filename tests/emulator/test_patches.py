"""Each patch passes its check, and the check fails without the patch."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.emulator.checks import CHECKS
from tests.emulator.testkit import Aws

CHECK_LIST = Path(__file__).resolve().parents[2] / "docs" / "emulator-patches.md"
ELSEWHERE = {
    "alarm_clock",
    "iam_batch_actions",
    "iam_parameter_names",
    "iam_partiql_inserts",
    "iam_secure_transport",
    "invoke_config_permissions",
    "long_queues",
    "metric_retention",
    "poller_pause",
    "streams_persist",
}
"""Patches that need IAM enforced, a restart, or an emulator or process without other work. ``test_iam.py``,
``test_import_rights.py``, ``test_persistence.py``, ``test_queues.py`` and ``test_alarms.py`` run them with and without."""


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
        by_module.setdefault(module, []).append(name)
    longest = max(len(names) for names in by_module.values())
    return [[names[index] for names in by_module.values() if index < len(names)] for index in range(longest)]


def test_every_patch_has_a_check() -> None:
    assert sorted(CHECKS) == sorted(PATCHES)
    others = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py") if file != Path(__file__))
    assert [name for name in ELSEWHERE if name not in REGISTERED or f'"{name}"' not in others] == []


def test_the_check_list_of_an_upgrade_names_every_patch_and_what_upstream_would_have_to_change() -> None:
    rows = [f"| `{name}` | `{module}.py` | {upstream} |" for name, (module, upstream) in REGISTERED.items()]
    listed = [line for line in CHECK_LIST.read_text().splitlines() if line.startswith("| `")]
    assert listed == rows, f"write these rows to {CHECK_LIST.name}:\n" + "\n".join(rows)


@pytest.mark.parametrize("patch", PATCHES)
def test_passes_with_all_patches(patch: str, aws: Aws) -> None:
    CHECKS[patch](aws, stack_name(patch))


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: batch[0])
def test_broken_without_the_patches(batch: list[str], start) -> None:
    aws = start(without=",".join(batch))

    def passes(patch: str) -> bool:
        try:
            CHECKS[patch](aws, stack_name(patch))
        except Exception:  # any failure shows that the patch is needed
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        needless = [patch for patch, passed in zip(batch, pool.map(passes, batch), strict=True) if passed]
    assert not needless, f"the checks of {needless} pass without these patches: delete them"


def stack_name(patch: str) -> str:
    return patch.replace("_", "-")
