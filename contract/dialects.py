"""The contract's schemas without some of their keywords, for readers that take less than the OpenAPI document says."""

from collections.abc import Mapping

_BY_NAME = ("properties", "patternProperties")  # their keys are names, not keywords


def portable(schema: Mapping) -> dict:
    """Return `schema` as API Gateway's Java validator and fastjsonschema take it.

    Neither computes `multipleOf` exactly for decimal fractions, and API Gateway cannot say what is wrong where `not`
    is: `domain.validation` checks both.
    """
    return without(schema, "multipleOf", "not")


def without(schema: Mapping, *keywords: str) -> dict:
    """`schema` without the keywords, at any depth."""
    return {key: _inner(key, value, keywords) for key, value in schema.items() if key not in keywords}


def _inner(key: str, value, keywords: tuple[str, ...]):
    if key in _BY_NAME:
        return {name: without(each, *keywords) for name, each in value.items()}
    if isinstance(value, Mapping):
        return without(value, *keywords)
    if isinstance(value, list):
        return [without(each, *keywords) if isinstance(each, Mapping) else each for each in value]
    return value
