"""The picture of a plan: its edits fit the sources, and it holds what the run printed."""

import shutil
from xml.etree import ElementTree

import pytest

from examples import plan_screen
from examples.plan_screen import EDITS, Edit
from examples.transcript import ROOT


def test_each_edit_changes_a_line_of_the_sources(tmp_path):
    for edit in EDITS:
        (tmp_path / edit.file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / edit.file, tmp_path / edit.file)
    plan_screen.apply(EDITS, tmp_path)
    assert all(edit.after in (tmp_path / edit.file).read_text() for edit in EDITS)


def test_an_edit_that_does_not_fit_is_named(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    with pytest.raises(ValueError, match=r"a\.py: expected 'x = 1' once, found it 2 times"):
        plan_screen.apply((Edit("a.py", "x = 1", "x = 2"),), tmp_path)


def test_the_picture_has_the_command_and_each_line_of_the_output_and_loads_nothing():
    drawn = plan_screen.screen("\x1b[?25l\x1b[1mstack\x1b[0m\n\n\x1b[31m± Queue\x1b[0m\n" + "a" * 300 + "\n")
    text = "".join(ElementTree.fromstring(drawn).itertext()).replace("\xa0", " ")
    for shown in (f"$ {plan_screen.COMMAND}", "stack", "± Queue", "aaa…"):
        assert shown in text
    assert "\x1b" not in drawn
    assert "url(http" not in drawn.replace('"', "")


def test_the_checked_in_picture_shows_danger_permissions_and_cost():
    text = "".join(ElementTree.parse(plan_screen.OUTPUT).getroot().itertext()).replace("\xa0", " ")
    for shown in (f"$ {plan_screen.COMMAND}", "DATA AT RISK", "[broadens]", "cost of a month"):
        assert shown in text
