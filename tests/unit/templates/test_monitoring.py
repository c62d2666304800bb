"""The monitoring stack besides its alarms and its dashboard: the topic of alerts and who hears it."""

import pytest

from tests.unit.templates.support import evaluate, of_type


def test_no_key_prevents_alarms_from_publishing(monitoring):
    (topic,) = of_type(monitoring, "SNS::Topic").values()
    assert "KmsMasterKeyId" not in topic["Properties"]


@pytest.mark.parametrize(("address", "exists"), [("", False), ("ops@example.com", True)])
def test_an_address_is_subscribed_only_if_there_is_one(monitoring, address, exists):
    subscription = monitoring["Resources"]["AlertEmailSubscription"]
    found = evaluate(monitoring, {"Fn::If": [subscription["Condition"], True, False]}, {"AlertEmail": address})
    assert found is exists
