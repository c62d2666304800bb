"""What a month costs: the real environments, before and after, and the two ways to pay for the table."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costs
from config import environment as config
from costs.estimate import switched
from costs.load import HOURS
from costs.prices import assumptions
from deployer.plan.snapshot import Snapshot
from generator import alarms
from generator.alarms import releases, table
from generator.functions import QUEUES
from tests.unit.deployer.plan import trees

PROD, DEV = trees.real("prod"), trees.real("dev")
IDLE_POLLS = len(QUEUES) * assumptions()["idle_receives_per_hour"] * HOURS * Decimal("0.4") / 10**6
WATCHED = sum(len(alarm.metrics) for alarm in alarms.inventory() if alarm.condition != table.IS_PROVISIONED)
ALARMS = WATCHED * Decimal("0.10") + len(alarms.composites()) * Decimal("0.50")
FIREWALL = 5 + 3 * Decimal(1)


def of(estimate, service):
    return sum((line.usd for line in estimate.lines if line.service == service), Decimal(0))


def test_nothing_costs_nothing():
    nothing = costs.estimate(Snapshot())
    assert (nothing.lines, nothing.total, nothing.notes) == ((), 0, ())


@pytest.mark.parametrize("environment, firewall", [("dev", 0), ("staging", FIREWALL), ("prod", FIREWALL)])
def test_without_orders_only_what_is_there_costs(environment, firewall):
    idle = costs.estimate(trees.real(environment), 0)
    dashboard = 3 if config.load(environment).monitoring.dashboard else 0
    gradual = config.load(environment).release.shift != "AllAtOnce"
    of_releases = sum(len(alarm.metrics) for alarm in releases.alarms()) * Decimal("0.10") if gradual else 0
    assert idle.total == ALARMS + of_releases + dashboard + firewall + IDLE_POLLS
    assert {line.service for line in idle.lines} == {"CloudWatch", "SQS"} | ({"WAF"} if firewall else set())


@pytest.mark.parametrize("environment, most", [("dev", 15), ("staging", 30), ("prod", 30)])
def test_an_environment_at_its_expected_load_costs_at_most_what_it_may_besides_its_firewall(environment, most):
    estimate = costs.estimate(trees.real(environment))
    assert most / 2 < estimate.total - of(estimate, "WAF") <= most
    assert estimate.orders_per_day == 3500
    assert [note for note in estimate.notes if "how often it is invoked" not in note] == []


def test_the_table_is_nearly_free_on_demand_and_is_paid_for_by_the_hour_when_provisioned():
    choice = costs.alternatives(PROD)
    assert Decimal("0.80") < choice.on_demand.throughput < Decimal("0.85")
    # Table and three indexes, 5 units to read and 5 to write each, the least there is: 730 h of 20 units each.
    assert choice.provisioned.throughput == 730 * 20 * (Decimal("0.00065") + Decimal("0.00013"))
    # Placing orders alone, as far as the first write, it would be some 60 times as much; over an order's life it is not.
    assert 13 < choice.provisioned.throughput / choice.on_demand.throughput < 15


def test_provisioned_capacity_brings_its_alarms():
    choice = costs.alternatives(PROD)
    scaling = 16 * Decimal("0.10")  # a pair for each of eight policies
    capacity = 16 * Decimal("0.10")  # used and provided, of a table and three indexes, to read and to write
    assert of(choice.provisioned, "CloudWatch") - of(choice.on_demand, "CloudWatch") == scaling + capacity


def test_the_break_even_is_where_the_two_cross():
    even = costs.alternatives(PROD).break_even
    below, above = (costs.alternatives(PROD, even + step) for step in (-even // 10, even // 10))
    assert below.on_demand.throughput < below.provisioned.throughput
    assert above.on_demand.throughput > above.provisioned.throughput
    assert even > 10 * 3500, "environments/prod.toml: provisioned pays from many times 3,500 orders a day"


def test_warm_throughput_is_named_as_a_charge_that_the_month_leaves_out():
    warm = trees.real("prod", WarmWrites="40000")
    assert [note for note in costs.estimate(warm).notes if "warm throughput" in note] == [
        "DataStack/OrdersTable: raising its warm throughput is charged once, which this month does not include"
    ]
    assert costs.estimate(warm).total == costs.estimate(PROD).total
    assert (
        costs.alternatives(warm) is not None
        and costs.alternatives(warm).break_even == costs.alternatives(PROD).break_even
    )


def test_what_is_never_reached_has_no_break_even():
    dear = trees.real("prod", MinCapacity="40000", MaxCapacity="40000")
    assert costs.alternatives(dear).break_even is None or costs.alternatives(dear).break_even > 10**6
    small = trees.real("prod", MinCapacity="5", MaxCapacity="5")
    assert costs.alternatives(small).break_even is None, "it throttles before it pays"


def test_a_tree_that_leaves_no_choice_has_no_alternatives():
    assert costs.alternatives(trees.of({})) is None


def test_the_peak_that_capacity_cannot_serve_is_said():
    notes = costs.estimate(trees.real("prod", BillingMode="PROVISIONED"), 3_000_000).notes
    assert any("throttled" in note and "the maximum is 100" in note for note in notes)


def test_a_change_of_the_billing_mode_is_a_difference():
    change = costs.compare(PROD, trees.real("prod", BillingMode="PROVISIONED"))
    assert change.difference == change.after.total - change.before.total
    assert change.after.total == change.alternatives.provisioned.total
    assert change.before.total == change.alternatives.on_demand.total


def test_more_memory_costs_more():
    def change(bundle):
        bundle.children["ComputeStack"]["Resources"]["OrdersEventsFunction"]["Properties"]["MemorySize"] = 1024

    change = costs.compare(PROD, trees.real("prod", change))
    events = next(line for line in costs.estimate(PROD).lines if line.what.startswith("GB-seconds"))
    assert 0 < change.difference < events.usd
    assert abs(of(change.after, "Lambda") - of(change.before, "Lambda") - change.difference) < Decimal("1e-20")


def test_what_cannot_be_priced_is_noted():
    def change(bundle):
        resources = bundle.children["ComputeStack"]["Resources"]
        resources["Cluster"] = {"Type": "AWS::RDS::DBCluster", "Properties": {}}
        resources["Other"] = {"Type": "AWS::Lambda::Function", "Properties": {"Handler": "handlers.other.handler"}}

    notes = costs.estimate(trees.real("dev", change)).notes
    assert any("ComputeStack/Other" in note for note in notes)
    assert any("1 AWS::RDS::DBCluster" in note for note in notes)


def test_a_negative_load_is_refused():
    with pytest.raises(ValueError, match="negative"):
        costs.estimate(DEV, -1)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["PAY_PER_REQUEST", "PROVISIONED"]))
def test_more_orders_never_cost_less(fewer, more, mode):
    fewer, more = sorted((fewer, more))
    tree = switched(DEV, mode)
    low, high = costs.estimate(tree, fewer), costs.estimate(tree, more)
    assert low.total <= high.total
    quantities = {(line.service, line.what): line.quantity for line in high.lines}
    assert all(line.quantity <= quantities[line.service, line.what] for line in low.lines)
