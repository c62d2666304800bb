"""A finding fails the audit unless its resource says why it is accepted, and so does a reason without a finding."""

from audit.findings import Place, Result, accepted, explained, problems, summary
from audit.tools import GUARD, _of_rule

KNOWN = Place("checkov", "data", "Bucket", "CKV_AWS_18")
NEW = Place("checkov", "data", "Queue", "CKV_AWS_27")
TEMPLATES = {
    "data": {
        "Resources": {
            "Bucket": {"Metadata": {"checkov": {"skip": [{"id": "CKV_AWS_18", "comment": "CloudTrail tells."}]}}},
            "Queue": {"Metadata": {"cfn-guard": {"skip": [{"id": "CKV_AWS_27", "comment": "Of another tool."}]}}},
        }
    }
}


def test_a_finding_with_a_reason_is_no_problem():
    result = Result("checkov", "checks", 5, {KNOWN: "Ensure access logging"})
    reasons = accepted(TEMPLATES, "checkov")
    assert reasons == {KNOWN: "CloudTrail tells."}
    assert [*problems(result, reasons)] == []
    assert summary(result, reasons) == "checkov: 5 checks passed, 1 accepted with a reason"


def test_a_finding_without_one_names_resource_rule_and_where_to_write_it():
    result = Result("checkov", "checks", 5, {KNOWN: "Ensure access logging", NEW: "Ensure encryption"})
    [problem] = problems(result, accepted(TEMPLATES, "checkov"))
    assert problem.startswith("templates/data.yaml: Queue: checkov CKV_AWS_27: Ensure encryption\n")
    assert "generator/audit.py" in problem


def test_a_reason_whose_finding_is_gone_is_a_problem():
    [problem] = problems(Result("checkov", "checks", 5), accepted(TEMPLATES, "checkov"))
    assert problem.startswith("templates/data.yaml: Bucket: checkov CKV_AWS_18: accepted, but no longer found")


def test_a_tool_that_judges_nothing_is_a_problem():
    assert [*problems(Result("checkov", "checks"), {})] == ["checkov: no checks passed, so it has judged nothing"]


def test_resources_accepted_for_one_reason_are_listed_together():
    other = KNOWN._replace(resource="Another")
    assert [*explained({KNOWN: "Why.", other: "Why."})] == ["checkov CKV_AWS_18: data/Another, data/Bucket\n  Why."]


def test_a_broken_rule_of_guard_points_to_its_resources():
    report = {
        "Rule": {
            "name": "sqs_dlq_check",
            "messages": {"custom_message": "[CT.SQS.PR.1]: Require a dead-letter queue\n[FIX]: Create one\n"},
            "checks": [{"path": "/Resources/Jobs/Properties"}, {"path": "/Resources/Jobs/Properties/RedrivePolicy"}],
        }
    }
    assert [*_of_rule("data", report)] == [(Place(GUARD, "data", "Jobs", "CT.SQS.PR.1"), "Require a dead-letter queue")]
