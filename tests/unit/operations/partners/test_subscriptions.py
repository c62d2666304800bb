"""A partner gets the events of its own orders: filtered from the first moment, corrected, shown and ended."""

import json

import pytest

from deployer.errors import Exit, Failure
from operations.destroy import consent
from operations.partners.subscriptions import wanted
from tests.unit.operations.partners.sns_world import DEAD_LETTERS, TOPIC, Invalid, Partners, TooMany

URL = "https://hooks.example.com/orders?token=s3cret"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:partner"


@pytest.fixture
def partners(monkeypatch):
    return Partners(monkeypatch)


def refused(partners, *arguments, **options) -> Failure:
    before = list(partners.sns.writes)
    with pytest.raises(Failure) as failure:
        partners.run(*arguments, **options)
    assert "s3cret" not in f"{failure.value.message} {failure.value.hint} {partners.said.getvalue()}"
    if not partners.sns.refuses:
        assert [each for each in partners.sns.writes if each not in before and each[0] != "subscribe"] == []
    return failure.value


@pytest.mark.parametrize(("endpoint", "protocol", "raw"), [(URL, "https", "false"), (QUEUE, "sqs", "true")])
def test_the_filter_is_in_the_call_that_subscribes(partners, endpoint, protocol, raw):
    partners.run("subscribe", "acme", endpoint)
    ((_, *made, attributes),) = partners.sns.writes
    assert made == [protocol, endpoint]
    assert json.loads(attributes["FilterPolicy"]) == {"partner": ["acme"]}
    assert json.loads(attributes["RedrivePolicy"]) == {"deadLetterTargetArn": DEAD_LETTERS}
    assert (attributes["FilterPolicyScope"], attributes["RawMessageDelivery"]) == ("MessageAttributes", raw)


def test_an_https_endpoint_is_pending_until_it_confirms_and_its_query_is_never_shown(partners):
    report = partners.run("subscribe", "acme", URL)
    assert (report["result"], report["subscription"]["state"]) == ("requested", "pending")
    shown = json.dumps([report, partners.run("show")], ensure_ascii=False) + partners.said.getvalue()
    assert "https://hooks.example.com/orders?…" in shown
    assert "s3cret" not in shown
    assert "two days" in partners.said.getvalue()


def test_asking_again_while_it_is_pending_has_sns_ask_the_endpoint_again(partners):
    for _ in range(2):
        assert partners.run("subscribe", "acme", URL)["result"] == "requested"
    assert len(partners.sns.known) == 1


def test_the_same_subscription_again_changes_nothing(partners):
    assert partners.run("subscribe", "acme", QUEUE)["result"] == "subscribed"
    assert partners.run("subscribe", "acme", QUEUE, yes=False)["result"] == "unchanged"
    assert len(partners.sns.writes) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RawMessageDelivery", "false"),
        ("RedrivePolicy", ""),
        ("RedrivePolicy", '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:other"}'),
        ("FilterPolicy", '{"partner": ["acme"], "eventType": ["OrderCreated"]}'),
        ("FilterPolicyScope", "MessageBody"),
    ],
)
def test_an_attribute_that_differs_is_found_and_corrected_alone(partners, name, value):
    arn = partners.sns.add("sqs", QUEUE, **wanted("acme", "sqs", DEAD_LETTERS) | {name: value})
    (listed,) = partners.run("show", "acme")["subscriptions"]
    assert [name in finding for finding in listed["findings"]] == [True]
    refused(partners, "subscribe", "acme", QUEUE, yes=False)
    report = partners.run("subscribe", "acme", QUEUE)
    assert (report["result"], report["subscription"]["findings"]) == ("corrected", [])
    assert partners.sns.writes == [("set", arn, name, wanted("acme", "sqs", DEAD_LETTERS)[name])]


FOREIGN = {
    "another partner's": {"FilterPolicy": '{"partner": ["globex"]}'},
    "two partners'": {"FilterPolicy": '{"partner": ["acme", "globex"]}'},
    "a prefix": {"FilterPolicy": '{"partner": [{"prefix": "acme"}]}'},
    "anything but": {"FilterPolicy": '{"partner": [{"anything-but": ["globex"]}]}'},
    "another attribute": {"FilterPolicy": '{"status": ["pending"]}'},
    "no filter": {},
    "an unreadable filter": {"FilterPolicy": "{"},
}


@pytest.mark.parametrize("attributes", FOREIGN.values(), ids=FOREIGN)
def test_a_subscription_that_is_not_this_partners_alone_is_neither_changed_nor_ended(partners, attributes):
    partners.sns.add("sqs", QUEUE, **attributes)
    for command in ("subscribe", "unsubscribe"):
        assert refused(partners, command, "acme", QUEUE).code is Exit.REFUSED
    assert partners.sns.writes == []


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_gets_more_than_one_partners_events_is_flagged(partners, kind):
    partners.sns.add("sqs", QUEUE, **FOREIGN[kind])
    (listed,) = partners.run("show")["subscriptions"]
    whose = "globex" if kind == "another partner's" else None
    assert listed["partner"] == whose
    assert any("every order" in each or "several" in each for each in listed["findings"]) is (whose is None)


def test_a_partners_list_has_its_own_and_those_of_which_sns_does_not_say_whose_they_are(partners):
    partners.run("subscribe", "acme", QUEUE)
    partners.run("subscribe", "globex", f"{QUEUE}-2")
    partners.run("subscribe", "globex", URL)
    found = partners.run("show", "acme")["subscriptions"]
    assert [(each["partner"], each["state"]) for each in found] == [("acme", "confirmed"), (None, "pending")]
    assert len(partners.run("show")["subscriptions"]) == 3


