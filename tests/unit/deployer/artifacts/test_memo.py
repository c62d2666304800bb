"""Results kept in files: a damaged one is computed again, and old ones are deleted."""

import os
import resource
import signal
from pathlib import Path

import pytest

from deployer.artifacts import lint_processes, memo, packaging, rendering, wheels


def test_a_result_is_computed_once(tmp_path):
    results = iter([b"first", b"second"])
    assert [memo.remembered(tmp_path, "a", lambda: next(results)) for _ in range(2)] == [b"first", b"first"]
    assert memo.remembered(tmp_path, "b", lambda: next(results)) == b"second"


@pytest.mark.parametrize("harm", [lambda content: content[:-1], lambda content: b"", lambda content: content + b"x"])
def test_a_damaged_file_is_computed_again(tmp_path, harm):
    memo.remembered(tmp_path, "a", lambda: b"right")
    [file] = tmp_path.iterdir()
    file.write_bytes(harm(file.read_bytes()))
    assert memo.remembered(tmp_path, "a", lambda: b"right again") == b"right again"
    assert memo.read(tmp_path, "a") == b"right again"


def test_a_directory_that_cannot_be_written_is_not_needed(tmp_path):
    (tmp_path / "file").touch()
    assert memo.remembered(tmp_path / "file", "a", lambda: b"made") == b"made"


def test_a_full_disk_leaves_no_file_behind(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        assert memo.remembered(tmp_path, "a", lambda: b"made") == b"made"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not any(tmp_path.iterdir())


def test_the_oldest_files_are_deleted_and_others_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(memo, "KEPT", 2)
    (tmp_path / "thing.whl").touch()
    for age, name in enumerate("abc"):
        memo.write(tmp_path, name, b"x")
        os.utime(tmp_path / f"{name}.memo", (1000 + age, 1000 + age))
    memo.write(tmp_path, "d", b"x")
    assert {path.name for path in tmp_path.iterdir()} == {"c.memo", "d.memo", "thing.whl"}


def test_inputs_are_told_apart_where_one_ends_and_the_next_begins():
    assert memo.key("ab", "c") != memo.key("a", "bc")
    assert memo.key("a") == memo.key(b"a")


def test_another_program_is_another_result(monkeypatch):
    before = memo.key("a")
    monkeypatch.setattr(memo, "program", lambda: [b"# changed"])
    assert memo.key("a") != before


def test_the_modules_that_compute_results_are_the_program():
    for module in (lint_processes, packaging, rendering, wheels):
        assert Path(module.__file__).read_bytes() in memo.program()
