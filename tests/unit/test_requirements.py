"""The lock files: what a run installs is a part of what development installs, and every file is known by its hash."""

import re
from pathlib import Path

import pytest

LOCKS = sorted((Path(__file__).parents[2] / "requirements").glob("*.txt"))
ROWS = re.compile(r"[a-z0-9-]+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n")


def pins(name: str) -> set[str]:
    [lock] = [lock for lock in LOCKS if lock.name == name]
    return {match[0] for match in ROWS.finditer(lock.read_text())}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_pins_with_hashes_and_nothing_else(lock):
    assert ROWS.sub("", lock.read_text()) == ""


def test_development_installs_what_a_run_installs_and_more():
    assert pins("run.txt") < pins("lock.txt")
