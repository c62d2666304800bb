"""docs/game-days.md keeps up with what it describes. Its commands are run by e2e/test_game_days.py."""

import re
from pathlib import Path

from emulator.faults.rules import KINDS, Rule
from examples import transcript
from generator import alarms

ROOT = Path(__file__).resolve().parents[4]
DOCUMENT = (ROOT / "docs" / "game-days.md").read_text(encoding="utf-8")
RULES = DOCUMENT.partition("\n## Rules\n")[2]
KEYS = {row.partition(" | ")[0]: row.partition(" | ")[2] for row in RULES.splitlines() if row.startswith("| `")}


def code(text: str) -> set[str]:
    return set(re.findall(r"`([\w]+)`", text))


def test_each_key_of_a_rule_is_explained():
    assert set().union(*map(code, KEYS)) == set(Rule.model_fields)


def test_each_kind_is_explained():
    assert code(KEYS["| `kind`"]) == {*KINDS}


def test_the_bad_release_edits_what_is_in_the_source():
    edits = [line for line in transcript.commands(DOCUMENT) if line.startswith("sed ")]
    assert edits
    for line in edits:
        old, file = re.search(r"'s/([^/]+)/", line)[1], line.split(".local/bad-release/")[1]
        assert old in (ROOT / file).read_text(encoding="utf-8")


def test_each_alarm_of_an_exercise_exists():
    named = set(re.findall(r"^\| `([\w-]+)` \|", DOCUMENT.partition("\n## Rules\n")[0], re.MULTILINE))
    assert named
    assert named <= {alarm.key for alarm in alarms.with_composites()}
