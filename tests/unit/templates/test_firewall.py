"""The firewall: only if configured, in front of the complete API, and without effect on regular orders."""

import pytest

from contract.schemas import MAX_BODY_BYTES
from tests.unit.templates.support import existing, of_type, root_parameters


def firewall(api: dict, **changes: str) -> dict[str, dict]:
    resources = {"Resources": existing(api, root_parameters("dev", **changes))}
    return of_type(resources, "WAFv2::WebACL", "WAFv2::WebACLAssociation")


@pytest.fixture(scope="module")
def acl(api) -> dict:
    return firewall(api, WafRateLimit="500")["WebAcl"]["Properties"]


def test_without_a_limit_there_is_no_firewall(api):
    assert firewall(api, WafRateLimit="0") == {}


def test_it_protects_the_stage(api):
    association = firewall(api, WafRateLimit="500")["WebAclAssociation"]["Properties"]
    assert association["ResourceArn"] == "arn:aws:apigateway:us-east-1::/restapis/OrdersApi/stages/Stage"
    assert association["WebACLArn"] == "WebAcl.Arn"


def test_what_no_rule_matches_passes(acl):
    assert acl["DefaultAction"] == {"Allow": {}}
    assert acl["Scope"] == "REGIONAL"


def test_an_address_is_blocked_beyond_the_environments_limit_in_five_minutes(acl):
    (rule,) = (rule for rule in acl["Rules"] if "RateBasedStatement" in rule["Statement"])
    limit = rule["Statement"]["RateBasedStatement"]
    assert limit == {"AggregateKeyType": "IP", "EvaluationWindowSec": 300, "Limit": "500"}
    assert rule["Action"] == {"Block": {}}
    assert rule["Priority"] == min(each["Priority"] for each in acl["Rules"])


def managed(acl: dict) -> dict[str, dict]:
    groups = (each["Statement"].get("ManagedRuleGroupStatement") for each in acl["Rules"])
    return {group["Name"]: group for group in groups if group}


def test_known_attacks_are_blocked_as_aws_knows_them(acl):
    assert set(managed(acl)) == {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"}
    for rule in acl["Rules"]:
        if "ManagedRuleGroupStatement" in rule["Statement"]:
            assert rule["OverrideAction"] == {"None": {}}


def test_a_large_order_and_a_program_that_does_not_name_itself_are_counted_and_not_refused(acl):
    assert MAX_BODY_BYTES > 8 * 1024  # what the rule refuses
    assert managed(acl)["AWSManagedRulesCommonRuleSet"]["RuleActionOverrides"] == [
        {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}},
        {"Name": "NoUserAgent_HEADER", "ActionToUse": {"Count": {}}},
    ]
    assert "RuleActionOverrides" not in managed(acl)["AWSManagedRulesKnownBadInputsRuleSet"]


def test_it_is_measured_and_keeps_samples_of_requests(acl):
    assert acl["Name"] == acl["VisibilityConfig"]["MetricName"] == "food-delivery-dev"
    for each in (acl, *acl["Rules"]):
        assert each["VisibilityConfig"]["CloudWatchMetricsEnabled"] is True
        assert each["VisibilityConfig"]["SampledRequestsEnabled"] is True
    for rule in acl["Rules"]:
        assert rule["VisibilityConfig"]["MetricName"] == rule["Name"]


def test_samples_hold_no_key_and_no_body(acl):
    protections = acl["DataProtectionConfig"]["DataProtections"]
    assert {each["Action"] for each in protections} == {"SUBSTITUTION"}
    fields = {each["Field"]["FieldType"]: each["Field"].get("FieldKeys") for each in protections}
    assert fields == {"SINGLE_HEADER": ["x-api-key", "authorization", "cookie"], "BODY": None}
    assert not any(each.get("ExcludeRuleMatchDetails") for each in protections)
