"""A spinner is for a terminal: nothing of it reaches a pipe."""

import io
from contextlib import nullcontext

import pytest

from deployer.show.ui import Ui


@pytest.mark.parametrize("interactive", [False, True])
def test_waiting_is_seen_on_a_terminal_only(interactive):
    stream = io.StringIO()
    with Ui(stream, interactive).waiting("CloudFormation"):
        pass
    assert ("CloudFormation" in stream.getvalue()) == interactive


def test_a_step_shows_what_runs_beside_it_until_that_is_waited_for(monkeypatch):
    shown = []
    ui = Ui(io.StringIO(), interactive=True)
    monkeypatch.setattr(ui, "waiting", lambda text: nullcontext(shown.append(text)))
    ui.beside("Package", "Lint")
    for name in ("Emulator", "Package", "Lint"):
        with ui.step(name):
            pass
    assert shown == ["Emulator, Package, Lint", "Package, Lint", "Lint"]
