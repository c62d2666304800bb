"""What is wrong with a JSON document, in the words of the validator that API Gateway uses."""

import json
import re
from collections.abc import Callable
from typing import Any

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def explain(
    schema: Any, value: Any, resolve: Callable[[str, Any], tuple[Any, Any]], root: Any = None, depth: int = 0
) -> list[str]:
    """The sentences about ``value``, parents before children. Empty where this file cannot tell."""
    root = schema if root is None else root
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        schema, root = resolve(schema["$ref"], root)
    if not isinstance(schema, dict) or depth > 50:
        return []
    kinds = schema.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds] if kinds else []
    if kinds and not any(TYPES.get(kind, lambda _: True)(value) for kind in kinds):
        return [
            f"instance type ({kind_of(value)}) does not match any allowed primitive type (allowed: {listed(sorted(kinds))})"
        ]
    found = list(about(schema, value))
    if isinstance(value, dict):
        for name, item in value.items():
            found += explain((schema.get("properties") or {}).get(name), item, resolve, root, depth + 1)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for item in value:
            found += explain(schema["items"], item, resolve, root, depth + 1)
    return found


def about(schema: dict, value: Any) -> list[str]:
    """The sentences about this value itself, its type being right."""
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(
            f"instance value ({json.dumps(value)}) not found in enum (possible values: {listed(schema['enum'])})"
        )
    if isinstance(value, dict):
        missing = sorted(set(schema.get("required") or []) - set(value))
        if missing:
            found.append(f"object has missing required properties ({listed(missing)})")
        extra = sorted(set(value) - set(schema.get("properties") or {}))
        if schema.get("additionalProperties") is False and extra and "patternProperties" not in schema:
            found.append(f"object instance has properties which are not allowed by the schema: {listed(extra)}")
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            found.append(
                f'string "{value}" is too short (length: {len(value)}, required minimum: {schema["minLength"]})'
            )
        if len(value) > schema.get("maxLength", len(value)):
            found.append(f'string "{value}" is too long (length: {len(value)}, maximum allowed: {schema["maxLength"]})')
        if "pattern" in schema and not re.search(schema["pattern"], value):
            found.append(f'ECMA 262 regex "{schema["pattern"]}" does not match input string "{value}"')
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            found.append(
                f"array is too short: must have at least {schema['minItems']} elements but instance has {len(value)} elements"
            )
        if len(value) > schema.get("maxItems", len(value)):
            found.append(
                f"array is too long: must have at most {schema['maxItems']} elements but instance has {len(value)} elements"
            )
    if TYPES["number"](value):
        if "minimum" in schema and value < schema["minimum"]:
            found.append(
                f"numeric instance is lower than the required minimum (minimum: {schema['minimum']}, found: {value})"
            )
        if "maximum" in schema and value > schema["maximum"]:
            found.append(
                f"numeric instance is greater than the required maximum (maximum: {schema['maximum']}, found: {value})"
            )
        if schema.get("exclusiveMinimum") is True and value == schema.get("minimum"):
            found.append(f"numeric instance is not strictly greater than the required minimum {value}")
    return found


def kind_of(value: Any) -> str:
    return next(
        kind for kind in ("object", "array", "string", "boolean", "null", "integer", "number") if TYPES[kind](value)
    )


def listed(values: list) -> str:
    return json.dumps(values, separators=(",", ":"))
