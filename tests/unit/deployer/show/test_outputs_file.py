"""The file of --outputs-file: what is refused before a deployment, and how it is written after it."""

import json
import os
import subprocess
import sys
import threading

import pytest

from deployer.errors import Exit, Failure
from deployer.show import outputs_file

OUTPUTS = {"B": "2", "A": "1"}


def names(directory):
    return sorted(each.name for each in directory.iterdir())


def missing_directory(where):
    return where / "no" / "o.json", f"mkdir -p {where / 'no'}"


def a_directory(where):
    return where, "name a file in it"


def dangling_link(where):
    (where / "link").symlink_to(where / "nowhere")
    return where / "link", "remove the link"


def cycle_of_links(where):
    (where / "a").symlink_to(where / "b")
    (where / "b").symlink_to(where / "a")
    return where / "a", ""


def below_a_file(where):
    (where / "file").touch()
    return where / "file" / "o.json", "name a file in a directory"


def too_long_a_name(where):
    return where / ("x" * 300), ""


def unwritable(where):
    (where / "o.json").touch()
    return where / "o.json", "change its permissions"


def unwritable_directory(where):
    return where / "o.json", "change its permissions"


@pytest.mark.parametrize(
    "case",
    [
        missing_directory,
        a_directory,
        dangling_link,
        cycle_of_links,
        below_a_file,
        too_long_a_name,
        unwritable,
        unwritable_directory,
    ],
)
def test_a_file_that_cannot_be_written_is_refused_with_a_hint(case, tmp_path, monkeypatch):
    if case in (unwritable, unwritable_directory):  # root, who may run the tests, may write anywhere
        monkeypatch.setattr(os, "access", lambda path, mode: False)
    path, hint = case(tmp_path)
    before = names(tmp_path)
    with pytest.raises(Failure) as failure:
        outputs_file.check(path)
    assert failure.value.code is Exit.USAGE and failure.value.message.startswith(f"--outputs-file {path}: ")
    assert hint in failure.value.hint and names(tmp_path) == before


def test_a_writable_file_passes(tmp_path):
    (tmp_path / "there").touch()
    for path in (None, tmp_path / "there", tmp_path / "new", "/dev/null"):
        outputs_file.check(path and type(tmp_path)(path))
    assert names(tmp_path) == ["there"]


def test_a_file_is_replaced_atomically_and_readable_by_its_owner_only(tmp_path):
    path = tmp_path / "o.json"
    path.write_text("old")
    path.chmod(0o644)
    with path.open() as reader:
        outputs_file.write(path, OUTPUTS)
        assert reader.read() == "old", "whoever reads it sees all of one of them"
    assert json.loads(path.read_text()) == OUTPUTS and list(json.loads(path.read_text())) == ["A", "B"]
    assert path.stat().st_mode & 0o777 == 0o600 and names(tmp_path) == ["o.json"]


def test_a_link_is_followed_and_kept(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    outputs_file.write(tmp_path / "link", OUTPUTS)
    assert (tmp_path / "link").is_symlink() and json.loads((tmp_path / "target").read_text()) == OUTPUTS


def test_a_fifo_is_written_in_place_and_stays_one(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "fifo").read_text()))
    reader.start()
    outputs_file.check(tmp_path / "fifo")
    outputs_file.write(tmp_path / "fifo", OUTPUTS)
    reader.join(20)
    assert json.loads(read[0]) == OUTPUTS and (tmp_path / "fifo").is_fifo()


def test_devices_are_written_in_place():
    outputs_file.write(type(outputs_file.Path())("/dev/null"), OUTPUTS)
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize("redirected", [True, False], ids=["to a file", "to a pipe"])
def test_standard_output_is_appended_to(tmp_path, redirected):
    script = (
        "from pathlib import Path; from deployer.show import outputs_file as o; p = Path('/dev/stdout'); "
        "print('before', flush=True); o.check(p); o.write(p, {'A': '1'})"
    )
    with (tmp_path / "out").open("w") as file:
        done = subprocess.run(
            [sys.executable, "-c", script],
            stdout=file if redirected else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    said = (tmp_path / "out").read_text() if redirected else done.stdout
    assert said == 'before\n{\n  "A": "1"\n}\n', done.stderr


@pytest.mark.parametrize("how", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_the_scratch_file_is_deleted_however_writing_ends(tmp_path, monkeypatch, how):
    def fail(*_):
        raise how

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises((KeyboardInterrupt, Failure)) as end:
        outputs_file.write(tmp_path / "o.json", OUTPUTS)
    assert names(tmp_path) == []
    if isinstance(how, OSError):
        assert "No space left" in end.value.message and "the deployment is not affected" in end.value.message
