"""--partner-add and --partner-rotate: one key, shown once, and nothing half-done whatever happens in between."""

import json
import re

import pytest

from contract.partners import read_key
from deployer.errors import Exit, Failure
from operations.destroy import consent
from tests.unit.operations.partners.partner_world import PartnerWorld, empty_output

LOST = ("reset after", "hang after", "html 502")
"""Faults after which the operation may have taken effect; the last one has none."""


@pytest.fixture
def world(monkeypatch):
    return PartnerWorld(monkeypatch)


def once(fault):
    return lambda number: fault if number == 1 else ""


def refused(world, command="--partner-add", argument="acme", **options) -> Failure:
    with pytest.raises(Failure) as failure:
        world.run(command, argument, **options)
    return failure.value


def test_a_new_partner_gets_a_key_in_the_usage_plan_of_its_tier(world):
    report = world.run("--partner-add", tier="premium")
    assert read_key(report["apiKey"]) == ("acme", "premium")
    assert world.of() == world.in_plan("premium") == [report["keyId"]]
    assert world.value(report["keyId"]) == report["apiKey"]
    assert world.gateway.keys[report["keyId"]]["tags"] == {
        **{"Project": "food-delivery", "Environment": "dev"},
        **{"Partner": "acme", "Tier": "premium"},
    }


def test_standard_output_has_the_value_alone_and_nothing_else_has_it(world):
    report = world.run("--partner-add")
    assert world.out.getvalue() == f"{report['apiKey']}\n"
    [record] = world.records()
    others = world.said.getvalue() + record + world.gateway.objects[record].decode() + repr(world.aws.sent.writes)
    assert report["apiKey"] not in others and report["keyId"] in world.said.getvalue()


def test_with_json_only_the_report_has_the_value(world):
    world.run("--partner-add", output="json")
    assert world.out.getvalue() == ""


def test_two_values_have_nothing_in_common(world):
    first, second = (world.run("--partner-add", name)["apiKey"] for name in ("acme", "bravo"))
    assert first[-32:] != second[-32:]


def test_who_did_it_is_recorded(world):
    report = world.run("--partner-add")
    [key] = world.records()
    assert re.fullmatch(rf"deployments/dev/partners/\d{{8}}T\d{{6}}\.\d{{6}}Z-add-{report['keyId']}\.json", key)
    record = json.loads(world.gateway.objects[key])
    record.pop("when")
    assert record == {
        **{"action": "add", "partner": "acme", "tier": "standard", "key_id": report["keyId"], "environment": "dev"},
        **{"who": "arn:aws:iam::123456789012:user/ops", "format": 1},
    }


def test_a_record_that_cannot_be_written_is_a_warning_and_the_value_is_shown(world):
    world.wire.faults["PutObject"] = "denied"
    report = world.run("--partner-add")
    assert world.out.getvalue() == f"{report['apiKey']}\n"
    assert "its record could not be written" in world.warned[0]


def test_a_partner_that_exists_keeps_its_key_and_no_value_is_shown(world):
    world.gateway.partner("k1")
    report = world.run("--partner-add", yes=False)
    assert report == {"result": "exists", "partner": "acme", "tier": "standard", "keyIds": ["k1"]}
    assert world.out.getvalue() == "" and world.value("k1") not in world.said.getvalue()
    assert world.of() == ["k1"] and not world.records()


def test_another_tier_is_another_key(world):
    world.gateway.partner("k1")
    failure = refused(world, tier="premium")
    assert failure.code is Exit.REFUSED and "--partner-rotate acme" in failure.hint and "--tier premium" in failure.hint
    assert failure.message.endswith("nothing was changed")


@pytest.mark.parametrize("name", ["", "Acme", "-a", "a-", "a_b", "a" * 33, "a\n", "ä", "acme/x", "operator"])
@pytest.mark.parametrize("command", ["--partner-add", "--partner-rotate"])
def test_a_bad_name_is_refused_before_anything_is_sent(world, command, name):
    assert refused(world, command, name).code is Exit.USAGE
    assert world.wire.calls == []