def test_an_endpoint_whose_subscription_has_ended_but_is_still_listed_can_be_subscribed_again(partners):
    """SNS lists it for days with Deleted in place of its ARN (ansible/ansible pull request 20086)."""
    partners.sns.ended.append(("sqs", QUEUE))
    assert partners.run("show")["subscriptions"] == []
    assert partners.run("unsubscribe", "acme", QUEUE)["result"] == "unchanged"
    assert partners.run("subscribe", "acme", QUEUE)["result"] == "subscribed"


def test_a_question_names_the_environment(partners, monkeypatch):
    monkeypatch.setattr(consent, "can_ask", lambda: True)
    asked = []
    monkeypatch.setattr(consent, "ask", asked.append)
    partners.sns.add("sqs", QUEUE, **wanted("acme", "sqs", DEAD_LETTERS))
    partners.sns.add("sqs", f"{QUEUE}-2", **wanted("acme", "sqs", DEAD_LETTERS) | {"RedrivePolicy": ""})
    for command, endpoint in (("subscribe", URL), ("subscribe", f"{QUEUE}-2"), ("unsubscribe", QUEUE)):
        assert "nothing was changed" in refused(partners, command, "acme", endpoint, yes=False).message
    assert [" in dev" in question for question in asked] == [True, True, True]


def test_a_pending_subscription_of_another_partner_is_not_replaced(partners):
    partners.run("subscribe", "globex", URL)
    assert "two days" in refused(partners, "subscribe", "acme", URL).hint
    assert json.loads(partners.sns.known[f"{TOPIC}:1"]["FilterPolicy"]) == {"partner": ["globex"]}


def test_a_pending_subscription_cannot_be_ended(partners):
    partners.run("subscribe", "acme", URL)
    failure = refused(partners, "unsubscribe", "acme", URL)
    assert (failure.code, "two days" in failure.hint) == (Exit.REFUSED, True)


def test_a_subscription_is_ended_by_its_endpoint_or_its_arn_and_once(partners):
    for named in (URL, f"{TOPIC}:1"):
        partners.run("subscribe", "acme", URL)
        partners.sns.confirm(f"{TOPIC}:1")
        assert partners.run("unsubscribe", "acme", named)["result"] == "unsubscribed"
        assert partners.run("unsubscribe", "acme", named)["result"] == "unchanged"
    assert "s3cret" not in partners.said.getvalue()


@pytest.mark.parametrize("name", ["operator", "Acme", "", "a_b", "a" * 33, "acme~1", "-x"])
def test_a_name_that_no_partner_has_is_refused(partners, name):
    for command in ("subscribe", "unsubscribe"):
        assert refused(partners, command, name, QUEUE).code is Exit.USAGE


def test_an_endpoint_that_is_refused_is_not_sent(partners):
    failure = refused(partners, "subscribe", "acme", "http://example.com/?s3cret")
    assert (failure.code, partners.sns.writes) == (Exit.USAGE, [])
    own = "arn:aws:sqs:us-east-1:123456789012:orders"
    assert "belongs to the platform" in refused(partners, "subscribe", "acme", own).message


def test_without_a_terminal_and_without_yes_nothing_is_subscribed_or_ended(partners):
    assert refused(partners, "subscribe", "acme", QUEUE, yes=False).code is Exit.REFUSED
    partners.run("subscribe", "acme", QUEUE)
    assert refused(partners, "unsubscribe", "acme", QUEUE, yes=False).code is Exit.REFUSED
    assert len(partners.sns.known) == 1


def test_what_sns_refuses_is_said_without_the_query(partners):
    partners.sns.refuses = Invalid("InvalidParameter", f"Invalid parameter: Endpoint {URL} is bad", "Subscribe")
    failure = refused(partners, "subscribe", "acme", URL)
    assert failure.code is Exit.FAILED and "is bad" in failure.message
    partners.sns.refuses = TooMany("FilterPolicyLimitExceeded", "too many", "Subscribe")
    assert "quota" in refused(partners, "subscribe", "acme", URL).message


def test_a_subscription_with_other_attributes_than_asked_for_is_no_success(partners):
    subscribe = partners.sns.subscribe

    def unfiltered(**asked):
        answer = subscribe(**asked)
        partners.sns.known[answer["SubscriptionArn"]].pop("FilterPolicy")
        return answer

    partners.sns.subscribe = unfiltered
    assert "FilterPolicy" in refused(partners, "subscribe", "acme", QUEUE).message


def test_each_change_is_recorded_without_the_endpoint(partners):
    partners.run("subscribe", "acme", URL)
    partners.sns.confirm(f"{TOPIC}:1")
    partners.sns.known[f"{TOPIC}:1"]["RawMessageDelivery"] = "true"
    partners.run("subscribe", "acme", URL)
    partners.run("subscribe", "acme", URL)
    partners.run("unsubscribe", "acme", URL)
    actions = ("subscribe", "correct", "unsubscribe")
    assert partners.recorded == [("dev", action, "acme", "", "1") for action in actions]


@pytest.mark.parametrize(("name", "warned"), [("acme", False), ("acmee", True)])
def test_a_name_without_an_api_key_is_perhaps_misspelt(partners, name, warned):
    partners.run("subscribe", name, QUEUE)
    assert ("has no API key" in partners.said.getvalue()) is warned
