"""The monthly cost as lines, Markdown and JSON."""

import io
import json
from decimal import Decimal

import pytest

import costs
from deployer.plan.snapshot import Snapshot
from deployer.show import cost_view as view
from deployer.show.ui import Ui
from tests.unit.deployer.plan import trees

PROD = trees.real("prod")
PROVISIONED = trees.real("prod", BillingMode="PROVISIONED")
CHANGE = costs.compare(PROD, PROVISIONED)
CHOICE = costs.alternatives(PROD)


def usd_of(what: str) -> str:
    (line,) = [line for line in CHANGE.before.lines if line.what == what]
    return f"${line.usd:.2f}"


def shown(change) -> list[str]:
    stream = io.StringIO()
    view.text(Ui(stream, interactive=False), change)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_the_heading_has_the_load_and_the_date_of_the_prices():
    assert shown(CHANGE)[0].startswith("cost of a month at 3,500 orders a day (list prices of us-east-1, 2026-")
    assert "without free tier" in shown(CHANGE)[0]


def test_another_region_is_named_beside_that_of_the_prices():
    assert "us-east-1" in view.heading(CHANGE) and "others" not in view.heading(CHANGE)
    assert "those of eu-west-1 differ" in view.heading(costs.compare(PROD, PROD, region="eu-west-1"))


def test_a_change_shows_what_changes_and_by_how_much():
    rows = [line.split() for line in shown(CHANGE) if line.startswith("  DynamoDB")]
    assert [(row[1], *row[-2:]) for row in rows] == [
        ("read", "$0.00", "$1.90"),
        ("read", usd_of("read request units"), "$0.00"),
        ("write", "$0.00", "$9.49"),
        ("write", usd_of("write request units"), "$0.00"),
    ]
    assert not any(line.startswith("  WAF") for line in shown(CHANGE))
    before, after = (f"${each.total:,.2f}" for each in (CHANGE.before, CHANGE.after))
    assert f"total {before} -> {after} a month, +${CHANGE.difference:,.2f}" in shown(CHANGE)


def test_lower_costs_have_a_minus():
    assert f", -${CHANGE.difference:,.2f}" in "\n".join(shown(costs.compare(PROVISIONED, PROD)))


def test_no_change_is_one_total():
    same = shown(costs.compare(PROD, PROD))
    assert len(same) == 3
    assert same[1] == f"total ${CHANGE.before.total:,.2f} a month, unchanged"


def test_on_demand_and_provisioned_are_compared():
    assert shown(CHANGE)[-1] == (
        f"reading and writing the table: on demand ${CHOICE.on_demand.throughput:.2f}, provisioned $11.39;"
        f" provisioned pays from about {round(CHOICE.break_even, -3):,} orders a day"
    )


def test_a_first_creation_shows_all_that_costs():
    first = shown(costs.compare(Snapshot(), PROD))
    assert any(line.startswith("  WAF") and line.endswith("$5.00") for line in first)
    assert any("GET requests" in line and line.endswith("< $0.01") for line in first)
    assert f"total ${CHANGE.before.total:,.2f} a month" in first
    assert not any(line.endswith(" $0.00") for line in first)


def test_resources_without_a_price_are_named():
    odd = trees.of({"Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": {}}})
    assert shown(costs.compare(Snapshot(), odd))[-1] == "not included: 1 AWS::RDS::DBCluster: not in the price table"


def test_markdown_is_a_table():
    lines = view.markdown(CHANGE)
    rows = [line for line in lines if line.startswith("|")]
    assert rows[0] == "| service | what | a month | before | after |"
    assert {row.count("|") for row in rows} == {6}
    assert lines[-1].startswith("- reading and writing the table")


def test_json_has_strings_with_two_decimals():
    report = json.loads(json.dumps(view.as_json(CHANGE)))
    assert report["ordersPerDay"] == 3500
    assert report["prices"] == {"region": "us-east-1", "date": CHANGE.after.date, "currency": "USD", "freeTier": False}
    assert report["difference"] == f"{CHANGE.difference:.2f}"
    assert report["alternatives"]["onDemand"]["table"] == f"{CHOICE.on_demand.throughput:.2f}"
    assert report["alternatives"]["provisioned"] == {"table": "11.39", "total": report["after"]["total"]}
    assert report["alternatives"]["breakEvenOrdersPerDay"] > 40_000
    (acl,) = [line for line in report["after"]["lines"] if line["what"] == "web ACLs"]
    assert acl == {
        "service": "WAF",
        "what": "web ACLs",
        "quantity": "1.000",
        "unitPrice": "5.00",
        "per": 1,
        "usd": "5.00",
    }


def test_json_has_no_alternatives_where_there_are_none():
    assert view.as_json(costs.compare(Snapshot(), trees.of({})))["alternatives"] is None


@pytest.mark.parametrize("value, text", [("0", "0.00"), ("1.005", "1.00"), ("0.01", "0.01"), ("0.0002", "0.000200")])
def test_less_than_a_cent_is_not_zero(value, text):
    assert view.usd(Decimal(value)) == text
