"""Sources that Python cannot read end the run in one line, wherever the engine meets them first."""

import os
import subprocess
import sys

import pytest

from tests.e2e.support import ROOT, copy_project

BROKEN = "X = 1\ndef broken(:\n"


@pytest.mark.parametrize("module", ["contract/schemas.py", "domain/orders.py"])
def test_a_module_that_the_engine_imports_is_named_with_its_line(tmp_path, module):
    """Whichever step meets it first: 4 is the step that renders, 7 any other."""
    project = copy_project(tmp_path / "project")
    (project / module).write_text(BROKEN)
    done = subprocess.run(
        [sys.executable, "deploy.py", "--env", "dev", "--local", "--yes", "--local-dir", str(tmp_path / "local")],
        cwd=project,
        env={"FOOD_DELIVERY_CACHE_DIR": str(ROOT / ".local"), **os.environ},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode in (4, 7), said
    assert module.rsplit("/", 1)[-1] in said and "Traceback" not in said and "unexpected" not in said
    assert not (tmp_path / "local").exists(), "the emulator was started"
