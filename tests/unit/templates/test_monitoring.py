"""The monitoring stack besides its alarms and its dashboard: the topic of alerts and who hears it."""

import pytest

from config import environment
from tests.unit.templates.given import alarms_of, parameters
from tests.unit.templates.support import evaluate, existing, of_type


def test_no_key_prevents_alarms_from_publishing(monitoring):
    (topic,) = of_type(monitoring, "SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic["Properties"]


@pytest.mark.parametrize(("address", "exists"), [("", False), ("ops@example.com", True)])
def test_an_address_is_subscribed_only_if_there_is_one(monitoring, address, exists):
    subscription = monitoring["Resources"]["AlertEmailSubscription"]
    found = evaluate(monitoring, {"Fn::If": [subscription["Condition"], True, False]}, {"AlertEmail": address})
    assert found is exists


@pytest.mark.parametrize(("enabled", "leads_to"), [("true", "#dashboards/dashboard/"), ("false", "#alarmsV2:")])
def test_there_is_a_dashboard_if_the_environment_has_one_and_the_url_leads_to_it_or_to_the_alarms(
    monitoring, enabled, leads_to
):
    given = parameters("dev", DashboardEnabled=enabled)
    assert ("Dashboard" in existing(monitoring, given)) is (enabled == "true")
    assert leads_to in evaluate(monitoring, monitoring["Outputs"]["DashboardUrl"]["Value"], given)


@pytest.mark.parametrize("name", environment.available())
def test_an_environment_without_a_dashboard_has_every_alarm_of_the_others(monitoring, name):
    assert alarms_of(monitoring, name).keys() == alarms_of(monitoring, "prod").keys()
