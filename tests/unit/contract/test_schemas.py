"""The schemas agree with each other and with both of their readers."""

import json

import fastjsonschema
import pytest

from contract.dialects import modelled, validated, without
from contract.documents import DOCUMENTS, ORDER_MESSAGE
from contract.errors import ERRORS
from contract.models import MODELS, ORDER_REQUEST, ORDER_SUBMISSION
from contract.routes import COMMON_ERRORS, ROUTES
from contract.schemas import DRAFT_04

ALL = MODELS | DOCUMENTS


def parts(schema):
    """Yield `schema` and every schema inside it."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


@pytest.mark.parametrize("name", ALL)
def test_a_model_is_a_draft_04_schema_that_compiles(name):
    assert (ALL[name]["$schema"], ALL[name]["title"]) == (DRAFT_04, name)
    fastjsonschema.compile(validated(ALL[name]))
    json.dumps(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_every_keyword_is_supported_by_both_readers(name):
    for part in parts(modelled(ALL[name])):
        assert not {"multipleOf", "not", "allOf", "const", "if", "contains", "$ref"} & set(part)


def test_a_field_that_is_called_like_a_keyword_is_no_keyword():
    schema = {"not": {}, "properties": {"not": {"type": "string", "not": {}}}, "anyOf": [{"not": {}, "minLength": 1}]}
    assert without(schema, "not") == {"properties": {"not": {"type": "string"}}, "anyOf": [{"minLength": 1}]}


def test_a_response_model_has_no_limit_that_an_older_order_may_exceed():
    assert any("pattern" in part for part in parts(ORDER_REQUEST))
    for part in parts(
        {"properties": {name: MODELS["Order"]["properties"][name] for name in ORDER_REQUEST["properties"]}}
    ):
        assert not {"additionalProperties", "pattern", "maximum", "maxItems", "maxLength", "multipleOf"} & set(part)


def test_routes_name_only_what_there_is():
    for route in ROUTES:
        assert {route.request_model, route.response_model} - {None} <= set(MODELS)
        assert {*route.errors, *COMMON_ERRORS} <= set(ERRORS)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.operation for route in ROUTES}) == len(ROUTES)


def test_any_valid_submission_is_a_valid_message():
    submitted, sent = ORDER_SUBMISSION["properties"], ORDER_MESSAGE["properties"]
    assert set(submitted) <= set(sent)
    for name in set(submitted) - {"items", "orderId", "timestamp"}:
        assert fields(submitted[name]) == fields(sent[name]), name


def fields(schema):
    """Return the fields of `schema`, without limits, which are not checked again on the queue."""
    kept = {name: schema[name] for name in ("type", "required", "enum", "additionalProperties") if name in schema}
    inner = {name: fields(each) for name, each in schema.get("properties", {}).items()}
    return kept, inner, fields(schema["items"]) if "items" in schema else None
