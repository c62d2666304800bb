r"""Settings as CloudFormation parameters: a field of `config.environment` names its parameter, the rest follows.

    min_capacity: Annotated[int, Parameter("MinCapacity")] = Field(5, ge=1)
    \"\"\"Least read and write capacity units\"\"\"

The generator declares the parameters from these fields, with type, bounds, default and description; the deployer
passes their values; docs/configuration.md lists them.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

from pydantic import BaseModel

# What the deployer finds out about the account: no part of what is deployed, so no part of its version.
ACCOUNT_PARAMETERS = ("ManageApiGatewayAccount",)


@dataclass(frozen=True)
class Parameter:
    """Marks a setting that the templates receive.

    `constraint` explains the pattern. A text has the pattern of its field; that of a list or an object is given here.
    `hashed`: the templates receive the value's hash as well, in the parameter `hash_name`. CloudFormation has no function
    for it, and the description of a function's version has no space for the value.
    """

    name: str
    constraint: str = ""
    pattern: str = ""
    max_length: int | None = None
    hashed: bool = False

    @property
    def hash_name(self) -> str:
        return f"{self.name}Hash"


# Marks a setting that the deployer uses and no template receives.
DEPLOYER_ONLY = "deployer only"


@dataclass(frozen=True)
class Setting:
    """`key` is its path in an environment file, `schema` the JSON Schema of its values."""

    key: str
    parameter: Parameter | None
    description: str
    schema: dict[str, Any]
    required: bool


@cache
def settings(model: type[BaseModel]) -> tuple[Setting, ...]:
    """Every setting of an environment, in the order of definition.

    Raises TypeError, which names the setting, for a field without a marker or a description and for a parameter
    that another setting has.
    """
    found = tuple(_walk(model, ""))
    keys: dict[str, str] = {}
    for each in found:
        if each.parameter and keys.setdefault(each.parameter.name, each.key) != each.key:
            raise TypeError(f"{each.key}: {each.parameter.name} is the parameter of {keys[each.parameter.name]}")
    return found


def _walk(model: type[BaseModel], prefix: str) -> Iterator[Setting]:
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        key = prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _walk(field.annotation, f"{key}.")
            continue
        parameter = next((each for each in field.metadata if isinstance(each, Parameter)), None)
        if not parameter and DEPLOYER_ONLY not in field.metadata:
            raise TypeError(f"{key}: annotate it with a Parameter, or with DEPLOYER_ONLY")
        if not field.description:
            raise TypeError(f"{key}: describe it in a docstring below the field")
        yield Setting(key, parameter, field.description, properties[name], field.is_required())


def from_environment(environment: BaseModel) -> dict[str, str]:
    """Parameter name -> value, as CloudFormation takes them: strings."""
    marked = {each.key: each.parameter for each in settings(type(environment)) if each.parameter}
    values = {key: text(reduce(getattr, key.split("."), environment)) for key in marked}
    hashes = {each.hash_name: hash_of(values[key]) for key, each in marked.items() if each.hashed}
    return {each.name: values[key] for key, each in marked.items()} | hashes


def hash_of(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:12]


def text(value: object) -> str:
    """A setting's value as the value of a parameter."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
        case list():
            return ",".join(value)
        case dict():
            return json.dumps(value, sort_keys=True, separators=(",", ":"))
        case _:
            return str(value)
