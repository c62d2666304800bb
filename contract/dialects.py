"""The contract's schemas as each of their readers takes them.

- The OpenAPI document says everything.
- `domain.validation` (fastjsonschema) leaves out `multipleOf`, which it cannot check of a Decimal: cents are checked
  by `domain.pricing`.
- API Gateway's models (a Java validator) leave it out, too, as it is not exact for decimal fractions, and `not`,
  about which its message to the client says neither the field nor the rule. The functions refuse what it lets pass.
"""

from collections.abc import Mapping

_BY_NAME = ("properties", "patternProperties")  # their keys are names, not keywords


def validated(schema: Mapping) -> dict:
    """`schema` as the functions check it."""
    return without(schema, "multipleOf")


def modelled(schema: Mapping) -> dict:
    """`schema` as a model of API Gateway."""
    return without(schema, "multipleOf", "not")


def without(schema: Mapping, *keywords: str) -> dict:
    """`schema`, or a mapping of names to schemas, without the keywords, at any depth."""
    return {key: _inner(key, value, keywords) for key, value in schema.items() if key not in keywords}


def _inner(key: str, value, keywords: tuple[str, ...]):
    if key in _BY_NAME:
        return {name: without(each, *keywords) for name, each in value.items()}
    if isinstance(value, Mapping):
        return without(value, *keywords)
    if isinstance(value, list):
        return [without(each, *keywords) if isinstance(each, Mapping) else each for each in value]
    return value