@pytest.mark.parametrize("command", ["--partner-add", "--partner-rotate"])
def test_nothing_is_made_without_consent(world, monkeypatch, command):
    if command == "--partner-rotate":
        world.gateway.partner("k1")
    before = world.of()
    monkeypatch.setattr(consent, "can_ask", lambda: False)
    assert refused(world, command, yes=False).code is Exit.REFUSED
    monkeypatch.setattr(consent, "can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert refused(world, command, yes=False).message == "not confirmed; nothing was changed"
    assert world.of() == before and world.out.getvalue() == ""


def test_a_second_key_is_beside_the_first_and_of_its_tier(world):
    world.gateway.partner("k1", tier="premium")
    report = world.run("--partner-rotate")
    assert world.in_plan("premium") == ["k1", report["keyId"]]
    assert read_key(report["apiKey"]) == ("acme", "premium")


def test_a_second_key_may_be_of_another_tier(world):
    world.gateway.partner("k1")
    report = world.run("--partner-rotate", tier="premium")
    assert world.in_plan("standard") == ["k1"] and world.in_plan("premium") == [report["keyId"]]


def test_a_third_key_is_refused_with_the_oldest_to_revoke(world):
    for key_id in ("k1", "k2"):
        world.gateway.partner(key_id)
    failure = refused(world, "--partner-rotate")
    assert failure.code is Exit.REFUSED and "--partner-revoke k1" in failure.hint
    assert world.of() == ["k1", "k2"]


def test_a_partner_that_does_not_exist_cannot_be_rotated(world):
    world.gateway.partner("k1", partner="bravo")
    failure = refused(world, "--partner-rotate")
    assert failure.code is Exit.USAGE and "--partner-add acme" in failure.hint


def test_keys_of_others_are_no_partners(world):
    world.gateway.partner("other", environment="prod")
    world.gateway.put("hand", "food-delivery-dev/acme", {})
    world.gateway.put("tagged", "my-key", {"Project": "food-delivery", "Environment": "dev", "Partner": "acme"})
    world.gateway.partner("copied", plan=False)["tags"]["Environment"] = "prod"
    world.gateway.partner("renamed", plan=False)["name"] = "food-delivery-dev/bravo"
    assert world.run("--partner-add")["result"] == "added"
    assert {"other", "hand", "tagged", "copied", "renamed"} <= set(world.gateway.keys)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize("operation", ["CreateApiKey", "CreateUsagePlanKey"])
def test_a_lost_answer_makes_one_key(world, operation, fault):
    world.wire.faults[operation] = once(fault)
    report = world.run("--partner-add")
    assert world.of() == world.in_plan() == [report["keyId"]]
    assert world.value(report["keyId"]) == report["apiKey"]


@pytest.mark.parametrize("fault", ["throttled", "denied", "reset", "expired", "html 503", "unknown", "html 200"])
@pytest.mark.parametrize("operation", ["CreateApiKey", "CreateUsagePlanKey"])
def test_a_call_that_fails_leaves_no_key_and_shows_none(world, operation, fault):
    world.wire.faults[operation] = fault
    failure = refused(world)
    assert failure.code in (Exit.PREFLIGHT, Exit.FAILED)
    assert world.of() == [] and world.out.getvalue() == "" and not world.records()
    assert "fdp_" not in failure.message + failure.hint + world.said.getvalue()


@pytest.mark.parametrize("fault", ["reset after", "hang after"])
@pytest.mark.parametrize("operation", ["CreateApiKey", "CreateUsagePlanKey"])
def test_answers_that_are_all_lost_leave_one_working_key_or_none(world, operation, fault):
    world.wire.faults[operation] = fault
    try:
        report = world.run("--partner-add")
    except Failure:
        assert world.of() == [] and world.out.getvalue() == ""
    else:
        assert world.of() == world.in_plan() == [report["keyId"]]


def test_a_throttled_call_is_repeated(world):
    world.wire.faults["CreateApiKey"] = once("throttled")
    assert world.run("--partner-add")["result"] == "added"


@pytest.mark.parametrize("operation", ["CreateUsagePlanKey", "GetUsagePlanKeys"])
def test_an_interruption_leaves_no_key_that_nobody_knows(world, operation):
    def interrupt(number):
        if operation == "CreateUsagePlanKey" or world.of():
            raise KeyboardInterrupt
        return ""

    world.wire.faults[operation] = interrupt
    failure = refused(world)
    assert failure.code is Exit.INTERRUPTED
    assert world.of() == [] and world.out.getvalue() == ""


def test_a_key_that_a_killed_run_left_is_replaced(world):
    world.gateway.partner("left", plan=False)
    report = world.run("--partner-add")
    assert world.of() == [report["keyId"]] != ["left"]
    assert "key left, which was in no usage plan and opened nothing" in world.said.getvalue()


def test_a_left_key_does_not_count_as_a_second_one(world):
    world.gateway.partner("k1")
    world.gateway.partner("left", plan=False)
    report = world.run("--partner-rotate")
    assert world.of() == ["k1", report["keyId"]]


def test_of_two_runs_at_once_the_later_one_gives_way(world):
    def other_is_first(number):
        world.gateway.partner("theirs")["createdDate"] = 1_789_000_000
        return ""

    world.wire.faults["CreateApiKey"] = other_is_first
    failure = refused(world)
    assert failure.code is Exit.REFUSED and "at the same time" in failure.message
    assert world.of() == ["theirs"] and world.out.getvalue() == ""


def test_of_two_runs_at_once_the_earlier_one_stays(world):
    def other_is_later(number):
        world.gateway.partner("theirs")
        return ""

    world.wire.faults["CreateUsagePlanKey"] = other_is_later
    assert world.run("--partner-add")["result"] == "added"


def test_a_key_whose_value_cannot_be_written_is_deleted(world):
    world.out = empty_output("No space left on device")
    failure = refused(world)
    assert "so the new key is deleted again" in failure.message
    assert world.of() == [] and not world.records()


def test_a_version_without_usage_plans_says_to_deploy(world, monkeypatch):
    from deployer import connection
    from deployer.stacks import reading
    from tests.unit.operations.partners.partner_world import STACK

    monkeypatch.setattr(connection, "deployed", lambda *_: (world.aws, {**STACK, "Outputs": []}))
    monkeypatch.setattr(reading, "template", lambda *_: {})
    failure = refused(world)
    assert failure.code is Exit.PREFLIGHT and "deploy the local version" in failure.hint
