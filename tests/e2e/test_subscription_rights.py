"""Each right of bootstrap/partner-policy.yaml that the commands for subscriptions need, taken away in turn."""

import json

import pytest

from tests.e2e.pipeline_kit import open_queue
from tests.e2e.test_partner_rights import made, operator  # noqa: F401

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("subscription rights")]


@pytest.fixture
def queue(operator):  # noqa: F811
    """A queue of a partner that is subscribed, with an attribute to correct."""
    outputs = json.loads(operator.run("--outputs", "--output", "json").stdout)["outputs"]
    operator.admin.outputs.update(outputs)
    _, arn = open_queue(operator.admin, outputs["OrderEventsTopicArn"])
    return arn


def subscriptions(operator) -> dict[str, dict]:  # noqa: F811
    """Endpoint -> attributes, as an administrator sees them."""
    sns = operator.admin.client("sns")
    found = sns.list_subscriptions_by_topic(TopicArn=operator.admin.outputs["OrderEventsTopicArn"])["Subscriptions"]
    return {
        each["Endpoint"]: sns.get_subscription_attributes(SubscriptionArn=each["SubscriptionArn"])["Attributes"]
        for each in found
    }


def spoil(operator, queue: str) -> None:  # noqa: F811
    arn = subscriptions(operator)[queue]["SubscriptionArn"]
    operator.admin.client("sns").set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="false"
    )


def test_every_command_works_without_a_warning(operator, queue):  # noqa: F811
    for action in ("subscribe", "subscribe", "unsubscribe"):
        done = operator.run(f"--partner-{action}", "acme", queue, "--yes")
        assert done.returncode == 0 and "!" not in done.stdout + done.stderr, done.stdout + done.stderr
        if action == "subscribe":
            spoil(operator, queue)
    done = operator.run("--partners", "--output", "json")
    made = [each["action"] for each in json.loads(done.stdout)["changes"] if each["tier"] == ""]  # noqa: F811
    assert made == ["unsubscribe", "correct", "subscribe"]


@pytest.mark.parametrize(
    "sid, action, command",
    [
        ("ListSubscriptions", "sns:ListSubscriptionsByTopic", "--partner-subscriptions"),
        ("Subscriptions", "sns:GetSubscriptionAttributes", "--partner-subscriptions"),
        ("Subscribe", "sns:Subscribe", "--partner-subscribe"),
        ("Subscriptions", "sns:SetSubscriptionAttributes", "--partner-subscribe"),
        ("Subscriptions", "sns:Unsubscribe", "--partner-unsubscribe"),
    ],
)
def test_without_an_action_a_command_fails_names_it_and_changes_nothing(operator, queue, sid, action, command):  # noqa: F811
    if action != "sns:Subscribe":
        assert operator.run("--partner-subscribe", "acme", queue, "--yes").returncode == 0
        spoil(operator, queue)
    before = subscriptions(operator)
    operator.without(sid, action)
    failed = operator.run(command, "acme", *([] if command == "--partner-subscriptions" else [queue, "--yes"]))
    assert failed.returncode == 3, failed.stdout + failed.stderr
    assert f"missing permission: {action}" in failed.stderr
    assert subscriptions(operator) == before


def test_another_protocol_is_not_allowed(operator, queue):  # noqa: F811
    sns = operator.client("sns")
    with pytest.raises(sns.exceptions.ClientError, match="not authorized"):
        sns.subscribe(
            TopicArn=operator.admin.outputs["OrderEventsTopicArn"], Protocol="email", Endpoint="a@example.com"
        )
