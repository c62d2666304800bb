"""Each test process has one emulator with all patches; a test may start others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator import control
from tests.emulator.testkit import PATIENT, Emulated


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """The emulator that most tests share; each uses different names."""
    state = tmp_path_factory.mktemp("emulator")
    yield Emulated(control.start(state))
    control.stop(state)


@pytest.fixture(scope="session")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """An emulator that enforces IAM."""
    state = tmp_path_factory.mktemp("emulator-iam")
    yield Emulated(control.start(state, iam=True))
    control.stop(state)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Emulated]]:
    """Start an emulator with other settings; stopped at the end of the test."""
    started: list[Path] = []

    def starter(*, without: str = "", iam: bool = False, wait_factor: float = PATIENT, **settings: str) -> Emulated:
        monkeypatch.setenv("EMULATOR_WITHOUT_PATCHES", without)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        state = tmp_path / f"emulator-{len(started)}"
        started.append(state)
        return Emulated(control.start(state, iam=iam), wait_factor)

    yield starter
    for state in started:
        control.stop(state)
