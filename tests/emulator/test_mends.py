"""Each mend passes its check, and the check fails without the mend."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator import control, registry
from tests.emulator.checks import CHECKS
from tests.emulator.testkit import Aws

MENDS = sorted(registry.load())


def batches() -> list[list[str]]:
    """The mends in batches with at most one of each module: leaving out a batch at a time
    needs fewer servers than leaving out one mend at a time, and blames as surely."""
    by_module: dict[str, list[str]] = {}
    for name, mend in registry.load().items():
        by_module.setdefault(mend.__module__, []).append(name)
    longest = max(len(names) for names in by_module.values())
    return [[names[index] for names in by_module.values() if index < len(names)] for index in range(longest)]


BATCH_OF = {name: number for number, batch in enumerate(batches()) for name in batch}


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Aws]]:
    """An emulator that lacks a mend, and others of its batch."""
    started: dict[int, tuple[Path, Aws]] = {}

    def starter(mend: str) -> Aws:
        number = BATCH_OF[mend]
        if number not in started:
            state = tmp_path_factory.mktemp(f"without-{number}")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(registry.WITHOUT, ",".join(batches()[number]))
                started[number] = (state, Aws(control.start(state)))
        return started[number][1]

    yield starter
    for state, _ in started.values():
        control.stop(state)


def test_every_mend_has_a_check() -> None:
    assert sorted(CHECKS) == MENDS


@pytest.mark.parametrize("mend", MENDS)
def test_mended(mend: str, aws: Aws) -> None:
    CHECKS[mend](aws, name_of(mend))


@pytest.mark.parametrize("mend", MENDS)
def test_broken_without_the_mend(mend: str, without: Callable[[str], Aws]) -> None:
    emulator = without(mend)
    with pytest.raises(Exception):  # noqa: B017 - however it fails, it must
        CHECKS[mend](emulator, name_of(mend))


def name_of(mend: str) -> str:
    return mend.replace("_", "-")
