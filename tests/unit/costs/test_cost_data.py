"""The tables behind the estimate: prices with a source, assumptions with a reason."""

import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

import costs
from contract.metrics import METRICS, VALUES
from costs import levers, observability, prices
from costs.load import Load
from generator import alarm_docs
from generator.functions import FUNCTIONS
from tests.unit.deployer.plan import trees

CODE = "".join(path.read_text(encoding="utf-8") for path in sorted(Path(prices.HERE).glob("*.py")))
ROWS = tomllib.loads((prices.HERE / "load.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name, price", prices.table().prices.items(), ids=prices.table().prices)
def test_every_price_is_used_and_says_where_it_is_from(name, price):
    used = re.sub(r"_(arm64|x86_64)$|_(read|write)_capacity$", "", name)
    assert used in CODE
    assert price.usd > 0 and price.per >= 1
    assert price.source.startswith("https://aws.amazon.com/")
    assert price.seen and price.unit


def test_the_table_is_dated_and_of_one_region():
    table = prices.table()
    assert date.fromisoformat(table.date) > date(2026, 1, 1)
    assert table.region == "us-east-1"


def test_no_other_page_of_ours_names_other_prices():
    table = prices.table().prices
    assert float(table["alarm_metric"].usd) == alarm_docs.PRICE_PER_ALARM_METRIC
    assert float(table["alarm_composite"].usd) == alarm_docs.PRICE_PER_COMPOSITE
    page = Path("docs/monitoring.md").read_text(encoding="utf-8")
    for name in ("dashboard", "metric", "log_ingest", "trace"):
        assert f"${table[name].usd}" in page, name


@pytest.mark.parametrize("name", ROWS)
def test_every_assumption_is_used_and_has_a_reason(name):
    row = ROWS[name]
    assert len(row["why"]) > 20
    assert row["value"] >= 0
    assert name in CODE or name.endswith("_ms")
    if name.endswith("_share"):
        assert row["value"] <= 1


def test_the_shares_and_the_peak_leave_something():
    value = prices.assumptions()
    assert value["sync_share"] + value["async_share"] <= 1
    assert value["peak_hours"] * value["peak_factor"] <= 24


def test_every_metric_of_the_contract_is_estimated_with_as_many_series_as_its_dimensions_have_values():
    found = observability.series(Load(Decimal(1)))
    assert found.keys() == METRICS.keys()
    for name, metric in METRICS.items():
        (values,) = [VALUES[key] for key in metric.dimensions if key in VALUES] or [("one",)]
        assert len(found[name]) == (len(FUNCTIONS) if name == "ColdStart" else len(values)), name


def page_rows(title: str) -> list[list[str]]:
    """Cells of the one table below a heading of docs/cost.md, without its head."""
    section = Path("docs/cost.md").read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def test_the_page_says_what_the_environments_cost():
    for environment, total, watching, table in page_rows("What it comes to"):
        estimate = costs.estimate(trees.real(environment))
        watched = sum(line.usd for line in estimate.lines if line.service == "CloudWatch")
        assert table == f"{estimate.throughput:.2f}"
        # An alarm more or less leaves the page true.
        shown = [float(total), float(watching)]
        assert shown == pytest.approx([float(estimate.total), float(watched)], rel=0.03), environment


def test_the_page_says_what_each_lever_saves():
    dev, prod = (levers.saved(trees.real(environment)) for environment in ("dev", "prod"))
    shown = {lever: cells for lever, *cells, _ in page_rows("Levers")}
    assert shown == {lever: [f"{saved:.2f}" if saved else "-" for saved in (dev[lever], prod[lever])] for lever in dev}


def test_a_lever_that_is_a_setting_is_one_that_the_environments_pull():
    for environment in ("dev", "staging", "prod"):
        found = levers.saved(trees.real(environment))
        assert {lever for lever, saved in found.items() if saved <= 0} <= {"dashboard = false"}, environment


def test_no_parameter_of_a_lever_is_unknown():
    known = trees.real("dev").template["Parameters"].keys()
    assert {name for without in levers.SETTINGS.values() for name in without} <= known


def test_the_page_says_when_provisioned_capacity_pays():
    for orders, *shown in page_rows("On demand or provisioned"):
        choice = costs.alternatives(trees.real("prod"), int(orders.replace(",", "")))
        assert shown == [f"{choice.on_demand.throughput:.2f}", f"{choice.provisioned.throughput:.2f}"]
        assert f"some {round(choice.break_even, -3):,} orders a day" in Path("docs/cost.md").read_text(encoding="utf-8")
