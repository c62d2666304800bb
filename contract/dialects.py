"""The contract's schemas without the keywords that some readers cannot check."""

from collections.abc import Mapping

_BY_NAME = ("properties", "patternProperties")  # their keys are names, not keywords


def validated(schema: Mapping) -> dict:
    """Return `schema` for fastjsonschema. The functions check decimals, exactly, and reserved ids in code."""
    return without(schema, "multipleOf", "not")


def modelled(schema: Mapping) -> dict:
    """Return `schema` as a model of API Gateway.

    Its Java validator does not compute `multipleOf` exactly for decimal fractions, and its messages about `not` and
    `allOf` name neither field nor rule. The functions check these.
    """
    return without(schema, "multipleOf", "not", "allOf")


def without(schema: Mapping, *keywords: str) -> dict:
    """Return `schema` without the keywords, at any depth."""
    return {key: _inner(key, value, keywords) for key, value in schema.items() if key not in keywords}


def _inner(key: str, value, keywords: tuple[str, ...]):
    if key in _BY_NAME:
        return {name: without(each, *keywords) for name, each in value.items()}
    if isinstance(value, Mapping):
        return without(value, *keywords)
    if isinstance(value, list):
        return [without(each, *keywords) if isinstance(each, Mapping) else each for each in value]
    return value
