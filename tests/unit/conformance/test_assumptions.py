"""Every limit of a local run has its probe or the reason why there is none."""

import re
from pathlib import Path

import pytest

from conformance import probes  # noqa: F401  registers them
from conformance.probe import PROBES
from conformance.unproven import UNPROVEN

ROOT = Path(__file__).parents[3]
ROW = re.compile(r"^\| (?P<area>[A-Z][^|]*) \|[^|]*\|(?P<probes>[^|]*)\|$", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer((ROOT / "docs" / "local-limits.md").read_text())]
SOURCE = "docs/local-limits.md"


@pytest.mark.parametrize("row", ROWS, ids=[row["area"] for row in ROWS])
def test_the_probes_of_a_limit_exist(row: dict[str, str]) -> None:
    assert set(re.findall(r"`(\w+)`", row["probes"])) <= PROBES.keys()


def test_a_limit_without_a_probe_has_its_reason() -> None:
    without = {row["area"] for row in ROWS if not row["probes"].strip()}
    assert without == {"Drift", "Metrics and alarms", "Retries and time"}
    assert len([each for each in UNPROVEN if each.source == SOURCE]) >= len(without)


@pytest.mark.parametrize("each", UNPROVEN, ids=lambda each: each.assumption[:40])
def test_an_assumption_without_a_probe_says_why_and_where_it_is_made(each) -> None:
    assert each.why and (ROOT / each.source).exists()
    named = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+){3,}\b", each.why))
    assert named <= PROBES.keys()
