"""The schemas among themselves, and as both of their readers take them."""

import json
import re
import time

import fastjsonschema
import pytest

from contract.errors import ERRORS
from contract.imports import IMPORT_RECORD
from contract.routes import COMMON_ERRORS, ROUTES
from contract.schemas import (
    DOCUMENTS,
    DRAFT_04,
    IDENTIFIER,
    IF_MATCH_PATTERN,
    MODELS,
    ORDER_MESSAGE,
    ORDER_SUBMISSION,
    portable,
)
from contract.text import VISIBLE_TEXT

ALL = MODELS | DOCUMENTS


def parts(schema):
    """`schema` and every schema inside it."""
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
    fastjsonschema.compile(portable(ALL[name]))
    json.dumps(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_used_that_one_of_the_readers_does_not_take(name):
    for part in parts(portable(ALL[name])):
        assert not {"multipleOf", "not", "const", "if", "contains", "$ref"} & set(part)


def patterns():
    parameters = [schema for route in ROUTES for schema in (*route.query.values(), *route.headers.values())]
    schemas = (*parts(ALL), *parts(IMPORT_RECORD), *parts(parameters), IDENTIFIER)
    return {part["pattern"] for part in schemas if isinstance(part.get("pattern"), str)}


@pytest.mark.parametrize("pattern", sorted(patterns()))
def test_a_pattern_means_the_same_to_ecma_262_java_and_python(pattern):
    re.compile(pattern)
    outside = re.sub(r"\[(?:[^\]\\]|\\.)*\]", "[]", pattern)  # classes, whose dots are dots
    assert not re.search(r"\\[sSdDwWbBhHvVRXpPAZzGQE]", pattern)
    assert "." not in outside and "(?" not in outside.replace("(?:", "")
    assert "$" not in pattern[:-1]


@pytest.mark.parametrize(
    "text", ["a", " a ", "\n12 Harbour Road\n", "\u200b\u00e9", "\U0001f355", "\ufeffx\u200d", "\u0915\u094d"]
)
def test_a_text_shows_something(text):
    assert re.search(VISIBLE_TEXT, text)


@pytest.mark.parametrize(
    "text", ["", " ", "\t\n", "\u00a0", "\u200b\u200d\ufeff", "\u3164", "a\0", "\0a", "\0", " \0 a", "\u2800" * 9]
)
def test_a_text_that_shows_nothing_or_has_u_0000_is_none(text):
    assert not re.search(VISIBLE_TEXT, text)


@pytest.mark.parametrize(
    "pattern, text",
    [(VISIBLE_TEXT, " " * 260_000), (VISIBLE_TEXT, "a" * 260_000 + "\0"), (VISIBLE_TEXT, " a" * 130_000 + "\0"),
     (IF_MATCH_PATTERN, '"1",' * 2_500), (IF_MATCH_PATTERN, '"1"' + " " * 10_000 + "x")],
)  # fmt: skip
def test_a_refusal_takes_no_longer_than_reading_the_text_a_few_times(pattern, text):
    started = time.process_time()
    assert not re.search(pattern, text)
    assert time.process_time() - started < 2


def test_routes_name_only_what_there_is():
    for route in ROUTES:
        assert {route.request_model, route.response_model} - {None} <= set(MODELS)
        assert {*route.errors, *COMMON_ERRORS} <= set(ERRORS)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
    assert len({route.operation for route in ROUTES}) == len(ROUTES)


def test_whatever_may_be_submitted_may_travel_on_the_queue():
    submitted, sent = ORDER_SUBMISSION["properties"], ORDER_MESSAGE["properties"]
    assert set(submitted) <= set(sent)
    for name in set(submitted) - {"items", "orderId", "timestamp"}:
        assert fields(submitted[name]) == fields(sent[name]), name


def fields(schema):
    """What `schema` is made of, without its limits, which are not judged again on the queue."""
    kept = {name: schema[name] for name in ("type", "required", "enum", "additionalProperties") if name in schema}
    inner = {name: fields(each) for name, each in schema.get("properties", {}).items()}
    return kept, inner, fields(schema["items"]) if "items" in schema else None
