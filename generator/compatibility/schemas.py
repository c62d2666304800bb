"""Compare two schemas: which constraints of one do values of the other break?

jsonschema-rs proves, keyword by keyword, that every value of a schema meets a constraint. What it cannot prove counts as
broken, so a finding may be wrong where two schemas differ in form only; a missing one may not.
"""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

import jsonschema_rs
from jsonschema_rs.canonical import Containment

from contract.schemas import DRAFT_04

ANNOTATIONS = {"$schema", "default", "deprecated", "description", "example", "examples", "title"}
GROWS = "added later"
"""In the description of an answer's field: its values may become more."""

_INTEGERS = {"int32": "int64"}
"""Format of an integer -> the wider one."""
_MEMBERS = {"properties", "patternProperties", "additionalProperties"}
_BOUNDS = {"minimum": "exclusiveMinimum", "maximum": "exclusiveMaximum"}


class Direction(Enum):
    """Who sends the values: the partner, whom we must not refuse, or the platform, on whose answers others rely."""

    RECEIVED = "received"
    SENT = "sent"


def changes(old: dict, new: dict, direction: Direction, path: str = "") -> Iterator[str]:
    """Yield a sentence for each change from `old` to `new` that breaks the other side. No schema has a `$ref`."""
    if _text(old) == _text(new) or (direction is Direction.RECEIVED and "format" not in str(new) and _met(new, old)):
        return
    promise, given = (new, old) if direction is Direction.RECEIVED else (old, new)
    for keyword, value in promise.items():
        if keyword in ANNOTATIONS or keyword in _BOUNDS.values() or keyword.startswith("x-"):
            continue
        if keyword in ("properties", "additionalProperties") and "patternProperties" not in promise:
            continue  # below
        if keyword == "items" and isinstance(value, dict) and isinstance(given.get("items", {}), dict):
            yield from changes(old.get("items", {}), new.get("items", {}), direction, f"{path}[]")
        elif keyword == "format":
            yield from _format(old, new, direction, path)
        elif not _met(_constraint(promise, keyword), given):
            yield from _broken(keyword, old, new, direction, path)
    if "patternProperties" not in promise:
        yield from _members(old, new, direction, path)


def _constraint(schema: dict, keyword: str) -> dict:
    """Return the part of `schema` that `keyword` belongs to."""
    if keyword == "patternProperties":
        return {name: schema[name] for name in _MEMBERS if name in schema}
    return {name: schema[name] for name in (keyword, _BOUNDS.get(keyword)) if name in schema}


def _met(constraint: dict, given: dict) -> bool:
    """Return whether every value of `given` is known to meet `constraint`."""
    return _covers(_text(constraint), _text(given))


def _text(schema: dict) -> str:
    return json.dumps({**schema, "$schema": DRAFT_04}, sort_keys=True)


@cache
def _covers(constraint: str, given: str) -> bool:
    wide, narrow = (
        jsonschema_rs.canonicalize(json.loads(text), validate_formats=False) for text in (constraint, given)
    )
    return wide.covers(narrow) is Containment.YES


def _broken(keyword: str, old: dict, new: dict, direction: Direction, path: str) -> Iterator[str]:
    if keyword == "required":
        now = "is required now" if direction is Direction.RECEIVED else "may be missing now"
        promise, given = (new, old) if direction is Direction.RECEIVED else (old, new)
        lost = [name for name in promise["required"] if name not in given.get("required", ())]
        yield from (f"{_join(path, name)} {now}" for name in lost)
    elif keyword == "enum":
        yield from _enumeration(old, new, direction, path)
    else:
        yield f"{_prefix(path)}{keyword} is {_value(new, keyword)}, was {_value(old, keyword)}"


def _enumeration(old: dict, new: dict, direction: Direction, path: str) -> Iterator[str]:
    before, after = old.get("enum", []), new.get("enum", [])
    name = path or "it"
    if "enum" not in old:
        yield f"{name} is restricted to {_listed(after)}"
    elif direction is Direction.RECEIVED:
        yield f"{name} is no longer accepted as {_listed(value for value in before if value not in after)}"
    elif GROWS in old.get("description", ""):
        return
    elif "enum" not in new:
        yield f"{name} may have any value, was one of {_listed(before)}"
    else:
        yield f"{name} may be {_listed(value for value in after if value not in before)} too"


def _format(old: dict, new: dict, direction: Direction, path: str) -> Iterator[str]:
    before, after = old.get("format"), new.get("format")
    narrow, wide = (before, after) if direction is Direction.RECEIVED else (after, before)
    if before != after and (narrow is None or _INTEGERS.get(narrow) != wide):
        yield f"{_prefix(path)}format is {after or 'absent'}, was {before or 'absent'}"


def _members(old: dict, new: dict, direction: Direction, path: str) -> Iterator[str]:
    """Compare the fields of an object. What we send may gain fields, whatever its schema."""
    before, after = old.get("properties", {}), new.get("properties", {})
    rest, rest_now = (_schema_of_rest(schema) for schema in (old, new))
    if direction is Direction.SENT:
        for name, schema in before.items():
            if name in after:
                yield from changes(schema, after[name], direction, _join(path, name))
            else:
                yield f"{_join(path, name)} is gone"
        if rest and rest_now is not None:
            yield from changes(rest, rest_now, direction, _join(path, "*"))
        return
    for name in {**before, **after}:
        was, now = before.get(name, rest), after.get(name, rest_now)
        if was is None:
            continue
        if now is None:
            yield f"{_join(path, name)} is no longer accepted"
        else:
            yield from changes(was, now, direction, _join(path, name))
    if rest is not None and rest != rest_now:
        if rest_now is None:
            yield f"{_prefix(path)}other fields are refused now"
        else:
            yield from changes(rest, rest_now, direction, _join(path, "*"))


def _schema_of_rest(schema: dict) -> dict | None:
    """Return the schema of fields that `schema` does not name, None if it refuses them."""
    rest = schema.get("additionalProperties", True)
    return rest if isinstance(rest, dict) else {} if rest else None


def _prefix(path: str) -> str:
    return f"{path}: " if path else ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _value(schema: dict, keyword: str) -> str:
    if keyword not in schema:
        return "absent"
    text = json.dumps(schema[keyword], sort_keys=True)
    exclusive = " (exclusive)" if schema.get(_BOUNDS.get(keyword, "")) else ""
    return f"{text if len(text) <= 80 else f'{text[:77]}…'}{exclusive}"


def _listed(values) -> str:
    return ", ".join(json.dumps(value) for value in values)


def inlined(schema, document: Mapping):
    """Return `schema` with each `$ref` into `document` replaced by what it names."""
    if isinstance(schema, list):
        return [inlined(each, document) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return inlined(resolved(schema, document), document)
    result = {key: inlined(value, document) for key, value in schema.items()}
    if result.pop("nullable", None) is True:  # OpenAPI 3.0's; a field of this name has a schema
        result["type"] = [result["type"], "null"]
    return result


def resolved(node: dict, document: Mapping) -> dict:
    """Return what `node` names if it is a `$ref` into `document`, else `node`."""
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node
