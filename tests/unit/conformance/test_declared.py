"""Each type and property of the templates is read back: AWS's own model of each service can return it."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.model import Shape
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from conformance import probes  # noqa: F401  registers them
from conformance.declared.deployed import Declared
from conformance.declared.readers import NOT_READ, READERS
from conformance.probe import PROBES, Kind
from deployer.plan import cfn_yaml

ROOT = Path(__file__).resolve().parents[3]
TEXT = "text"

TEMPLATES = {path.stem: cfn_yaml.load(path.read_text()) for path in sorted((ROOT / "templates").glob("*.yaml"))}
RESOURCES = [
    pytest.param(definition, id=f"{stack}-{logical_id}")
    for stack, template in TEMPLATES.items()
    for logical_id, definition in template["Resources"].items()
    if definition["Type"] not in NOT_READ
]

ATTRIBUTES = {
    "GetTopicAttributes": ("DisplayName", "KmsMasterKeyId", "Policy", "SignatureVersion", "TracingConfig"),
    "GetSubscriptionAttributes": ("Endpoint", "Protocol", "RawMessageDelivery", "RedrivePolicy", "TopicArn"),
}
"""Maps whose keys are no part of the model; names from the SNS API Reference."""

TEXTS = {
    "GetPolicy": '{"Statement": [{"Sid": "text", "Action": "a", "Principal": {"Service": "s"},'
    ' "Condition": {"ArnLike": {"AWS:SourceArn": "arn"}}}]}',
}


class Complete:
    """A client whose answers have every member of the service's model."""

    def __init__(self, service: str):
        self._client = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        self.meta = self._client.meta

    def __getattr__(self, name: str) -> Any:
        return lambda **given: self._answer(name, given)

    def get_paginator(self, name: str) -> Any:
        return type("Pages", (), {"paginate": lambda _, **given: [self._answer(name, given)]})()

    def _answer(self, name: str, given: dict) -> Any:
        operation = self._client.meta.method_to_api_mapping[name]
        model = self._client.meta.service_model.operation_model(operation)
        unknown = given.keys() - model.input_shape.members.keys()
        assert not unknown, f"{operation} has no {unknown}"
        answer = _filled(model.output_shape, operation, ())
        answer.pop("nextToken", None)
        return answer


def _filled(shape: Shape, operation: str, inside: tuple[str, ...]) -> Any:
    """Return a value with every member, once for recursive shapes."""
    if shape.type_name == "structure":
        if shape.name in inside:
            return {}
        return {name: _filled(member, operation, (*inside, shape.name)) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [_filled(shape.member, operation, inside)]
    if shape.type_name == "map":
        keys = ATTRIBUTES.get(operation) or shape.key.metadata.get("enum") or (TEXT,)
        return {key: _filled(shape.value, operation, inside) for key in keys}
    if shape.type_name == "blob":
        return type("Body", (), {"read": lambda _: b""})()
    return {"string": TEXTS.get(operation, TEXT), "boolean": True}.get(shape.type_name, 1)


def _missing(declared: Any, seen: Any, path: str) -> list[str]:
    """Return the declared paths that are not in `seen`. What is inside of a map of the model, or of a text, is there."""
    if isinstance(declared, dict) and declared.keys() == {"Fn::If"}:
        return [each for branch in declared["Fn::If"][1:] for each in _missing(branch, seen, path)]
    if isinstance(declared, list) and isinstance(seen, list):
        return [each for item in declared for each in _missing(item, seen[0] if seen else None, f"{path}[]")]
    if not isinstance(declared, dict) or isinstance(seen, str) or (isinstance(seen, dict) and seen.keys() == {TEXT}):
        return [path] if seen is None else []
    if len(declared) == 1 and next(iter(declared)).startswith(("Ref", "Fn::")):
        return [path] if seen is None else []
    return [
        each
        for key, value in declared.items()
        for each in _missing(value, (seen or {}).get(key), f"{path}.{key}" if path else key)
    ]


def _read(definition: dict) -> Any:
    properties = {"Name": TEXT, "PolicyName": TEXT, "ScalingTargetId": "a|b|c"}
    given = {
        **definition["Properties"],
        **{key: properties[key] for key in properties if key in definition["Properties"]},
    }
    if "SamplingRule" in given:
        given = {"SamplingRule": {"RuleName": TEXT}}
    resource = Declared("Stack/Resource", definition["Type"], TEXT, given, {}, lambda kind, name: [])
    return READERS[definition["Type"]](Complete, resource)


@pytest.mark.parametrize("definition", RESOURCES)
def test_the_reader_returns_each_property_that_a_template_declares(definition):
    assert _missing(definition["Properties"], _read(definition), "") == []


@pytest.mark.parametrize("definition", RESOURCES)
def test_the_reader_returns_the_tags_of_each_type_that_cloudformation_tags(definition):
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", definition["Type"]).schema

    tags = _read(definition).get("Tags")

    assert (tags is not None) == bool(schema.get("tagging", {}).get("taggable"))
    assert not callable(tags) or tags()


def test_each_type_of_the_templates_has_a_reader_or_a_reason():
    used = {definition["Type"] for template in TEMPLATES.values() for definition in template["Resources"].values()}

    assert used == READERS.keys() | NOT_READ.keys()


def test_each_type_is_one_probe_that_only_reads_and_names_its_templates():
    found = [probe for probe in PROBES.values() if probe.id.endswith("_is_as_declared")]

    assert len(found) == len(READERS)
    assert {probe.kind for probe in found} == {Kind.READS}
    assert all(probe.relies and all((ROOT / path).is_file() for path in probe.relies) for probe in found)
    assert PROBES["dynamodb_table_is_as_declared"].relies == ("templates/data.yaml",)
    assert "wafv2_web_acl_association_is_as_declared" in PROBES
