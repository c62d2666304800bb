"""What breaks first: known arithmetic, a demand that never falls, and turns that raise what they are said to raise."""

import json
import re
import tomllib
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config.environment
from capacity import __main__ as command
from capacity import report
from capacity.demand import NEEDS, NOW, Model
from capacity.limits import HERE, assumptions, limits
from capacity.platform import Platform, of_environment, platform
from capacity.usage import stages, usages
from config.environment import Environment
from config.parameters import settings
from costs.load import Load
from tests.unit.deployer.plan import trees

PROD = of_environment(config.environment.load("prod"))
TIMES = st.decimals(min_value=0, max_value=10**7, places=2)


def used(key: str, of: Platform = PROD, orders: Decimal = NOW, known=None):
    (found,) = (usage for usage in usages(of, orders, known) if usage.limit.key == key)
    return found


def parameter(setting: str) -> str:
    (name,) = (each.parameter.name for each in settings(Environment) if each.key == setting)
    return name


def test_the_peak_of_today():
    # 3,500 orders a day, three times the mean: one in eight seconds; 7.9 requests each.
    model = Model(PROD, Load(NOW))
    assert model.orders == Decimal(3500) * 3 / 86400
    assert round(used("api_rate").demand, 10) == round(model.orders * Decimal("7.9"), 10)
    assert used("api_rate").available == 100


def test_the_daily_quota_breaks_first():
    # 6.9 requests an order without preflights, a fifth of them by one key: 10,000 are gone at 7,246 orders.
    first = usages(PROD)[0]
    assert first.limit.key == "api_daily_quota"
    assert first.demand == Decimal(3500) * Decimal("6.9") / 5
    assert abs(first.breaks_at - Decimal(10_000) / (Decimal("6.9") / 5)) < 2
    assert used("api_daily_quota", orders=first.breaks_at).utilization > 1
    assert used("api_daily_quota", orders=first.breaks_at - 2).utilization <= 1


def test_short_executions_need_a_unit_of_concurrency_for_ten_requests_a_second():
    model = Model(PROD, Load(NOW * 1000))
    rate = model.invocations("orders_query")
    assert model.load.seconds("orders_query") < Decimal("0.1")
    assert model.concurrency("orders_query") == rate / 10
    assert model.concurrency("orders_import") == model.invocations("orders_import") * model.load.seconds(
        "orders_import"
    )


def test_the_stream_is_announced_by_one_invocation_a_shard():
    # 100 records, 10 calls of 15 ms and 25 ms more, on four shards.
    assert Model(PROD, Load(NOW)).stream_rate == 4 * 100 / Decimal("0.175")


def test_a_file_is_stored_as_fast_as_its_slowest_stage():
    found = stages(PROD)
    assert [stage.orders for stage in found] == sorted(stage.orders for stage in found)
    rates = {stage.name: stage.orders for stage in found}
    assert rates["the table takes orders and claims"] == 4_000 / Load(NOW).assumed["claimed_insert_units"]


@given(fewer=TIMES, more=TIMES)
def test_a_demand_never_falls_when_the_load_grows(fewer, more):
    low, high = sorted((fewer, more))
    for key, need in NEEDS.items():
        assert need(Model(PROD, Load(low)))[0] <= need(Model(PROD, Load(high)))[0], key


@pytest.mark.parametrize("orders", [0, 1, 3500, 10**9])
def test_every_load_has_a_usage(orders):
    assert all(usage.utilization >= 0 for usage in usages(PROD, Decimal(orders)))


def test_a_negative_load_is_refused():
    with pytest.raises(ValueError, match="negative"):
        usages(PROD, Decimal(-1))


def test_every_limit_is_calculated_and_has_its_source_and_turn():
    assert NEEDS.keys() == limits().keys()
    for limit in limits().values():
        assert limit.turn and limit.what, limit.key
        assert limit.source.startswith(("https://docs.aws.amazon.com/", "contract/")), limit.key
        assert bool(limit.value) == bool(limit.seen), f"{limit.key}: a figure of AWS says when it was seen"


