"""docs/benchmarks.md has the recorded results, and a result says how busy its machine was."""

import subprocess
import sys
from dataclasses import replace

import pytest

from benchmarks import document, machine, results
from benchmarks.machine import MachineLoad
from benchmarks.results import Result
from benchmarks.rows import row
from benchmarks.sections import SECTIONS

QUIET = MachineLoad(before=0.1, after=1.5, others=0.02, seconds=30)
RESULT = Result("calls", "2026-01-31", "a machine", QUIET, (row("POST /orders", "calls", [1]),))


def text() -> str:
    return document.DOCUMENT.read_text(encoding="utf-8")


def test_the_document_shows_what_was_recorded():
    assert document.with_results(text(), results.recorded()) == text(), "run: python -m benchmarks --record"


def test_a_section_without_a_place_in_the_document_is_noticed():
    for section in SECTIONS:
        with pytest.raises(ValueError, match=f"measured: {section}"):
            document.with_results(text().replace(f"measured: {section} ", "measured: another "), {})


def test_a_section_that_is_not_recorded_says_so():
    assert document.with_results(text(), {}).count("Not measured yet") == len(SECTIONS)


def test_a_figure_that_is_edited_in_the_document_is_noticed():
    shown = document.with_results(text(), {"calls": RESULT})
    edited = shown.replace("| 1 calls |", "| 0 calls |")
    assert edited != shown
    assert document.with_results(edited, {"calls": RESULT}) != edited


def test_recording_a_section_keeps_the_others(tmp_path):
    file = tmp_path / "results.json"
    results.record([RESULT, replace(RESULT, section="cold")], file)
    newer = replace(RESULT, date="2026-02-01")
    results.record([newer], file)
    assert results.recorded(file) == {"calls": newer, "cold": replace(RESULT, section="cold")}


@pytest.mark.parametrize(
    "unit, others, quoted", [("ms", 0.02, True), ("ms", 0.5, False), ("orders/s", 0.5, False), ("MB", 0.5, True)]
)
def test_times_of_a_busy_machine_are_not_to_be_quoted(unit, others, quoted):
    result = replace(RESULT, load=replace(QUIET, others=others), rows=(row("ours", unit, [1]),))
    shown = document.table(result)
    assert ("not to be quoted" not in shown) is quoted
    assert "load 0.1 before, 1.5 after" in shown


def test_without_a_share_the_load_before_decides():
    unknown = replace(QUIET, others=None)
    assert not unknown.is_busy
    assert replace(unknown, before=50).is_busy


WATCHED = """
import os, subprocess, sys
from benchmarks import machine
machine.adopt_orphans()
burn = [sys.executable, "-c", "import time\\nwhile time.process_time() < 0.5: pass"]
def measure():
    # The child ends at once and leaves a grandchild: an orphan, as a detached emulator is.
    subprocess.run([sys.executable, "-c", f"import subprocess; subprocess.Popen({burn!r})"], check=True)
    os.wait()
before = machine._own()
machine.watch(measure)
print(machine._own() - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere orphans are not ours, and no share is given"
)
def test_what_an_orphan_takes_counts_as_our_own():
    done = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 0.5


def test_the_share_of_others_is_between_nothing_and_everything():
    load = machine.watch(lambda: None)[1]
    assert load.others is None or 0 <= load.others <= 1
