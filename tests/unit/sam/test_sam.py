"""What SAM's transform generates, against our templates: every difference is in docs/sam.md, with its reason."""

import re
from pathlib import Path

import pytest

from tests.unit.sam.comparison import (
    NOT_PAIRED,
    PAIRS,
    Difference,
    differences,
    generated,
    our_resources,
    rows,
)

PAGE = Path(__file__).parents[3] / "docs" / "sam.md"
# What SAM generates from a function's events; of these, each of ours has its counterpart.
FROM_EVENTS = {
    "AWS::Events::Rule",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
}


@pytest.fixture(scope="module")
def ours() -> dict[str, dict]:
    return our_resources()


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict]:
    return generated()


@pytest.fixture(scope="module")
def listed() -> dict[Difference, str]:
    """Each row of the page's table, without its reason -> the reason."""
    cells = [re.split(r" *\| *", line.strip("| \n")) for line in PAGE.read_text().splitlines() if line.startswith("|")]
    return {Difference(*(cell.strip("`") for cell in row)): reason for *row, reason in cells[2:]}


def unsettled(found: list[Difference], listed: dict[Difference, str]) -> list[str]:
    new = [f"not in docs/sam.md: {' | '.join(each)}" for each in found if each not in listed]
    return new + [f"in docs/sam.md, but no longer so: {' | '.join(each)}" for each in listed if each not in found]


def test_every_difference_is_on_the_page_and_no_other(ours, theirs, listed):
    assert unsettled(rows(differences(ours, theirs)), listed) == []


def test_every_difference_has_a_reason(listed):
    assert [row for row, reason in listed.items() if len(reason) < 20] == []


def test_everything_that_sam_generates_is_compared(theirs):
    assert {title for title, each in theirs.items() if each["Type"] not in NOT_PAIRED} == {*PAIRS.values()}


def test_every_trigger_of_ours_is_in_the_template_for_sam(ours):
    assert {title for title, each in ours.items() if each["Type"] in FROM_EVENTS} <= {*PAIRS.values()}


def test_a_new_difference_and_one_that_is_gone_are_named(ours, theirs, listed):
    mapping, rule = ours["OrderQueueToWorker"], ours["OrderFilesRule"]
    changed = {
        **ours,
        "OrderQueueToWorker": {**mapping, "Properties": {**mapping["Properties"], "FunctionResponseTypes": []}},
        "OrderFilesRule": {**rule, "Properties": {**rule["Properties"], "Description": None}},
    }
    new, gone = unsettled(rows(differences(changed, theirs)), listed)
    assert new == 'not in docs/sam.md: OrderQueueToWorker | FunctionResponseTypes | none | ["ReportBatchItemFailures"]'
    assert gone.startswith("in docs/sam.md, but no longer so: OrderFilesRule | Description | ")
