"""The sentences of API Gateway's validator."""

import pytest

from emulator.validation_errors import explain

SCHEMA = {
    "type": "object",
    "required": ["a", "b"],
    "additionalProperties": False,
    "properties": {
        "a": {"type": "string", "enum": ["x", "y"], "minLength": 1},
        "b": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "integer", "minimum": 0, "maximum": 9}},
        "c": {"type": "string", "pattern": "^[0-9]+$", "maxLength": 3},
        "d": {"type": ["number", "null"], "minimum": 0, "exclusiveMinimum": True},
    },
}


@pytest.mark.parametrize(
    ("value", "sentences"),
    [
        ({"a": "x", "b": [1]}, []),
        ([], ['instance type (array) does not match any allowed primitive type (allowed: ["object"])']),
        ({}, ['object has missing required properties (["a","b"])']),
        (
            {"a": "x", "b": [1], "z": 1, "y": 1},
            ['object instance has properties which are not allowed by the schema: ["y","z"]'],
        ),
        (
            {"a": 1, "b": [1]},
            ['instance type (integer) does not match any allowed primitive type (allowed: ["string"])'],
        ),
        ({"a": "z", "b": [1]}, ['instance value ("z") not found in enum (possible values: ["x","y"])']),
        ({"a": "x", "b": []}, ["array is too short: must have at least 1 elements but instance has 0 elements"]),
        ({"a": "x", "b": [1, 2, 3]}, ["array is too long: must have at most 2 elements but instance has 3 elements"]),
        (
            {"a": "x", "b": [-1, 10]},
            [
                "numeric instance is lower than the required minimum (minimum: 0, found: -1)",
                "numeric instance is greater than the required maximum (maximum: 9, found: 10)",
            ],
        ),
        (
            {"a": "x", "b": [1], "c": "abcd"},
            [
                'ECMA 262 regex "^[0-9]+$" does not match input string "abcd"',
                'string "abcd" is too long (length: 4, maximum allowed: 3)',
            ],
        ),
        ({"a": "x", "b": [1], "d": 0}, ["numeric instance is not strictly greater than the required minimum 0"]),
        (
            {"a": "", "c": 1},
            [
                'object has missing required properties (["b"])',
                'instance value ("") not found in enum (possible values: ["x","y"])',
                'string "" is too short (length: 0, required minimum: 1)',
                'instance type (integer) does not match any allowed primitive type (allowed: ["string"])',
            ],
        ),
    ],
)
def test_explain(value: object, sentences: list[str]):
    assert explain(SCHEMA, value) == sentences