def test_every_assumption_has_its_reason():
    rows = tomllib.loads((HERE / "assumptions.toml").read_text(encoding="utf-8"))
    assert all(len(row["why"]) > 15 for row in rows.values())


@pytest.mark.parametrize("key", [key for key, limit in limits().items() if limit.setting])
def test_the_setting_that_is_named_raises_the_limit(key):
    name = parameter(limits()[key].setting)
    given = {"BillingMode": "PROVISIONED"} if key == "provisioned_writes" else {}
    before = trees.real("prod", **given)
    # A setting may add to what AWS gives anyway.
    current = max(int(before.parameters[name]), int(limits()[key].value or 0))
    after = trees.real("prod", **given, **{name: str(2 * current)})
    assert used(key, platform(after)).utilization < used(key, platform(before)).utilization


@pytest.mark.parametrize("key", [key for key, limit in limits().items() if limit.quota])
def test_a_higher_quota_raises_the_limit(key):
    raised = {**limits(), key: replace(limits()[key], value=2 * limits()[key].value)}
    assert used(key, known=raised).utilization < used(key).utilization


@pytest.mark.parametrize("key", [key for key, limit in limits().items() if limit.fact])
def test_the_fact_that_is_named_raises_the_limit(key):
    fact = limits()[key].fact
    current = getattr(PROD, fact) or limits()[key].value
    assert used(key, replace(PROD, **{fact: 2 * current})).utilization < used(key).utilization


def test_an_environment_has_only_its_own_limits():
    dev = {usage.limit.key for usage in usages(of_environment(config.environment.load("dev")))}
    assert "firewall_rate" not in dev
    assert "provisioned_writes" not in dev
    provisioned = platform(trees.real("prod", BillingMode="PROVISIONED"))
    keys = {usage.limit.key for usage in usages(provisioned)}
    assert "provisioned_writes" in keys
    assert "table_writes" not in keys


def test_a_file_of_today_is_read_by_far():
    assert used("file_seconds").available == 15 * (900 - 60)
    assert used("file_lines", orders=NOW * 1000).demand == 100_000


def test_assumptions_about_the_handlers_are_theirs():
    # Read, not imported: a handler creates its clients when it is imported.
    cache, reserve = (HERE.parent / "handlers" / f"{name}.py" for name in ("configuration", "orders_import"))
    assert f"FRESH_SECONDS = {assumptions()['settings_cache_seconds']}\n" in cache.read_text()
    assert f"LONGEST_RESERVE = 2_000, {assumptions()['reserve_seconds']}_000" in reserve.read_text()


def test_readers_of_settings_are_found():
    assert {*PROD.functions} - {*PROD.settings_readers} == {"orders_events"}


def test_the_document_shows_what_is_calculated():
    text = command.DOCUMENT.read_text(encoding="utf-8")
    assert report.with_tables(text, PROD) == text, "run: python -m capacity --write"


def test_the_document_is_right_that_no_quota_of_aws_breaks():
    broken = {usage.limit.key for usage in usages(PROD, NOW * 1000) if usage.utilization > 1}
    assert broken - {"new_account_concurrency"} == {key for key in broken if limits()[key].setting}


def test_the_command_prints_a_load(capsys):
    assert command.main(["--env", "prod", "--orders-per-day", "350000", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found[0]["key"] == "api_daily_quota"
    assert found[0]["utilization"] == pytest.approx(48.3)
    assert command.main(["--env", "dev"]) == 0
    assert "orders a day" in capsys.readouterr().out


def test_an_unknown_environment_and_a_wrong_load_are_named(capsys):
    assert command.main(["--env", "prd"]) == 2
    assert "did you mean prod?" in capsys.readouterr().err
    for wrong in ("-1", "many"):
        with pytest.raises(SystemExit):
            command.main([f"--orders-per-day={wrong}"])
        assert re.search("must be a non-negative integer", capsys.readouterr().err)
