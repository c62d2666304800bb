"""The errors of a JSON document against its schema, in the words of API Gateway's validator."""

import json
from collections.abc import Callable
from typing import Any

from jsonschema import Draft4Validator, ValidationError

KINDS = ("object", "array", "string", "boolean", "null", "integer", "number")


def explain(schema: dict, value: Any) -> list[str]:
    """Return one sentence an error, parents before children. A keyword without a sentence is skipped."""
    errors = sorted(Draft4Validator(schema).iter_errors(value), key=lambda error: len(error.absolute_path))
    wrong_type = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    sentences = [
        SENTENCES[error.validator](error, error.instance, error.validator_value)
        for error in errors
        if error.validator in SENTENCES and (error.validator == "type" or tuple(error.absolute_path) not in wrong_type)
    ]
    return list(dict.fromkeys(sentences))  # `required` has an error for each property, AWS one for all


def _type(error: ValidationError, value: Any, types: Any) -> str:
    kind = next(kind for kind in KINDS if Draft4Validator({"type": kind}).is_valid(value))
    allowed = sorted(types if isinstance(types, list) else [types])
    return f"instance type ({kind}) does not match any allowed primitive type (allowed: {_listed(allowed)})"


def _minimum(error: ValidationError, value: float, minimum: float) -> str:
    if value == minimum:
        return f"numeric instance is not strictly greater than the required minimum {value}"
    return f"numeric instance is lower than the required minimum (minimum: {minimum}, found: {value})"


def _extra(error: ValidationError, value: dict, allowed: Any) -> str:
    extra = sorted(set(value) - set(error.schema.get("properties", {})))
    return f"object instance has properties which are not allowed by the schema: {_listed(extra)}"


def _length(adjective: str, bound: str) -> Callable[[ValidationError, str, int], str]:
    return lambda error, value, limit: f'string "{value}" is too {adjective} (length: {len(value)}, {bound}: {limit})'


def _items(adjective: str, bound: str) -> Callable[[ValidationError, list, int], str]:
    return lambda error, value, limit: (
        f"array is too {adjective}: must have at {bound} {limit} elements but instance has {len(value)} elements"
    )


def _listed(values: list) -> str:
    return json.dumps(values, separators=(",", ":"))


SENTENCES: dict[str, Callable[[ValidationError, Any, Any], str]] = {
    "type": _type,
    "enum": lambda error, value, allowed: (
        f"instance value ({json.dumps(value)}) not found in enum (possible values: {_listed(allowed)})"
    ),
    "required": lambda error, value, names: (
        f"object has missing required properties ({_listed(sorted(set(names) - set(value)))})"
    ),
    "additionalProperties": _extra,
    "minLength": _length("short", "required minimum"),
    "maxLength": _length("long", "maximum allowed"),
    "pattern": lambda error, value, pattern: f'ECMA 262 regex "{pattern}" does not match input string "{value}"',
    "minItems": _items("short", "least"),
    "maxItems": _items("long", "most"),
    "minimum": _minimum,
    "maximum": lambda error, value, maximum: (
        f"numeric instance is greater than the required maximum (maximum: {maximum}, found: {value})"
    ),
}
