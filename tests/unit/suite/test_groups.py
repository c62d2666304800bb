"""Tests of a group share what is expensive to make, or follow from each other: one process must run all of them."""

import subprocess
import sys
from pathlib import Path

TESTS = """
import os
from pathlib import Path

import pytest

@pytest.mark.xdist_group("{group}")
@pytest.mark.parametrize("number", range(8))
def test_one(number):
    Path("ran").open("a").write(f"{group} {{os.getpid()}}\\n")
"""


def test_one_process_runs_all_tests_of_a_group(tmp_path: Path):
    for group in ("left", "right"):
        (tmp_path / f"test_{group}.py").write_text(TESTS.format(group=group))
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = (tmp_path / "ran").read_text().split("\n")[:-1]
    assert len(ran) == 16 and len(set(ran)) == 2
