"""Each probe has a sentence and code that exists; its costs are priced; docs/conformance.md has it with each result."""

import ast
import json
import re
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from conformance import __main__ as command
from conformance import estimate, probes, report, witness
from conformance.probe import PROBES, Kind, deploys
from conformance.probes import __path__ as folders
from conformance.unproven import UNPROVEN
from costs.prices import table

ROOT = Path(__file__).resolve().parents[3]
MODULES = [
    Path(folder) / f"{name}.py" for folder in folders for name in sorted({probe.area for probe in PROBES.values()})
]


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_probe_says_in_one_sentence_what_aws_does_and_names_code_that_exists(probe) -> None:
    assert re.fullmatch(r"\S.{20,158}\.", probe.sentence), probe.sentence
    assert probe.relies
    assert [path for path in probe.relies if not (ROOT / path).exists()] == []


def test_an_assumption_without_a_probe_names_code_that_exists_and_a_reason() -> None:
    for each in UNPROVEN:
        assert each.why
        assert (ROOT / each.source).exists(), each.source


def test_two_probes_cannot_have_one_name() -> None:
    taken = next(iter(PROBES.values()))
    with pytest.raises(ValueError, match=f"two probes are called {taken.id}"):
        deploys("x")(taken.run)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.stem)
def test_a_probe_has_no_assert_which_python_may_leave_out_and_no_place_of_the_emulator(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)] == []
    assert [word for word in ("000000000000", "us-east-1", "127.0.0.1") if word in text] == []


def test_importing_the_probes_registers_every_module() -> None:
    assert {file.stem for file in Path(probes.__file__).parent.glob("[a-z]*.py")} == {
        probe.area for probe in PROBES.values()
    }


def test_everything_that_a_run_is_charged_for_has_a_price() -> None:
    used = {name for probe in PROBES.values() for name in probe.uses}
    used |= {name for requests in estimate.REQUESTS.values() for name in requests}
    assert used <= table().prices.keys()
    assert table().prices.keys() >= estimate.HOURLY
    by_month = {name for name in used if "month" in table().prices[name].unit}
    assert by_month <= estimate.HOURLY
    assert estimate.REQUESTS.keys() == estimate.MINUTES.keys() == {*Kind}


def test_the_estimate_grows_with_each_probe_and_charges_what_lasts_for_an_hour() -> None:
    probe = next(iter(PROBES.values()))
    plain, firewall = replace(probe, uses={}), replace(probe, uses={"firewall": 1})
    assert round(estimate.usd([firewall]) - estimate.usd([plain]), 6) == round(Decimal(5) / 730, 6)
    assert estimate.usd([plain, plain]) == 2 * estimate.usd([plain])
    assert Decimal(0) < estimate.usd(PROBES.values()) < 5


def test_probes_that_write_to_the_environment_take_their_time_one_after_the_other() -> None:
    probe = next(iter(PROBES.values()))
    writing, deploying = replace(probe, kind=Kind.WRITES), replace(probe, kind=Kind.DEPLOYS)
    assert estimate.minutes([writing] * 10, jobs=10) == 31
    assert estimate.minutes([deploying] * 10, jobs=10) == 5


def test_the_page_has_every_probe_and_every_recorded_result() -> None:
    text = command.DOCUMENT.read_text(encoding="utf-8")
    written = report.with_results(text, PROBES, witness.recorded())
    assert text == written, "run: python -m conformance --write"
    for probe in PROBES.values():
        assert text.count(f"| `{probe.id}` | ") >= 1


def test_a_probe_without_a_result_is_not_run_yet() -> None:
    text = "".join(
        f"<!-- conformance: {name} -->\n<!-- end -->\n" for name in ("witnesses", "probes", "differences", "unproven")
    )
    records = witness.recorded()
    some = witness.Record("aws", "AWS", "2026-01-01", "abc", {"api_events": {"verdict": "holds"}})
    page = report.with_results(text, PROBES, {**records, "aws": some})
    rows = {
        cells[1].strip("` "): cells
        for cells in (re.split(r"(?<!\\)\|", line) for line in page.splitlines())
        if len(cells) > 7
    }
    assert rows["api_events"][6].strip() == "holds"
    assert rows["api_metrics"][6].strip() == "not run yet"


def test_the_results_are_of_probes_that_exist() -> None:
    for record in witness.recorded().values():
        assert record.results.keys() <= PROBES.keys(), f"remove them from {record.witness}.json"


def test_the_results_contain_no_account_and_no_place() -> None:
    for file in witness.FILES.glob("*.json"):
        found = json.loads(file.read_text(encoding="utf-8"))
        text = json.dumps(found["results"])
        assert re.findall(r"\b\d{12}\b|127\.0\.0\.1|conformance-[0-9a-f]{8}", text) == []


def test_ids_are_unique_beside_areas() -> None:
    assert not PROBES.keys() & Counter(probe.area for probe in PROBES.values()).keys()
