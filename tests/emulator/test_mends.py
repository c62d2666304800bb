"""Each mend passes its check, and the check fails without the mend."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator import registry
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
    "streams_persist",
}
"""Mends that show only where IAM is enforced, after a restart, by how much is done or when nothing
else is; ``test_iam.py``, ``test_persistence.py``, ``test_queues.py`` and ``test_alarms.py`` check them both ways."""

MENDS = {name: mend for name, mend in sorted(registry.load().items()) if name not in ELSEWHERE}


def batches() -> list[list[str]]:
    """The mends in batches with at most one of each module: leaving out a batch at a time
    needs fewer servers than leaving out one mend at a time, and blames almost as surely."""
    by_module: dict[str, list[str]] = {}
    for name, mend in MENDS.items():
        by_module.setdefault(mend.__module__, []).append(name)
    longest = max(len(names) for names in by_module.values())
    return [[names[index] for names in by_module.values() if index < len(names)] for index in range(longest)]


def test_every_mend_has_a_check() -> None:
    assert sorted(CHECKS) == sorted(MENDS)


@pytest.mark.parametrize("mend", MENDS)
def test_mended(mend: str, aws: Aws) -> None:
    CHECKS[mend](aws, stack_name(mend))


@pytest.mark.parametrize("batch", batches(), ids=lambda batch: batch[0])
def test_broken_without_the_mends(batch: list[str], start) -> None:
    aws = start(without=",".join(batch))

    def passes(mend: str) -> bool:
        try:
            CHECKS[mend](aws, stack_name(mend))
        except Exception:  # however it fails, it must
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        needless = [mend for mend, passed in zip(batch, pool.map(passes, batch), strict=True) if passed]
    assert not needless, f"the checks of {needless} pass without these mends: delete them"


def stack_name(mend: str) -> str:
    return mend.replace("_", "-")
