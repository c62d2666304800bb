"""--partner-revoke and --partners."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployer.errors import Exit, Failure
from operations.destroy import consent
from operations.partners import records
from tests.unit.operations.partners.partner_world import PAGE, PartnerWorld

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def world(monkeypatch):
    return PartnerWorld(monkeypatch)


def test_a_key_is_deleted_and_recorded(world):
    for key_id in ("k1", "k2"):
        world.gateway.partner(key_id)
    assert world.run("--partner-revoke", "k1") == {
        **{"result": "revoked", "partner": "acme", "keyId": "k1", "last": False}
    }
    assert world.of() == ["k2"] and len(world.records()) == 1
    assert "last key" not in world.said.getvalue()


def test_the_last_key_of_a_partner_is_warned_of_before_the_question(world, monkeypatch):
    world.gateway.partner("k1")
    world.gateway.partner("b1", partner="bravo")
    monkeypatch.setattr(consent, "can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: world.said.write(question) and "n")
    with pytest.raises(Failure) as failure:
        world.run("--partner-revoke", "k1", yes=False)
    assert failure.value.code is Exit.REFUSED and world.of() == ["k1"]
    warning, question = world.said.getvalue().splitlines()
    assert "last key of partner acme" in warning and question.startswith("Revoke key k1 of partner acme")


@pytest.mark.parametrize("key_id", ["gone", "key0", "prod1", "", "../k1"])
def test_only_a_key_of_a_partner_of_this_environment_is_deleted(world, key_id):
    """key0 is the operator's."""
    world.gateway.partner("prod1", environment="prod")
    before = dict(world.gateway.keys)
    assert world.run("--partner-revoke", key_id)["result"] == "absent"
    assert world.gateway.keys == before and "DeleteApiKey" not in world.wire.calls
    assert "Revoked" not in world.said.getvalue()  # the key may well open something


@pytest.mark.parametrize("fault", ["reset after", "html 502", "truncated"])
def test_a_lost_answer_of_the_deletion_is_no_failure(world, fault):
    world.gateway.partner("k1")
    world.wire.faults["DeleteApiKey"] = lambda number: fault if number == 1 else ""
    assert world.run("--partner-revoke", "k1")["result"] == "revoked"
    assert world.of() == []


def test_a_denied_deletion_names_the_action(world):
    world.gateway.partner("k1")
    world.wire.faults["DeleteApiKey"] = "denied"
    with pytest.raises(Failure) as failure:
        world.run("--partner-revoke", "k1")
    assert "apigateway:DELETE" in failure.value.message and world.of() == ["k1"]


def test_keys_are_listed_by_partner_and_age_over_all_pages(world):
    for key_id, partner in (("z1", "zulu"), ("a2", "acme"), ("a1", "acme"), ("m1", "mike"), ("b1", "bravo")):
        world.gateway.partner(key_id, partner=partner)
    world.gateway.partner("prod1", environment="prod")
    listed = world.run("--partners")["keys"]
    assert [(each["partner"], each["keyId"]) for each in listed] == [
        *(("acme", "a2"), ("acme", "a1"), ("bravo", "b1"), ("mike", "m1"), ("zulu", "z1"))
    ]
    assert len(listed) > 2 * PAGE and {each["usagePlan"] for each in listed} == {"standard"}


def test_no_value_is_listed(world):
    world.gateway.partner("k1")
    report = world.run("--partners")
    assert "fdp_" not in json.dumps(report) + world.said.getvalue()


def test_the_last_day_with_a_request_is_shown(world):
    for key_id in ("k1", "k2"):
        world.gateway.partner(key_id)
    days = [[0, 5]] * 25 + [[2, 3], [1, 2], [0, 2], [0, 2], [0, 2]]
    world.gateway.usage["plan-s"] = {"k1": days, "k2": [[0, 5]] * 30}
    listed = world.run("--partners")["keys"]
    assert [each["lastUsed"] for each in listed] == [str(datetime.now(UTC).date() - timedelta(days=3)), None]
    assert world.said.getvalue().splitlines()[2].rstrip().endswith("-")


def test_usage_that_cannot_be_read_is_a_warning(world):
    world.gateway.partner("k1")
    world.wire.faults["GetUsage"] = "denied"
    assert world.run("--partners")["keys"][0]["lastUsed"] is None
    assert "apigateway:GET" in world.warned[0]


def test_what_an_unfinished_run_left_is_shown_as_such(world):
    world.gateway.partner("k1", plan=False)
    world.run("--partners")
    assert "opens nothing: in no usage plan" in world.said.getvalue()


def test_a_key_that_was_moved_to_another_plan_is_shown_with_it(world):
    world.gateway.partner("k1", plan=False)
    world.gateway.members["plan-p"].append("k1")
    world.run("--partners")
    assert "in the usage plan of premium" in world.said.getvalue()


def test_the_latest_changes_come_first(world):
    world.run("--partner-add")
    [first] = world.of()
    second = world.run("--partner-rotate")["keyId"]
    world.run("--partner-revoke", first)
    changes = world.run("--partners")["changes"]
    assert [(each["action"], each["key_id"]) for each in changes] == [
        *(("revoke", first), ("rotate", second), ("add", first))
    ]


def test_a_record_of_a_later_format_is_counted(world):
    world.gateway.objects["deployments/dev/partners/20260101T000000.000000Z-add-k1.json"] = json.dumps(
        {**json.loads((GOLDEN / "change-1.json").read_text()), "format": records.FORMAT + 1}
    ).encode()
    assert world.run("--partners")["unreadable"] == 1
    assert "1 changes cannot be read" in world.said.getvalue()


def test_every_released_format_is_read():
    files = sorted(GOLDEN.glob("change-*.json"))
    assert [records.parsed(each.read_bytes()).format for each in files] == [*range(1, records.FORMAT + 1)]


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b'{"format": 1}', b"\xff"])
def test_what_is_no_record_is_unreadable(text):
    assert records.parsed(text) is None


def test_without_partners_the_list_says_how_to_add_one(world):
    assert world.run("--partners")["keys"] == []
    assert "--partner-add NAME" in world.said.getvalue()
