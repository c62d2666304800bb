"""Each patch passes its check, and the check fails without the patch."""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulator.checks import CHECKS
from tests.emulator.testkit import Aws

ELSEWHERE = {
    "alarm_clock",
    "iam_batch_actions",
    "iam_parameter_names",
    "iam_secure_transport",
    "invoke_config_permissions",
    "long_queues",
    "metric_retention",
    "poller_pause",
    "streams_persist",
}
"""Patches that show only where IAM is enforced, after a restart, by how much is done or when nothing
else is; ``test_iam.py``, ``test_persistence.py``, ``test_queues.py`` and ``test_alarms.py`` check them both ways."""


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
    """The patches in batches with at most one of each module: leaving out a batch at a time
    needs fewer servers than leaving out one patch at a time, and blames almost as surely."""
    by_module: dict[str, list[str]] = {}
    for name, module in PATCHES.items():
        by_module.setdefault(module, []).append(name)
    longest = max(len(names) for names in by_module.values())
    return [[names[index] for names in by_module.values() if index < len(names)] for index in range(longest)]


def test_every_patch_has_a_check() -> None:
    assert sorted(CHECKS) == sorted(PATCHES)


@pytest.mark.parametrize("patch", PATCHES)
def test_passes_with_all_patches(patch: str, aws: Aws) -> None:
    CHECKS[patch](aws, stack_name(patch))


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: batch[0])
def test_broken_without_the_patches(batch: list[str], start) -> None:
    aws = start(without=",".join(batch))

    def passes(patch: str) -> bool:
        try:
            CHECKS[patch](aws, stack_name(patch))
        except Exception:  # however it fails, it must
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        needless = [patch for patch, passed in zip(batch, pool.map(passes, batch), strict=True) if passed]
    assert not needless, f"the checks of {needless} pass without these patches: delete them"


def stack_name(patch: str) -> str:
    return patch.replace("_", "-")
