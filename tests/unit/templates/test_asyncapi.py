"""docs/asyncapi.yaml: its references resolve, its examples are valid, and it has what the platform sends and reads."""

import json

import pytest
from jsonschema import Draft4Validator

from contract.documents import ORDER_EVENT
from contract.imports import CSV_COLUMNS, IMPORT_REPORT
from domain import messages
from generator import asyncapi
from generator.compatibility.schemas import inlined

DOCUMENT = asyncapi.document()
INLINED = inlined(DOCUMENT, DOCUMENT)
MESSAGES = [
    (f"{channel}.{name}", message)
    for channel, each in INLINED["channels"].items()
    for name, message in each["messages"].items()
]


def test_the_document_is_plain_json_and_asyncapi_3():
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert "$schema" not in json.dumps(DOCUMENT)


def test_every_reference_resolves():
    assert "$ref" not in json.dumps(INLINED)
    with pytest.raises(KeyError):
        inlined({"$ref": "#/channels/nothing"}, DOCUMENT)


def test_every_operation_has_a_channel_and_every_channel_an_operation():
    used = [each["channel"]["$ref"].rsplit("/", 1)[1] for each in DOCUMENT["operations"].values()]
    assert sorted(used) == sorted(DOCUMENT["channels"])
    assert {each["action"] for each in DOCUMENT["operations"].values()} == {"send", "receive"}


@pytest.mark.parametrize("name, message", MESSAGES)
def test_every_message_has_examples_that_are_valid(name, message):
    assert message["examples"]
    for example in message["examples"]:
        assert example["name"]
        Draft4Validator(message["payload"]).validate(example["payload"])
        Draft4Validator(message.get("headers", {})).validate(example.get("headers", {}))


@pytest.mark.parametrize("name, message", MESSAGES)
def test_every_payload_is_a_schema_that_refuses_something(name, message):
    Draft4Validator.check_schema(message["payload"])
    assert not Draft4Validator(message["payload"]).is_valid({})


def test_every_type_of_event_is_a_message():
    assert set(DOCUMENT["channels"]["orderEvents"]["messages"]) == set(ORDER_EVENT["properties"]["eventType"]["enum"])


def test_every_format_of_a_message_is_there():
    queue = INLINED["channels"]["orderQueue"]["messages"].values()
    formats = [message["payload"]["properties"]["format"]["maximum"] for message in queue]
    assert formats == list(range(messages.FORMAT + 1))


def test_a_message_of_another_format_is_not_valid():
    queue = INLINED["channels"]["orderQueue"]["messages"]
    for name, message in queue.items():
        for other, each in queue.items():
            valid = [Draft4Validator(message["payload"]).is_valid(example["payload"]) for example in each["examples"]]
            assert all(valid) == (name == other), (name, other)


def test_every_column_and_every_field_of_a_report_is_there():
    schemas = DOCUMENT["components"]["schemas"]
    assert set(schemas["CsvRow"]["properties"]) == {column.name for column in CSV_COLUMNS} | {"itemId"}
    assert set(schemas["ImportReport"]["properties"]) == set(IMPORT_REPORT["properties"])
