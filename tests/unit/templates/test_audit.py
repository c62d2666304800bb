"""Findings of the security scanner (`make audit`) that are accepted: none without a reason beside its resource."""

import json
import re

import pytest

from generator.functions import FUNCTIONS
from tests.unit.templates.support import everywhere

# A new one is a decision: it shows here.
ACCEPTED = {
    "AWS::ApiGateway::Stage": {"CKV_AWS_120"},
    "AWS::DynamoDB::Table": {"CKV_AWS_119"},
    "AWS::Lambda::Function": {"CKV_AWS_115", "CKV_AWS_116", "CKV_AWS_117", "CKV_AWS_173"},
    "AWS::Logs::LogGroup": {"CKV_AWS_158"},
    "AWS::S3::Bucket": {"CKV_AWS_18"},
    "AWS::SNS::Topic": {"CKV_AWS_26"},
    "AWS::SQS::Queue": {"CKV_AWS_27"},
}


@pytest.fixture(scope="module")
def skipped(templates) -> list[tuple[str, tuple, list]]:
    """Stack, path and entries of every list of checks that the scanner skips."""
    return [
        (name, path, value["skip"])
        for name, template in templates.items()
        for path, value in everywhere(template)
        if path and path[-1] == "checkov"
    ]


def test_only_a_resource_excuses_itself(skipped, templates):
    assert skipped
    for name, path, _ in skipped:
        section, title, *rest = path
        assert (section, rest) == ("Resources", ["Metadata", "checkov"]), f"{name}: {path}"
        assert title in templates[name]["Resources"]


def test_no_comment_hides_a_finding(rendered):
    assert not any("checkov:skip" in text for text in rendered.values())


def test_every_accepted_finding_has_its_id_once_and_a_reason_in_whole_sentences(skipped):
    for name, path, entries in skipped:
        ids = [entry["id"] for entry in entries]
        assert len(ids) == len(set(ids)), f"{name}: {path}"
        for entry in entries:
            assert set(entry) == {"id", "comment"}
            assert re.fullmatch(r"CKV2?_AWS_\d+", entry["id"])
            assert len(entry["comment"]) >= 60 and entry["comment"].endswith("."), f"{name}: {path}: {entry}"


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
    for title, resource in data["Resources"].items():
        if resource["Type"] == "AWS::SQS::Queue":
            assert "SqsManagedSseEnabled" in str(resource["Metadata"]), title
            assert resource["Properties"]["SqsManagedSseEnabled"] is True, title
