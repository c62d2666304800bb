"""Findings of `make audit` that are accepted: none without a reason beside its resource."""

import json
import re

import pytest

from generator.functions import FUNCTIONS
from tests.unit.templates.support import everywhere, of_type

# A new one is a decision: it shows here.
ACCEPTED = {
    "AWS::ApiGateway::Stage": {"CKV_AWS_120"},
    "AWS::CloudWatch::Alarm": {"CT.CLOUDWATCH.PR.1"},
    "AWS::DynamoDB::Table": {"CKV_AWS_119"},
    "AWS::IAM::Role": {"RESOURCE_MISMATCH:ReadStream"},
    "AWS::Lambda::Function": {"CKV_AWS_115", "CKV_AWS_116", "CKV_AWS_117", "CKV_AWS_173", "CT.LAMBDA.PR.3"},
    "AWS::Logs::LogGroup": {"CKV_AWS_158", "CT.CLOUDWATCH.PR.2", "CT.CLOUDWATCH.PR.3"},
    "AWS::S3::Bucket": {"CKV_AWS_18", "CT.S3.PR.2", "CT.S3.PR.9", "CT.S3.PR.10"},
    "AWS::SNS::Topic": {"CKV_AWS_26"},
    "AWS::SQS::Queue": {"CKV_AWS_27", "CT.SQS.PR.1"},
}
RULES = {
    "checkov": r"CKV2?_AWS_\d+",
    "cfn-guard": r"CT\.[A-Z0-9]+\.PR\.\d+",
    "parliament": r"[A-Z_]+:[A-Za-z]+",
}


@pytest.fixture(scope="module")
def skipped(templates) -> list[tuple[str, tuple, list]]:
    """Stack, path and entries of every list of accepted findings."""
    return [
        (name, path, value["skip"])
        for name, template in templates.items()
        for path, value in everywhere(template)
        if path and path[-1] in RULES
    ]


def test_only_a_resource_excuses_itself(skipped, templates):
    assert skipped
    for name, path, _ in skipped:
        section, title, attribute, _ = path
        assert (section, attribute) == ("Resources", "Metadata"), f"{name}: {path}"
        assert title in templates[name]["Resources"]


def test_no_comment_hides_a_finding(rendered):
    assert not any("checkov:skip" in text for text in rendered.values())


def test_every_accepted_finding_has_its_id_once_and_a_reason_in_whole_sentences(skipped):
    for name, path, entries in skipped:
        ids = [entry["id"] for entry in entries]
        assert len(ids) == len(set(ids)), f"{name}: {path}"
        for entry in entries:
            assert set(entry) == {"id", "comment"}
            assert re.fullmatch(RULES[path[-1]], entry["id"])
            assert len(entry["comment"]) >= 50 and entry["comment"].endswith("."), f"{name}: {path}: {entry}"


def test_these_findings_are_accepted_and_no_others(skipped, templates):
    found: dict[str, set] = {}
    for name, (_, title, *_), entries in skipped:
        kind = templates[name]["Resources"][title]["Type"]
        found.setdefault(kind, set()).update(entry["id"] for entry in entries)
    assert found == ACCEPTED


def test_a_function_with_a_limit_or_dead_letters_needs_no_excuse_for_lacking_them(compute):
    for function in FUNCTIONS:
        resource = compute["Resources"][f"{function.title}Function"]
        ids = {entry["id"] for entry in resource["Metadata"]["checkov"]["skip"]}
        assert ("CKV_AWS_115" in ids) == ("ReservedConcurrentExecutions" not in resource["Properties"])
        assert ("CKV_AWS_116" in ids) == ("DeadLetterConfig" not in resource["Properties"])


def test_reasons_about_a_functions_failures_name_resources_that_exist(compute, data):
    known = {*compute["Resources"], *data["Resources"]}
    for function in FUNCTIONS:
        reasons = json.dumps(compute["Resources"][f"{function.title}Function"]["Metadata"])
        assert {name for name in re.findall(r"\bOrders?[A-Z]\w+", reasons)} <= known, function.title


def test_reasons_about_queues_are_true(data):
    for title, resource in of_type(data, "SQS::Queue").items():
        properties = resource["Properties"]
        assert "SqsManagedSseEnabled" in str(resource["Metadata"]), title
        assert properties["SqsManagedSseEnabled"] is True, title
        ends_here = properties.get("RedriveAllowPolicy") == {"redrivePermission": "denyAll"}
        assert ends_here == ("CT.SQS.PR.1" in str(resource["Metadata"])), title


def test_an_alarm_without_actions_names_the_composite_that_watches_it(monitoring):
    for title, alarm in of_type(monitoring, "CloudWatch::Alarm").items():
        found = re.findall(r"(\w+) notifies for it", str(alarm["Metadata"]))
        assert bool(found) != ("AlarmActions" in alarm["Properties"]), title
        for composite in found:
            assert title in str(monitoring["Resources"][composite]["Properties"]["AlarmRule"])
